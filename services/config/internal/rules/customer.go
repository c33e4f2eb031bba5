package rules

import (
	"fmt"
	"net/mail"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// maxContacts is the bound of exports.config.v1.CreateCustomerRequest.contacts.
const maxContacts = 50

// Customer adds to f every fault of what is known about a customer.
func Customer(f *Faults, displayName string, contacts []*configv1.Contact) {
	f.Text("display_name", LabelFault(displayName))
	if len(contacts) > maxContacts {
		f.Text("contacts", fmt.Sprintf("lists %d, more than %d", len(contacts), maxContacts))
		return
	}
	first := map[string]int{}
	for i, contact := range contacts {
		at := fmt.Sprintf("contacts[%d]", i)
		f.Text(at+".name", LabelFault(contact.GetName()))
		f.Text(at+".email", emailFault(contact.GetEmail()))
		if j, again := first[contact.GetEmail()]; again {
			f.Text(at+".email", fmt.Sprintf("repeats contacts[%d]", j))
		}
		first[contact.GetEmail()] = i
	}
}

// emailFault takes the bare address only: "Ann <ann@example.com>" would be sent as it stands.
func emailFault(address string) string {
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || len(address) > 254 {
		return "is not an address such as data@example.com"
	}
	return proseFault(address, unseen)
}

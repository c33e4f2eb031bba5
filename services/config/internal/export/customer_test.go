package export_test

import (
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

func TestCustomerNames(t *testing.T) {
	r := start(t)
	create := func(name string) error {
		_, err := r.CreateCustomer(t.Context(), &configv1.Customer{CustomerId: "zeta", DisplayName: name}, by("op@example.com"))
		return err
	}
	for _, name := range []string{"", " Acme", "Acme \"A\"", "' OR 1=1", "Acme\n", "Acme\u202e", "Cafe\u0301", "\xff", "a;b", "a--b"} {
		if err := create(name); fault.KindOf(err) != fault.Invalid {
			t.Errorf("CreateCustomer(%q) = %v, want an invalid name", name, err)
		}
	}
	if err := create("Café Zeta & Wendy's"); err != nil {
		t.Error(err)
	}
	if err := create("Zeta"); fault.KindOf(err) != fault.Exists {
		t.Errorf("creating again = %v, want a fault of kind EXISTS", err)
	}
}

func TestCustomersHaveExternalIDsOfTheirOwn(t *testing.T) {
	r := start(t)
	acme, err := r.Customer(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	bella, err := r.Customer(t.Context(), "bella")
	if err != nil {
		t.Fatal(err)
	}
	if len(acme.GetExternalId()) != 32 || acme.GetExternalId() == bella.GetExternalId() {
		t.Errorf("external ids %q and %q, want two of 32 characters", acme.GetExternalId(), bella.GetExternalId())
	}
	d := draft("acme-daily", "acme")
	d.Spec.Destination.RoleArn = "arn:aws:iam::123456789012:role/exports"
	e, err := r.CreateExport(t.Context(), d)
	if err != nil || e.GetPendingRevision().GetSpec().GetDestination().GetExternalId() != acme.GetExternalId() {
		t.Errorf("the export's external id = %v, %v, want the customer's", e.GetPendingRevision().GetSpec().GetDestination(), err)
	}
}

func TestUpdateCustomer(t *testing.T) {
	r := start(t)
	before, err := r.Customer(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	change := &configv1.Customer{
		CustomerId: "acme", Etag: before.GetEtag(), Contacts: []*configv1.Contact{{Name: "Data team", Email: "data@acme.example"}},
	}
	after, err := r.UpdateCustomer(t.Context(), change, &fieldmaskpb.FieldMask{Paths: []string{"contacts"}}, by("op@example.com"))
	if err != nil || after.GetDisplayName() != "The acme" || len(after.GetContacts()) != 1 || after.GetExternalId() != before.GetExternalId() {
		t.Fatalf("updated = %v, %v", after, err)
	}
	if _, err := r.UpdateCustomer(t.Context(), change, nil, by("op@example.com")); fault.ReasonOf(err) != fault.ReasonStaleEtag {
		t.Errorf("with a stale etag = %v, want STALE_ETAG", err)
	}
	change.Etag = after.GetEtag()
	for _, contacts := range [][]*configv1.Contact{
		{{Name: "A", Email: "nobody"}},
		{{Name: "", Email: "a@b.example"}},
		{{Name: "A", Email: "A <a@b.example>"}},
		{{Name: "A", Email: "a@b.example"}, {Name: "B", Email: "a@b.example"}},
	} {
		change.Contacts = contacts
		if _, err := r.UpdateCustomer(t.Context(), change, &fieldmaskpb.FieldMask{Paths: []string{"contacts"}}, by("op@example.com")); fault.KindOf(err) != fault.Invalid {
			t.Errorf("contacts %v = %v, want an invalid request", contacts, err)
		}
	}
	if _, err := r.UpdateCustomer(t.Context(), change, &fieldmaskpb.FieldMask{Paths: []string{"external_id"}}, by("op@example.com")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a mask beyond name and contacts = %v, want an invalid request", err)
	}
}

func TestArchiveCustomer(t *testing.T) {
	r := start(t)
	c, err := r.Customer(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.CreateExport(t.Context(), draft("acme-daily", "acme"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.ArchiveCustomer(t.Context(), "acme", c.GetEtag(), by("op@example.com")); fault.ReasonOf(err) != fault.ReasonNotArchived {
		t.Errorf("with an export = %v, want NOT_ARCHIVED", err)
	}
	if _, err := r.Archive(t.Context(), "acme-daily", e.GetEtag(), by("op@example.com")); err != nil {
		t.Fatal(err)
	}
	if c, err = r.ArchiveCustomer(t.Context(), "acme", c.GetEtag(), by("op@example.com")); err != nil || c.GetState() != configv1.CustomerState_CUSTOMER_STATE_ARCHIVED {
		t.Errorf("archived = %v, %v", c, err)
	}
	if _, err := r.CreateExport(t.Context(), draft("acme-two", "acme")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an export of an archived customer = %v, want an invalid request", err)
	}
	listed, _, err := r.ListCustomers(t.Context(), pageOf(0), configv1.CustomerState_CUSTOMER_STATE_ACTIVE)
	if err != nil || len(listed) != 1 || listed[0].GetCustomerId() != "bella" {
		t.Errorf("active customers = %v, %v, want bella alone", listed, err)
	}
}

package export

import (
	"context"
	"encoding/base64"
	"sort"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

const (
	standardPageSize = 100
	maxPageSize      = 1000
	// pageBytes ends a page early: a few exports of 50,000 locations would exceed what one message may hold.
	pageBytes = 3 << 20
)

// Page asks for at most Size records, 0 meaning 100, behind the page that returned Token. A page of big records is shorter.
type Page struct {
	Size  int
	Token string
}

// ListCustomers returns a page of customers in id order, and the next page's token or "".
func (r *Registry) ListCustomers(ctx context.Context, p Page) ([]*configv1.Customer, string, error) {
	ids, err := r.store.CustomerIDs(ctx)
	if err != nil {
		return nil, "", err
	}
	all := func(*configv1.Customer) bool { return true }
	return list(ctx, p, ids, r.store.Customer, all)
}

// ListExports returns a page of exports in id order, of one customer unless customerID is empty.
func (r *Registry) ListExports(ctx context.Context, p Page, customerID string) ([]*configv1.Export, string, error) {
	ids, err := r.store.ExportIDs(ctx)
	if err != nil {
		return nil, "", err
	}
	wanted := func(e *configv1.Export) bool { return customerID == "" || e.GetCustomerId() == customerID }
	return list(ctx, p, ids, r.store.Export, wanted)
}

// list reads the wanted records behind the token until the page is full. A token names the last record of its page, so
// a record that is added meanwhile neither repeats nor hides another.
func list[T proto.Message](ctx context.Context, p Page, ids []string, get func(context.Context, string) (T, error), wanted func(T) bool) ([]T, string, error) {
	after, size, err := p.read()
	if err != nil {
		return nil, "", err
	}
	var page []T
	last, bytes := "", 0
	for _, id := range ids[sort.Search(len(ids), func(i int) bool { return ids[i] > after }):] {
		record, err := get(ctx, id)
		if err != nil {
			return nil, "", err
		}
		if !wanted(record) {
			continue
		}
		bytes += proto.Size(record)
		if len(page) == size || len(page) > 0 && bytes > pageBytes {
			return page, base64.RawURLEncoding.EncodeToString([]byte(last)), nil
		}
		page, last = append(page, record), id
	}
	return page, "", nil
}

func (p Page) read() (after string, size int, err error) {
	f := &faults{}
	text, err := base64.RawURLEncoding.DecodeString(p.Token)
	if err != nil || p.Token != "" && !isID(string(text)) {
		f.add(fault.ReasonValidation, "page_token", "is not a token that this service gave out")
	}
	if p.Size < 0 || p.Size > maxPageSize {
		f.add(fault.ReasonValidation, "page_size", "is not 0 to %d", maxPageSize)
	}
	size = p.Size
	if size == 0 {
		size = standardPageSize
	}
	return string(text), size, f.err("page")
}

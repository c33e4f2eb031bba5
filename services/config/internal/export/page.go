package export

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/rules"
)

const (
	standardPageSize = 100
	maxPageSize      = 1000
	// revisionsPage is smaller: each revision is a whole specification.
	revisionsPage = 20
	// pageBytes ends a page early: a few exports of 50,000 locations would exceed what one message may hold.
	pageBytes = 3 << 20
)

// Page asks for at most Size records, 0 meaning the list's standard, behind the page that returned Token. A page of big
// records is shorter.
type Page struct {
	Size  int
	Token string
}

// Filter narrows a list of exports; the zero Filter lists all.
type Filter struct {
	CustomerID string
	State      configv1.ExportState
	Pending    bool   // with a revision that awaits approval
	Table      string // delivered by the revision in force, or the one that awaits approval
}

func (f Filter) wants(r *Record) bool {
	return (f.CustomerID == "" || f.CustomerID == r.CustomerID) && (!f.Pending || r.pending() != nil) &&
		(f.State == configv1.ExportState_EXPORT_STATE_UNSPECIFIED || f.State == r.state())
}

func (f Filter) delivers(e *configv1.Export) bool {
	names := func(t *configv1.TableSelection) bool { return t.GetTable() == f.Table }
	return f.Table == "" || slices.ContainsFunc(e.GetRevision().GetSpec().GetTables(), names) ||
		slices.ContainsFunc(e.GetPendingRevision().GetSpec().GetTables(), names)
}

// ListCustomers returns a page of customers in id order, and the next page's token or "". State UNSPECIFIED means any.
func (r *Registry) ListCustomers(ctx context.Context, p Page, state configv1.CustomerState) ([]*configv1.Customer, string, error) {
	all, err := r.store.Customers(ctx)
	if err != nil {
		return nil, "", err
	}
	return turn(p, standardPageSize, all, (*configv1.Customer).GetCustomerId, func(c *configv1.Customer) (*configv1.Customer, error) {
		if state != configv1.CustomerState_CUSTOMER_STATE_UNSPECIFIED && c.GetState() != state {
			return nil, nil
		}
		return c, nil
	})
}

// ListExports returns a page of exports in id order, and the next page's token or "".
func (r *Registry) ListExports(ctx context.Context, p Page, f Filter) ([]*configv1.Export, string, error) {
	all, err := r.store.Records(ctx)
	if err != nil {
		return nil, "", err
	}
	return turn(p, standardPageSize, all, func(r *Record) string { return r.ExportID }, func(record *Record) (*configv1.Export, error) {
		if !f.wants(record) {
			return nil, nil
		}
		e, err := r.view(ctx, record)
		if err != nil || !f.delivers(e) {
			return nil, err
		}
		return e, nil
	})
}

// ListRevisions returns a page of revisions, newest first, and the next page's token or "".
func (r *Registry) ListRevisions(ctx context.Context, id string, p Page) ([]*configv1.Revision, string, error) {
	record, err := r.record(ctx, id)
	if err != nil {
		return nil, "", err
	}
	all := slices.Clone(record.Revisions)
	slices.Reverse(all)
	number := func(s Standing) string { return "r" + strconv.FormatInt(s.Number, 10) }
	return turn(p, revisionsPage, all, number, func(s Standing) (*configv1.Revision, error) { return r.read(ctx, record, &s) })
}

// turn reads what is behind the token until the page is full; read returns nil for what is not wanted. A token names the
// last record of its page, so that a record which is added meanwhile neither repeats nor hides another.
func turn[S any, T proto.Message](p Page, standard int, all []S, key func(S) string, read func(S) (T, error)) ([]T, string, error) {
	start, size, err := begin(p, standard, all, key)
	if err != nil {
		return nil, "", err
	}
	var page []T
	last, bytes := "", 0
	for _, one := range all[start:] {
		message, err := read(one)
		if err != nil {
			return nil, "", err
		}
		if !message.ProtoReflect().IsValid() {
			continue
		}
		bytes += proto.Size(message)
		if len(page) == size || len(page) > 0 && bytes > pageBytes {
			return page, base64.RawURLEncoding.EncodeToString([]byte(last)), nil
		}
		page, last = append(page, message), key(one)
	}
	return page, "", nil
}

func begin[S any](p Page, standard int, all []S, key func(S) string) (start, size int, err error) {
	f := &rules.Faults{}
	after, err := base64.RawURLEncoding.DecodeString(p.Token)
	if p.Token != "" {
		start = 1 + slices.IndexFunc(all, func(one S) bool { return key(one) == string(after) })
	}
	if err != nil || p.Token != "" && start == 0 {
		f.Add(fault.ReasonValidation, "page_token", "is not a token that this list gave out")
	}
	if p.Size < 0 || p.Size > maxPageSize {
		f.Add(fault.ReasonValidation, "page_size", "is not 0 to %d", maxPageSize)
	}
	if size = p.Size; size == 0 {
		size = standard
	}
	return start, size, f.Err("page")
}

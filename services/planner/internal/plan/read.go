package plan

import (
	"context"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// Page sizes used when a request leaves page_size at zero, and the bytes after which a page is full anyway: a message is
// at most 8 MiB, a receipt lists every piece of its upload and a run every part.
const (
	standardRuns     = 100
	standardReceipts = 500
	maxPageBytes     = 4 << 20
)

// Page asks for at most Size items, 0 for the standard number, after those of the page that gave Token.
type Page struct {
	Size  int
	Token string
}

// Filter narrows a list of runs; an empty field does not. Dates are YYYY-MM-DD, From and To both included.
type Filter struct {
	CustomerID, ExportID, ExportDate, From, To string
	State                                      planv1.RunState
}

// check refuses what no calendar has, which would silently list nothing.
func (f Filter) check() error {
	for name, date := range map[string]string{"export_date": f.ExportDate, "from_date": f.From, "to_date": f.To} {
		if _, err := calendar.ParseDate(date); date != "" && err != nil {
			return fault.Wrap(err, fault.Invalid, fault.ReasonValidation, "%s %q is not a date: write it as YYYY-MM-DD", name, date)
		}
	}
	if f.To != "" && f.From > f.To {
		return fault.New(fault.Invalid, fault.ReasonValidation, "from_date %s lies after to_date %s", f.From, f.To)
	}
	return nil
}

// mayHold judges by the id alone, which saves reading the record.
func (f Filter) mayHold(id string) bool {
	return run.OnDate(id, f.ExportDate) && run.Within(id, f.From, f.To) && run.OfExport(id, f.ExportID)
}

func (f Filter) holds(r *planv1.Run) bool {
	return (f.CustomerID == "" || r.GetRef().GetCustomerId() == f.CustomerID) &&
		(f.State == planv1.RunState_RUN_STATE_UNSPECIFIED || r.GetState() == f.State)
}

// List gives a page of runs, newest export date first, and the token of the next. A token is the id of the last run of
// the page before.
func (p *Planner) List(ctx context.Context, f Filter, page Page) (runs []*planv1.Run, next string, err error) {
	if page.Token != "" && !run.IsID(page.Token) {
		return nil, "", badToken(page.Token)
	}
	if err := f.check(); err != nil {
		return nil, "", err
	}
	ids, err := p.Store.RunIDs(ctx)
	if err != nil {
		return nil, "", err
	}
	slices.SortFunc(ids, run.NewestFirst)
	size, bytes := sizeOr(page.Size, standardRuns), 0
	for _, id := range ids {
		if page.Token != "" && run.NewestFirst(id, page.Token) <= 0 || !f.mayHold(id) {
			continue
		}
		r, err := p.Store.Get(ctx, id)
		if err != nil {
			return nil, "", err
		}
		if !f.holds(r) {
			continue
		}
		if len(runs) == size || bytes > maxPageBytes {
			return runs, runs[len(runs)-1].GetRef().GetRunId(), nil
		}
		runs, bytes = append(runs, r), bytes+proto.Size(r)
	}
	return runs, "", nil
}

// Receipts is a page of the receipts of Run.
type Receipts struct {
	Run       *planv1.Run
	Receipts  []*deliveryv1.Receipt
	NextToken string
}

// ListReceipts gives the receipts of a run that is being committed, by table in the revision's order, then by part. A
// token is the number of receipts before the page. Unavailable while parts are missing, State when the run ended badly.
func (p *Planner) ListReceipts(ctx context.Context, runID string, page Page) (*Receipts, error) {
	at, err := position(page.Token)
	if err != nil {
		return nil, err
	}
	r, err := p.Store.Get(ctx, runID)
	if err != nil {
		return nil, err
	}
	if err := run.CheckComplete(r); err != nil {
		return nil, err
	}
	answer, parts := &Receipts{Run: r}, run.Parts(r)
	size, bytes := sizeOr(page.Size, standardReceipts), 0
	for ; at < len(parts); at++ {
		if len(answer.Receipts) == size || bytes > maxPageBytes {
			answer.NextToken = strconv.Itoa(at)
			break
		}
		receipt, err := p.Store.Receipt(ctx, runID, parts[at].Table, parts[at].Index)
		if err != nil {
			return nil, err
		}
		answer.Receipts, bytes = append(answer.Receipts, receipt), bytes+proto.Size(receipt)
	}
	return answer, nil
}

// Receipt gives a run and the receipt of one of its parts. NotFound when it has no such part, otherwise as ListReceipts.
func (p *Planner) Receipt(ctx context.Context, runID, table string, index int32) (*planv1.Run, *deliveryv1.Receipt, error) {
	r, err := p.Store.Get(ctx, runID)
	if err != nil {
		return nil, nil, err
	}
	if err := run.CheckComplete(r); err != nil {
		return nil, nil, err
	}
	if !slices.Contains(run.Parts(r), run.PartName{Table: table, Index: index}) {
		return nil, nil, fault.New(fault.NotFound, fault.ReasonNotFound, "run %s has no part %d of table %s", runID, index, table)
	}
	receipt, err := p.Store.Receipt(ctx, runID, table, index)
	return r, receipt, err
}

func sizeOr(size, standard int) int {
	if size == 0 {
		return standard
	}
	return size
}

func position(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	at, err := strconv.ParseUint(token, 10, 31)
	if err != nil {
		return 0, badToken(token)
	}
	return int(at), nil
}

func badToken(token string) error {
	return fault.New(fault.Invalid, fault.ReasonValidation, "page_token %q is not one of an earlier page", token)
}

package commit

import (
	"go.opentelemetry.io/otel/attribute"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/approved"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// file is one receipt and the layout of its table.
type file struct {
	receipt *deliveryv1.Receipt
	layout  *dictionary.Layout
}

// name is what a receipt is of.
type name struct {
	table string
	part  int32
}

func newPending(run *taskv1.RunRef, plan Plan, revision *approved.Revision, b bucket.Bucket) *pending {
	return &pending{run: run, plan: plan, revision: revision, bucket: b, totals: map[*dictionary.Layout][]drop.Total{}}
}

func (d *pending) attributes() []attribute.KeyValue {
	rows, bytes := int64(0), int64(0)
	for _, r := range d.plan.Receipts {
		rows, bytes = rows+r.GetRowCount(), bytes+r.GetFileBytes()
	}
	return []attribute.KeyValue{
		attribute.Int(obs.KeyFiles, len(d.plan.Receipts)), attribute.Int64(obs.KeyRows, rows), attribute.Int64(obs.KeyBytes, bytes),
	}
}

// check refuses to begin unless the run may be committed and every planned part has exactly one
// receipt with the measured rows.
func (d *pending) check() error {
	ref := d.plan.Run.GetRef()
	if ref.GetRunId() != d.run.GetRunId() || ref.GetRevision() != d.run.GetRevision() || !ref.GetAsOfTime().AsTime().Equal(d.run.GetAsOfTime().AsTime()) {
		return fault.New(fault.State, fault.ReasonTaskInvalid, "the task is not of the run that was planned as %q", d.run.GetRunId())
	}
	switch state := d.plan.Run.GetState(); state {
	case planv1.RunState_RUN_STATE_COMMITTING, planv1.RunState_RUN_STATE_COMMITTED:
	default:
		return fault.New(fault.State, fault.ReasonCommitFenced, "run %s is not being committed but %s", d.run.GetRunId(), state)
	}
	receipts, err := d.byName()
	if err != nil {
		return err
	}
	for _, layout := range d.revision.Layouts {
		if err := d.checkTable(layout, receipts); err != nil {
			return err
		}
		if err := d.addUp(layout); err != nil {
			return err
		}
	}
	if len(receipts) != len(d.files) || len(d.plan.Run.GetTables()) != len(d.revision.Layouts) {
		return mismatch("run %s has receipts or tables that are not planned", d.run.GetRunId())
	}
	return nil
}

func (d *pending) byName() (map[name]*deliveryv1.Receipt, error) {
	receipts := map[name]*deliveryv1.Receipt{}
	for _, r := range d.plan.Receipts {
		n := name{r.GetTable(), r.GetPartIndex()}
		if receipts[n] != nil {
			return nil, mismatch("table %s part %d has two receipts", n.table, n.part)
		}
		if want := d.revision.Format.PartKey(n.table, d.run.GetExportDate(), d.run.GetRunId(), int(n.part)); r.GetKey() != want {
			return nil, fault.New(fault.State, fault.ReasonValidation, "the receipt of table %s part %d names %q, not %q", n.table, n.part, r.GetKey(), want)
		}
		if digest := r.GetScopeDigest(); digest != "" && digest != d.revision.ScopeDigest {
			return nil, fault.New(fault.State, fault.ReasonScopeViolation,
				"table %s part %d was held against another scope than that of revision %d", n.table, n.part, d.revision.Number)
		}
		receipts[n] = r
	}
	return receipts, nil
}

func (d *pending) checkTable(layout *dictionary.Layout, receipts map[name]*deliveryv1.Receipt) error {
	table := d.progress(layout.Table.Name)
	if len(table.GetParts()) == 0 {
		return mismatch("table %s has no parts", layout.Table.Name)
	}
	rows := int64(0)
	for i, p := range table.GetParts() {
		r := receipts[name{table.GetTable(), p.GetPartIndex()}]
		if p.GetPartIndex() != int32(i) || r == nil {
			return mismatch("table %s part %d has no receipt", table.GetTable(), i)
		}
		if n := len(r.GetColumns()); n != 0 && n != layout.Exported {
			return mismatch("table %s part %d counts %d columns, the revision has %d", table.GetTable(), i, n, layout.Exported)
		}
		if r.GetRowCount() != p.GetMeasuredRowCount() {
			return mismatch("table %s part %d holds %d rows, %d were measured", table.GetTable(), i, r.GetRowCount(), p.GetMeasuredRowCount())
		}
		rows += r.GetRowCount()
		d.files = append(d.files, file{r, layout})
	}
	if rows != table.GetMeasuredRowCount() {
		return mismatch("table %s: its parts hold %d rows, %d were measured", table.GetTable(), rows, table.GetMeasuredRowCount())
	}
	return nil
}

func (d *pending) progress(table string) *planv1.TableProgress {
	for _, t := range d.plan.Run.GetTables() {
		if t.GetTable() == table {
			return t
		}
	}
	return nil
}

func mismatch(format string, args ...any) error {
	return fault.New(fault.State, fault.ReasonRowCountMismatch, format, args...)
}

package run

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// Measure takes the row counts and cuts the parts. It says whether the run changed: when it is measured already, it does
// not. Invalid when the counts are not exactly those of the run's tables; State NOT_ACTIVE when the run ended badly.
func Measure(r *planv1.Run, measured []*planv1.TableMeasurement, c Cutter) (bool, error) {
	if err := checkAlive(r); err != nil {
		return false, err
	}
	if r.GetState() != Measuring {
		return false, nil
	}
	byTable, rows, err := index(r, measured)
	if err != nil {
		return false, err
	}
	c = c.within(rows, len(r.GetTables()))
	for _, t := range r.GetTables() {
		t.MeasuredRowCount = sum(byTable[t.GetTable()])
		t.Parts = c.Cut(t.GetTable(), byTable[t.GetTable()])
	}
	r.State = Extracting
	return true, nil
}

// index checks that each table of the run is measured once, and adds up all rows.
func index(r *planv1.Run, measured []*planv1.TableMeasurement) (map[string][]*planv1.SplitCount, int64, error) {
	var rows int64
	byTable := make(map[string][]*planv1.SplitCount, len(measured))
	for _, m := range measured {
		if _, twice := byTable[m.GetTable()]; twice {
			return nil, 0, invalid("table %s is measured twice", m.GetTable())
		}
		if err := checkCounts(m); err != nil {
			return nil, 0, err
		}
		byTable[m.GetTable()] = m.GetCounts()
		rows += sum(m.GetCounts())
	}
	for _, t := range r.GetTables() {
		if _, found := byTable[t.GetTable()]; !found {
			return nil, 0, invalid("table %s of run %s is not measured", t.GetTable(), r.GetRef().GetRunId())
		}
	}
	if len(byTable) != len(r.GetTables()) {
		return nil, 0, invalid("%d tables are measured, run %s has %d", len(byTable), r.GetRef().GetRunId(), len(r.GetTables()))
	}
	return byTable, rows, nil
}

// Check says whether a receipt could be accepted. DataLoss ROW_COUNT_MISMATCH, worth another attempt, when its rows are
// not the measured ones; Unavailable when the run is not measured, which a reader of a lagging replica may see; State
// NOT_ACTIVE when the run ended badly.
func Check(r *planv1.Run, receipt *deliveryv1.Receipt) error {
	if err := checkAlive(r); err != nil {
		return err
	}
	if r.GetState() == Measuring {
		return fault.New(fault.Unavailable, fault.ReasonUnavailable, "run %s is not measured yet", r.GetRef().GetRunId())
	}
	p := part(r, receipt.GetTable(), receipt.GetPartIndex())
	if p == nil {
		return invalid("run %s has no part %d of table %q", r.GetRef().GetRunId(), receipt.GetPartIndex(), receipt.GetTable())
	}
	if p.GetMeasuredRowCount() != receipt.GetRowCount() {
		return fault.New(fault.DataLoss, fault.ReasonRowCountMismatch, "part %d of table %s has %d rows, measured were %d",
			receipt.GetPartIndex(), receipt.GetTable(), receipt.GetRowCount(), p.GetMeasuredRowCount())
	}
	return nil
}

// Receive notes the accepted receipt of a part; with the last one the run goes on to COMMITTING. It says whether the run
// changed: a part that was received before does not change it.
func Receive(r *planv1.Run, receipt *deliveryv1.Receipt) (bool, error) {
	if err := Check(r, receipt); err != nil {
		return false, err
	}
	p := part(r, receipt.GetTable(), receipt.GetPartIndex())
	if p.GetReceived() {
		return false, nil
	}
	p.Received = true
	p.RowCount, p.FileBytes, p.ArrowBytes = receipt.GetRowCount(), receipt.GetFileBytes(), receipt.GetArrowBytes()
	if r.GetState() == Extracting && allReceived(r) {
		r.State = Committing
	}
	return true, nil
}

// Commit notes that the drop is visible, and from when it may be deleted; the zero time means never. A run that failed is
// committed too when all its parts were received: its last attempt wrote the manifest after all. It says whether the run
// changed. State COMMIT_FENCED when another manifest was reported before, State NOT_ACTIVE for a quarantined or cancelled
// run, Unavailable while parts are missing.
func Commit(r *planv1.Run, manifestKey string, at, expires time.Time) (bool, error) {
	id := r.GetRef().GetRunId()
	switch {
	case Delivered(r) && r.GetManifestKey() == manifestKey:
		return false, nil
	case Delivered(r):
		return false, fault.New(fault.State, fault.ReasonCommitFenced, "run %s was committed by another manifest", id)
	case r.GetState() == Quarantined, r.GetState() == Cancelled:
		return false, checkAlive(r)
	case !allReceived(r):
		return false, fault.New(fault.Unavailable, fault.ReasonUnavailable, "run %s has parts without a receipt", id)
	}
	r.State, r.ManifestKey, r.CommitTime = Committed, manifestKey, timestamppb.New(at)
	if !expires.IsZero() {
		r.ExpireTime = timestamppb.New(expires)
	}
	return true, nil
}

// checkAlive refuses to go on with a run that ended without a drop.
func checkAlive(r *planv1.Run) error {
	if Ended(r) && !Delivered(r) {
		return fault.New(fault.State, fault.ReasonNotActive, "run %s is %s: nothing more is accepted for it", r.GetRef().GetRunId(), Word(r.GetState()))
	}
	return nil
}

// Package run is the life of a run as decisions alone: which drops are owed, how rows are cut into parts, what a report
// changes and which tasks are still to be done. It owns no clock, queue or store, and refuses a report that contradicts
// what was measured. The record is the contract's own message, planv1.Run, so that what is stored, decided on and
// answered is one thing. Every change may be asked for again: the first accepted one stands.
//
//	           measured              every part received             drop is visible
//	MEASURING -----------> EXTRACTING -------------------> COMMITTING ---------------> COMMITTED
//	    |                      |                               |                           ^
//	    +---- given up --------+------------- given up --------+----> FAILED --------------+
//	    |                      |                               |         |   visible after all: the
//	    +-- row outside the ---+-------------------------------+---------+   bucket is the proof, not we
//	        scope                                                        v
//	                                                                QUARANTINED
//
//	FAILED ---- an operator requeues what was given up ----> MEASURING, EXTRACTING or COMMITTING, where its record stands
//	MEASURING, EXTRACTING ---- an operator cancels ----> CANCELLED ---- row outside the scope ----> QUARANTINED
//	COMMITTED ---- its time has come ----> EXPIRING ---- nothing is left of the drop ----> EXPIRED
//
// QUARANTINED is never left, and COMMITTED by a deletion only. A task that is given up because somebody was away ends
// nothing: it waits, see Until. What is read once more is a run of its own, of the same date and with the next extraction
// number, which follows a run that has ended; one that is sent once more begins at EXTRACTING, with the parts of the other,
// and copies instead of reading. Start reading at New, then Measure, Receive, Commit and Fail; for what operators ask, at
// Cancel, ReExtract, RePlan, Resend, Backfill and Revive; for how long a drop stays, at Overdue.
package run

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// The states by their short names; RunState says what each means.
const (
	Measuring   = planv1.RunState_RUN_STATE_MEASURING
	Extracting  = planv1.RunState_RUN_STATE_EXTRACTING
	Committing  = planv1.RunState_RUN_STATE_COMMITTING
	Committed   = planv1.RunState_RUN_STATE_COMMITTED
	Failed      = planv1.RunState_RUN_STATE_FAILED
	Quarantined = planv1.RunState_RUN_STATE_QUARANTINED
	Cancelled   = planv1.RunState_RUN_STATE_CANCELLED
	Expiring    = planv1.RunState_RUN_STATE_EXPIRING
	Expired     = planv1.RunState_RUN_STATE_EXPIRED
)

// New makes the record of a run that is not measured yet, by the revision that the expectation names. The as-of time is the
// due time, however late it is now, so that a repeated or belated run reads the same instant. The caller adds the trace.
func New(e Expectation, revision *configv1.Revision, now time.Time) *planv1.Run {
	r := &planv1.Run{
		Ref: &taskv1.RunRef{
			RunId: e.RunID(), CustomerId: e.Export.GetCustomerId(), ExportId: e.Export.GetExportId(),
			Revision: e.Revision, ExportDate: e.Date.String(),
			DueTime: timestamppb.New(e.Due), AsOfTime: timestamppb.New(e.Due),
		},
		State: Measuring, DeadlineTime: timestamppb.New(e.Deadline),
		CreateTime: timestamppb.New(now), UpdateTime: timestamppb.New(now),
	}
	r.Tables = unmeasured(revision)
	return r
}

// unmeasured are the tables of a revision, in its order.
func unmeasured(revision *configv1.Revision) (tables []*planv1.TableProgress) {
	for _, t := range revision.GetSpec().GetTables() {
		tables = append(tables, &planv1.TableProgress{Table: t.GetTable()})
	}
	return tables
}

// Ended says that no task of the run is left to do.
func Ended(r *planv1.Run) bool {
	switch r.GetState() {
	case Measuring, Extracting, Committing:
		return false
	default:
		return true
	}
}

// part finds a part of the cut, or nil.
func part(r *planv1.Run, table string, index int32) *planv1.PartProgress {
	for _, t := range r.GetTables() {
		if t.GetTable() != table || index < 0 || int(index) >= len(t.GetParts()) {
			continue
		}
		return t.GetParts()[index]
	}
	return nil
}

// allReceived says that the run is cut and every part has a receipt.
func allReceived(r *planv1.Run) bool {
	for _, t := range r.GetTables() {
		if len(t.GetParts()) == 0 {
			return false
		}
		for _, p := range t.GetParts() {
			if !p.GetReceived() {
				return false
			}
		}
	}
	return len(r.GetTables()) > 0
}

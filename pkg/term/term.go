// Package term owns one judgement: which drops an export owes at some instant, each with its due time and the revision
// that makes it, from what was in force when. Planner and SLA monitor share it, so that neither has to ask the other
// what changed. It is pure, and what it once called owed it calls owed at every later instant, as long as the drop is kept.
//
//	the due time of a date       that of the term in whose time it lies, by that term's schedule
//	a date that a change cuts    due at the change: the new due time is over, the old one would have come
//	a date that fell due before  keeps that: no date has two drops
//	a date of a paused term      none, unless it falls due once more after the resumption
//
// Before the first term lie due times only when a start date says so. Start at Owed and On.
package term

import (
	"time"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// Drop is the one drop of an export date. Due is at a term's beginning when the date was cut by a change.
type Drop struct {
	Date          calendar.Date
	Due, Deadline time.Time
	// Revision is the one that makes it: in force when it fell due.
	Revision int64
}

// Owed lists the drops that are owed at now, newest date first: those that fell due, and are to be kept still. There are
// none before the first approval.
func Owed(export *configv1.Export, now time.Time) ([]Drop, error) {
	h, err := read(export)
	if err != nil || len(h) == 0 {
		return nil, err
	}
	var owed []Drop
	oldest := h.oldest(now)
	// Nowhere is it the day after tomorrow.
	for d := calendar.LocalDate(now.UTC()).Next(); ; d = d.Prev() {
		if _, until := d.Anywhere(); until.Before(oldest) {
			return owed, nil
		}
		if drop, why := h.judge(d, now); why == "" {
			owed = append(owed, drop)
		}
	}
}

// On returns the drop of one date when it is owed at now. Otherwise it is a fault of kind State: NOT_APPROVED before the
// first approval, NOT_SCHEDULED on a date without a run, BEFORE_START before the first drop, NOT_DUE when it is yet to
// come, NOT_ACTIVE when the export was paused or archived then, BEYOND_RETENTION when it would be deleted at once.
func On(export *configv1.Export, d calendar.Date, now time.Time) (Drop, error) {
	id := export.GetExportId()
	h, err := read(export)
	if err != nil {
		return Drop{}, err
	}
	if len(h) == 0 {
		return Drop{}, fault.New(fault.State, fault.ReasonNotApproved, "export %s has no approved revision yet", id)
	}
	drop, why := h.judge(d, now)
	due := drop.Due.UTC().Format(time.RFC3339)
	switch why {
	case "":
		return drop, nil
	case fault.ReasonNotDue:
		return Drop{}, fault.New(fault.State, why, "the run of export %s for %s is not due before %s", id, d, due)
	case fault.ReasonBeforeStart:
		return Drop{}, fault.New(fault.State, why, "no drop of export %s is owed for %s: it lies before the start of the export", id, d)
	case fault.ReasonNotActive:
		return Drop{}, fault.New(fault.State, why, "no drop of export %s is owed for %s: the export was paused or archived when it fell due", id, d)
	case fault.ReasonBeyondRetention:
		return Drop{}, fault.New(fault.State, why, "the drop of export %s for %s was due %s, longer ago than drops are kept: it would be deleted at once", id, d, due)
	default:
		return Drop{}, fault.New(fault.State, why, "no drop of export %s is owed for %s: its schedule has no run on that date", id, d)
	}
}

// judge says why no drop of d is owed at now, or nothing when one is. The first term that owes d has its say; only when
// none does, the last one in which it fell due.
func (h history) judge(d calendar.Date, now time.Time) (Drop, fault.Reason) {
	drop, why := Drop{Date: d}, fault.ReasonNotScheduled
	for i, t := range h {
		due, refused, falls := h.falls(i, d)
		if !falls {
			continue
		}
		drop = Drop{Date: d, Due: due, Deadline: due.Add(t.grace), Revision: t.revision}
		why = t.timely(due, refused, now)
		if refused == "" {
			break
		}
	}
	return drop, why
}

// falls says when d falls due in the i-th term, if it does, and why that is not owed. Only the terms around d are asked:
// an export may have hundreds.
func (h history) falls(i int, d calendar.Date) (due time.Time, refused fault.Reason, falls bool) {
	t := h[i]
	from, until := d.Anywhere()
	if t.endsBy(from) || i > 0 && t.from.After(until) || !t.schedule.Scheduled(d) {
		return due, "", false
	}
	due = t.schedule.Due(d)
	switch early := due.Before(t.from); {
	case t.endsBy(due):
		return due, "", false
	case early && i == 0 && t.start == (calendar.Date{}):
		refused = fault.ReasonBeforeStart
	case early && i > 0 && !h[i-1].awaits(d, t.from):
		return due, "", false
	case early && i > 0:
		due = t.from
	}
	switch {
	case d.Before(t.start):
		refused = fault.ReasonBeforeStart
	case refused == "" && !t.owed:
		refused = fault.ReasonNotActive
	}
	return due, refused, true
}

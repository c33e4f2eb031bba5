package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

const (
	// MaxFaults bounds a report; more say no more.
	MaxFaults = 100
	// settling is how young a revision may be without an event: it is stored first, then its event.
	settling = 2 * appendTimeout
)

// Revision is one that exists, so that an accepted event must tell of it.
type Revision struct {
	ExportID   string
	Number     int64
	CreateTime time.Time
}

// Report says whether a chain is whole.
type Report struct {
	// EventCount of the events read.
	EventCount int64
	// HeadHash of the last event; empty without events. Kept elsewhere, it shows later that all before is unchanged.
	HeadHash string
	// Faults found, at most MaxFaults; none means that the chain is whole.
	Faults []Fault
}

// Fault is one place that is not what was written. Sequence is 0 when it concerns a revision.
type Fault struct {
	Sequence int64
	Message  string
}

// Verify walks the chain as it is now, in memory that does not grow with it. A chain that was rewritten as a whole, each
// hash anew, or cut at its end without a trace, is told from the true one by the revisions, by what this process saw
// itself, or by a hash kept elsewhere; by nothing else.
func (c *Chain) Verify(ctx context.Context, revisions []Revision) (*Report, error) {
	w := &walk{known: c.known(), linked: true, untold: map[revision]bool{}}
	for _, r := range revisions {
		if c.now().Sub(r.CreateTime) >= settling {
			w.untold[revision{r.ExportID, r.Number}] = true
		}
	}
	head, err := c.log.Head(ctx) // later than known, so that it must be as far
	if err != nil {
		return nil, err
	}
	for entry, err := range c.log.Read(ctx, Range{From: 1, To: head.Sequence}) {
		if err != nil {
			return nil, err
		}
		w.visit(entry)
	}
	w.end(head)
	return &w.report, nil
}

type revision struct {
	exportID string
	number   int64
}

// walk is what Verify remembers between two events.
type walk struct {
	report Report
	known  *Head
	untold map[revision]bool

	place    int64  // of the event before
	shift    int64  // how far it is from the place that it says
	previous string // the hash that it says
	linked   bool   // whether it could be read
}

func (w *walk) visit(entry Entry) {
	w.absent(w.place+1, entry.Sequence-1)
	w.report.EventCount++
	problem := w.problem(entry)
	w.add(entry.Sequence, problem)
	e := entry.Event
	if problem == "" && e.GetOutcome() == configv1.AuditOutcome_AUDIT_OUTCOME_ACCEPTED {
		delete(w.untold, revision{e.GetExportId(), e.GetRevision()})
	}
	w.place, w.previous, w.linked = entry.Sequence, e.GetHash(), e != nil
	if e != nil {
		w.shift = e.GetSequence() - entry.Sequence
	}
}

// problem returns the first thing that is wrong with an event. A shift is told once, not for every event behind it.
func (w *walk) problem(entry Entry) string {
	e := entry.Event
	if entry.Problem != "" || e == nil {
		return entry.Problem
	}
	if e.GetSequence() != entry.Sequence+w.shift {
		return fmt.Sprintf("says that it is event %d: one was removed, moved, inserted or edited here", e.GetSequence())
	}
	if hash, err := Hash(e); err != nil || hash != e.GetHash() {
		return fmt.Sprintf("was edited: its content has hash %.12s, it says %.12q", hash, e.GetHash())
	}
	if w.linked && e.GetPreviousHash() != w.previous {
		return fmt.Sprintf("does not follow the event before, which has hash %.12q, not %.12q: one of the two was altered", w.previous, e.GetPreviousHash())
	}
	if w.known != nil && entry.Sequence == w.known.Sequence && e.GetHash() != w.known.Hash {
		return fmt.Sprintf("is not what this server saw here, which had hash %.12q: the chain was rewritten", w.known.Hash)
	}
	return ""
}

func (w *walk) end(head Head) {
	w.absent(w.place+1, head.Sequence)
	w.report.HeadHash = w.previous
	if w.known != nil && head.Sequence < w.known.Sequence {
		w.absent(head.Sequence+1, w.known.Sequence)
	}
	if head.Count != w.report.EventCount {
		w.add(head.Sequence, fmt.Sprintf("the log says that it holds %d events, %d were read", head.Count, w.report.EventCount))
	}
	missing := make([]revision, 0, len(w.untold))
	for r := range w.untold {
		missing = append(missing, r)
	}
	slices.SortFunc(missing, func(a, b revision) int {
		return cmp.Or(cmp.Compare(a.exportID, b.exportID), cmp.Compare(a.number, b.number))
	})
	for _, r := range missing {
		w.add(0, fmt.Sprintf("no accepted event tells of revision %d of export %s", r.number, r.exportID))
	}
}

func (w *walk) absent(from, to int64) {
	switch {
	case from > to:
		return
	case from == to:
		w.add(from, "is missing")
	default:
		w.add(from, fmt.Sprintf("is missing, and so is all up to event %d", to))
	}
	w.linked = false
}

func (w *walk) add(sequence int64, message string) {
	if message != "" && len(w.report.Faults) < MaxFaults {
		w.report.Faults = append(w.report.Faults, Fault{Sequence: sequence, Message: message})
	}
}

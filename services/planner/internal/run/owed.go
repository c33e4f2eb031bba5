package run

import (
	"slices"
	"time"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/term"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// Expectation is one drop that is owed. Its revision may be another than the one in force now.
type Expectation struct {
	Export *configv1.Export
	term.Drop
}

// RunID is the id of the run that delivers it.
func (e Expectation) RunID() string { return calendar.RunID(e.Export.GetExportId(), e.Date, 1) }

// Owed lists the drops of an export that are owed now, newest date first; package term decides.
func Owed(export *configv1.Export, now time.Time) ([]Expectation, error) {
	drops, err := term.Owed(export, now)
	if err != nil {
		return nil, err
	}
	owed := make([]Expectation, len(drops))
	for i, drop := range drops {
		owed[i] = Expectation{Export: export, Drop: drop}
	}
	return owed, nil
}

// Expect is the drop of one date, or a fault of kind State that says why none is owed; term.On lists the reasons.
func Expect(export *configv1.Export, date calendar.Date, now time.Time) (Expectation, error) {
	drop, err := term.On(export, date, now)
	return Expectation{Export: export, Drop: drop}, err
}

// Urgent sorts expectations by deadline, oldest first.
func Urgent(all []Expectation) {
	slices.SortStableFunc(all, func(a, b Expectation) int { return a.Deadline.Compare(b.Deadline) })
}

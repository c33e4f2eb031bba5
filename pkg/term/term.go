// Package term owns one judgement: whether a drop that falls due at some instant is owed, from what was in force when.
// Planner and SLA monitor share it, so that neither has to ask the other whether an export was paused. It is pure. Start
// at Owed.
package term

import (
	"time"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// At returns the term in which due falls, of terms that are in time order. What fell due before the first one belongs to
// it: an export may owe drops from a start date that lies before its approval. It is nil without terms: nothing was ever
// approved.
func At(terms []*configv1.Term, due time.Time) *configv1.Term {
	var found *configv1.Term
	for _, t := range terms {
		if found == nil || !t.GetEffectiveTime().AsTime().After(due) {
			found = t
		}
	}
	return found
}

// Owed says whether the drop that falls due then is owed.
func Owed(terms []*configv1.Term, due time.Time) bool { return At(terms, due).GetOwed() }

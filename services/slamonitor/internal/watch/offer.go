package watch

import (
	"context"
	"fmt"
	"slices"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	slav1 "github.com/customer-exports/exports/proto/exports/sla/v1"
	"github.com/customer-exports/exports/services/slamonitor/internal/audit"
	"github.com/customer-exports/exports/services/slamonitor/internal/bucket"
	"github.com/customer-exports/exports/services/slamonitor/internal/sla"
)

// offer is a revision by which a drop may have been made: where it lies then, and what it holds.
type offer struct {
	place   *bucket.Reader
	promise audit.Promise
}

// offers lists them, newest first. The last one is the revision that makes the drop; one that came into force after the due
// time made it when the date was planned anew.
func (w *Watcher) offers(ctx context.Context, export *configv1.Export, customer *configv1.Customer, expected sla.Expectation) ([]offer, error) {
	var all []offer
	for _, number := range makers(export, expected) {
		revision, err := w.revision(ctx, export, number)
		if err != nil {
			return nil, err
		}
		place := placeOf(revision.GetSpec().GetDestination(), customer)
		all = append(all, offer{place: w.Buckets.Open(place), promise: promiseOf(revision, expected)})
	}
	return all, nil
}

// makers lists the revisions that were in force at the due time or later, newest first, that of the due time last.
func makers(export *configv1.Export, expected sla.Expectation) []int64 {
	numbers := []int64{expected.Revision}
	for _, term := range export.GetTerms() {
		if n := term.GetRevision(); term.GetEffectiveTime().AsTime().After(expected.Due) && !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	slices.Reverse(numbers)
	return numbers
}

// revision reads one: what it promises, and where, a later one does not change.
func (w *Watcher) revision(ctx context.Context, export *configv1.Export, number int64) (*configv1.Revision, error) {
	if current := export.GetRevision(); current.GetRevision() == number {
		return current, nil
	}
	answer, err := w.Configs.GetRevision(ctx, &configv1.GetRevisionRequest{ExportId: export.GetExportId(), Revision: number})
	if err != nil {
		return nil, fmt.Errorf("reading revision %d: %w", number, err)
	}
	return answer.GetRevision(), nil
}

// stands says that a verdict needs no other look: the drop was verified, and as far as was looked it is still the newest.
func (w *Watcher) stands(ctx context.Context, v *slav1.Verdict, offers []offer) (bool, error) {
	if v.GetCondition() != slav1.Condition_CONDITION_VERIFIED {
		return false, nil
	}
	if !w.looks.due(v.GetExportId(), v.GetExportDate(), w.Now()) {
		return true, nil
	}
	for _, o := range offers {
		if newest, err := audit.Newest(ctx, o.place, v.GetExportDate()); err != nil || newest != "" && newest != v.GetManifestKey() {
			return false, err
		}
	}
	return true, nil
}

// audit reads the drop by the newest offer that made one, or may have: nobody knows who made what cannot be read. When none
// did, it is read by that of the due time.
func (w *Watcher) audit(ctx context.Context, offers []offer) (found sla.Audit, err error) {
	for _, o := range offers {
		found, err = w.Auditor.Audit(ctx, o.place, o.promise)
		unread := found.ManifestKey != "" && found.MadeBy == 0
		if err != nil || unread || found.MadeBy == o.promise.Revision {
			break
		}
	}
	return found, err
}

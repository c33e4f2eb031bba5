package expire_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

// objects of one drop: ten files, manifest.json, _SUCCESS and _started.
const objects = 13

// checkLeft fails unless exactly the objects of the dates, and what no manifest names, are there.
func (f *fixture) checkLeft(t *testing.T, dates ...string) {
	t.Helper()
	var drops, others int
	for _, key := range f.keys(t) {
		switch {
		case slices.ContainsFunc(dates, func(date string) bool { return strings.Contains(key, "export_date="+date) }):
			drops++
		case key == kept || key == drop.LatestKey && len(dates) > 0:
			others++
		default:
			t.Errorf("%s is left", key)
		}
	}
	if want := min(len(dates), 1) + 1; drops != objects*len(dates) || others != want {
		t.Errorf("%d objects of drops and %d others are left, want %d and %d", drops, others, objects*len(dates), want)
	}
}

func TestExpireDeletesOneDropAndNothingElse(t *testing.T) {
	f := newFixture(t)
	moved := make(chan struct{}, 2*objects)
	if err := f.expirer.Expire(t.Context(), parttest.Run(older), &taskv1.ExpireWork{}, func() { moved <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	f.checkLeft(t, newer)
	if len(moved) != objects || len(f.deleted) != objects || len(slices.Compact(slices.Sorted(slices.Values(f.deleted)))) != objects {
		t.Errorf("%d steps, events %q; want one for each of %d objects", len(moved), f.deleted, objects)
	}
	if want := []string{parttest.Run(older).GetRunId()}; !slices.Equal(f.expired, want) {
		t.Errorf("reported %q, want %q", f.expired, want)
	}
	if err := f.expire(t, parttest.Run(older)); err != nil || len(f.expired) != 2 || len(f.deleted) != objects {
		t.Errorf("again: %v, %d reports and %d events, want another report only", err, len(f.expired), len(f.deleted))
	}
}

// TestTheNewestDropStays until the export is archived, or delivers elsewhere.
func TestTheNewestDropStays(t *testing.T) {
	for name, release := range map[string]func(*fixture){
		"archived":       func(f *fixture) { f.inForce.Archived = true },
		"another bucket": func(f *fixture) { f.inForce.Destination.Bucket = "elsewhere" },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			if err := f.expire(t, parttest.Run(newer)); fault.ReasonOf(err) != fault.ReasonNotDue || fault.Retryable(err) {
				t.Errorf("expiring the newest drop = %v, want NOT_DUE, never retried", err)
			}
			f.checkLeft(t, older, newer)
			release(f)
			for _, date := range []string{newer, older} {
				if err := f.expire(t, parttest.Run(date)); err != nil {
					t.Fatal(err)
				}
			}
			f.checkLeft(t)
		})
	}
}

func TestNothingIsDeletedThatIsToBeKept(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*fixture, *taskv1.RunRef)
		want  fault.Reason
	}{
		"a millisecond early": {func(f *fixture, run *taskv1.RunRef) {
			f.expirer.Now = func() time.Time { return run.GetDueTime().AsTime().Add(retained - time.Millisecond) }
		}, fault.ReasonNotDue},
		"another customer": {func(_ *fixture, run *taskv1.RunRef) { run.CustomerId = "globex" }, fault.ReasonValidation},
		"no run id":        {func(_ *fixture, run *taskv1.RunRef) { run.RunId = "../" + run.GetRunId() }, fault.ReasonValidation},
		"manifest of another run": {func(f *fixture, run *taskv1.RunRef) {
			data, err := manifest(newer).Encode()
			must(t, err)
			must(t, f.bucket.Delete(t.Context(), drop.ManifestKey(older, run.GetRunId())))
			f.put(t, drop.ManifestKey(older, run.GetRunId()), data)
		}, fault.ReasonTaskInvalid},
		"record of another run": {func(f *fixture, run *taskv1.RunRef) {
			m := manifest(newer)
			_, err := m.Encode() // fills in the version
			must(t, err)
			data, err := drop.Expiring{Manifest: m}.Encode()
			must(t, err)
			f.put(t, drop.ExpiringKey(older, run.GetRunId()), data)
		}, fault.ReasonTaskInvalid},
		"no record": {func(f *fixture, run *taskv1.RunRef) {
			f.put(t, drop.ExpiringKey(older, run.GetRunId()), []byte("{}"))
		}, fault.ReasonTaskInvalid},
		"no manifest": {func(f *fixture, run *taskv1.RunRef) {
			must(t, f.bucket.Delete(t.Context(), drop.ManifestKey(older, run.GetRunId())))
			f.put(t, drop.ManifestKey(older, run.GetRunId()), []byte("{}"))
		}, fault.ReasonTaskInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			f, run := newFixture(t), parttest.Run(older)
			c.spoil(f, run)
			if err := f.expire(t, run); fault.ReasonOf(err) != c.want || fault.Retryable(err) {
				t.Errorf("Expire = %v, want %s, never retried", err, c.want)
			}
			must(t, f.bucket.Delete(t.Context(), drop.ExpiringKey(older, parttest.Run(older).GetRunId())))
			f.checkLeft(t, older, newer)
			if len(f.expired) != 0 {
				t.Errorf("reported %q", f.expired)
			}
		})
	}
}

// TestASupersededDropStaysUntilTheOtherIsThere also when the task says otherwise.
func TestASupersededDropStaysUntilTheOtherIsThere(t *testing.T) {
	f, first, again := emptyFixture(t), parttest.Run(older), parttest.Run(older)
	again.RunId = strings.TrimSuffix(again.GetRunId(), "1") + "2"
	f.commit(t, first)
	f.expirer.Now = first.GetDueTime().AsTime
	for name, by := range map[string]*taskv1.RunRef{"itself": first, "another date": parttest.Run(newer), "another export": {RunId: "globex-daily-20261001-2"}} {
		if err := f.expireFor(t, first, by); fault.ReasonOf(err) != fault.ReasonTaskInvalid || fault.Retryable(err) {
			t.Errorf("superseded by %s: %v, want TASK_INVALID, never retried", name, err)
		}
	}
	notDue := func(when string) {
		t.Helper()
		if err := f.expireFor(t, first, again); fault.ReasonOf(err) != fault.ReasonNotDue || fault.Retryable(err) {
			t.Errorf("%s: %v, want NOT_DUE, never retried", when, err)
		}
	}
	notDue("before the other one is there")
	f.commit(t, again)
	success := drop.SuccessKey(older, again.GetRunId())
	data, _, err := f.bucket.Get(t.Context(), success)
	must(t, err)
	must(t, f.bucket.Delete(t.Context(), success))
	notDue("before the other one is whole")
	f.put(t, success, data)
	must(t, f.expireFor(t, first, again))
	f.gone(t, first)
}

// TestASupersededDropGoesForItsAge also when what took its place went before it.
func TestASupersededDropGoesForItsAge(t *testing.T) {
	f, first, again := newFixture(t), parttest.Run(older), parttest.Run(older)
	again.RunId = strings.TrimSuffix(again.GetRunId(), "1") + "2"
	must(t, f.expireFor(t, first, again))
	f.checkLeft(t, newer)
}

// TestWithheldRightKeepsTheDrop takes the right to delete away.
func TestWithheldRightKeepsTheDrop(t *testing.T) {
	f := newFixture(t)
	grant(t, f.inForce.Destination.Bucket, false)
	if err := f.expire(t, parttest.Run(older)); err == nil || fault.Retryable(err) {
		t.Errorf("Expire = %v, want a fault that no attempt mends", err)
	}
	f.checkLeft(t, older, newer)
	if len(f.expired)+len(f.deleted) != 0 {
		t.Errorf("reported %q and %q", f.expired, f.deleted)
	}
}

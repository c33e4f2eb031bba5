package run

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewestFirst(t *testing.T) {
	want := []string{"a-20260111-1", "a-20260110-10", "a-20260110-9", "a-b-20260110-1", "b-20260110-1", "a-20260109-1"}
	got := slices.Sorted(slices.Values(want))
	slices.SortFunc(got, NewestFirst)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("runs differ (-want +got):\n%s", diff)
	}
}

func TestRunsOfAnExport(t *testing.T) {
	for _, test := range []struct {
		id, export string
		want       bool
	}{
		{"acme-20260110-1", "acme", true},
		{"acme-20260110-1", "", true},
		{"acme-daily-20260110-1", "acme", false},
		{"acme-20260110-20260111-3", "acme-20260110", true},
		{"acme-20260110-20260111-3", "acme", false},
		{"acme-20260110-1x", "acme", false},
	} {
		if got := OfExport(test.id, test.export); got != test.want {
			t.Errorf("OfExport(%s, %s) = %v", test.id, test.export, got)
		}
	}
}

func TestRunsWithinDates(t *testing.T) {
	for _, test := range []struct {
		from, to string
		want     bool
	}{
		{"", "", true},
		{"2026-01-10", "2026-01-10", true},
		{"2026-01-11", "", false},
		{"", "2026-01-09", false},
		{"2025-12-31", "2026-02-01", true},
	} {
		if got := Within("acme-20260110-1", test.from, test.to); got != test.want {
			t.Errorf("from %q to %q: %v", test.from, test.to, got)
		}
	}
}

func TestNextID(t *testing.T) {
	for id, want := range map[string]string{"acme-20260110-1": "acme-20260110-2", "a-b-20260110-9": "a-b-20260110-10"} {
		if got := NextID(id); got != want {
			t.Errorf("NextID(%s) = %s, want %s", id, got, want)
		}
	}
}

package file_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/pkg/fault"
)

func TestLocate(t *testing.T) {
	t.Parallel()
	d := parse(t, golden(t))
	cause := errors.New("cause")
	give := fault.Wrap(cause, fault.Invalid, fault.ReasonUnknownColumn, "refused")
	want := []fault.Violation{}
	for _, test := range []struct{ field, at string }{
		{"export_id", "line 1, column 12: "},
		{"spec", "line 3, column 1: "},
		{"spec.tables[2]", "line 7, column 7: "},
		{"spec.tables[2].table", "line 7, column 14: "},
		{"spec.tables[2].columns", "line 8, column 7: "},
		{"spec.tables[2].columns[1]", "line 10, column 11: "},
		{"spec.tables[0].columns", "line 5, column 7: "},     // not set: where its table begins
		{"spec.tables[9].table", "line 4, column 3: "},       // not there: where the list is
		{"spec.tables[x]", "line 4, column 3: "},             // no index
		{"spec.destination.bucket", "line 29, column 13: "},  // a value
		{"spec.destination.endpoint", "line 28, column 3: "}, // not set
		{"spec.scope.location_ids[3]", "line 21, column 9: "},
		{"spec.deadline.seconds", "line 37, column 13: "},
		{"author", ""},
		{"yaml", ""},
		{"", ""},
		{"specification", ""},
		{"...", ""},
	} {
		give.Violations = append(give.Violations, fault.Violation{Field: test.field, Description: "is wrong"})
		want = append(want, fault.Violation{Field: test.field, Description: test.at + "is wrong"})
	}
	located, ok := fault.Of(d.Locate(fmt.Errorf("applying: %w", give)))
	if !ok || located.Kind != give.Kind || located.Reason != give.Reason || located.Message != give.Message || !errors.Is(located, cause) {
		t.Fatalf("Locate() = %v, want the same fault", located)
	}
	if diff := cmp.Diff(want, located.Violations); diff != "" {
		t.Errorf("violations differ (-want +got):\n%s", diff)
	}
	if give.Violations[0].Description != "is wrong" {
		t.Errorf("the fault that was given says %q now", give.Violations[0].Description)
	}
}

func TestLocateLeavesOtherErrors(t *testing.T) {
	t.Parallel()
	d := parse(t, golden(t))
	for _, err := range []error{nil, errors.New("x"), fmt.Errorf("x: %w", fault.New(fault.State, fault.ReasonStaleEtag, "x"))} {
		if got := d.Locate(err); got != err { //nolint:errorlint // the very same
			t.Errorf("Locate(%v) = %v, want it unchanged", err, got)
		}
	}
}

func TestLocateInAFileOfOneLine(t *testing.T) {
	t.Parallel()
	err := fault.New(fault.Invalid, fault.ReasonValidation, "x")
	err.Violations = []fault.Violation{{Field: "spec.scope"}}
	f, _ := fault.Of(parse(t, "# a\n{export_id: é, spec: {}}").Locate(err))
	if want := "line 2, column 16: "; f.Violations[0].Description != want {
		t.Errorf("description %q, want %q", f.Violations[0].Description, want)
	}
}

package term_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/term"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

func TestOwed(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 11, 23, hour, 0, 0, 0, time.UTC) }
	from := func(revision int64, hour int, owed bool) *configv1.Term {
		return &configv1.Term{Revision: revision, EffectiveTime: timestamppb.New(at(hour)), Owed: owed}
	}
	history := []*configv1.Term{from(1, 2, true), from(3, 5, false), from(4, 9, true)} // paused from 5 to 9
	for _, test := range []struct {
		name     string
		terms    []*configv1.Term
		hour     int
		revision int64
		owed     bool
	}{
		{"never approved", nil, 4, 0, false},
		{"before the first approval", history, 1, 1, true},
		{"at the first approval", history, 2, 1, true},
		{"in force", history, 4, 1, true},
		{"at the pause", history, 5, 3, false},
		{"paused", history, 8, 3, false},
		{"at the resumption", history, 9, 4, true},
		{"long after", history, 23, 4, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := term.At(test.terms, at(test.hour)).GetRevision(); got != test.revision {
				t.Errorf("revision = %d, want %d", got, test.revision)
			}
			if got := term.Owed(test.terms, at(test.hour)); got != test.owed {
				t.Errorf("owed = %t, want %t", got, test.owed)
			}
		})
	}
}

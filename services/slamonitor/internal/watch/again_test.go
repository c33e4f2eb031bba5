package watch

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
)

// TestLooks follows one drop through a day, an announcement and another one's.
func TestLooks(t *testing.T) {
	l, now := looks{}, time.Date(2026, 1, 12, 12, 0, 0, 0, time.UTC)
	due := func(at time.Duration) bool { return l.due("acme-daily", "2026-01-12", now.Add(at)) }
	hear := func(export string) {
		t.Helper()
		data, err := proto.Marshal(&eventv1.Event{ExportId: export, ExportDate: "2026-01-12"})
		if err != nil {
			t.Fatal(err)
		}
		l.hear(data)
	}
	for _, step := range []struct {
		what string
		do   func()
		at   time.Duration
		want bool
	}{
		{"seen for the first time", nil, 0, false},
		{"an hour later at last", nil, lookAgain, true},
		{"looked at just now", nil, lookAgain, false},
		{"another one announced", func() { hear("other") }, lookAgain, false},
		{"nonsense announced", func() { l.hear([]byte("nonsense")) }, lookAgain, false},
		{"announced", func() { hear("acme-daily") }, lookAgain, true},
		{"looked at then", nil, lookAgain + time.Minute, false},
		{"an hour after that", nil, 2 * lookAgain, true},
	} {
		if step.do != nil {
			step.do()
		}
		if got := due(step.at); got != step.want {
			t.Errorf("%s: due %v, want %v", step.what, got, step.want)
		}
	}
}

// TestAnnouncedBeforeItIsSeen is what a monitor meets that has just started.
func TestAnnouncedBeforeItIsSeen(t *testing.T) {
	data, err := proto.Marshal(&eventv1.Event{ExportId: "acme-daily", ExportDate: "2026-01-12"})
	if err != nil {
		t.Fatal(err)
	}
	l := looks{}
	if l.hear(data); !l.due("acme-daily", "2026-01-12", time.Now()) {
		t.Error("an announced drop is not looked at")
	}
}

// TestFirstLooksAreSpread starts with many verified drops.
func TestFirstLooksAreSpread(t *testing.T) {
	l, now, early := looks{}, time.Date(2026, 1, 12, 12, 0, 0, 0, time.UTC), 0
	for i := range 400 {
		date := now.AddDate(0, 0, -i).Format(time.DateOnly)
		if l.due("acme-daily", date, now) {
			t.Errorf("%s is looked at at once", date)
		}
		if l.due("acme-daily", date, now.Add(lookAgain/2)) {
			early++
		}
	}
	if early < 100 || early > 300 {
		t.Errorf("%d of 400 are looked at in the first half of the hour", early)
	}
}

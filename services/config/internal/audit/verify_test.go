package audit_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/audit"
	"github.com/customer-exports/exports/services/config/internal/audit/audittest"
)

// forgery is what somebody with access to the storage makes of a chain.
type forgery struct {
	last    int64
	entries []audit.Entry
	// unseen holds for what only a witness, a process that ran meanwhile, can tell from the true chain.
	unseen bool
}

// forgeries draw one alteration each of a chain of at least 2 events.
var forgeries = map[string]func(t *rapid.T, f forgery) forgery{
	"remove and leave a hole": func(t *rapid.T, f forgery) forgery {
		i := index(t, f)
		f.entries = slices.Delete(f.entries, i, i+1)
		return f
	},
	"remove and close the gap": func(t *rapid.T, f forgery) forgery {
		i := index(t, f)
		f.unseen = i == len(f.entries)-1
		return restored(f, slices.Delete(f.entries, i, i+1))
	},
	"swap": func(t *rapid.T, f forgery) forgery {
		i := index(t, f)
		j := (i + rapid.IntRange(1, len(f.entries)-1).Draw(t, "distance")) % len(f.entries)
		f.entries[i], f.entries[j] = f.entries[j], f.entries[i]
		return restored(f, f.entries)
	},
	"duplicate": func(t *rapid.T, f forgery) forgery {
		return restored(f, slices.Insert(f.entries, rapid.IntRange(0, len(f.entries)).Draw(t, "to"), f.entries[index(t, f)]))
	},
	"insert one that fits": func(t *rapid.T, f forgery) forgery {
		i := index(t, f)
		forged := &configv1.AuditEvent{Sequence: int64(i + 1), Actor: "nobody", PreviousHash: f.entries[i].Event.GetPreviousHash()}
		forged.Hash = hashOf(t, forged)
		return restored(f, slices.Insert(f.entries, i, audit.Entry{Event: forged}))
	},
	"edit": func(t *rapid.T, f forgery) forgery {
		alter(f.entries[index(t, f)].Event, rapid.SampledFrom(fieldNames()).Draw(t, "field"))
		return f
	},
	"edit and hash anew": func(t *rapid.T, f forgery) forgery {
		i := index(t, f)
		e := f.entries[i].Event
		field := rapid.SampledFrom(slices.DeleteFunc(fieldNames(), func(name string) bool { return name == "hash" })).Draw(t, "field")
		alter(e, field)
		e.Hash = hashOf(t, e)
		f.unseen = i == len(f.entries)-1 && field != "sequence" && field != "previous_hash"
		return f
	},
	"rewrite": func(t *rapid.T, f forgery) forgery {
		i := index(t, f)
		f.entries[i].Event.Actor += " "
		for ; i < len(f.entries); i++ {
			e := f.entries[i].Event
			if i > 0 {
				e.PreviousHash = f.entries[i-1].Event.GetHash()
			}
			e.Hash = hashOf(t, e)
		}
		f.unseen = true
		return f
	},
}

func index(t *rapid.T, f forgery) int { return rapid.IntRange(0, len(f.entries)-1).Draw(t, "index") }

// restored numbers places as a log does that is filled anew.
func restored(f forgery, entries []audit.Entry) forgery {
	f.entries, f.last = slices.Clone(entries), int64(len(entries))
	for i := range f.entries {
		f.entries[i].Sequence = int64(i + 1)
	}
	return f
}

func TestEveryForgeryIsFound(t *testing.T) {
	for name, forge := range forgeries {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				log := &brokenLog{Log: &audittest.MemLog{}}
				witness := audit.New(log, noon)
				f := drawChain(t, witness, log)
				if !whole(t, witness) || !whole(t, audit.New(log, noon)) {
					t.Fatal("the true chain is not whole")
				}
				f = forge(t, f)
				log.Log = audittest.Holding(f.last, f.entries)
				if whole(t, witness) {
					t.Error("the witness finds nothing")
				}
				if found := !whole(t, audit.New(log, noon)); found == f.unseen {
					t.Errorf("a process that saw nothing finds a fault: %t, want %t", found, !f.unseen)
				}
			})
		})
	}
}

// drawChain fills the log with 2 to 8 events and returns a copy to be altered.
func drawChain(t *rapid.T, chain *audit.Chain, log audit.Log) forgery {
	for range rapid.IntRange(2, 8).Draw(t, "events") {
		if err := chain.Append(context.Background(), drawEvent(t)); err != nil {
			t.Fatal(err)
		}
	}
	var f forgery
	for entry, err := range log.Read(context.Background(), everything) {
		if err != nil {
			t.Fatal(err)
		}
		f.last, f.entries = entry.Sequence, append(f.entries, entry)
	}
	return f
}

func whole(t *rapid.T, chain *audit.Chain) bool {
	report, err := chain.Verify(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return len(report.Faults) == 0
}

func TestFaultsSayWhatIsWrong(t *testing.T) {
	log := &audittest.MemLog{}
	grow(t, audit.New(log, noon), 6)
	for name, test := range map[string]struct {
		forge func(f *forgery)
		want  []string
	}{
		"head cut":    {func(f *forgery) { f.entries = f.entries[2:] }, []string{"1 is missing, and so is all up to event 2"}},
		"tail cut":    {func(f *forgery) { f.entries = f.entries[:5] }, []string{"6 is missing"}},
		"all removed": {func(f *forgery) { f.entries = nil }, []string{"1 is missing, and so is all up to event 6"}},
		"closed gap":  {func(f *forgery) { *f = restored(*f, slices.Delete(f.entries, 2, 3)) }, []string{"3 says that it is event 4"}},
		"swapped": {
			func(f *forgery) {
				f.entries[1].Event, f.entries[2].Event = f.entries[2].Event, f.entries[1].Event
			},
			[]string{"2 says that it is event 3", "3 says that it is event 2", "4 says that it is event 4"},
		},
		"edited": {func(f *forgery) { f.entries[3].Event.Actor = "joe" }, []string{"4 was edited"}},
		"hashed anew": {
			func(f *forgery) {
				f.entries[3].Event.Actor = "joe"
				f.entries[3].Event.Hash = hashOf(t, f.entries[3].Event)
			},
			[]string{"5 does not follow the event before"},
		},
		"unreadable": {func(f *forgery) { f.entries[2] = audit.Entry{Sequence: 3, Problem: "is no audit event"} }, []string{"3 is no audit event"}},
		"miscounted": {func(f *forgery) { f.entries = append(f.entries, audit.Entry{Sequence: 9, Event: f.entries[0].Event}) }, []string{"6 the log says that it holds 7 events, 6 were read"}},
	} {
		f := forgery{last: 6, entries: audittest.Read(t, log, everything)}
		test.forge(&f)
		report, err := audit.New(audittest.Holding(f.last, f.entries), noon).Verify(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		match := len(report.Faults) == len(test.want)
		for i := range min(len(report.Faults), len(test.want)) {
			match = match && strings.HasPrefix(fmt.Sprint(report.Faults[i].Sequence, " ", report.Faults[i].Message), test.want[i])
		}
		if !match {
			t.Errorf("%s: faults are %+v, want %q", name, report.Faults, test.want)
		}
	}
}

func TestVerifyReportsTheHead(t *testing.T) {
	log := &audittest.MemLog{}
	chain := audit.New(log, noon)
	if got, err := chain.Verify(t.Context(), nil); err != nil || !cmp.Equal(got, &audit.Report{}) {
		t.Errorf("Verify of an empty chain: got %+v, %v, want nothing", got, err)
	}
	grow(t, chain, 3)
	want := &audit.Report{EventCount: 3, HeadHash: audittest.Read(t, log, audit.Range{From: 3, To: 3})[0].Event.GetHash()}
	if got, err := chain.Verify(t.Context(), nil); err != nil || !cmp.Equal(got, want) {
		t.Errorf("Verify: got %+v, %v, want %+v", got, err, want)
	}
}

func TestRevisionsNeedAnEvent(t *testing.T) {
	log := &audittest.MemLog{}
	chain := audit.New(log, noon)
	grow(t, chain, 2) // revisions 1 and 2
	refused := audittest.Event(0, "acme", "acme-daily")
	refused.Revision = 3
	if err := chain.Append(t.Context(), refused); err != nil {
		t.Fatal(err)
	}
	old, young := noon().Add(-time.Minute), noon().Add(-19*time.Second)
	revisions := []audit.Revision{
		{"acme-daily", 1, old},
		{"acme-daily", 2, old},
		{"acme-daily", 4, old}, // no event
		{"acme-daily", 3, old}, // its event says that it was refused
		{"acme-daily", 5, young},
		{"a-export", 1, old},
	}
	want := []audit.Fault{
		{Message: "no accepted event tells of revision 1 of export a-export"},
		{Message: "no accepted event tells of revision 3 of export acme-daily"},
		{Message: "no accepted event tells of revision 4 of export acme-daily"},
	}
	wantFaults(t, chain, revisions, want...)
	// An event that is not what was written proves nothing.
	entries := audittest.Read(t, log, everything)
	entries[1].Event.Revision = 4
	report, err := audit.New(audittest.Holding(3, entries), noon).Verify(t.Context(), revisions)
	if err != nil || len(report.Faults) != 5 || report.Faults[0].Sequence != 2 {
		t.Errorf("Verify with a forged event: got %+v, %v, want it, and revisions 2 and 4 untold", report, err)
	}
}

func TestFaultsAreBounded(t *testing.T) {
	var entries []audit.Entry
	for i := range int64(300) {
		entries = append(entries, audit.Entry{Sequence: i + 1, Event: &configv1.AuditEvent{Sequence: i + 1}})
	}
	report, err := audit.New(audittest.Holding(300, entries), noon).Verify(t.Context(), nil)
	if err != nil || len(report.Faults) != audit.MaxFaults || report.EventCount != 300 {
		t.Errorf("Verify: got %d faults in %d events, %v, want %d in 300", len(report.Faults), report.EventCount, err, audit.MaxFaults)
	}
}

// TestVerifyDoesNotGuess has a log that breaks off: what was not read is neither whole nor altered.
func TestVerifyDoesNotGuess(t *testing.T) {
	log := &audittest.MemLog{}
	grow(t, audit.New(log, noon), 3)
	chain := audit.New(&brokenReader{Log: log}, noon)
	if report, err := chain.Verify(t.Context(), nil); !errors.Is(err, errStorage) {
		t.Errorf("Verify: got %+v, %v, want the log's error", report, err)
	}
	if events, _, err := chain.List(t.Context(), audit.Query{}); !errors.Is(err, errStorage) {
		t.Errorf("List: got %v, %v, want the log's error", events, err)
	}
}

var errStorage = errors.New("the storage is away")

// brokenReader breaks off after one event.
type brokenReader struct{ audit.Log }

func (l *brokenReader) Read(ctx context.Context, r audit.Range) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		for entry, err := range l.Log.Read(ctx, r) {
			if !yield(entry, err) || !yield(audit.Entry{}, errStorage) {
				return
			}
		}
	}
}

package bus

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/customer-exports/exports/pkg/fault"
)

// inter puts a message into DEAD as consumers do.
func (b *Bus) inter(t *testing.T, subject string, data []byte) {
	t.Helper()
	header := nats.Header{HeaderCause: {"a cause"}, HeaderReason: {"SOURCE_REFUSED"}, HeaderAttempts: {"5"}}
	if err := b.store(t.Context(), &nats.Msg{Subject: subject, Header: header, Data: data}); err != nil {
		t.Fatal(err)
	}
}

// graveyard is a stream DEAD with tasks of two customers and three runs, and one message that is no task.
func graveyard(t *testing.T) *Bus {
	t.Helper()
	b := connect(t)
	for _, l := range []struct{ customer, id string }{
		{"acme", "a-20260110-1.measure"},
		{"acme", "a-20260110-10.extract.T.0"},
		{"bella", "b-20260110-1.commit"},
		{"acme", "a-20260110-1.measure"},
	} {
		b.inter(t, "dead.measure."+l.customer+"."+l.id, encoded(t, l.id, l.customer))
	}
	b.inter(t, "dead.junk", []byte("\xff\xff"))
	return b
}

func read(t *testing.T, b *Bus, f LetterFilter, from uint64, limit int) (found []string) {
	t.Helper()
	letters, err := b.Letters(t.Context(), f, from, limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range letters {
		found = append(found, fmt.Sprintf("%d %s", l.Sequence, l.TaskID))
	}
	return found
}

func TestLettersAreFiltered(t *testing.T) {
	t.Parallel()
	b := graveyard(t)
	for name, test := range map[string]struct {
		filter LetterFilter
		from   uint64
		limit  int
		want   []string
	}{
		"all":               {LetterFilter{}, 0, 9, []string{"1 a-20260110-1.measure", "2 a-20260110-10.extract.T.0", "3 b-20260110-1.commit", "4 a-20260110-1.measure", "5 "}},
		"a page":            {LetterFilter{}, 2, 2, []string{"2 a-20260110-10.extract.T.0", "3 b-20260110-1.commit"}},
		"past the end":      {LetterFilter{}, 6, 2, nil},
		"a customer's":      {LetterFilter{CustomerID: "acme"}, 2, 9, []string{"2 a-20260110-10.extract.T.0", "4 a-20260110-1.measure"}},
		"a run's":           {LetterFilter{CustomerID: "acme", RunID: "a-20260110-1"}, 0, 9, []string{"1 a-20260110-1.measure", "4 a-20260110-1.measure"}},
		"another's run":     {LetterFilter{CustomerID: "bella", RunID: "a-20260110-1"}, 0, 9, nil},
		"a task's":          {LetterFilter{TaskID: "b-20260110-1.commit"}, 0, 9, []string{"3 b-20260110-1.commit"}},
		"widened by a task": {LetterFilter{TaskID: ">"}, 0, 9, nil},
		"by a customer":     {LetterFilter{CustomerID: "*.>"}, 0, 9, nil},
		"by a run":          {LetterFilter{RunID: "*"}, 0, 9, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, read(t, b, test.filter, test.from, test.limit)); diff != "" {
				t.Errorf("letters (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLettersTellTheirCause(t *testing.T) {
	t.Parallel()
	letters, err := graveyard(t).Letters(t.Context(), LetterFilter{}, 3, 9)
	if err != nil {
		t.Fatal(err)
	}
	commit, junk := letters[0], letters[len(letters)-1]
	if commit.Task.GetTaskId() != commit.TaskID || commit.Reason != fault.ReasonSourceRefused || commit.Cause != "a cause" ||
		commit.Attempts != 5 || commit.Time.IsZero() || commit.Kind != "measure" || commit.CustomerID != "bella" {
		t.Errorf("letter = %+v", commit)
	}
	if junk.Task != nil {
		t.Errorf("a message that is no task was read as %v", junk.Task)
	}
}

func TestLettersThatAreNotWhatTheirSubjectSays(t *testing.T) {
	t.Parallel()
	b := connect(t)
	b.inter(t, "dead.measure.acme.x", encoded(t, "y", "acme"))
	if letters, err := b.Letters(t.Context(), LetterFilter{}, 0, 1); err != nil || len(letters) != 1 || letters[0].Task != nil {
		t.Errorf("letters = %+v, %v; want one that cannot be read", letters, err)
	}
}

func TestRemovedLettersAreGone(t *testing.T) {
	t.Parallel()
	b := graveyard(t)
	for range 2 { // the second finds it gone
		if err := b.RemoveLetter(t.Context(), 4); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"1 a-20260110-1.measure"}, read(t, b, LetterFilter{TaskID: "a-20260110-1.measure"}, 0, 9)); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
}

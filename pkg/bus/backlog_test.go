package bus

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/pkg/fault"
)

func backlog(t *testing.T, b *Bus) Backlog {
	t.Helper()
	got, err := b.Backlog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got.Tasks, func(a, b Queued) int { return cmp.Compare(a.TaskID, b.TaskID) })
	return got
}

func TestBacklogNamesEveryTask(t *testing.T) {
	t.Parallel()
	b := connect(t)
	if got := backlog(t, b); len(got.Tasks) != 0 || got.Last != 0 {
		t.Errorf("an empty queue = %+v", got)
	}
	queue(t, b, "e-20261123-1.extract.FACT_REVIEWS.0", "a")
	if err := again(t, b, "a"); err != nil {
		t.Fatal(err)
	}
	want := Backlog{Last: 3, Tasks: []Queued{
		{Kind: "measure", CustomerID: "acme", TaskID: "a", Messages: 2},
		{Kind: "measure", CustomerID: "acme", TaskID: "e-20261123-1.extract.FACT_REVIEWS.0", Messages: 1},
	}}
	if diff := gocmp.Diff(want, backlog(t, b)); diff != "" {
		t.Errorf("backlog differs (-want +got):\n%s", diff)
	}
}

// again queues a task on what is there, whether or not it is queued.
func again(t *testing.T, b *Bus, id string) error {
	t.Helper()
	_, err := b.PublishTaskAfter(t.Context(), telemetry(t), "measure", task(id), backlog(t, b).Last)
	return err
}

func TestOneOfTwoWhoSawTheSameBacklogQueues(t *testing.T) {
	t.Parallel()
	b, tel := connect(t), telemetry(t)
	next, err := b.PublishTaskAfter(t.Context(), tel, "measure", task("a"), 0)
	if err != nil || next != 1 {
		t.Fatalf("PublishTaskAfter = %d, %v, want sequence 1", next, err)
	}
	if _, err := b.PublishTaskAfter(t.Context(), tel, "measure", task("b"), 0); !errors.Is(err, ErrOvertaken) {
		t.Errorf("on an old backlog: %v, want ErrOvertaken", err)
	}
	if next, err = b.PublishTaskAfter(t.Context(), tel, "measure", task("b"), next); err != nil || next != 2 {
		t.Errorf("on the sequence of the first: %d, %v, want 2", next, err)
	}
	if _, err := b.PublishTaskAfter(t.Context(), tel, "measure", task("a..b"), next); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a task id that is no subject: %v, want invalid", err)
	}
}

func TestALostTaskIsQueuedAgainAtOnce(t *testing.T) {
	t.Parallel()
	b := connect(t)
	for range 3 {
		if err := again(t, b, "a"); err != nil {
			t.Fatal(err)
		}
		purge(t, b)
		if got := backlog(t, b); len(got.Tasks) != 0 {
			t.Errorf("after a purge: %+v", got)
		}
	}
	if got := backlog(t, b); got.Last != 3 {
		t.Errorf("last sequence %d, want 3: each time one was stored", got.Last)
	}
}

func purge(t *testing.T, b *Bus) {
	t.Helper()
	stream, err := b.js.Stream(t.Context(), StreamTasks)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestBacklogOfAStreamThatIsGone(t *testing.T) {
	t.Parallel()
	b := connect(t)
	queue(t, b, "a")
	backlog(t, b)
	if err := b.js.DeleteStream(t.Context(), StreamTasks); err != nil {
		t.Fatal(err)
	}
	if got := backlog(t, b); len(got.Tasks) != 0 || got.Last != 0 {
		t.Errorf("backlog = %+v, want that of a new stream", got)
	}
	if err := again(t, b, "a"); err != nil {
		t.Error(err)
	}
}

func TestDeathCountsAndTellsTheLast(t *testing.T) {
	t.Parallel()
	b := connect(t)
	if got, err := b.Death(t.Context(), "measure", task("a")); err != nil || got.Count != 0 {
		t.Fatalf("Death of a task that lives = %+v, %v", got, err)
	}
	queue(t, b, "lost") // or the streams would count alike
	purge(t, b)
	consume(t, b, measures("w"), func(_ context.Context, d Delivery) error {
		return fault.New(fault.State, fault.ReasonNotApproved, "not this time: %s", d.Task.GetTaskId())
	})
	for n := uint64(1); n <= 2; n++ {
		if err := again(t, b, "a"); err != nil {
			t.Fatal(err)
		}
		await(t, b, StreamDead, n)
	}
	got, err := b.Death(t.Context(), "measure", task("a"))
	if err != nil || got.Count != 2 || got.Reason != fault.ReasonNotApproved || got.Cause != "not this time: a" || got.Attempts != 1 || got.Time.IsZero() {
		t.Errorf("Death = %+v, %v", got, err)
	}
	if other, err := b.Death(t.Context(), "measure", task("a.b")); err != nil || other.Count != 0 {
		t.Errorf("Death of another task = %+v, %v", other, err)
	}
}

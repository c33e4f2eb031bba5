package sim

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/dispatch"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// world is everything around the planners, and the one random that decides over it.
type world struct {
	ctx     context.Context
	tel     *obs.Telemetry
	seed    uint64
	random  *rand.Rand
	now     time.Time
	trouble Settings // mostly zero once the world is calm
	pace    time.Duration
	settle  time.Duration  // how long after its due time a run may be measured
	rules   dispatch.Rules // in the config file
	nested  bool           // somebody acts in the middle of another one's call
	acting  int
	calls   int // in this step

	exports  exports
	store    *memStore
	queue    *memQueue
	away     map[string]time.Time // until when
	excused  map[string]int       // by task id
	dead     map[string]*death    // by task id
	bucket   map[string]manifest  // by run id
	removed  map[string]bool      // drops that were deleted, by run id
	planners []*planner
	workers  []*worker
	seen     Report
	faults   []error // noticed on the way
}

func newWorld(ctx context.Context, seed uint64, s Settings) *world {
	w := &world{
		ctx: ctx, seed: seed, random: newRandom(seed), now: begin(), trouble: s, pace: slowStep,
		away: map[string]time.Time{}, excused: map[string]int{}, dead: map[string]*death{}, bucket: map[string]manifest{}, removed: map[string]bool{}, tel: silent(ctx),
	}
	w.store, w.queue = newStore(w), &memQueue{world: w}
	w.rules, w.settle = w.drawRules(), []time.Duration{0, 40 * time.Minute}[w.random.IntN(2)]
	for i := range s.Exports {
		w.exports = append(w.exports, w.export(i))
	}
	for i := range s.Planners {
		w.planners = append(w.planners, newPlanner(w, i))
	}
	for range s.Workers {
		w.workers = append(w.workers, &worker{world: w})
	}
	return w
}

// silent is telemetry that nobody reads.
func silent(ctx context.Context) *obs.Telemetry {
	tel, err := obs.Setup(ctx, obs.Config{Service: "sim", LogLevel: "error"}, io.Discard)
	if err != nil {
		panic(err) // a constant config
	}
	return tel
}

// export is approved at the beginning and due at a random minute in one of two zones.
func (w *world) export(i int) *configv1.Export {
	minute, zone := w.random.IntN(24*60), []string{"Europe/Berlin", "Asia/Kathmandu"}[w.random.IntN(2)]
	return &configv1.Export{
		ExportId: fmt.Sprintf("export-%d", i), CustomerId: fmt.Sprintf("customer-%d", i%2),
		Terms: []*configv1.Term{{Revision: 1, EffectiveTime: timestamppb.New(begin()), Owed: true}},
		Revision: &configv1.Revision{Revision: 1, Spec: &configv1.ExportSpec{
			Tables:   []*configv1.TableSelection{{Table: "DIM_DATES"}, {Table: "FACT_REVIEWS"}},
			Schedule: &configv1.Schedule{TimeOfDay: fmt.Sprintf("%02d:%02d", minute/60, minute%60), TimeZone: zone},
		}},
	}
}

// truth is what the source holds for an export, always: 4 to 15 dates, so that runs are small, medium or large.
func (w *world) truth(exportID string) []*planv1.TableMeasurement {
	reviews := &planv1.TableMeasurement{Table: "FACT_REVIEWS"}
	for day := range 4 + w.hash(exportID)%12 {
		reviews.Counts = append(reviews.Counts, &planv1.SplitCount{SplitDate: fmt.Sprintf("2026-01-%02d", day+1), RowCount: 80})
	}
	return []*planv1.TableMeasurement{{Table: "DIM_DATES", Counts: []*planv1.SplitCount{{RowCount: 7}}}, reviews}
}

// remove deletes a drop, which must not be the newest of its export.
func (w *world) remove(runID string) {
	newest := true
	for id := range w.bucket {
		newest = newest && (!run.OfExport(id, w.exportOf(runID)) || run.NewestFirst(runID, id) <= 0)
	}
	if _, there := w.bucket[runID]; there && newest {
		w.wrong("%s is deleted, the newest drop of its export", runID)
	}
	w.removed[runID] = true
	delete(w.bucket, runID)
}

// exportOf finds the export of a run.
func (w *world) exportOf(runID string) string {
	for _, e := range w.exports {
		if run.OfExport(runID, e.GetExportId()) {
			return e.GetExportId()
		}
	}
	return ""
}

// calm ends all trouble; what is broken by then stays broken until somebody mends it.
func (w *world) calm() {
	was := w.trouble
	w.trouble, w.pace = Settings{Poison: was.Poison, Deadly: was.Deadly, Foreign: was.Foreign}, calmStep
	clear(w.away)
	for _, p := range w.planners {
		p.down = time.Time{}
	}
}

// crashed is what a planner's or worker's end looks like to the code that it was in.
type crashed struct{}

// mostCalls is how many calls a step may make: more are a loop without an end.
const mostCalls = 10_000

// call does something elsewhere: it may fail before or after its effect, and the caller may end there.
func (w *world) call(effect func() error) error {
	if w.calls++; w.calls > mostCalls {
		w.wrong("somebody makes %d calls at once", w.calls)
		panic(crashed{})
	}
	w.meanwhile()
	switch {
	case w.chance(w.trouble.Crash):
		if w.chance(0.5) {
			_ = effect()
		}
		w.seen.Crashes++
		panic(crashed{})
	case w.chance(w.trouble.FailBefore):
		w.seen.Faults++
		return away()
	}
	err := effect()
	if w.chance(w.trouble.FailAfter) {
		w.seen.Faults++
		return away()
	}
	return err
}

// meanwhile lets somebody else act in the middle of what an actor does.
func (w *world) meanwhile() {
	if w.nested || !w.chance(w.trouble.Between) {
		return
	}
	other := w.draw()
	if other == w.acting {
		return
	}
	w.nested = true
	defer func() { w.nested = false }()
	w.act(other)
}

// survive runs an actor until it has done or ended.
func survive(act func()) (ended bool) {
	defer func() {
		switch p := recover(); p.(type) {
		case nil:
		case crashed:
			ended = true
		default:
			panic(p)
		}
	}()
	act()
	return false
}

func away() error { return fault.New(fault.Unavailable, fault.ReasonUnavailable, "away") }

// ill says that every attempt at a task fails, and deadly that the worker crashes at each; a commit is spared the latter.
func (w *world) ill(taskID string) bool { return w.always(w.trouble.Poison, taskID) }

func (w *world) deadly(taskID string) bool {
	return !strings.HasSuffix(taskID, "."+run.KindCommit) && w.always(w.trouble.Deadly, "deadly "+taskID)
}

// always is a probability that a task has for good, whoever tries it.
func (w *world) always(p float64, taskID string) bool {
	return p > 0 && float64(w.hash(taskID)%1e6) < p*1e6
}

func (w *world) hash(text string) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, w.seed, text)
	return h.Sum64()
}

// wrong notes what must never be, at the moment at which it is.
func (w *world) wrong(format string, args ...any) {
	if len(w.faults) < 5 {
		w.faults = append(w.faults, fmt.Errorf("at %s "+format, append([]any{w.now.Format(time.DateTime)}, args...)...))
	}
}

// exports is the config service.
type exports []*configv1.Export

// List is part of plan.Exports.
func (e exports) List(context.Context) ([]*configv1.Export, error) { return e, nil }

// Get is part of plan.Exports.
func (e exports) Get(_ context.Context, id string) (*configv1.Export, error) {
	for _, export := range e {
		if export.GetExportId() == id {
			return export, nil
		}
	}
	return nil, fault.New(fault.NotFound, fault.ReasonNotFound, "no export %q", id)
}

// Revision is part of plan.Exports. Every export here has one revision.
func (e exports) Revision(ctx context.Context, id string, number int64) (*configv1.Revision, error) {
	export, err := e.Get(ctx, id)
	if err == nil && export.GetRevision().GetRevision() != number {
		err = fault.New(fault.NotFound, fault.ReasonNotFound, "no revision %d", number)
	}
	return export.GetRevision(), err
}

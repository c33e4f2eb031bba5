package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/run"
)

// sourceTime bounds one question to the source.
const sourceTime = 30 * time.Second

// Range is the dates of a backfill, YYYY-MM-DD, both included. Dry says what would be done and does nothing.
type Range struct {
	From, To string
	Dry      bool
}

// Backfill plans the run of every date that is owed and has none, oldest first, except those that the source no longer
// holds. Cut off half-way, it goes on when repeated. Refusals as run.Between.
func (p *Planner) Backfill(ctx context.Context, exportID string, dates Range, by By) (*planv1.BackfillResponse, error) {
	export, err := p.Exports.Get(ctx, exportID)
	if err != nil {
		return nil, err
	}
	all, err := run.Between(export, dates.From, dates.To, p.Now())
	if err != nil {
		return nil, err
	}
	b, err := p.decide(ctx, export, all, by)
	if err != nil {
		return nil, err
	}
	checked := p.dropGone(ctx, b)
	for _, r := range b.Runs {
		if dates.Dry {
			break
		}
		if _, _, err := p.create(ctx, r, nil); err != nil {
			return nil, err
		}
	}
	answer := b.Answer()
	answer.SourceChecked = checked
	return answer, nil
}

func (p *Planner) decide(ctx context.Context, export *configv1.Export, dates []calendar.Date, by By) (*run.Backfill, error) {
	ids, err := p.Store.Versions(ctx)
	if err != nil {
		return nil, err
	}
	b, newest, now := &run.Backfill{}, run.Newest(maps.Keys(ids), export.GetExportId()), p.Now()
	made := p.maker(ctx)
	for _, date := range dates {
		if err := b.Add(export, date, newest[date.Compact()], made, by.act("Backfill", now), now); err != nil {
			return nil, fmt.Errorf("looking at %s: %w", date, err)
		}
	}
	return b, nil
}

// maker reads each revision once.
func (p *Planner) maker(ctx context.Context) run.Maker {
	known := map[int64]*configv1.Revision{}
	return func(e run.Expectation) (*configv1.Revision, error) {
		if r, found := known[e.Revision]; found {
			return r, nil
		}
		r, err := p.revision(ctx, e)
		if err == nil {
			known[e.Revision] = r
		}
		return r, err
	}
}

// dropGone takes out what the source no longer holds, and says whether the source told.
func (p *Planner) dropGone(ctx context.Context, b *run.Backfill) bool {
	if p.Source == nil {
		return false
	}
	told, asked := true, map[string]time.Time{}
	b.Drop(func(r *planv1.Run) time.Time {
		tables := tablesOf(r)
		key := strings.Join(tables, " ")
		if from, known := asked[key]; known {
			return from
		}
		from, err := p.earliest(ctx, tables)
		if err != nil {
			told = false
			p.Tel.Logger.WarnContext(ctx, "the source does not say how far back it reaches", obs.KeyExportID, r.GetRef().GetExportId(), obs.KeyError, err,
				obs.KeyReason, fault.ReasonOf(err))
		}
		asked[key] = from
		return from
	})
	return told
}

func (p *Planner) earliest(ctx context.Context, tables []string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, sourceTime)
	defer cancel()
	return p.Source.Earliest(ctx, tables)
}

// tablesOf names the tables of a run in an order of their own.
func tablesOf(r *planv1.Run) []string {
	var tables []string
	for _, t := range r.GetTables() {
		tables = append(tables, t.GetTable())
	}
	return slices.Sorted(slices.Values(tables))
}

package snowflake

import (
	"context"
	"strconv"
	"time"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/statement"
)

const (
	// headroom is how long an instant that is told as readable stays so: the last statement of a run that is planned at it
	// comes hours after the question.
	headroom = 2 * time.Hour
	// grain is coarser than the source's clock. What was made within it is readable from its end on.
	grain = time.Second
	// maxDays is far more than a source keeps, and no more than a duration holds.
	maxDays = 36_500
)

// past is how far back one table reaches.
type past struct {
	created, now time.Time
	kept         time.Duration
}

// from is the first instant at which the table can be read.
func (p past) from() time.Time {
	horizon := p.now.Add(-p.kept).Add(min(headroom, p.kept))
	if p.created.Before(horizon) {
		return horizon.Add(grain - 1).Truncate(grain)
	}
	return p.created.Add(grain).Truncate(grain)
}

// Earliest is part of source.Reader. State UNKNOWN_TABLE when the source does not have one of the tables.
func (s *Source) Earliest(ctx context.Context, tables []string) (time.Time, error) {
	if len(tables) == 0 {
		return time.Time{}, fault.New(fault.Invalid, fault.ReasonValidation, "asking for the history of no table")
	}
	pasts, err := s.pasts(ctx, tables)
	if err != nil {
		return time.Time{}, err
	}
	var earliest time.Time
	for _, table := range tables {
		past, found := pasts[table]
		if !found {
			return time.Time{}, fault.New(fault.State, fault.ReasonUnknownTable, "the source has no table %s, or does not tell its history", table)
		}
		if from := past.from(); from.After(earliest) {
			earliest = from
		}
	}
	return earliest.UTC(), nil
}

func (s *Source) pasts(ctx context.Context, tables []string) (map[string]past, error) {
	q := question{
		purpose: "earliest_as_of", text: s.statement.Histories(tables), most: int64(len(tables)),
		layout: result("TABLES",
			dictionary.Column{Name: "table_name", Type: stringType},
			dictionary.Column{Name: "created_ms", Type: integerType, Nullable: true},
			dictionary.Column{Name: "retention_time", Type: integerType, Nullable: true},
			dictionary.Column{Name: "now_ms", Type: integerType}),
	}
	pasts := make(map[string]past, len(tables))
	var wrong error
	err := s.ask(ctx, q, func(row []*string) {
		if row[1] == nil || row[2] == nil {
			return // a view, of which the source does not know
		}
		created, days, now := number(row[1], &wrong), min(number(row[2], &wrong), maxDays), number(row[3], &wrong)
		pasts[*row[0]] = past{created: time.UnixMilli(created), now: time.UnixMilli(now), kept: time.Duration(days) * 24 * time.Hour}
	})
	if err == nil {
		err = wrong
	}
	return pasts, err
}

// Now tells the source's time.
func (s *Source) Now(ctx context.Context) (now time.Time, err error) {
	q := question{
		purpose: "now", text: statement.Now(), most: 1,
		layout: result("CLOCK", dictionary.Column{Name: "now_ms", Type: integerType}),
	}
	var wrong error
	err = s.ask(ctx, q, func(row []*string) { now = time.UnixMilli(number(row[0], &wrong)).UTC() })
	switch {
	case err != nil:
		return time.Time{}, err
	case wrong != nil:
		return time.Time{}, wrong
	case now.IsZero():
		return time.Time{}, truncated("the source did not tell its time")
	}
	return now, nil
}

// number reads a whole number, and notes when it is too large to be one of ours.
func number(text *string, wrong *error) int64 {
	n, err := strconv.ParseInt(*text, 10, 64)
	if err != nil {
		*wrong = fault.New(fault.State, fault.ReasonValueOutOfRange, "a number of the source's catalogue is out of range")
	}
	return n
}

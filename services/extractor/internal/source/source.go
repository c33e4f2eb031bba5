// Package source is what an extractor asks of the place that holds the ANALYTICS tables, in the
// extractor's own words. It refuses nothing and reads nothing: implementations do. Start at Reader.
package source

import (
	"context"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/scope"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// Reader reads tables at one instant. Its errors are faults whose reasons say whether another
// attempt can help; none carries text of the source, which may quote rows.
type Reader interface {
	// Measure counts the rows of every table of a survey, in one statement.
	Measure(ctx context.Context, attempt Attempt, survey Survey) ([]Count, error)
	// Read gives the rows of a part to emit, in records of arrowschema.Of(part.Layout), and returns
	// how many there were. It returns no error only when every row that the source announced, and
	// that was measured, has been emitted. A record is valid until emit returns.
	Read(ctx context.Context, attempt Attempt, part Part, emit func(arrow.Record) error) (rows int64, err error)
	// Earliest returns the first instant at which all of the tables can be read, for a while to come.
	Earliest(ctx context.Context, tables []string) (time.Time, error)
}

// Attempt identifies one try, for spans and for the source's own logs.
type Attempt struct {
	Run *taskv1.RunRef
	// Number counts from 1; 0 when no run is read, but what one would read is counted.
	Number int
	// Progress is called whenever the source shows a sign of life, from any goroutine.
	Progress func()
}

// Survey is what is measured.
type Survey struct {
	Layouts []*dictionary.Layout
	Scope   *scope.Set
	AsOf    time.Time
	// Large says that the large warehouse measures.
	Large bool
}

// Part is the rows of one table that one task reads.
type Part struct {
	Layout *dictionary.Layout
	Scope  *scope.Set
	AsOf   time.Time
	// Large says that the large warehouse reads.
	Large bool
	// Range narrows the part on the table's split column; nil means the whole table.
	Range *Range
	// Rows is the number of rows measured at the as-of time.
	Rows int64
}

// Range is a half-open range of split dates, YYYY-MM-DD; an empty side is unbounded.
type Range struct {
	From, Until string
	// WithNull says that rows without a split date belong to it.
	WithNull bool
}

// Count is the rows of one table on one split date.
type Count struct {
	Table string
	// SplitDate is YYYY-MM-DD, or empty for rows without one.
	SplitDate string
	Rows      int64
}

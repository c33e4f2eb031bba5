package snowflake

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/convert"
	"github.com/customer-exports/exports/services/extractor/internal/source"
)

// The types of results that are not a table's. A number takes any width that the source gives it.
var (
	stringType  = dictionary.Type{Kind: dictionary.KindString}
	integerType = dictionary.Type{Kind: dictionary.KindNumber, Precision: 38}
)

// measurement lays out the result of statement.Measure.
func measurement() *dictionary.Layout {
	return result("MEASUREMENT",
		dictionary.Column{Name: "table_name", Type: stringType},
		dictionary.Column{Name: "split_value", Type: stringType, Nullable: true},
		dictionary.Column{Name: "row_count", Type: integerType})
}

// result lays out a result that is not a table's.
func result(name string, columns ...dictionary.Column) *dictionary.Layout {
	table := &dictionary.Table{Name: name, Columns: columns}
	layout := &dictionary.Layout{Table: table, Exported: len(columns), BrandField: -1, LocationField: -1}
	for i := range columns {
		layout.Fields = append(layout.Fields, dictionary.Field{Name: columns[i].Name, Column: &columns[i]})
	}
	return layout
}

// MeasureText is part of work.Teller.
func (s *Source) MeasureText(survey source.Survey) (string, error) {
	text, err := s.statement.Measure(survey)
	return text.SQL, err
}

// ExtractText is part of work.Teller.
func (s *Source) ExtractText(part source.Part) (string, error) {
	text, err := s.statement.Extract(part)
	return text.SQL, err
}

// Measure is part of source.Reader.
func (s *Source) Measure(ctx context.Context, attempt source.Attempt, survey source.Survey) ([]source.Count, error) {
	text, err := s.statement.Measure(survey)
	if err != nil {
		return nil, err
	}
	answer, err := s.query(ctx, s.errand(attempt, survey.Large), text)
	if err != nil {
		return nil, fmt.Errorf("counting rows: %w", s.explain(ctx, err, survey.Layouts...))
	}
	defer answer.close()
	converter, err := convert.New(measurement(), answer.rowTypes())
	if err != nil {
		return nil, err
	}
	tally := tally{known: map[string]bool{}, seen: map[source.Count]bool{}}
	for _, layout := range survey.Layouts {
		tally.known[layout.Table.Name] = true
	}
	if _, err := s.fetch(ctx, attempt.Progress, answer, converter, tally.add); err != nil {
		return nil, fmt.Errorf("reading row counts, query %q: %w", answer.queryID, err)
	}
	return tally.counts, nil
}

// tally gathers counts and refuses any that was not asked for: the counts prove completeness later.
type tally struct {
	known  map[string]bool
	seen   map[source.Count]bool
	counts []source.Count
}

// add copies what it keeps: the record's memory is used again.
func (t *tally) add(rec arrow.Record) error {
	tables, isText := rec.Column(0).(*array.String)
	dates, isDate := rec.Column(1).(*array.String)
	rows, isNumber := rec.Column(2).(*array.Decimal128)
	if !isText || !isDate || !isNumber {
		return fault.New(fault.Internal, fault.ReasonInternal, "row counts are not of the measured types")
	}
	for i := range int(rec.NumRows()) {
		number := rows.Value(i)
		if number.HighBits() != 0 || int64(number.LowBits()) < 0 { //nolint:gosec // this is the range check
			return fault.New(fault.State, fault.ReasonValueOutOfRange, "row count of table %s is out of range", tables.Value(i))
		}
		count := source.Count{Table: strings.Clone(tables.Value(i)), Rows: int64(number.LowBits())} //nolint:gosec // checked above
		if dates.IsValid(i) {
			count.SplitDate = strings.Clone(dates.Value(i))
		}
		if err := t.take(count); err != nil {
			return err
		}
	}
	return nil
}

func (t *tally) take(count source.Count) error {
	key := source.Count{Table: count.Table, SplitDate: count.SplitDate}
	if !t.known[count.Table] || t.seen[key] {
		return truncated("row counts of table %q are not those asked for", count.Table)
	}
	if _, err := time.Parse(time.DateOnly, count.SplitDate); err != nil && count.SplitDate != "" {
		return fault.New(fault.State, fault.ReasonValueOutOfRange, "split date of table %s is not a date of four-digit years", count.Table)
	}
	t.seen[key] = true
	t.counts = append(t.counts, count)
	return nil
}

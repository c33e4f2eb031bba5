package snowflake

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/convert"
	"github.com/customer-exports/exports/services/extractor/internal/lookup"
	"github.com/customer-exports/exports/services/extractor/internal/statement"
)

// maxColumns is far more than 500 tables have.
const maxColumns = 100_000

// question is a statement about names rather than rows.
type question struct {
	purpose string
	text    statement.Statement
	layout  *dictionary.Layout
	// most is how many rows an answer can have; it bounds memory.
	most int64
}

// Names is part of lookup.Source.
func (s *Source) Names(ctx context.Context, table *dictionary.Table, brands, locations []string) (lookup.Found, error) {
	text, err := s.statement.Names(table, brands, locations)
	if err != nil {
		return lookup.Found{}, err
	}
	q := question{
		purpose: "check_scope", text: text, most: int64(len(brands) + 2*len(locations)),
		layout: result("NAMES", dictionary.Column{Name: "kind", Type: stringType}, dictionary.Column{Name: "name", Type: stringType}),
	}
	names := map[string]map[string]bool{statement.KindBrand: {}, statement.KindLocation: {}, statement.KindOwn: {}}
	err = s.ask(ctx, q, func(row []*string) {
		if kind := names[*row[0]]; kind != nil {
			kind[*row[1]] = true
		}
	})
	return lookup.Found{Brands: names[statement.KindBrand], Locations: names[statement.KindLocation], Own: names[statement.KindOwn]}, err
}

// Columns is part of lookup.Source.
func (s *Source) Columns(ctx context.Context, tables []string) ([]lookup.Column, error) {
	q := question{
		purpose: "describe_tables", text: s.statement.Columns(tables), most: maxColumns,
		layout: result("COLUMNS",
			dictionary.Column{Name: "table_name", Type: stringType},
			dictionary.Column{Name: "column_name", Type: stringType},
			dictionary.Column{Name: "data_type", Type: stringType},
			dictionary.Column{Name: "numeric_precision", Type: integerType, Nullable: true},
			dictionary.Column{Name: "numeric_scale", Type: integerType, Nullable: true},
			dictionary.Column{Name: "datetime_precision", Type: integerType, Nullable: true},
			dictionary.Column{Name: "is_nullable", Type: stringType}),
	}
	var columns []lookup.Column
	err := s.ask(ctx, q, func(row []*string) {
		columns = append(columns, lookup.Column{
			Table: *row[0], Name: *row[1], Type: spelled(*row[2], row[3], row[4], row[5]), Nullable: *row[6] != "NO",
		})
	})
	return columns, err
}

// spelled gives a type in the Data Dictionary's spelling, or as the source spells it when the
// dictionary has no word for it or the source does not tell its digits. What a vector is made of does
// not change how it lands, so the dictionary does not say.
func spelled(word string, precision, scale, fraction *string) string {
	kind := dictionary.Kind(word)
	switch {
	case word == "TEXT":
		return string(dictionary.KindString)
	case strings.HasPrefix(word, string(dictionary.KindVector)+"("):
		return string(dictionary.KindVector)
	case kind == dictionary.KindNumber && precision != nil && scale != nil:
		return fmt.Sprintf("%s(%s,%s)", kind, *precision, *scale)
	case (kind == dictionary.KindTime || kind.Timestamp()) && fraction != nil:
		return fmt.Sprintf("%s(%s)", kind, *fraction)
	}
	return word
}

// ask gives the rows of the answer to use, each value as text and null as nil. All of it is bounded in
// time, and it fails unless every row that was announced came.
func (s *Source) ask(ctx context.Context, q question, use func(row []*string)) error {
	within := s.cfg.lookupTimeout()
	ctx, cancel := context.WithTimeoutCause(ctx, within,
		fault.New(fault.Unavailable, fault.ReasonSourceStalled, "the source did not answer within %s", within))
	defer cancel()
	e := errand{pool: s.standard, tag: tag{Service: "extractor", Purpose: q.purpose}, progress: func() {}}
	answer, err := s.query(ctx, e, q.text)
	if err != nil {
		return fmt.Errorf("asking for %s: %w", q.purpose, err)
	}
	defer answer.close()
	if total := answer.loader.TotalRows(); total > q.most {
		return truncated("the source announces %d rows where there can be %d, query %q", total, q.most, answer.queryID)
	}
	converter, err := convert.New(q.layout, answer.rowTypes())
	if err != nil {
		return err
	}
	if _, err := s.fetch(ctx, e.progress, answer, converter, each(use)); err != nil {
		return fmt.Errorf("reading the answer to %s, query %q: %w", q.purpose, answer.queryID, err)
	}
	return nil
}

// each hands the rows of records on, in copies that outlive them.
func each(use func(row []*string)) func(arrow.Record) error {
	return func(rec arrow.Record) error {
		for i := range int(rec.NumRows()) {
			row := make([]*string, rec.NumCols())
			for c, values := range rec.Columns() {
				if values.IsValid(i) {
					row[c] = new(strings.Clone(values.ValueStr(i)))
				}
			}
			use(row)
		}
		return nil
	}
}

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
	"github.com/customer-exports/exports/pkg/dictionary"
)

// TestDropsAgreeWithTheWarehouse reads every file with two readers that did not
// write it, and compares each column with the warehouse at the as-of time.
func TestDropsAgreeWithTheWarehouse(t *testing.T) {
	s := stackFor(t, nil)
	results, report := deliver(t, s, demo.Engagements()...)
	for i, run := range report.Runs {
		for _, table := range run.Tables {
			t.Run(run.CustomerID+"/"+table.Table, func(t *testing.T) {
				compare(t, s, results[i], table)
			})
		}
		t.Run(run.CustomerID+"/trace", func(t *testing.T) { checkTrace(t, s, results[i]) })
	}
}

func compare(t *testing.T, s *stack.Stack, r demo.Result, table demo.TableReport) {
	t.Helper()
	layout, err := dictionary.Standard().Layout(table.Table, nil)
	if err != nil {
		t.Fatal(err)
	}
	db, files := s.Warehouse.DB(), paths(s, r.Engagement, table)
	want := bySQL(t, db, layout, inScope(layout, r.Engagement, r.Run.GetRef().GetAsOfTime().AsTime()))
	if rows := want[layout.Fields[0].Name].Rows; rows == 0 || rows != table.Rows {
		t.Errorf("the warehouse has %d rows in scope, the manifest says %d", rows, table.Rows)
	}
	duck := bySQL(t, db, layout, "FROM read_parquet(['"+strings.Join(files, "', '")+"'], hive_partitioning = false) AS t")
	if diff := cmp.Diff(want, duck); diff != "" {
		t.Errorf("DuckDB and the warehouse differ (-warehouse +files):\n%s", diff)
	}
	if diff := cmp.Diff(want, byParquetGo(t, layout, files)); diff != "" {
		t.Errorf("parquet-go and the warehouse differ (-warehouse +files):\n%s", diff)
	}
}

// inScope states independently of the extractor which rows a customer is owed.
func inScope(l *dictionary.Layout, e demo.Engagement, asOf time.Time) string {
	at := func(alias string) string {
		instant := asOf.UTC().Format("2006-01-02 15:04:05.000")
		return fmt.Sprintf("%[1]s._valid_from <= TIMESTAMP '%[2]s' AND %[1]s._valid_to > TIMESTAMP '%[2]s'", alias, instant)
	}
	owned := func(alias string) string {
		return fmt.Sprintf(" AND %[1]s.brand IN ('%[2]s') AND %[1]s.location_id IN ('%[3]s')", alias, strings.Join(e.Brands, "', '"), strings.Join(e.Locations, "', '"))
	}
	from := "FROM analytics." + l.Table.Name + " AS t"
	switch {
	case l.Table.Scope.Shared:
		return from + " WHERE " + at("t")
	case l.Parent == nil:
		return from + " WHERE " + at("t") + owned("t")
	default:
		key := l.Parent.PrimaryKey[0]
		return fmt.Sprintf("%s JOIN analytics.%s AS p ON p.%s = t.%s WHERE %s AND %s%s", from, l.Parent.Name, key, key, at("t"), at("p"), owned("p"))
	}
}

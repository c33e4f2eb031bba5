package e2e

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
	"github.com/customer-exports/exports/pkg/dictionary"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// TestDropsAgreeWithTheWarehouse reads every file with readers that did not
// write it, and compares each column with the warehouse at the as-of time.
func TestDropsAgreeWithTheWarehouse(t *testing.T) {
	s := stackFor(t, nil)
	results, report := deliver(t, s, append(demo.Engagements(), textCustomers()...)...)
	for i, run := range report.Runs {
		for _, table := range run.Tables {
			t.Run(run.CustomerID+"/"+table.Table, func(t *testing.T) {
				compare(t, s, results[i], table)
				checkOwner(t, s, results[i], table)
			})
		}
		t.Run(run.CustomerID+"/trace", func(t *testing.T) { checkTrace(t, s, results[i]) })
	}
	t.Run("report", func(t *testing.T) { checkReport(t, s, results, report) })
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
	for who, got := range readings(t, db, r.Engagement, layout, files) {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s and the warehouse differ (-warehouse +files):\n%s", who, diff)
		}
	}
}

// readings are what the readers of a customer's format find in the files of a table.
func readings(t *testing.T, db *sql.DB, e demo.Engagement, layout *dictionary.Layout, files []string) map[string]map[string]summary {
	t.Helper()
	switch e.FileFormat {
	case configv1.FileFormat_FILE_FORMAT_CSV:
		return map[string]map[string]summary{"DuckDB": bySQL(t, db, layout, fromCSV(e, layout, files))}
	case configv1.FileFormat_FILE_FORMAT_JSON_LINES:
		return map[string]map[string]summary{"encoding/json": byJSON(t, layout, files)}
	default:
		duck := bySQL(t, db, layout, "FROM read_parquet(['"+strings.Join(files, "', '")+"'], hive_partitioning = false) AS t")
		return map[string]map[string]summary{"DuckDB": duck, "parquet-go": byParquetGo(t, layout, files)}
	}
}

// nobodys is the warehouse's brand that no customer has.
const nobodys = "Orphan Brand"

// checkOwner asserts that a table's files hold no row of another owner, and that there are such rows to be held back: of
// the brand nobody has, and of locations that the customer does not have. A table without brand and location columns is
// judged by the rows of its parent. Files of text are the warehouse's rows in scope to the last value, or compare fails.
func checkOwner(t *testing.T, s *stack.Stack, r demo.Result, table demo.TableReport) {
	t.Helper()
	if r.Engagement.FileFormat != configv1.FileFormat_FILE_FORMAT_UNSPECIFIED {
		return
	}
	layout, err := dictionary.Standard().Layout(table.Table, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, rule := paths(s, r.Engagement, table), layout.Table.Scope
	switch {
	case rule.Shared:
	case layout.Parent == nil:
		inside(t, distinct(t, layout, files, rule.Brand), r.Engagement.Brands)
		inside(t, distinct(t, layout, files, rule.Location), r.Engagement.Locations)
		foreign(t, s.Warehouse.DB(), layout.Table, r.Engagement)
	default:
		key := layout.Parent.PrimaryKey[0]
		found := distinct(t, layout, files, key)
		for id := range foreign(t, s.Warehouse.DB(), layout.Parent, r.Engagement) {
			if found[id] {
				t.Errorf("a row belongs to %s %s, which is of another owner", layout.Parent.Name, id)
			}
		}
	}
}

func inside(t *testing.T, found map[string]bool, owned []string) {
	t.Helper()
	if len(found) == 0 {
		t.Error("the files are empty")
	}
	for value := range found {
		if !slices.Contains(owned, value) {
			t.Errorf("%q is in the files, the customer has only %q", value, owned)
		}
	}
}

// foreign are the first key values of a table's rows that the customer may not see.
func foreign(t *testing.T, db *sql.DB, table *dictionary.Table, e demo.Engagement) map[string]bool {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), fmt.Sprintf("SELECT CAST(%s AS VARCHAR), brand, location_id FROM analytics.%s", table.PrimaryKey[0], table.Name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	keys, ofNobody, elsewhere := map[string]bool{}, 0, 0
	for rows.Next() {
		var key, brand, location string
		if err := rows.Scan(&key, &brand, &location); err != nil {
			t.Fatal(err)
		}
		orphan, outside := brand == nobodys, !slices.Contains(e.Locations, location)
		if orphan {
			ofNobody++
		} else if outside {
			elsewhere++
		}
		if orphan || outside {
			keys[key] = true
		}
	}
	if err := rows.Err(); err != nil || ofNobody == 0 || elsewhere == 0 {
		t.Errorf("%s has %d rows of %q and %d of other locations (%v): nothing to hold back", table.Name, ofNobody, nobodys, elsewhere, err)
	}
	return keys
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

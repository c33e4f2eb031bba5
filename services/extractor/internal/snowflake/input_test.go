package snowflake_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/lookup"
	"github.com/customer-exports/exports/services/extractor/internal/source"
)

// A value that would not land exactly fails its table, whichever chunk it is in, by the names of table and
// column and without the value.
func TestValuesOutsideTheirType(t *testing.T) {
	r := newRigOf(t, cutSmall)
	set := r.everything(t)
	far := func(seconds string) string { return seconds + "000000000" }
	for name, test := range map[string]struct{ kind, stored, fine, bad string }{
		"digits":                  {"NUMBER(5,0)", "DECIMAL(38, 0)", "99999", "100000"},
		"digits of a decimal":     {"NUMBER(5,2)", "DECIMAL(38, 2)", "-999.99", "-1000.00"},
		"digits of many":          {"NUMBER(30,0)", "DECIMAL(38, 0)", "1", "'1000000000000000000000000000000'::DECIMAL(38, 0)"},
		"not UTF-8":               {"STRING", "BLOB", "'fine'::BLOB", `'secret\xFF'::BLOB`},
		"half a character":        {"STRING", "BLOB", `'\xC3\xB6'::BLOB`, `'\xC3'::BLOB`},
		"date too late":           {"DATE", "DATE", "DATE '9999-12-31'", "DATE '10000-01-01'"},
		"date too early":          {"DATE", "DATE", "DATE '0001-01-01'", "DATE '0001-12-31 (BC)'"},
		"instant too fine":        {"TIMESTAMP_NTZ(9)", "DECIMAL(38, 0)", "1000", "1001"},
		"instant too late":        {"TIMESTAMP_TZ(9)", "DECIMAL(38, 0)", "0", far("253402300800")},
		"instant too early":       {"TIMESTAMP_LTZ(0)", "DECIMAL(38, 0)", "0", far("-62135596801")},
		"instant that would wrap": {"TIMESTAMP_NTZ(6)", "DECIMAL(38, 0)", "0", far("9223372036855")},
		"time too fine":           {"TIME(9)", "DECIMAL(38, 0)", "86399999999000", "86399999999999"},
		"time of another day":     {"TIME(0)", "DECIMAL(38, 0)", "0", far("86400")},
		"variant":                 {"VARIANT", "VARCHAR", "'[null]'", "'[undefined]'"},
		"object":                  {"OBJECT", "VARCHAR", "'{}'", "'{secret}'"},
		"array":                   {"ARRAY", "VARCHAR", "'[]'", "'[NaN]'"},
		"place":                   {"GEOGRAPHY", "VARCHAR", "'{}'", "'POINT(1 2)'"},
		"vector":                  {"VECTOR", "VARCHAR", "'[1]'", "'[1,NaN]'"},
		"null":                    {"BOOLEAN", "BOOLEAN", "TRUE", "NULL"},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := dictionary.ParseType(test.kind)
			if err != nil {
				t.Fatal(err)
			}
			table := "ODD_" + strings.ToUpper(strings.NewReplacer(" ", "_", "-", "_").Replace(name))
			column := dictionary.Column{Name: "c", Definition: "Test.", Type: parsed, Nullable: name != "null"}
			l := r.create(t, table, typedRows, []typed{{column: column, stored: test.stored, value: func(int) string { return "" }, literal: func(string) string { return test.fine }}})
			part := source.Part{Layout: l, Scope: set, AsOf: asOf, Rows: typedRows}
			if keys, err := r.keys(t.Context(), part); err != nil || len(keys) != typedRows {
				t.Fatalf("fine values: %d rows, error %v", len(keys), err)
			}
			r.exec(t, "UPDATE analytics."+table+" SET c = "+test.bad+" WHERE id = 'row 060'")
			_, err = r.keys(t.Context(), part)
			final(t, err, fault.ReasonValueOutOfRange, table+".c")
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the value is told: %v", err)
			}
		})
	}
}

// final asserts an error that no other attempt can cure and that names what it is about.
func final(t *testing.T, err error, reason fault.Reason, name string) {
	t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Reason != reason || fault.Retryable(err) || !strings.Contains(f.Message, name) {
		t.Errorf("got %v; want a final %s that names %s", err, reason, name)
	}
}

// A source that is no longer what the dictionary says fails the table by the column's name.
func TestSourceChanged(t *testing.T) {
	const alter = "ALTER TABLE analytics.fact_transactions "
	of := func(column string) string {
		return " WHERE table_name IN ('FACT_TRANSACTIONS', 'FACT_MESSAGES') AND column_name = '" + column + "'"
	}
	drop := func(column string) string { return "DELETE FROM warehouse.catalogue" + of(column) }
	declare := func(column, kind, precision, scale string) string {
		return "UPDATE warehouse.catalogue SET type = '" + kind + "', number_precision = " + precision + ", scale = " + scale + of(column)
	}
	for name, test := range map[string]struct {
		change  []string
		reason  fault.Reason
		column  string
		counted bool // the change stops the count as well
	}{
		"column dropped":       {[]string{drop("TOTAL_AMOUNT"), alter + "DROP total_amount"}, fault.ReasonSourceColumnMissing, "total_amount", false},
		"column renamed":       {[]string{"UPDATE warehouse.catalogue SET column_name = 'TOTAL'" + of("TOTAL_AMOUNT")}, fault.ReasonSourceColumnMissing, "total_amount", false},
		"split column dropped": {[]string{drop("CREATED_AT_DATE")}, fault.ReasonSourceColumnMissing, "created_at_date", true},
		"scope column dropped": {[]string{drop("LOCATION_ID")}, fault.ReasonSourceColumnMissing, "location_id", true},
		"more digits":          {[]string{declare("TOTAL_AMOUNT", "NUMBER", "38", "4")}, fault.ReasonSourceTypeChanged, "total_amount", false},
		"another scale":        {[]string{declare("TOTAL_AMOUNT", "NUMBER", "18", "2")}, fault.ReasonSourceTypeChanged, "total_amount", false},
		"number as text":       {[]string{alter + "ALTER total_amount TYPE VARCHAR", declare("TOTAL_AMOUNT", "STRING", "0", "0")}, fault.ReasonSourceTypeChanged, "total_amount", false},
		"zone added":           {[]string{declare("CLOSED_AT_DATETIME", "TIMESTAMP_TZ", "0", "9")}, fault.ReasonSourceTypeChanged, "closed_at_datetime", false},
		"JSON as text":         {[]string{declare("PAYLOAD", "STRING", "0", "0")}, fault.ReasonSourceTypeChanged, "payload", false},
		"date as text":         {[]string{declare("CREATED_AT_DATE", "STRING", "0", "0")}, fault.ReasonSourceTypeChanged, "created_at_date", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			table := big
			if test.column == "payload" {
				table = "FACT_MESSAGES"
			}
			part := source.Part{Layout: layout(t, table), Scope: r.everything(t), AsOf: asOf}
			part.Rows = r.measured(t, part.Scope, table)
			for _, text := range test.change {
				r.exec(t, text)
			}
			keys, err := r.keys(t.Context(), part)
			final(t, err, test.reason, table+"."+test.column)
			if len(keys) > 0 {
				t.Errorf("%d rows came first", len(keys))
			}
			_, err = r.source.Measure(t.Context(), r.attempt(), source.Survey{Layouts: []*dictionary.Layout{part.Layout}, Scope: part.Scope, AsOf: asOf})
			if test.counted {
				final(t, err, test.reason, table+"."+test.column)
			} else if err != nil {
				t.Errorf("counting: %v", err)
			}
		})
	}
}

// A column of the parent, by which rows are chosen, is named by the parent.
func TestParentChanged(t *testing.T) {
	r := newRig(t, nil)
	part := source.Part{Layout: layout(t, "FACT_TRANSACTION_ITEMS"), Scope: r.everything(t), AsOf: asOf}
	r.exec(t, "DELETE FROM warehouse.catalogue WHERE table_name = 'FACT_TRANSACTIONS' AND column_name = 'BRAND'")
	_, err := r.keys(t.Context(), part)
	final(t, err, fault.ReasonSourceColumnMissing, "FACT_TRANSACTIONS.brand")
}

// A table that is gone is missing as a whole, which no column tells.
func TestTableDropped(t *testing.T) {
	r := newRig(t, nil)
	part := r.part(t)
	r.exec(t, "DELETE FROM warehouse.catalogue WHERE table_name = '"+big+"'")
	_, err := r.keys(t.Context(), part)
	if fault.ReasonOf(err) != fault.ReasonSourceRefused || !strings.Contains(err.Error(), big) {
		t.Errorf("got %v, want %s and the table", err, fault.ReasonSourceRefused)
	}
}

// A column that the dictionary does not have changes nothing: it is not read. Whoever asks is told of it.
func TestColumnAdded(t *testing.T) {
	r := newRig(t, nil)
	part := r.part(t)
	r.exec(t, "ALTER TABLE analytics.fact_transactions ADD COLUMN surprise VARCHAR DEFAULT 'secret'")
	r.exec(t, "INSERT INTO warehouse.catalogue VALUES ('FACT_TRANSACTIONS', 'SURPRISE', 99, 'STRING', 0, 0, TRUE)")
	rows, err := r.source.Read(t.Context(), r.attempt(), part, func(rec arrow.Record) error {
		if rec.Schema().HasField("surprise") || int(rec.NumCols()) != len(part.Layout.Fields) {
			t.Errorf("the record has %s", rec.Schema())
		}
		return nil
	})
	if err != nil || rows != part.Rows {
		t.Errorf("%d of %d rows, error %v", rows, part.Rows, err)
	}
	asked := r.warehouse.Queries()
	if text := asked[len(asked)-1].SQL; strings.Contains(text, "SURPRISE") || strings.Contains(text, "*") {
		t.Errorf("the statement reads more than was agreed:\n%s", text)
	}
	told, err := r.directory().Tables(t.Context(), []string{big})
	if err != nil || len(told) != 1 {
		t.Fatalf("%d tables, error %v", len(told), err)
	}
	if !slices.Contains(told[0].Columns, lookup.Column{Table: big, Name: "surprise", Type: "STRING", Nullable: true}) {
		t.Errorf("the new column is not among %v", told[0].Columns)
	}
}

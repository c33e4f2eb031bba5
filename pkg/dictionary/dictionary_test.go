package dictionary

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// small is a valid dictionary with one table of each scope form. The tests replace parts of it.
const small = `version: "1"
tables:
  - name: DIM_DATES
    definition: Dates.
    primary_key: [date_id]
    scope: {shared: true}
    columns:
      - {name: date_id, type: DATE, definition: Date.}
  - name: ORDERS
    definition: Orders.
    primary_key: [order_id]
    split: ordered_on
    scope: {brand: brand, location: place}
    columns:
      - {name: order_id, type: STRING, definition: Order.}
      - {name: brand, type: STRING, definition: Brand.}
      - {name: place, type: STRING, definition: Place.}
      - {name: email, type: STRING, nullable: true, personal: true, definition: Address.}
      - {name: ordered_on, type: DATE, nullable: true, definition: Date.}
      - {name: amount, type: "NUMBER(12,2)", nullable: true, definition: Amount.}
  - name: LINES
    definition: Lines.
    primary_key: [line_id]
    scope: {parent: {table: ORDERS, columns: {order_ref: order_id}}}
    columns:
      - {name: line_id, type: STRING, definition: Line.}
      - {name: order_ref, type: STRING, definition: Order.}
      - {name: brand, type: STRING, nullable: true, definition: Brand of the goods.}
`

func parseSmall(t *testing.T) *Dictionary {
	t.Helper()
	d, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestStandard(t *testing.T) {
	if _, err := Parse(analytics); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"DIM_DATES", "DIM_LOCATIONS", "DIM_EMPLOYEES", "FACT_REVIEWS", "FACT_REVIEW_VERSIONS", "FACT_EMPLOYEE_MENTIONS",
		"FACT_CUSTOMERS_SAVED", "FACT_INTERACTIONS", "FACT_MESSAGES", "FACT_TRANSACTIONS", "FACT_TRANSACTION_ITEMS",
		"FACT_LOCATION_DAILY_STATS",
	}
	if diff := cmp.Diff(want, Standard().names()); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	for _, table := range Standard().Tables {
		layout, err := Standard().Layout(table.Name, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		if fact := strings.HasPrefix(table.Name, "FACT_"); fact != (table.Split != "") {
			t.Errorf("%s: split is %q", table.Name, table.Split)
		}
		for _, field := range layout.Fields {
			if field.Column.Personal {
				t.Errorf("%s lays out personal column %s", table.Name, field.Name)
			}
		}
	}
}

func TestStandardPersonalColumnsAreRefused(t *testing.T) {
	count := 0
	for _, table := range Standard().Tables {
		for _, column := range table.Columns {
			if !column.Personal {
				continue
			}
			count++
			_, err := Standard().Layout(table.Name, append([]string{column.Name}, table.PrimaryKey...))
			if !errors.Is(err, ErrPersonalColumn) {
				t.Errorf("%s.%s: got %v, want ErrPersonalColumn", table.Name, column.Name, err)
			}
		}
	}
	if count == 0 {
		t.Error("the standard dictionary has no personal column to refuse")
	}
}

// TestStandardGolden pins every name, type and flag: a customer's schema must not change by accident.
// After a change that is meant, write the got text to testdata/standard.golden.
func TestStandardGolden(t *testing.T) {
	var got strings.Builder
	for _, table := range Standard().Tables {
		got.WriteString(table.Name + " key " + strings.Join(table.PrimaryKey, ",") + " split " + table.Split + "\n")
		for _, c := range table.Columns {
			line := "  " + c.Name + " " + c.Type.String()
			if c.Nullable {
				line += " null"
			}
			if c.Personal {
				line += " personal"
			}
			got.WriteString(line + "\n")
		}
	}
	want, err := os.ReadFile(filepath.Join("testdata", "standard.golden"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("standard dictionary (-want +got):\n%s", diff)
	}
}

func TestTypeText(t *testing.T) {
	for _, text := range []string{
		"NUMBER(38,0)", "NUMBER(1,1)", "FLOAT", "STRING", "BOOLEAN", "DATE", "TIME(6)", "TIMESTAMP_NTZ(9)",
		"TIMESTAMP_LTZ(0)", "TIMESTAMP_TZ(6)", "VARIANT", "OBJECT", "ARRAY", "GEOGRAPHY", "VECTOR", "BINARY",
	} {
		got, err := ParseType(text)
		if err != nil || got.String() != text {
			t.Errorf("ParseType(%q) = %q, %v", text, got, err)
		}
	}
	if got, err := ParseType("TIMESTAMP_TZ"); err != nil || got.Scale != 6 {
		t.Errorf("ParseType without digits = %v, %v; want scale 6", got, err)
	}
	for _, text := range []string{
		"", "NUMBER", "NUMBER(12)", "NUMBER(0,0)", "NUMBER(39,0)", "NUMBER(2,3)", "STRING(10)", "DATE(1)",
		"TIMESTAMP_NTZ(10)", "TIMESTAMP_NTZ(6,1)", "number(12,2)", "INT", "NUMBER(-1,0)", "STRING x", "VECTOR(FLOAT,3)", "VECTOR(3)",
		"GEOMETRY", "DECFLOAT", "MAP", "FILE", "UUID", "INTERVAL",
	} {
		if got, err := ParseType(text); err == nil {
			t.Errorf("ParseType(%q) = %v, want an error", text, got)
		}
	}
}

func TestParseFaults(t *testing.T) {
	tests := map[string]struct{ old, new, want string }{
		"unknown key":           {"version:", "flavour: x\nversion:", "flavour"},
		"unknown column key":    {"type: DATE, definition: Date.}\n  - name: ORDERS", "type: DATE, definition: Date., secret: true}\n  - name: ORDERS", "secret"},
		"second document":       {"version:", "version: x\n---\nversion:", "more than one"},
		"no version":            {`version: "1"`, `version: ""`, "version: is missing"},
		"lower-case table":      {"name: LINES", "name: lines", "upper case"},
		"upper-case column":     {"name: amount", "name: Amount", "lower case"},
		"quote in a name":       {"name: amount", "name: 'am\"ount'", "lower case"},
		"duplicate table":       {"name: LINES", "name: ORDERS", "listed twice"},
		"duplicate column":      {"name: amount", "name: email", "listed twice"},
		"no definition":         {"definition: Amount.", "definition: ''", "one line"},
		"no type":               {`type: "NUMBER(12,2)", `, "", "type is missing"},
		"bad type":              {"NUMBER(12,2)", "MONEY", "unknown kind"},
		"key not there":         {"[line_id]", "[lines_id]", "unknown column"},
		"key twice":             {"[line_id]", "[line_id, line_id]", "listed twice"},
		"no key":                {"[line_id]", "[]", "primary_key is missing"},
		"nullable key":          {"{name: line_id, type: STRING,", "{name: line_id, type: STRING, nullable: true,", "neither nullable nor personal"},
		"float key":             {"{name: line_id, type: STRING,", "{name: line_id, type: FLOAT,", "cannot be a key"},
		"place key":             {"{name: line_id, type: STRING,", "{name: line_id, type: GEOGRAPHY,", "cannot be a key"},
		"vector key":            {"{name: line_id, type: STRING,", "{name: line_id, type: VECTOR,", "cannot be a key"},
		"split not a date":      {"split: ordered_on", "split: amount", "must be DATE"},
		"split not there":       {"split: ordered_on", "split: ordered", "unknown column"},
		"no scope":              {"scope: {shared: true}", "scope: {}", "no scope rule"},
		"two scope forms":       {"scope: {shared: true}", "scope: {shared: true, brand: x, location: x}", "exactly one form"},
		"scope column missing":  {"location: place", "location: site", "unknown column"},
		"half a scope":          {"{brand: brand, location: place}", "{brand: brand}", "unknown column"},
		"scope column type":     {"{name: place, type: STRING", "{name: place, type: DATE", "must be STRING"},
		"parent missing":        {"{table: ORDERS", "{table: ORDER", "unknown table"},
		"parent shared":         {"{table: ORDERS, columns: {order_ref: order_id}}", "{table: DIM_DATES, columns: {order_ref: date_id}}", "of its own"},
		"parent by non-key":     {"order_ref: order_id", "order_ref: email", "primary key of ORDERS"},
		"parent column missing": {"{order_ref: order_id}", "{order: order_id}", "unknown column"},
		"parent column type":    {"{name: order_ref, type: STRING", "{name: order_ref, type: FLOAT", "order_ref is FLOAT"},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			text := strings.Replace(small, test.old, test.new, 1)
			if text == small {
				t.Fatal("the test changes nothing")
			}
			_, err := Parse([]byte(text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error about %q", err, test.want)
			}
		})
	}
}

func TestParseReportsAllFaults(t *testing.T) {
	text := strings.NewReplacer("[line_id]", "[]", "split: ordered_on", "split: amount", "scope: {shared: true}", "scope: {}").Replace(small)
	_, err := Parse([]byte(text))
	for _, want := range []string{"primary_key is missing", "must be DATE", "no scope rule"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %q", err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dictionary.yaml")
	if _, err := Load(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: got %v", err)
	}
	if err := os.WriteFile(path, []byte(small), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Load(path)
	if err != nil || len(d.Tables) != 3 {
		t.Errorf("got %v, %v", d, err)
	}
}

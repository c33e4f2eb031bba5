package data

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// restated names the column that gets one unit more when a row is restated. Tables not listed here
// have no history.
var restated = map[string]string{
	"FACT_REVIEWS":              "response_seconds",
	"FACT_REVIEW_VERSIONS":      "rating",
	"FACT_EMPLOYEE_MENTIONS":    "bonus_amount",
	"FACT_CUSTOMERS_SAVED":      "saved_revenue",
	"FACT_INTERACTIONS":         "first_response_seconds",
	"FACT_MESSAGES":             "cost",
	"FACT_TRANSACTIONS":         "total_amount",
	"FACT_TRANSACTION_ITEMS":    "line_amount",
	"FACT_LOCATION_DAILY_STATS": "gross_revenue",
}

// forever is the end of a row that still holds.
var forever = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// table gives the statements that create and fill one table: the rows that hold at the creation or
// from the restatement on, then the second versions of the changed ones.
func (s Settings) table(t *dictionary.Table) ([]string, error) {
	base, err := files.ReadFile(strings.ToLower(t.Name) + ".sql")
	if err != nil {
		return nil, fmt.Errorf("reading generator of %s: %w", t.Name, err)
	}
	statements := []string{s.create(t), s.insert(t, string(base), false)}
	if !s.RestateTime.IsZero() && restated[t.Name] != "" {
		statements = append(statements, s.insert(t, string(base), true))
	}
	return statements, nil
}

func (s Settings) create(t *dictionary.Table) string {
	columns := make([]string, 0, len(t.Columns)+2)
	for _, c := range t.Columns {
		column := c.Name + " " + physicalType(c.Type)
		if !c.Nullable {
			column += " NOT NULL"
		}
		columns = append(columns, column)
	}
	columns = append(columns, ValidFrom+" TIMESTAMP NOT NULL", ValidTo+" TIMESTAMP NOT NULL")
	return fmt.Sprintf("CREATE TABLE analytics.%s (%s)", t.Name, strings.Join(columns, ", "))
}

func (s Settings) insert(t *dictionary.Table, base string, second bool) string {
	columns := make([]string, 0, len(t.Columns)+2)
	for _, c := range t.Columns {
		value := awkward(t, c)
		if second && c.Name == restated[t.Name] {
			value = fmt.Sprintf("(%s + %s)", value, unit(c.Type))
		}
		columns = append(columns, fmt.Sprintf("CAST(%s AS %s)", value, physicalType(c.Type)))
	}
	create, restate, end := instant(s.CreateTime), instant(s.RestateTime), instant(forever)
	where := ""
	if second {
		columns = append(columns, restate, end)
		where = " WHERE is_changed(life)"
	} else {
		columns = append(columns,
			fmt.Sprintf("CASE WHEN is_added(life) THEN %s ELSE %s END", restate, create),
			fmt.Sprintf("CASE WHEN is_changed(life) OR is_removed(life) THEN %s ELSE %s END", restate, end))
	}
	return fmt.Sprintf("INSERT INTO analytics.%s SELECT %s FROM (%s)%s", t.Name, strings.Join(columns, ", "), base, where)
}

func instant(t time.Time) string { return "TIMESTAMP '" + t.UTC().Format(instantForm) + "'" }

func unit(t dictionary.Type) string {
	if t.Scale == 0 {
		return "1"
	}
	return "0." + strings.Repeat("0", t.Scale-1) + "1"
}

// physicalType is the DuckDB type that holds a dictionary type without loss. All timestamps are
// stored as the UTC instant; semi-structured values as JSON text.
func physicalType(t dictionary.Type) string {
	switch t.Kind {
	case dictionary.KindNumber:
		return fmt.Sprintf("DECIMAL(%d, %d)", t.Precision, t.Scale)
	case dictionary.KindFloat:
		return "DOUBLE"
	case dictionary.KindBoolean, dictionary.KindDate, dictionary.KindTime:
		return string(t.Kind)
	case dictionary.KindBinary:
		return "BLOB"
	case dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		return "TIMESTAMP"
	default:
		return "VARCHAR"
	}
}

// firstAwkward is the row number at which the awkward rows begin. Locations keep ordinary values in
// front because every other table refers to the first ones.
func firstAwkward(t *dictionary.Table) int {
	if t.Name == "DIM_LOCATIONS" {
		return 18
	}
	return 0
}

// awkward wraps the generated value of a column: three rows per awkward case, one of each brand that
// a customer can have, and a sprinkle of nulls behind them. Keys, scope columns and references stay.
func awkward(t *dictionary.Table, c dictionary.Column) string {
	if t.Scope.Shared {
		return c.Name
	}
	cases := awkwardValues(c)
	if slices.Contains(t.PrimaryKey, c.Name) {
		cases = nil
	}
	var b strings.Builder
	b.WriteString("CASE")
	first := firstAwkward(t)
	if c.Nullable {
		fmt.Fprintf(&b, " WHEN i BETWEEN %d AND %d THEN NULL WHEN i >= %d AND h(i, 'null_%s') %% 53 = 0 THEN NULL",
			first, first+2, first+36, c.Name)
	}
	for k, value := range cases {
		from := first + 3*(k+1)
		fmt.Fprintf(&b, " WHEN i BETWEEN %d AND %d THEN %s", from, from+2, value)
	}
	if b.String() == "CASE" {
		return c.Name
	}
	fmt.Fprintf(&b, " ELSE %s END", c.Name)
	return b.String()
}

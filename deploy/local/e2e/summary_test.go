package e2e

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// summary says all that must agree about a column, whoever reads it.
type summary struct {
	Rows, Nulls int64
	Sum         string // exact, of numbers in units of the last digit
	Min, Max    string // of dates (days) and timestamps (microseconds) since 1970
	Hash        uint64 // of all values, whatever their order
}

// column collects a summary value by value, each in canonical text.
type column struct {
	of       *dictionary.Column
	s        summary
	sum      big.Int
	min, max *big.Int
	values   map[string]bool // the distinct ones, where somebody asks for them
}

func (c *column) add(value string, null bool) error {
	c.s.Rows++
	if null {
		c.s.Nulls++
		return nil
	}
	if c.values != nil {
		c.values[value] = true
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(value))
	c.s.Hash += h.Sum64()
	switch c.of.Type.Kind {
	case dictionary.KindNumber:
		n, err := integer(strings.Replace(value, ".", "", 1))
		if err != nil {
			return err
		}
		c.sum.Add(&c.sum, n)
	case dictionary.KindDate, dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		n, err := integer(value)
		if err != nil {
			return err
		}
		if c.min == nil || n.Cmp(c.min) < 0 {
			c.min = n
		}
		if c.max == nil || n.Cmp(c.max) > 0 {
			c.max = n
		}
	}
	return nil
}

func integer(text string) (*big.Int, error) {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return nil, fmt.Errorf("%q is not an integer", text)
	}
	return n, nil
}

func (c *column) done() summary {
	c.s.Sum = c.sum.String()
	if c.min != nil {
		c.s.Min, c.s.Max = c.min.String(), c.max.String()
	}
	return c.s
}

func columnsOf(l *dictionary.Layout) []*column {
	columns := make([]*column, l.Exported)
	for i := range columns {
		columns[i] = &column{of: l.Fields[i].Column}
	}
	return columns
}

func summaries(columns []*column) map[string]summary {
	all := map[string]summary{}
	for _, c := range columns {
		all[c.of.Name] = c.done()
	}
	return all
}

// expression is DuckDB's way to the canonical text of a column.
func expression(c *dictionary.Column) string {
	switch c.Type.Kind {
	case dictionary.KindDate:
		return fmt.Sprintf("CAST(date_diff('day', DATE '1970-01-01', t.%s) AS VARCHAR)", c.Name)
	case dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		return fmt.Sprintf("CAST(epoch_us(t.%s) AS VARCHAR)", c.Name)
	case dictionary.KindBinary:
		return fmt.Sprintf("lower(hex(t.%s))", c.Name)
	case dictionary.KindFloat:
		return "t." + c.Name
	default:
		return fmt.Sprintf("CAST(t.%s AS VARCHAR)", c.Name)
	}
}

// bySQL summarises the rows of `SELECT ... <from>` with DuckDB.
func bySQL(t *testing.T, db *sql.DB, l *dictionary.Layout, from string) map[string]summary {
	t.Helper()
	columns := columnsOf(l)
	expressions, values := make([]string, len(columns)), make([]any, len(columns))
	for i, c := range columns {
		expressions[i], values[i] = expression(c.of), new(any)
	}
	rows, err := db.QueryContext(t.Context(), "SELECT "+strings.Join(expressions, ", ")+" "+from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for i, c := range columns {
			value := *values[i].(*any)
			if err := c.add(canonical(value), value == nil); err != nil {
				t.Fatalf("%s: %v", c.of.Name, err)
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return summaries(columns)
}

func canonical(value any) string {
	if f, ok := value.(float64); ok {
		return float(f)
	}
	return fmt.Sprint(value)
}

func float(f float64) string {
	if math.IsNaN(f) {
		return "NaN"
	}
	return fmt.Sprintf("%016x", math.Float64bits(f))
}

// byParquetGo summarises files with parquet-go, which neither wrote them nor is DuckDB.
func byParquetGo(t *testing.T, l *dictionary.Layout, files []string) map[string]summary {
	t.Helper()
	return summaries(readAll(t, files, columnsOf(l)))
}

// distinct are the values of one column of the files, read with parquet-go.
func distinct(t *testing.T, l *dictionary.Layout, files []string, name string) map[string]bool {
	t.Helper()
	columns := columnsOf(l)
	i := slices.IndexFunc(columns, func(c *column) bool { return c.of.Name == name })
	columns[i].values = map[string]bool{}
	return readAll(t, files, columns)[i].values
}

func readAll(t *testing.T, files []string, columns []*column) []*column {
	t.Helper()
	for _, path := range files {
		if err := readFile(path, columns); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	return columns
}

func ofParquet(c *dictionary.Column, v parquet.Value) string {
	switch c.Type.Kind {
	case dictionary.KindNumber:
		return scaled(unscaled(v), c.Type.Scale)
	case dictionary.KindFloat:
		return float(v.Double())
	case dictionary.KindBoolean:
		return fmt.Sprint(v.Boolean())
	case dictionary.KindDate:
		return fmt.Sprint(v.Int32())
	case dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		return fmt.Sprint(v.Int64())
	case dictionary.KindBinary:
		return hex.EncodeToString(v.ByteArray())
	default:
		return string(v.ByteArray())
	}
}

// unscaled reads a DECIMAL in any of its physical forms.
func unscaled(v parquet.Value) *big.Int {
	switch v.Kind() {
	case parquet.Int32:
		return big.NewInt(int64(v.Int32()))
	case parquet.Int64:
		return big.NewInt(v.Int64())
	default:
		raw := v.ByteArray()
		n := new(big.Int).SetBytes(raw)
		if len(raw) > 0 && raw[0]&0x80 != 0 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
		}
		return n
	}
}

// scaled spells n with a decimal point before its last scale digits.
func scaled(n *big.Int, scale int) string {
	if scale == 0 {
		return n.String()
	}
	digits := new(big.Int).Abs(n).String()
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale+1-len(digits)) + digits
	}
	text := digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	if n.Sign() < 0 {
		return "-" + text
	}
	return text
}

package encodetest

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // registers the driver

	"github.com/customer-exports/exports/pkg/dictionary"
)

// duckDB reads with DuckDB's own reader, in C++.
type duckDB struct{ db *sql.DB }

func openDuckDB(t *testing.T) duckDB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return duckDB{db}
}

func (d duckDB) read(t testing.TB, path string, layout *dictionary.Layout) values {
	t.Helper()
	fields := layout.Fields[:layout.Exported]
	selected := make([]string, len(fields))
	for i, f := range fields {
		selected[i] = inSQL(f)
	}
	return d.query(t, len(fields), fmt.Sprintf("SELECT %s FROM read_parquet('%s')", strings.Join(selected, ", "), path))
}

func (d duckDB) query(t testing.TB, width int, statement string) values {
	t.Helper()
	rows, err := d.db.QueryContext(context.WithoutCancel(t.Context()), statement)
	if err != nil {
		t.Fatalf("DuckDB: %v, in %s", err, statement)
	}
	defer func() { _ = rows.Close() }()
	columns := make(values, width)
	row, into := make([]any, width), make([]any, width)
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i, v := range row {
			columns[i] = append(columns[i], ofDuckDB(v))
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("DuckDB: %v, in %s", err, statement)
	}
	return columns
}

// inSQL asks for a value in a form that the driver hands over whole: its time.Time knows neither years far away nor time
// of day.
func inSQL(f dictionary.Field) string {
	name := `"` + f.Name + `"`
	switch kind := f.Column.Type.Kind; {
	case kind == dictionary.KindNumber:
		return "CAST(" + name + " AS VARCHAR) AS " + f.Name
	case kind == dictionary.KindDate:
		return name + " - DATE '1970-01-01' AS " + f.Name
	case kind == dictionary.KindTime:
		return "epoch_us(CAST(" + name + " AS TIME)) AS " + f.Name
	case kind.Timestamp():
		return "epoch_us(" + name + ") AS " + f.Name
	case kind == dictionary.KindFloat, kind == dictionary.KindBoolean, kind == dictionary.KindBinary:
		return name
	default:
		// As bytes, with a mark before them, so that nothing reads the text on its way.
		return "'\"' || CAST(hex(encode(" + name + ")) AS VARCHAR) AS " + f.Name
	}
}

var leadingZero = regexp.MustCompile(`^(-?)\.`)

func ofDuckDB(v any) string {
	switch v := v.(type) {
	case nil:
		return null
	case string:
		if encoded, ok := strings.CutPrefix(v, `"`); ok {
			text, err := hex.DecodeString(encoded)
			if err != nil {
				return v
			}
			return strconv.Quote(string(text))
		}
		// DuckDB leaves out the zero before the point of a type that has no digit there.
		return leadingZero.ReplaceAllString(v, "${1}0.")
	case []byte:
		return hex.EncodeToString(v)
	case float64:
		return float(v)
	default:
		return fmt.Sprint(v)
	}
}

package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/pkg/dictionary"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// textCustomers are two who do not read Parquet: with the tables that have every type, and locations that the demo's
// customers leave over.
func textCustomers() []demo.Engagement {
	tables := []string{"DIM_LOCATIONS", "FACT_REVIEWS", "FACT_MESSAGES", "FACT_TRANSACTIONS"}
	return []demo.Engagement{
		{
			CustomerID: "dune-fitness", Name: "Dune Fitness", Brands: []string{"Nova Fitness"}, Locations: demo.Locations(30, 54, 1), Tables: tables,
			FileFormat: configv1.FileFormat_FILE_FORMAT_CSV, CSV: &configv1.CsvOptions{Delimiter: ";", NullString: `\N`},
		},
		{
			CustomerID: "elm-hotels", Name: "Elm Hotels", Brands: []string{"Harbor Hotels"}, Locations: demo.Locations(30, 54, 2), Tables: tables,
			FileFormat: configv1.FileFormat_FILE_FORMAT_JSON_LINES, Compression: configv1.Compression_COMPRESSION_GZIP,
		},
	}
}

// fromCSV reads files with DuckDB as a customer would who was told the columns.
func fromCSV(e demo.Engagement, layout *dictionary.Layout, files []string) string {
	var columns, values []string
	for _, f := range layout.Fields[:layout.Exported] {
		kind, value := string(f.Column.Type.Kind), f.Name
		switch {
		case f.Column.Type.Kind == dictionary.KindNumber:
			kind = fmt.Sprintf("DECIMAL(%d,%d)", f.Column.Type.Precision, f.Column.Type.Scale)
		case f.Column.Type.Kind == dictionary.KindFloat:
			kind = "DOUBLE"
		case f.Column.Type.Kind.Timestamp():
			kind = "TIMESTAMPTZ"
		case f.Column.Type.Kind == dictionary.KindBinary:
			kind, value = "VARCHAR", fmt.Sprintf("from_base64(%s) AS %s", f.Name, f.Name)
		case f.Column.Type.Kind != dictionary.KindDate && f.Column.Type.Kind != dictionary.KindBoolean:
			kind = "VARCHAR"
		}
		columns, values = append(columns, fmt.Sprintf("'%s': '%s'", f.Name, kind)), append(values, value)
	}
	return fmt.Sprintf("FROM (SELECT %s FROM read_csv(['%s'], auto_detect = false, header = true, delim = '%s', nullstr = '%s', quote = '\"', escape = '\"', "+
		"allow_quoted_nulls = false, columns = {%s})) AS t",
		strings.Join(values, ", "), strings.Join(files, "', '"), e.CSV.GetDelimiter(), e.CSV.GetNullString(), strings.Join(columns, ", "))
}

// byJSON summarises files with the standard library.
func byJSON(t *testing.T, l *dictionary.Layout, files []string) map[string]summary {
	t.Helper()
	columns := columnsOf(l)
	for _, path := range files {
		if err := readLines(path, columns); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	return summaries(columns)
}

func readLines(path string, columns []*column) error {
	packed, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = packed.Close() }()
	text, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	for lines := bufio.NewReader(text); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		row := map[string]json.RawMessage{}
		if err := json.Unmarshal(line, &row); err != nil || len(row) != len(columns) {
			return fmt.Errorf("a row of %d columns: %w", len(row), err)
		}
		for _, c := range columns {
			if err := addJSON(c, row[c.of.Name]); err != nil {
				return fmt.Errorf("column %s: %w", c.of.Name, err)
			}
		}
	}
}

func addJSON(c *column, value json.RawMessage) error {
	if string(value) == "null" {
		return c.add("", true)
	}
	text := string(value)
	if kind := c.of.Type.Kind; kind != dictionary.KindVariant && kind != dictionary.KindObject && kind != dictionary.KindArray && strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(value, &text); err != nil {
			return err
		}
	}
	canonical, err := ofText(c.of.Type.Kind, text)
	if err != nil {
		return err
	}
	return c.add(canonical, false)
}

// ofText is the canonical text of a value as files of text spell it.
func ofText(kind dictionary.Kind, text string) (string, error) {
	switch {
	case kind == dictionary.KindFloat:
		f, err := strconv.ParseFloat(text, 64)
		return float(f), err
	case kind == dictionary.KindDate:
		at, err := time.Parse(time.DateOnly, text)
		return strconv.FormatInt(at.Unix()/86_400, 10), err
	case kind.Timestamp():
		at, err := time.Parse(time.RFC3339Nano, text)
		return strconv.FormatInt(at.UnixMicro(), 10), err
	case kind == dictionary.KindBinary:
		data, err := base64.StdEncoding.DecodeString(text)
		return hex.EncodeToString(data), err
	default:
		return text, nil
	}
}

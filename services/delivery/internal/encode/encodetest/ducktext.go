package encodetest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
)

// sees: DuckDB spells JSON within JSON anew, and has its numbers go through a double.
func (duckDB) sees(f drop.Format, kind dictionary.Kind, value string) string {
	if f.FileFormat == drop.JSONLines && document(kind) {
		return respelled(value)
	}
	return value
}

func document(kind dictionary.Kind) bool {
	return kind == dictionary.KindVariant || kind == dictionary.KindObject || kind == dictionary.KindArray
}

// respelled leaves alone what is no quoted JSON.
func respelled(value string) string {
	text, err := strconv.Unquote(value)
	if err != nil {
		return value
	}
	var parsed any
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		return value
	}
	again, err := json.Marshal(parsed)
	if err != nil {
		return value
	}
	return strconv.Quote(string(again))
}

func (d duckDB) readText(t testing.TB, path string, layout *dictionary.Layout, f drop.Format) values {
	t.Helper()
	fields := layout.Fields[:layout.Exported]
	selected, columns := make([]string, len(fields)), make([]string, len(fields))
	for i, field := range fields {
		kind := declared(field.Column.Type)
		selected[i] = inSQL(field)
		switch {
		case field.Column.Type.Kind == dictionary.KindBinary:
			selected[i] = "from_base64(" + field.Name + ") AS " + field.Name
		case f.FileFormat == drop.JSONLines && document(field.Column.Type.Kind):
			kind = "JSON"
		}
		columns[i] = fmt.Sprintf(`'%s': '%s'`, field.Name, kind)
	}
	read := d.query(t, len(fields), fmt.Sprintf("SELECT %s FROM %s", strings.Join(selected, ", "), source(path, f, strings.Join(columns, ", "))))
	for i, field := range fields {
		for row, value := range read[i] {
			read[i][row] = d.sees(f, field.Column.Type.Kind, value)
		}
	}
	return read
}

// source is the function that reads a text file, with nothing left to guess.
func source(path string, f drop.Format, columns string) string {
	// By the file's ending DuckDB finds the compression itself.
	options := fmt.Sprintf("'%s', columns = {%s}", path, columns)
	if f.FileFormat == drop.JSONLines {
		return "read_json(" + options + ", format = 'newline_delimited', maximum_object_size = 33554432)"
	}
	return fmt.Sprintf("read_csv(%s, auto_detect = false, header = true, delim = %s, nullstr = %s, quote = '\"', escape = '\"', allow_quoted_nulls = false, max_line_size = 33554432)",
		options, literal(f.CSV.Delimiter), literal(f.CSV.NullString))
}

// literal spells any text in SQL.
func literal(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
		return "decode(unhex('" + hex.EncodeToString([]byte(text)) + "'))"
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// declared is the type that a customer would tell DuckDB.
func declared(t dictionary.Type) string {
	switch t.Kind {
	case dictionary.KindNumber:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case dictionary.KindFloat:
		return "DOUBLE"
	case dictionary.KindBoolean, dictionary.KindDate, dictionary.KindTime:
		return string(t.Kind)
	case dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		return "TIMESTAMPTZ"
	default:
		return "VARCHAR"
	}
}

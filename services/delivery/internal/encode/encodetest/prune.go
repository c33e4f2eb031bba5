package encodetest

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/parquet-go/parquet-go"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
	"github.com/customer-exports/exports/services/delivery/internal/encode/flat"
)

const (
	prunedRows  = 2000
	prunedGroup = 250
)

// unpruned are the kinds whose bounds DuckDB does not use.
var unpruned = map[dictionary.Kind]bool{dictionary.KindBoolean: true, dictionary.KindTime: true}

// Prune has DuckDB look for values of a file whose rows ascend in every column. It must find all of them, and must not read
// the row groups that cannot have one: there the column's bytes are destroyed.
func Prune(t *testing.T, open OpenWithin) {
	db := openDuckDB(t)
	for _, profile := range []flat.Profile{flat.Current, flat.Conservative} {
		layout := layoutOf(t)
		path := ascendingFile(t, open, layout, profile)
		db.query(t, 1, fmt.Sprintf("CREATE OR REPLACE TABLE whole AS SELECT * FROM read_parquet('%s')", path))
		for i, f := range layout.Fields[:layout.Exported] {
			damaged := path
			if !unpruned[f.Column.Type.Kind] {
				damaged = spoil(t, path, i, prunedRows/2/prunedGroup)
			}
			where := fmt.Sprintf(`WHERE "%[1]s" = (SELECT "%[1]s" FROM whole WHERE id = %[2]d)`, f.Name, prunedRows/2+7)
			want := db.query(t, 1, "SELECT count(*) FROM whole "+where)
			got := db.query(t, 1, fmt.Sprintf("SELECT count(*) FROM read_parquet('%s') %s", damaged, equals(t, db, where, f.Name)))
			same(t, "DuckDB, looking for a value of "+f.Name, layout, got, want)
		}
	}
}

// equals puts the value itself into the condition, so that it is known when row groups are chosen.
func equals(t *testing.T, db duckDB, where, column string) string {
	t.Helper()
	inner := where[strings.Index(where, "(")+1 : strings.LastIndex(where, ")")]
	value := db.query(t, 1, fmt.Sprintf(`SELECT '''' || CAST(v AS VARCHAR) || '''::' || typeof(v) FROM (%s) AS x(v)`, inner))[0][0]
	return fmt.Sprintf(`WHERE "%s" = %s`, column, value)
}

func ascendingFile(t *testing.T, open OpenWithin, layout *dictionary.Layout, profile flat.Profile) string {
	t.Helper()
	f := &fuzzed{
		layout: layout, file: encode.File{RunID: "prune", AsOf: asOf, Layout: layout, Profile: profile},
		batches: []arrow.Record{batch(t, memory.DefaultAllocator, layout, ascending, 0, prunedRows)},
	}
	f.within = encode.Bounds{GroupRows: prunedGroup}
	f.within.PageRows = prunedGroup / 5
	path := filepath.Join(t.TempDir(), "part-00000.parquet")
	f.write(t, path, open.within(f.within))
	return path
}

// ascending is a value that grows with the row, as far as its type has room.
func ascending(f dictionary.Field, row int) any {
	switch f.Column.Type.Kind {
	case dictionary.KindNumber:
		most := int(math.Pow10(min(f.Column.Type.Precision, 9))) - 1
		if f.Name == "id" {
			most = prunedRows
		}
		return fmt.Sprint(row * most / prunedRows)
	case dictionary.KindFloat:
		return float64(row) / 8
	case dictionary.KindBoolean:
		return row >= prunedRows/2
	case dictionary.KindDate:
		return int32(row)
	case dictionary.KindString, dictionary.KindBinary, dictionary.KindVariant, dictionary.KindObject, dictionary.KindArray:
		return fmt.Sprintf("%08d", row) + strings.Repeat("x", row%80)
	default:
		return int64(row) * 1_000_000
	}
}

// spoil copies a file and overwrites a column in every row group that has not the same bounds as the one that is to be read.
func spoil(t *testing.T, path string, column, read int) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file := open(t, path)
	groups := file.Metadata().RowGroups
	kept := groups[read].Columns[column].MetaData.Statistics
	spoiled := 0
	for _, g := range groups {
		meta := g.Columns[column].MetaData
		if overlap(file.Root().Columns()[column].Type(), meta.Statistics.MinValue, meta.Statistics.MaxValue, kept.MinValue, kept.MaxValue) {
			continue
		}
		from := meta.DataPageOffset
		if meta.DictionaryPageOffset != 0 {
			from = meta.DictionaryPageOffset
		}
		for i := range meta.TotalCompressedSize {
			data[from+i] = 0xFF
		}
		spoiled++
	}
	if spoiled == 0 {
		t.Errorf("column %d: every row group has to be read: the test proves nothing", column)
	}
	damaged := filepath.Join(t.TempDir(), "part-00000.parquet")
	if err := os.WriteFile(damaged, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return damaged
}

func overlap(kind parquet.Type, low, high, otherLow, otherHigh []byte) bool {
	x := &indexed{kind: kind}
	value := kind.Kind().Value
	return x.compare(value(low), value(otherHigh)) <= 0 && x.compare(value(otherLow), value(high)) <= 0
}

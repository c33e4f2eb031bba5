package encodetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
)

// wantTypes are the logical types in the file, and beside a decimal its physical one.
var wantTypes = map[string]string{
	"id": "INT(64,true)", "day": "DATE", "brand": "STRING", "location_id": "STRING", "body": "STRING",
	"digit": "INT(64,true)", "count": "INT(64,true)", "wide": "DECIMAL(38,0) FIXED_LEN_BYTE_ARRAY", "rate": "DECIMAL(1,1) INT32",
	"small": "DECIMAL(9,2) INT32", "money": "DECIMAL(12,2) INT64", "long": "DECIMAL(18,6) INT64",
	"exact": "DECIMAL(38,10) FIXED_LEN_BYTE_ARRAY", "price": "DECIMAL(12,2) INT64", "score": "DOUBLE", "flag": "BOOLEAN", "born": "DATE",
	"at": "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)", "seen": "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)",
	"hour": "TIME(isAdjustedToUTC=true,unit=MICROS)", "payload": "STRING", "tags": "STRING", "digest": "BYTE_ARRAY",
}

// metadata has to be the same with and without rows.
func (s *suite) metadata(t *testing.T) {
	for _, batches := range [][]arrow.Record{nil, s.batches(t, atEdges, 100, 10)} {
		file := open(t, s.file(t, encode.Zstd, batches))
		for i, column := range file.Root().Columns() {
			f := s.layout.Fields[i]
			if column.Name() != f.Name || !column.Leaf() || column.Optional() != f.Column.Nullable || column.Required() == f.Column.Nullable {
				t.Errorf("column %d: got %s optional %t, want %s nullable %t", i, column.Name(), column.Optional(), f.Name, f.Column.Nullable)
			}
			if got := typeOf(column.Type()); got != wantTypes[f.Name] {
				t.Errorf("column %s: got %s, want %s", f.Name, got, wantTypes[f.Name])
			}
		}
		for key, want := range map[string]string{
			encode.MetaRunID: "acme-daily-20261123-1", encode.MetaTable: "FACT_KINDS", encode.MetaAsOf: "2026-11-23T05:00:00Z", encode.MetaPrimaryKey: `["id"]`,
		} {
			if got, _ := file.Lookup(key); got != want {
				t.Errorf("%s: got %q, want %q", key, got, want)
			}
		}
		text, _ := file.Lookup(encode.MetaColumns)
		var columns []map[string]any
		if err := json.Unmarshal([]byte(text), &columns); err != nil || len(columns) != len(wantTypes) {
			t.Errorf("%s: got %d columns, %v", encode.MetaColumns, len(columns), err)
		}
	}
}

func typeOf(p parquet.Type) string {
	if p.LogicalType() == nil {
		return p.Kind().String()
	}
	logical := p.LogicalType().String()
	if strings.HasPrefix(logical, "DECIMAL") {
		return logical + " " + p.Kind().String()
	}
	return logical
}

// The bounds of a row group: what waits in memory for it, here and at a reader.
const (
	maxGroupRows  = 128 << 10
	maxGroupBytes = 32 << 20
)

// rowGroups are bounded by rows, and by bytes where rows are wide.
func (s *suite) rowGroups(t *testing.T) {
	few := &suite{open: s.open, layout: layoutOf(t, "id", "flag")}
	narrow := narrow(t, few.layout, 64<<10)
	var batches []arrow.Record
	for range 16 {
		batches = append(batches, narrow)
	}
	bounded(t, open(t, few.file(t, encode.None, batches)), 16*narrow.NumRows())
	wide := batch(t, memory.DefaultAllocator, s.layout, func(f dictionary.Field, row int) any {
		if f.Name == "body" {
			return fmt.Sprint(row) + strings.Repeat("w", 100_000)
		}
		return atEdges(f, row)
	}, 0, 100)
	batches = nil
	for range 20 {
		batches = append(batches, wide)
	}
	bounded(t, open(t, s.file(t, encode.Snappy, batches)), 2000)
}

func bounded(t *testing.T, file *parquet.File, rows int64) {
	t.Helper()
	if len(file.RowGroups()) < 2 || file.NumRows() != rows {
		t.Errorf("got %d row groups and %d rows, want several and %d", len(file.RowGroups()), file.NumRows(), rows)
	}
	for i, g := range file.Metadata().RowGroups {
		if g.NumRows > maxGroupRows || g.TotalByteSize > maxGroupBytes {
			t.Errorf("row group %d has %d rows and %d bytes, want at most %d and %d", i, g.NumRows, g.TotalByteSize, maxGroupRows, maxGroupBytes)
		}
	}
}

// dictionaries are made where texts repeat and nowhere else, decided from the data. Numbers may be packed as tightly in
// another way.
func (s *suite) dictionaries(t *testing.T) {
	file := open(t, s.file(t, encode.Zstd, s.batches(t, random(5, 0.1), 20_000, 5000)))
	for name, want := range map[string]bool{"id": false, "brand": true, "location_id": true, "body": false} {
		meta := file.Metadata().RowGroups[0].Columns[file.Root().Column(name).Index()].MetaData
		if got := meta.DictionaryPageOffset != 0; got != want {
			t.Errorf("column %s has a dictionary: got %t, want %t", name, got, want)
		}
	}
}

// order is told when rows came in it, for each row group by itself, and never otherwise.
func (s *suite) order(t *testing.T) {
	byKey := s.batches(t, random(6, 0.1), 5000, 1000)
	byDay := s.batches(t, func(f dictionary.Field, row int) any {
		if f.Name == "id" {
			return digits(rand.New(rand.NewPCG(1, uint64(row))), 18)
		}
		return random(6, 0.1)(f, row)
	}, 5000, 1000)
	unordered := []arrow.Record{byDay[3], byDay[1]}
	for name, c := range map[string]struct {
		batches []arrow.Record
		want    []int32
	}{"by primary key": {byKey, []int32{0}}, "by split column": {byDay, []int32{1}}, "in none": {unordered, nil}} {
		group := open(t, s.file(t, encode.Snappy, c.batches)).Metadata().RowGroups[0]
		var got []int32
		for _, column := range group.SortingColumns {
			if column.Descending {
				t.Errorf("%s: column %d is said to descend", name, column.ColumnIdx)
			}
			got = append(got, column.ColumnIdx)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("rows %s: sorting columns (-want +got):\n%s", name, diff)
		}
	}
}

package encodetest

import (
	"bytes"
	"math/big"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
)

// statistics must be right: readers leave out row groups because of them.
func (s *suite) statistics(t *testing.T) {
	for _, value := range []draw{atEdges, empty, random(7, 0.3), widening} {
		batches := s.batches(t, value, 30_000, 3000)
		checkStatistics(t, open(t, s.file(t, encode.Snappy, batches)), s.layout, batches)
	}
}

// checkStatistics compares those of a file with one row group with its rows.
func checkStatistics(t *testing.T, file *parquet.File, layout *dictionary.Layout, batches []arrow.Record) {
	t.Helper()
	if len(file.Metadata().RowGroups) != 1 {
		t.Fatalf("got %d row groups, want 1", len(file.Metadata().RowGroups))
	}
	for i, f := range layout.Fields[:layout.Exported] {
		stats := file.Metadata().RowGroups[0].Columns[i].MetaData.Statistics
		checkColumn(t, f, file.Root().Columns()[i].Type(), stats, column(batches, i))
	}
}

func column(batches []arrow.Record, i int) []arrow.Array {
	var pieces []arrow.Array
	for _, b := range batches {
		pieces = append(pieces, b.Column(i))
	}
	return pieces
}

func checkColumn(t *testing.T, f dictionary.Field, kind parquet.Type, stats format.Statistics, pieces []arrow.Array) {
	t.Helper()
	nulls, count := 0, 0
	for _, piece := range pieces {
		nulls, count = nulls+piece.NullN(), count+piece.Len()
	}
	if stats.NullCount != int64(nulls) {
		t.Errorf("column %s: got null count %v, want %d", f.Name, stats.NullCount, nulls)
	}
	if f.Column.Type.Kind == dictionary.KindFloat {
		return // NaN and both zeros are compared in another way by each engine
	}
	low, high := stats.MinValue, stats.MaxValue
	if low == nil && high == nil && (nulls == count || pieces[0].DataType().ID() == arrow.STRING || pieces[0].DataType().ID() == arrow.BINARY) {
		return // wide values need none
	}
	for _, piece := range pieces {
		for row := range piece.Len() {
			if piece.IsValid(row) && (above(piece, row, kind, low) < 0 || above(piece, row, kind, high) > 0) {
				t.Errorf("column %s: %s is outside [%x, %x]", f.Name, spell(f.Column.Type, piece, row), low, high)
				return
			}
		}
	}
}

// above compares a value with a bound as Parquet spells it.
func above(column arrow.Array, row int, kind parquet.Type, bound []byte) int {
	switch c := column.(type) {
	case *array.String:
		return bytes.Compare([]byte(c.Value(row)), bound)
	case *array.Binary:
		return bytes.Compare(c.Value(row), bound)
	case *array.Decimal128:
		return c.Value(row).BigInt().Cmp(unscaled(kind.Kind().Value(bound)))
	case *array.Int64:
		return big.NewInt(c.Value(row)).Cmp(unscaled(kind.Kind().Value(bound)))
	case *array.Date32:
		return big.NewInt(int64(c.Value(row))).Cmp(unscaled(kind.Kind().Value(bound)))
	case *array.Timestamp:
		return big.NewInt(int64(c.Value(row))).Cmp(unscaled(kind.Kind().Value(bound)))
	case *array.Time64:
		return big.NewInt(int64(c.Value(row))).Cmp(unscaled(kind.Kind().Value(bound)))
	case *array.Boolean:
		return number(c.Value(row)) - int(bound[0])
	}
	return 0
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

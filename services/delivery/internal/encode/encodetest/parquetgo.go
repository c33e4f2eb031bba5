package encodetest

import (
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	"os"
	"strconv"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// parquetGo reads with github.com/parquet-go/parquet-go, which shares no code with Arrow's library.
type parquetGo struct{}

func (parquetGo) read(t testing.TB, path string, layout *dictionary.Layout) values {
	t.Helper()
	file := open(t, path)
	columns := make(values, len(file.Root().Columns()))
	for _, group := range file.RowGroups() {
		for i, chunk := range group.ColumnChunks() {
			got, err := chunkValues(chunk, layout.Fields[i].Column.Type)
			if err != nil {
				t.Fatalf("reading column %s of %s: %v", layout.Fields[i].Name, path, err)
			}
			columns[i] = append(columns[i], got...)
		}
	}
	return columns
}

// open reads the footer of a file that the test leaves behind.
func open(t testing.TB, path string) *parquet.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func chunkValues(chunk parquet.ColumnChunk, kind dictionary.Type) (all []string, err error) {
	pages := chunk.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if all, err = pageValues(all, page, kind); err != nil {
			return nil, err
		}
		parquet.Release(page)
	}
}

func pageValues(all []string, page parquet.Page, kind dictionary.Type) ([]string, error) {
	from, buffer := page.Values(), make([]parquet.Value, 512)
	for {
		n, err := from.ReadValues(buffer)
		for _, v := range buffer[:n] {
			all = append(all, ofParquet(v, kind))
		}
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func ofParquet(v parquet.Value, kind dictionary.Type) string {
	switch {
	case v.IsNull():
		return null
	case v.Kind() == parquet.Boolean:
		return strconv.FormatBool(v.Boolean())
	case v.Kind() == parquet.Double:
		return float(v.Double())
	case kind.Kind == dictionary.KindNumber:
		return point(unscaled(v), kind.Scale)
	case v.Kind() == parquet.Int32, v.Kind() == parquet.Int64:
		return unscaled(v).String()
	case kind.Kind == dictionary.KindBinary:
		return hex.EncodeToString(v.ByteArray())
	default:
		return strconv.Quote(string(v.ByteArray()))
	}
}

// unscaled reads any of the three forms that a decimal may have; bytes are big-endian two's complement.
func unscaled(v parquet.Value) *big.Int {
	switch v.Kind() {
	case parquet.Int32:
		return big.NewInt(int64(v.Int32()))
	case parquet.Int64:
		return big.NewInt(v.Int64())
	}
	data := v.ByteArray()
	n := new(big.Int).SetBytes(data)
	if len(data) > 0 && data[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(data))))
	}
	return n
}

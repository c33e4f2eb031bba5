package encodetest

import (
	"testing"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// reader decodes a whole file with an engine that shares no code with the writer.
type reader interface {
	read(t testing.TB, path string, layout *dictionary.Layout) values
}

// readers are three engines in three languages: Go, C++ and Rust.
func readers(t *testing.T) map[string]reader {
	return map[string]reader{"parquet-go": parquetGo{}, "DuckDB": openDuckDB(t), "parquet-wasm": startWasm(t)}
}

// same compares every value and reports the first of each column that differs.
func same(t *testing.T, who string, layout *dictionary.Layout, got, want values) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: read %d columns, want %d", who, len(got), len(want))
		return
	}
	for i := range want {
		sameColumn(t, who+": column "+layout.Fields[i].Name, got[i], want[i])
	}
}

func sameColumn(t *testing.T, name string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: read %d values, want %d", name, len(got), len(want))
		return
	}
	for row := range want {
		if got[row] != want[row] {
			t.Errorf("%s, row %d: got %.200s, want %.200s", name, row, got[row], want[row])
			return
		}
	}
}

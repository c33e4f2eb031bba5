package file_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/config/internal/file"
)

// FuzzParse holds Parse to an answer for any text: an export that can be written and read back, or a fault of the file.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "- a", "a: &a [*a]", "spec: {tables: [{table: A, columns: [b]}]}", "spec:\n\tpaused: true\n", "spec: {deadline: 1.5µs}",
		"spec: {format: {compression: zstd}}\n---\n", "export_id: |\n  a\n  b\n", "? [a]\n: b", "\"export_id\": 'it''s'", "%YAML 1.1\n---\nspec: {}",
		"export_id: \"\\u2028\\x41\\U0001F355\"", "spec: {scope: {brands: [\xff]}}", "spec: {<<: *x}", "spec: !!map {paused: true}", "{\n# c\n}\n...\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := file.Parse(text)
		if err != nil {
			refused, ok := fault.Of(err)
			if !ok || refused.Kind != fault.Invalid || len(refused.Violations) == 0 || d != nil {
				t.Fatalf("Parse = %v, %v, want a fault of kind Invalid with violations", d, err)
			}
			return
		}
		written, err := file.Format(d.Export)
		if err != nil {
			t.Fatalf("Format = %v", err)
		}
		again, err := file.Parse(written)
		if err != nil || !proto.Equal(d.Export, again.Export) {
			t.Fatalf("read back: %v, %v, want %v", again, err, d.Export)
		}
	})
}

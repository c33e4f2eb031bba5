package s3bucket

import "testing"

func TestFileTypes(t *testing.T) {
	for key, want := range map[string]string{
		"a/part-00000.parquet": "application/vnd.apache.parquet", "a/part-00000.csv": "text/csv; charset=utf-8", "a/part-00000.jsonl": "application/jsonl",
		"a/part-00000.csv.gz": "application/gzip", "a/part-00000.jsonl.gz": "application/gzip", "a/part-00000.csv.zst": "application/zstd",
	} {
		if got := fileType(key); got != want {
			t.Errorf("%s is of type %s, want %s", key, got, want)
		}
	}
	for key, want := range map[string]string{"a/latest.json": "application/json", "a/_SUCCESS": "application/json", "a/acme.odcs.yaml": "application/yaml"} {
		if got := controlType(key); got != want {
			t.Errorf("%s is of type %s, want %s", key, got, want)
		}
	}
}

package drop

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestKeys(t *testing.T) {
	const date, run = "2026-11-23", "acme-daily-20261123-1"
	for got, want := range map[string]string{
		Format{}.PartKey("FACT_REVIEWS", date, run, 7):        "analytics-export/FACT_REVIEWS/export_date=2026-11-23/run=acme-daily-20261123-1/part-00007.parquet",
		TablePrefix("FACT_REVIEWS", date, run):                "analytics-export/FACT_REVIEWS/export_date=2026-11-23/run=acme-daily-20261123-1/",
		DatePrefix(date):                                      "analytics-export/_manifests/export_date=2026-11-23/",
		RunPrefix(date, run):                                  "analytics-export/_manifests/export_date=2026-11-23/run=acme-daily-20261123-1/",
		ManifestKey(date, run):                                "analytics-export/_manifests/export_date=2026-11-23/run=acme-daily-20261123-1/manifest.json",
		SuccessKey(date, run):                                 "analytics-export/_manifests/export_date=2026-11-23/run=acme-daily-20261123-1/_SUCCESS",
		StartedKey(date, run):                                 "analytics-export/_manifests/export_date=2026-11-23/run=acme-daily-20261123-1/_started",
		csv(Gzip).PartKey("FACT_REVIEWS", date, run, 0):       TablePrefix("FACT_REVIEWS", date, run) + "part-00000.csv.gz",
		csv(Zstd).PartKey("FACT_REVIEWS", date, run, 0):       TablePrefix("FACT_REVIEWS", date, run) + "part-00000.csv.zst",
		csv(None).PartKey("FACT_REVIEWS", date, run, 0):       TablePrefix("FACT_REVIEWS", date, run) + "part-00000.csv",
		jsonLines(Gzip).PartKey("FACT_REVIEWS", date, run, 0): TablePrefix("FACT_REVIEWS", date, run) + "part-00000.jsonl.gz",
		jsonLines(Zstd).PartKey("FACT_REVIEWS", date, run, 0): TablePrefix("FACT_REVIEWS", date, run) + "part-00000.jsonl.zst",
		jsonLines(None).PartKey("FACT_REVIEWS", date, run, 0): TablePrefix("FACT_REVIEWS", date, run) + "part-00000.jsonl",
		ExpiringKey(date, run):                                "analytics-export/_manifests/export_date=2026-11-23/run=acme-daily-20261123-1/_expiring",
		LatestKey:                                             "analytics-export/_manifests/latest.json",
		Format{}.PartKey("FACT_REVIEWS", date, run, 12345):    TablePrefix("FACT_REVIEWS", date, run) + "part-12345.parquet",
	} {
		if got != want {
			t.Errorf("got key  %s\nwant key %s", got, want)
		}
	}
}

func TestPartsAreRecognised(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := rapid.StringMatching(`[A-Z][A-Z0-9_]{0,9}`).Draw(t, "table")
		index := rapid.IntRange(0, 2_000_000).Draw(t, "index")
		f := rapid.SampledFrom(formats()).Draw(t, "format")
		key := f.PartKey(table, "2026-11-23", "r-1", index)
		if !f.isPart(key, table, "2026-11-23", "r-1") || !strings.HasPrefix(key, Prefix) {
			t.Fatalf("%s is not recognised", key)
		}
		if f.isPart(key, table+"X", "2026-11-23", "r-1") || f.isPart(key, table, "2026-11-24", "r-1") || f.isPart(key, table, "2026-11-23", "r-2") {
			t.Fatalf("%s is taken for a file of another run", key)
		}
		for _, other := range formats() {
			if other != f && other.ending() != f.ending() && other.isPart(key, table, "2026-11-23", "r-1") {
				t.Fatalf("%s is taken for a file of format %v", key, other)
			}
		}
	})
	for _, name := range []string{"part-1.parquet", "part--0001.parquet", "part-+0001.parquet", "part-00001.parquet.bak", "part-00001.csv", "part-00001", "../part-00001.parquet", "_SUCCESS", ""} {
		if (Format{}).isPart(TablePrefix("T", "2026-11-23", "r-1")+name, "T", "2026-11-23", "r-1") {
			t.Errorf("%q is taken for a part", name)
		}
	}
}

// TestNoKeyIsAFolderOfAnother holds all keys that there can be against each other: a store that keeps objects as files could not
// have dir and dir/child.
func TestNoKeyIsAFolderOfAnother(t *testing.T) {
	keys := map[string]bool{LatestKey: true}
	for _, date := range []string{"2026-11-23", "2026-11-24"} {
		for _, run := range []string{"acme-1", "acme-10", "acme-11"} {
			for _, key := range []string{ManifestKey(date, run), SuccessKey(date, run), StartedKey(date, run), ExpiringKey(date, run)} {
				keys[key] = true
			}
			for _, f := range formats() {
				for _, table := range []string{"FACT", "FACT_REVIEWS", "MANIFESTS"} {
					for _, part := range []int{0, 1, 99_999, 100_000} {
						keys[f.PartKey(table, date, run, part)] = true
					}
				}
			}
		}
	}
	for key := range keys {
		for at := range key {
			if key[at] == '/' && keys[key[:at]] {
				t.Errorf("%s is a folder of %s", key[:at], key)
			}
		}
		if strings.Contains(key, "//") || strings.HasSuffix(key, "/") || !strings.HasPrefix(key, Prefix) {
			t.Errorf("%q is no key of ours", key)
		}
	}
}

package drop

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func manifest(rows ...int64) *Manifest { return manifestIn(Format{}, rows...) }

func manifestIn(f Format, rows ...int64) *Manifest {
	due := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	m := &Manifest{
		CustomerID: "acme", CustomerName: "Acme & Söhne", ExportID: "acme-daily", Revision: 3, RunID: "acme-daily-20261123-1",
		ScopeDigest: Digest([]byte("scope")), ExportDate: "2026-11-23", DueTime: due, AsOfTime: due,
		CommitTime: due.Add(time.Hour), ExpireTime: due.AddDate(0, 0, 30), ProducerVersion: "1.0.0", Format: f,
	}
	t := Table{
		Table: "FACT_REVIEWS", Definition: "one review", PrimaryKey: []string{"review_id"},
		Schema: []Column{{Name: "review_id", Type: "STRING"}, {Name: "rating", Type: "NUMBER(3,1)", Nullable: true}},
	}
	for i, n := range rows {
		key := m.Format.PartKey(t.Table, m.ExportDate, m.RunID, i)
		t.Files = append(t.Files, File{Key: key, Bytes: 100 + n, Rows: n, CRC64NVME: "AAAAAAAAAAA=", SHA256: Digest([]byte(key))})
		t.RowCount += n
	}
	m.Tables = []Table{t}
	return m
}

// counted adds what a writer counts.
func counted(m *Manifest) *Manifest {
	m.Tables[0].Totals = []Total{{Column: "review_id"}, {Column: "rating", NullCount: 2, Sum: "-12.5"}}
	return m
}

func TestManifestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := manifestIn(rapid.SampledFrom(formats()).Draw(t, "format"), rapid.SliceOfN(rapid.Int64Range(0, 1e9), 1, 5).Draw(t, "rows")...)
		if m.Tables[0].RowCount > 1 && rapid.Bool().Draw(t, "counted") {
			m = counted(m)
		}
		m.AsOfReplanned = rapid.Bool().Draw(t, "replanned")
		m.ResendsRunID = rapid.SampledFrom([]string{"", "acme-daily-20261123-0"}).Draw(t, "resends")
		if m.AsOfReplanned {
			m.AsOfTime = m.AsOfTime.Add(time.Minute)
		}
		m.CommitTime = m.CommitTime.Add(time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "later"))).In(time.FixedZone("", 7200))
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := ParseManifest(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, parsed); diff != "" {
			t.Fatalf("parsed manifest (-want +got):\n%s", diff)
		}
		again, err := parsed.Encode()
		if err != nil || Digest(again) != Digest(data) {
			t.Fatalf("encoding again gives other bytes: %v", err)
		}
	})
}

func TestManifestRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*Manifest)
		want  string
	}{
		"version":        {func(m *Manifest) { m.ContractVersion = "2" }, "contract_version"},
		"no customer":    {func(m *Manifest) { m.CustomerID = "" }, "customer_id"},
		"revision":       {func(m *Manifest) { m.Revision = 0 }, "revision"},
		"run id":         {func(m *Manifest) { m.RunID = "a/b" }, "run_id"},
		"resends itself": {func(m *Manifest) { m.ResendsRunID = m.RunID }, "resends_run_id"},
		"resends no run": {func(m *Manifest) { m.ResendsRunID = "a/b" }, "resends_run_id"},
		"scope digest":   {func(m *Manifest) { m.ScopeDigest = strings.ToUpper(m.ScopeDigest) }, "scope_digest"},
		"date":           {func(m *Manifest) { m.ExportDate = "2026-11-31" }, "export_date"},
		"no time":        {func(m *Manifest) { m.AsOfTime = time.Time{} }, "as_of_time"},
		"early commit":   {func(m *Manifest) { m.CommitTime = m.AsOfTime.Add(-1) }, "commit_time"},
		"replanned":      {func(m *Manifest) { m.AsOfReplanned = true }, "as_of_replanned"},
		"no tables":      {func(m *Manifest) { m.Tables = nil }, "tables"},
		"table twice":    {func(m *Manifest) { m.Tables = append(m.Tables, m.Tables[0]) }, "twice"},
		"table name":     {func(m *Manifest) { m.Tables[0].Table = "a/../b" }, "upper-case"},
		"no files":       {func(m *Manifest) { m.Tables[0].Files, m.Tables[0].RowCount = nil, 0 }, "files is empty"},
		"foreign file": {func(m *Manifest) {
			m.Tables[0].Files[0].Key = m.Format.PartKey("FACT_REVIEWS", m.ExportDate, "other-1", 0)
		}, "outside"},
		"outside prefix":    {func(m *Manifest) { m.Tables[0].Files[0].Key = "secrets/part-00000.parquet" }, "outside"},
		"file twice":        {func(m *Manifest) { m.Tables[0].Files[1].Key = m.Tables[0].Files[0].Key }, "twice"},
		"row count":         {func(m *Manifest) { m.Tables[0].RowCount++ }, "row_count"},
		"bytes":             {func(m *Manifest) { m.Tables[0].Files[0].Bytes = 0 }, "bytes"},
		"crc":               {func(m *Manifest) { m.Tables[0].Files[0].CRC64NVME = "AAAA" }, "crc64nvme"},
		"sha256":            {func(m *Manifest) { m.Tables[0].Files[0].SHA256 = "" }, "sha256"},
		"no schema":         {func(m *Manifest) { m.Tables[0].Schema = nil }, "schema"},
		"column twice":      {func(m *Manifest) { m.Tables[0].Schema[1].Name = "review_id" }, "twice"},
		"totals of fewer":   {func(m *Manifest) { counted(m).Tables[0].Totals = m.Tables[0].Totals[1:] }, "totals has 1"},
		"totals of another": {func(m *Manifest) { counted(m).Tables[0].Totals[0].Column = "id" }, "totals"},
		"nulls of none":     {func(m *Manifest) { counted(m).Tables[0].Totals[0].NullCount = 1 }, "null_count 1"},
		"more nulls":        {func(m *Manifest) { counted(m).Tables[0].Totals[1].NullCount = 13 }, "null_count 13"},
		"no sum":            {func(m *Manifest) { counted(m).Tables[0].Totals[1].Sum = "NaN" }, "is no number"},
		"key not in schema": {func(m *Manifest) { m.Tables[0].PrimaryKey = []string{"id"} }, "primary-key"},
		"no key":            {func(m *Manifest) { m.Tables[0].PrimaryKey = nil }, "primary_key"},
		"format":            {func(m *Manifest) { m.Format = jsonLines("snappy") }, "snappy"},
		"no compression":    {func(m *Manifest) { m.Format = jsonLines("") }, "compression"},
		"other ending":      {func(m *Manifest) { m.Format = jsonLines(Zstd) }, "no .jsonl.zst"},
		"options of CSV":    {func(m *Manifest) { m.Format.CSV.NullString = "NULL" }, "csv is set"},
		"empty CSV":         {func(m *Manifest) { m.Format = csv(None); m.Tables[0].Files[0].Bytes = 0 }, "0 bytes"},
		"no delimiter":      {func(m *Manifest) { m.Format = csv(None); m.Format.CSV.Delimiter = "" }, "delimiter"},
	} {
		t.Run(name, func(t *testing.T) {
			m := manifest(5, 7)
			m.ContractVersion = ContractVersion
			test.spoil(m)
			if _, err := m.Encode(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Encode = %v, want an error about %s", err, test.want)
			}
			data, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ParseManifest(data); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("ParseManifest = %v, want an error about %s", err, test.want)
			}
		})
	}
}

func TestParseIsStrict(t *testing.T) {
	data, err := manifest(1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for name, spoiled := range map[string]string{
		"unknown key": strings.Replace(text, `"customer_id"`, `"extra": 1, "customer_id"`, 1),
		"more text":   text + "{}",
		"local time":  strings.Replace(text, `"2026-11-23T02:00:00Z"`, `"2026-11-23T03:00:00+01:00"`, 1),
		"cut short":   text[:len(text)/2],
		"empty":       "",
	} {
		if m, err := ParseManifest([]byte(spoiled)); err == nil || m != nil {
			t.Errorf("%s: ParseManifest gives no error", name)
		}
	}
}

// TestSchemaMatchesTheStructs keeps the published schema and the code from drifting apart.
func TestSchemaMatchesTheStructs(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	compareObject(t, root, reflect.TypeFor[Manifest]())
}

func compareObject(t *testing.T, schema map[string]any, typ reflect.Type) {
	t.Helper()
	properties, _ := schema["properties"].(map[string]any)
	var keys, required []string
	fields := 0
	for i := range typ.NumField() {
		field := typ.Field(i)
		key, option, _ := strings.Cut(field.Tag.Get("json"), ",")
		if fields++; option == "" {
			keys = append(keys, key)
		}
		property, found := properties[key].(map[string]any)
		if !found {
			t.Errorf("schema of %s lacks %s", typ.Name(), key)
		}
		if field.Type.Kind() == reflect.Struct && property["type"] == "object" {
			compareObject(t, property, field.Type)
		}
		if items, ok := property["items"].(map[string]any); ok && field.Type.Elem().Kind() == reflect.Struct {
			compareObject(t, items, field.Type.Elem())
		}
	}
	list, _ := schema["required"].([]any)
	for _, key := range list {
		name, _ := key.(string)
		required = append(required, name)
	}
	slices.Sort(keys)
	slices.Sort(required)
	if diff := cmp.Diff(keys, required); diff != "" || len(properties) != fields || schema["additionalProperties"] != false {
		t.Errorf("schema of %s differs from the struct (-struct +schema):\n%s", typ.Name(), diff)
	}
}

func TestMarkers(t *testing.T) {
	digest := Digest([]byte("manifest"))
	data, err := Success{Digest: digest}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseSuccess(data); err != nil || got.Digest != digest {
		t.Errorf("ParseSuccess = %v, %v", got, err)
	}
	if _, err := (Success{}).Encode(); err == nil {
		t.Error("an empty _SUCCESS is encoded")
	}
	latest := Latest{RunID: "r-1", ExportDate: "2026-11-23", ManifestKey: ManifestKey("2026-11-23", "r-1"), ManifestSHA256: digest}
	if data, err = latest.Encode(); err != nil {
		t.Fatal(err)
	}
	if got, err := ParseLatest(data); err != nil || *got != latest {
		t.Errorf("ParseLatest = %v, %v", got, err)
	}
	latest.RunID = "r-2"
	if _, err := latest.Encode(); err == nil {
		t.Error("a pointer to another run's manifest is encoded")
	}
}

func TestRecordOfADeletion(t *testing.T) {
	want := Expiring{Latest: true, Manifest: manifest(5)}
	if _, err := want.Manifest.Encode(); err != nil { // fills in what was left out
		t.Fatal(err)
	}
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseExpiring(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("the record differs (-want +got):\n%s", diff)
	}
	want.Manifest.RunID = "../" + want.Manifest.RunID
	if data, err := want.Encode(); err == nil {
		t.Errorf("a manifest of elsewhere is written: %s", data)
	}
	for _, text := range []string{`{}`, `{"latest":true}`, `{"latest":true,"manifest":{}}`, strings.Replace(string(data), `"latest"`, `"last"`, 1)} {
		if got, err := ParseExpiring([]byte(text)); err == nil {
			t.Errorf("ParseExpiring(%s) = %v, want an error", text, got)
		}
	}
}

package file_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/customer-exports/exports/pkg/fault"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/file"
)

// example is what the operator's handbook shows, in testdata/acme-daily.yaml.
func example() *configv1.ExportFile {
	return &configv1.ExportFile{ExportId: "acme-daily", CustomerId: "acme", Spec: &configv1.ExportSpec{
		Tables: []*configv1.TableSelection{
			{Table: "DIM_DATES"}, {Table: "DIM_LOCATIONS"}, {Table: "FACT_REVIEWS", Columns: []string{"review_id", "location_id", "rating"}},
		},
		Scope: &commonv1.Scope{
			Brands:      []string{"Acme Burgers", "Joe's: Fish & Chips", "No"},
			LocationIds: []string{"loc-0001", "loc-0002", "7f3a9c52-1c1e-4b5e-9a57-0d7c1f2e8b11", "100234"},
		},
		Format:   &configv1.Format{FileFormat: configv1.FileFormat_FILE_FORMAT_PARQUET, Compression: configv1.Compression_COMPRESSION_ZSTD},
		Schedule: &configv1.Schedule{TimeOfDay: "02:00", TimeZone: "America/New_York"},
		Destination: &configv1.Destination{
			Bucket: "acme-bi-exports", Region: "us-east-1", ExpectedBucketOwner: "012345678901",
			RoleArn: "arn:aws:iam::012345678901:role/bi-exports", ExternalId: "K7Q2M4X9T1B8C6D3F5G0H2J4L6N8P1R3",
			KmsKeyArn: "arn:aws:kms:us-east-1:012345678901:key/1234abcd-12ab-34cd-56ef-1234567890ab",
			ObjectAcl: configv1.ObjectAcl_OBJECT_ACL_BUCKET_OWNER_FULL_CONTROL,
		},
		RetentionDays: 30, Deadline: durationpb.New(24 * time.Hour), StartDate: "2026-11-01",
		WarehouseClass: configv1.WarehouseClass_WAREHOUSE_CLASS_STANDARD, SharedLocationIds: []string{"loc-0002"},
	}}
}

func golden(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/acme-daily.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parse(t *testing.T, text string) *file.Document {
	t.Helper()
	d, err := file.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheHandbooksExampleIsReadAndWritten(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(example(), parse(t, golden(t)).Export, protocmp.Transform()); diff != "" {
		t.Errorf("parsed file differs (-want +got):\n%s", diff)
	}
	text, err := file.Format(example())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(golden(t), text); diff != "" {
		t.Errorf("formatted export differs (-want +got):\n%s", diff)
	}
}

func TestValuesAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	text := func(spec string) string { return "# kept in git\nexport_id: e\nspec: {" + spec + "}" }
	for name, test := range map[string]struct {
		spec string
		want *configv1.ExportSpec
	}{
		"unquoted date, time and account": {
			"start_date: 2026-11-01, schedule: {time_of_day: 02:00}, destination: {expected_bucket_owner: 012345678901}",
			&configv1.ExportSpec{
				StartDate: "2026-11-01", Schedule: &configv1.Schedule{TimeOfDay: "02:00"},
				Destination: &configv1.Destination{ExpectedBucketOwner: "012345678901"},
			},
		},
		"text that YAML's versions disagree on": {
			"scope: {brands: [no, 1e3, true, 0x1F, 'null', \"~\", '']}",
			&configv1.ExportSpec{Scope: &commonv1.Scope{Brands: []string{"no", "1e3", "true", "0x1F", "null", "~", ""}}},
		},
		"weekdays": {
			"schedule: {weekdays: [monday, FRIDAY, WEEKDAY_SUNDAY]}",
			&configv1.ExportSpec{Schedule: &configv1.Schedule{Weekdays: []configv1.Weekday{
				configv1.Weekday_WEEKDAY_MONDAY, configv1.Weekday_WEEKDAY_FRIDAY, configv1.Weekday_WEEKDAY_SUNDAY,
			}}},
		},
		"cron without quotes": {"schedule: {cron: 30 2 * * MON-FRI}", &configv1.ExportSpec{Schedule: &configv1.Schedule{Cron: "30 2 * * MON-FRI"}}},
		"contract's enum":     {"format: {compression: COMPRESSION_ZSTD}", &configv1.ExportSpec{Format: &configv1.Format{Compression: 1}}},
		"short enum":          {"format: {compression: ZSTD}", &configv1.ExportSpec{Format: &configv1.Format{Compression: 1}}},
		"lower enum":          {"format: {compression: 'zstd'}", &configv1.ExportSpec{Format: &configv1.Format{Compression: 1}}},
		"lower long enum":     {"format: {compression: compression_zstd}", &configv1.ExportSpec{Format: &configv1.Format{Compression: 1}}},
		"S3's own word": {
			"destination: {object_acl: bucket-owner-full-control}",
			&configv1.ExportSpec{Destination: &configv1.Destination{ObjectAcl: 1}},
		},
		"hours":            {"deadline: 24h", &configv1.ExportSpec{Deadline: durationpb.New(24 * time.Hour)}},
		"hours, minutes":   {"deadline: 1h30m", &configv1.ExportSpec{Deadline: durationpb.New(90 * time.Minute)}},
		"seconds":          {"deadline: 86400s", &configv1.ExportSpec{Deadline: durationpb.New(24 * time.Hour)}},
		"longer than Go's": {"deadline: '315576000000s'", &configv1.ExportSpec{Deadline: &durationpb.Duration{Seconds: 315_576_000_000}}},
		"CSV": {
			`format: {file_format: csv, csv: {delimiter: "\t", null_string: \N}}`,
			&configv1.ExportSpec{Format: &configv1.Format{FileFormat: 2, Csv: &configv1.CsvOptions{Delimiter: "\t", NullString: `\N`}}},
		},
		"set but empty": {"format: {}, tables: []", &configv1.ExportSpec{Format: &configv1.Format{}}},
		"flags":         {"paused: true, archived: false", &configv1.ExportSpec{Paused: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, parse(t, text(test.spec)).Export.GetSpec(), protocmp.Transform()); diff != "" {
				t.Errorf("spec differs (-want +got):\n%s", diff)
			}
		})
	}
	for name, text := range map[string]string{
		"Windows lines": strings.ReplaceAll(golden(t), "\n", "\r\n"), "byte order mark": "\ufeff" + golden(t), "markers": "---\n" + golden(t) + "...\n",
	} {
		if diff := cmp.Diff(example(), parse(t, text).Export, protocmp.Transform()); diff != "" {
			t.Errorf("with %s the file differs (-want +got):\n%s", name, diff)
		}
	}
}

// refused returns the violations as lines of "field | description".
func refused(t *testing.T, text string) []string {
	t.Helper()
	_, err := file.Parse(text)
	f, ok := fault.Of(err)
	if !ok || f.Kind != fault.Invalid || f.Reason != fault.ReasonValidation {
		t.Fatalf("Parse(%.80q) = %v, want a fault of kind Invalid", text, err)
	}
	var lines []string
	for _, v := range f.Violations {
		lines = append(lines, v.Field+" | "+v.Description)
	}
	return lines
}

func TestEveryFaultIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	const text = `export_id: [acme]
customer_id:
owner: me
spec:
  retention_day: 30
  retention_days: "30"
  deadline: 24
  paused: yes
  tables:
    - FACT_REVIEWS
    - table: DIM_DATES
      table: DIM_LOCATIONS
      columns: all
      ? [x]
      : y
  scope:
    brands: {a: b}
    location_ids: [a, null, [c], ~]
  format: {compression: lz4, file_format: UNSPECIFIED}
  warehouse_class: larg
  schedule: daily
  destination: &d
    bucket: !!str acme
  archived: *d
  start_date: &s 2026-11-01
  shared_location_ids:
`
	want := []string{
		"export_id | line 1, column 12: takes one value, not a list or fields",
		"customer_id | line 2, column 13: has no value: write one, in quotes if it is meant as text, or leave the key out",
		`owner | line 3, column 1: unknown key "owner": known here are customer_id, export_id, spec`,
		`spec.retention_day | line 5, column 3: unknown key "retention_day": did you mean retention_days?`,
		"spec.retention_days | line 6, column 19: takes no text: write it without quotes",
		`spec.deadline | line 7, column 13: "24" is not a duration such as 24h, 1h30m or 86400s`,
		`spec.paused | line 8, column 11: "yes" is neither true nor false`,
		"spec.tables[0] | line 10, column 7: takes fields, each on a line of its own below",
		"spec.tables[1].table | line 12, column 7: is set already at line 11, column 7",
		"spec.tables[1].columns | line 13, column 16: takes a list: write each item on a line of its own below, behind a hyphen",
		"spec.tables[1] | line 14, column 9: a key is the plain name of a field",
		"spec.scope.brands | line 17, column 13: takes a list: write each item on a line of its own below, behind a hyphen",
		"spec.scope.location_ids[1] | line 18, column 23: has no value: write one, in quotes if it is meant as text, or leave the key out",
		"spec.scope.location_ids[2] | line 18, column 29: takes one value, not a list or fields",
		"spec.scope.location_ids[3] | line 18, column 34: has no value: write one, in quotes if it is meant as text, or leave the key out",
		`spec.format.compression | line 19, column 25: unknown value "lz4": write ZSTD or SNAPPY or GZIP or NONE`,
		`spec.format.file_format | line 19, column 43: unknown value "UNSPECIFIED": write PARQUET or CSV or JSON_LINES`,
		`spec.warehouse_class | line 20, column 20: unknown value "larg": write STANDARD or LARGE`,
		"spec.schedule | line 21, column 13: takes fields, each on a line of its own below",
		"spec.destination | line 22, column 16: has an anchor: write the value wherever it is meant",
		"spec.archived | line 24, column 13: is an alias: write the value itself",
		"spec.start_date | line 25, column 15: has an anchor: write the value wherever it is meant",
		"spec.shared_location_ids | line 26, column 23: has no value: write one, in quotes if it is meant as text, or leave the key out",
	}
	if diff := cmp.Diff(want, refused(t, text)); diff != "" {
		t.Errorf("violations differ (-want +got):\n%s", diff)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	bomb := "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
	for name, test := range map[string]struct{ text, want string }{
		"empty":             {"", "yaml | line 1, column 1: holds no export"},
		"comments":          {"# to do\n", "yaml | line 1, column 1: holds no export"},
		"nothing":           {"---\n", "yaml | line 2, column 1: has no value: write one, in quotes if it is meant as text, or leave the key out"},
		"a list":            {"- export_id: a\n", "yaml | line 1, column 1: takes fields, each on a line of its own below"},
		"two documents":     {"export_id: a\n---\nexport_id: b\n", "yaml | line 2, column 1: a second document begins: a file holds one export"},
		"a broken second":   {"export_id: a\n--- ]\n", "yaml | line 2, column 5: is not YAML: did not find expected node content"},
		"broken at once":    {"export_id: a: b\n", "yaml | line 1, column 13: is not YAML: mapping values are not allowed in this context"},
		"never closed":      {"export_id: [a\nspec: {}\n", "yaml | line 2, column 5: is not YAML: did not find expected ',' or ']', in what begins at line 1, column 12"},
		"a tab":             {"spec:\n\tpaused: true\n", "yaml | line 2, column 1: is not YAML: found character that cannot start any token; the line is indented by a tab: use spaces"},
		"unknown anchor":    {"export_id: *x\n", "yaml | line 1, column 12: is not YAML: unknown anchor 'x' referenced"},
		"not UTF-8":         {"export_id: a\ncustomer_id: caf\xe9\n", "yaml | line 2, column 17: byte 0xE9 is not UTF-8"},
		"UTF-16":            {"\xff\xfee\x00", "yaml | line 1, column 1: byte 0xFF is not UTF-8"},
		"a control":         {"export_id: a\r\ncustomer_id: \x01\n", `yaml | line 2, column 14: U+0001 cannot be seen: write it as "\u0001" in double quotes`},
		"a line separator":  {"export_id: a\u2028b\n", `yaml | line 1, column 13: U+2028 cannot be seen: write it as "\u2028" in double quotes`},
		"a later mark":      {"export_id: a\ufeffb\n", `yaml | line 1, column 13: U+FEFF cannot be seen: write it as "\ufeff" in double quotes`},
		"too large":         {strings.Repeat("#\n", 2<<20+1), "yaml | line 1, column 1: holds more than 4 MiB"},
		"too many items":    {"spec: {tables: [" + strings.Repeat("a,", 500_000) + "]}", "yaml | line 1, column 1: holds more items than an export can have"},
		"too deep":          {strings.Repeat("[", 1000), "yaml | line 1, column 21: is not YAML: exceeded max depth of 20"},
		"an alias bomb":     {bomb, `a | line 1, column 1: unknown key "a": known here are customer_id, export_id, spec`},
		"a merge":           {"<<: {export_id: a}\n", `yaml | line 1, column 1: unknown key "<<": known here are customer_id, export_id, spec`},
		"a long, odd key":   {strings.Repeat("\u00e9'", 60) + ": 1\n", `yaml | line 1, column 1: unknown key "` + strings.Repeat("\u00e9'", 20) + `…": known here are customer_id, export_id, spec`},
		"JSON's own name":   {"exportId: a\n", `exportId | line 1, column 1: unknown key "exportId": did you mean export_id?`},
		"a fractional day":  {"spec: {retention_days: 30.5}\n", `spec.retention_days | line 1, column 24: "30.5" is not a whole number`},
		"an octal day":      {"spec: {retention_days: 030}\n", `spec.retention_days | line 1, column 24: "030" is not a whole number`},
		"too many days":     {"spec: {retention_days: 3000000000}\n", `spec.retention_days | line 1, column 24: "3000000000" is too large`},
		"a tag":             {"export_id: !!str a\n", "export_id | line 1, column 12: has a tag: write the value alone, text in quotes"},
		"a nameless tag":    {"export_id: ! a\n", "export_id | line 1, column 12: has a tag: write the value alone, text in quotes"},
		"an anchored key":   {"&a export_id: a\n", "yaml | line 1, column 1: a key is the plain name of a field"},
		"duration in words": {"spec: {deadline: \"1\\x07\"}\n", `spec.deadline | line 1, column 18: "1\a" is not a duration such as 24h, 1h30m or 86400s`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := refused(t, test.text); got[0] != test.want {
				t.Errorf("first violation\n\t%s\nwant\n\t%s", got[0], test.want)
			}
		})
	}
}

func TestASpoiltFileIsAnsweredInShort(t *testing.T) {
	t.Parallel()
	for text, last := range map[string]string{
		"spec:\n  scope:\n    brands:\n" + strings.Repeat("      -\n", 60): "spec.scope.brands[49] | line 53, column 8: more is wrong from here on",
		strings.Repeat("a: b\n", 20_000):                                   "a | line 50, column 1: more is wrong from here on",
		strings.Repeat("\x01", 1<<20):                                      "yaml | line 1, column 50: more is wrong from here on",
	} {
		if got := refused(t, text); len(got) != 50 || got[49] != last {
			t.Errorf("%.30q: %d violations, the last one %q; want 50, and %q", text, len(got), got[len(got)-1], last)
		}
	}
}

// TestTheReaderKnowsTheContract fails when the contract gains a field of a kind that a file cannot hold.
func TestTheReaderKnowsTheContract(t *testing.T) {
	t.Parallel()
	seen := 0
	var walk func(m protoreflect.MessageDescriptor)
	walk = func(m protoreflect.MessageDescriptor) {
		for i := range m.Fields().Len() {
			field := m.Fields().Get(i)
			seen++
			switch kind := field.Kind(); {
			case field.IsMap() || field.HasOptionalKeyword() || field.ContainingOneof() != nil:
				t.Errorf("%s is a map, optional or one of several: teach the package file, and diff", field.FullName())
			case field.Message() != nil && field.Message().FullName() != "google.protobuf.Duration":
				walk(field.Message())
			case kind != protoreflect.StringKind && kind != protoreflect.BoolKind && kind != protoreflect.Int32Kind &&
				kind != protoreflect.EnumKind && kind != protoreflect.MessageKind:
				t.Errorf("%s is of kind %s: teach the package file, and diff", field.FullName(), kind)
			}
		}
	}
	walk((&configv1.ExportFile{}).ProtoReflect().Descriptor())
	if seen < 30 {
		t.Errorf("%d fields seen, want all of the contract", seen)
	}
}

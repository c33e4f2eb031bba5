package file_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"

	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/configtest"
	"github.com/customer-exports/exports/services/config/internal/file"
)

// hostile draws texts that YAML, Go or an editor could take for something else, among any others.
func hostile() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"", " ", " a", "a ", "a  b", "no", "No", "on", "y", "~", "null", "true", "1e3", "1_000", "0o17", "0x1F", "0b1", ".inf", "1e-3", "012345678901",
			"2026-11-01", "02:00", "-", "- a", "a: b", "a:", ":a", "a #b", "#a", "a:b", "::", "? a", "&a", "*a", "!a", "!!str a", "|", ">-", "%a", "@a", "`a`",
			"'", "''", `"`, `\`, `\n`, "a\nb", "a\n", "\n", "\ta", "a\tb", "\r", "\r\n", "\x00", "\x1b[0m", "\x7f", "\u0085", "\u00a0", "\u2028", "\u2029",
			"\ufeff", "\ufffd", "\uffff", "\u200b", "🍕", "e\u0301", "[a]", "{a: b}", "a, b", "<<", "=", "---", "...", "--- a", "Joe's", "AT&T", "a=b", "x@y",
			"arn:aws:iam::012345678901:role/x", "https://s3.example.com:9000", strings.Repeat("long ", 100),
		}),
		rapid.String(),
		rapid.StringMatching(`[-a-z0-9 :#'"_.,/+eExob]{0,8}`),
	)
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := configtest.Fill(t, &configv1.ExportFile{}, hostile())
		text, err := file.Format(want)
		if err != nil {
			t.Fatalf("Format(%v) = %v", want, err)
		}
		got, err := file.Parse(text)
		if err != nil {
			t.Fatalf("Parse = %v\n%s", err, text)
		}
		if diff := cmp.Diff(want, got.Export, protocmp.Transform()); diff != "" {
			t.Fatalf("read back (-want +got):\n%s\nof\n%s", diff, text)
		}
		again, err := file.Format(got.Export)
		if err != nil || again != text {
			t.Fatalf("written again:\n%s\n(%v), want\n%s", again, err, text)
		}
	})
}

// TestOtherReadersSeeTheSameText holds what is written against a reader that guesses types, as editors and CI tools do.
func TestOtherReadersSeeTheSameText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(hostile(), 1, 5).Draw(t, "brands")
		text, err := file.Format(&configv1.ExportFile{Spec: &configv1.ExportSpec{Scope: &commonv1.Scope{Brands: want}}})
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Spec struct{ Scope struct{ Brands []any } }
		}
		if err := yaml.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("reading\n%s: %v", text, err)
		}
		for i, brand := range got.Spec.Scope.Brands {
			if brand != want[i] {
				t.Fatalf("%q is read as %T %v from\n%s", want[i], brand, brand, text)
			}
		}
	})
}

func TestPlainWhereItCanBe(t *testing.T) {
	t.Parallel()
	brands := []string{
		"Acme Burgers", "loc-0001", "7f3a9c52-1c1e-4b5e-9a57-0d7c1f2e8b11", "Joe's Café", "AT&T", "arn:aws:iam::012345678901:role/x",
		"https://s3.example.com:9000", "no", "off", "012345678901", "2026-11-01", "02:00", "1e3", "a: b", "a #b",
	}
	text, err := file.Format(&configv1.ExportFile{Spec: &configv1.ExportSpec{Scope: &commonv1.Scope{Brands: brands}}})
	if err != nil {
		t.Fatal(err)
	}
	for i, brand := range brands {
		want := "      - " + brand + "\n"
		if i > 6 {
			want = fmt.Sprintf("      - %q\n", brand)
		}
		if !strings.Contains(text, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
}

func TestDurationsAreShort(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]*durationpb.Duration{
		"24h": durationpb.New(24 * time.Hour), "1h30m": durationpb.New(90 * time.Minute), "1h0m5s": durationpb.New(time.Hour + 5*time.Second),
		"20m": durationpb.New(20 * time.Minute), "30s": durationpb.New(30 * time.Second), "0s": {}, "10s": durationpb.New(10 * time.Second),
		"315576000000s": {Seconds: 315_576_000_000},
	} {
		text, err := file.Format(&configv1.ExportFile{Spec: &configv1.ExportSpec{Deadline: d}})
		if err != nil || text != "spec:\n  deadline: "+want+"\n" {
			t.Errorf("Format(%v) = %q, %v, want %s", d, text, err, want)
		}
	}
}

func TestFormatRefusesWhatAFileCannotSay(t *testing.T) {
	t.Parallel()
	later := &configv1.Destination{Bucket: "b"}
	later.ProtoReflect().SetUnknown([]byte{0x98, 0x06, 0x01}) // field 99
	for name, test := range map[string]struct {
		spec *configv1.ExportSpec
		says string
	}{
		"a later field":       {&configv1.ExportSpec{Destination: later}, "Destination holds a field"},
		"a later value":       {&configv1.ExportSpec{WarehouseClass: 9}, "WarehouseClass has no value 9"},
		"an unset list item":  {&configv1.ExportSpec{Schedule: &configv1.Schedule{Weekdays: []configv1.Weekday{0}}}, "Weekday has no value 0"},
		"text that is none":   {&configv1.ExportSpec{StartDate: "caf\xe9"}, "start_date is not valid UTF-8"},
		"a duration of sorts": {&configv1.ExportSpec{Deadline: &durationpb.Duration{Seconds: 1, Nanos: -1}}, "out of range"},
	} {
		text, err := file.Format(&configv1.ExportFile{ExportId: "e", Spec: test.spec})
		if err == nil || !strings.Contains(err.Error(), test.says) || text != "" {
			t.Errorf("%s: Format = %q, %v, want an error that says %q", name, text, err, test.says)
		}
	}
}

func TestTheLargestExportIsNotTooLarge(t *testing.T) {
	t.Parallel()
	want := example()
	for i := range 50_000 {
		want.Spec.Scope.LocationIds = append(want.Spec.Scope.LocationIds, fmt.Sprintf("location-%07d", i))
	}
	want.Spec.SharedLocationIds = want.Spec.GetScope().GetLocationIds()
	for i := range 200 {
		want.Spec.Tables = append(want.Spec.Tables, &configv1.TableSelection{Table: fmt.Sprintf("T%d", i), Columns: []string{"a", "b", "c", "d", "e"}})
	}
	text, err := file.Format(want)
	if err != nil {
		t.Fatal(err)
	}
	if got := parse(t, text).Export; !proto.Equal(want, got) {
		t.Error("the export was not read back")
	}
}

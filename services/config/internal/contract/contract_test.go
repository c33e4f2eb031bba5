package contract_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/contract"
)

var update = flag.Bool("update", false, "write the golden file")

// engagement says most of what one can.
func engagement() contract.Agreement {
	return contract.Agreement{
		ExportID: "acme-daily", Words: dictionary.Standard(),
		Customer: &configv1.Customer{CustomerId: "acme", DisplayName: "Acme: Pizza & Co", Contacts: []*configv1.Contact{
			{Name: "Data team", Email: "data@acme.example", Severity: commonv1.Severity_SEVERITY_WARNING}, {Name: "On call", Email: "oncall@acme.example"},
		}},
		Revision: &configv1.Revision{
			Revision: 3, State: configv1.RevisionState_REVISION_STATE_IN_FORCE, ScopeDigest: strings.Repeat("ab", 32),
			CreateTime: timestamppb.New(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)),
			Spec: &configv1.ExportSpec{
				Tables:   []*configv1.TableSelection{{Table: "FACT_MESSAGES", Columns: []string{"message_id", "cost", "payload", "created_at_datetime"}}, {Table: "DIM_DATES"}},
				Scope:    &commonv1.Scope{Brands: []string{"Secret Brand"}, LocationIds: []string{"secret-location"}},
				Schedule: &configv1.Schedule{TimeOfDay: "02:05", TimeZone: "Europe/Berlin"}, RetentionDays: 30, Deadline: durationpb.New(24 * time.Hour),
				Destination: &configv1.Destination{Bucket: "acme-data", Region: "eu-central-1", ExpectedBucketOwner: "111122223333", ExternalId: "SECRETSECRETSECRETSECRET"},
			},
		},
	}
}

// published is the standard's own JSON Schema.
func published(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("testdata", "odcs-json-schema-v3.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func valid(t *testing.T, schema *jsonschema.Schema, text string) {
	t.Helper()
	var any map[string]any
	if err := yaml.Unmarshal([]byte(text), &any); err != nil {
		t.Fatal(err)
	}
	spelled, err := json.Marshal(any)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(spelled)))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestContract(t *testing.T) {
	text, err := contract.Spell(engagement())
	if err != nil {
		t.Fatal(err)
	}
	valid(t, published(t), text)
	golden := filepath.Join("testdata", "acme-daily.odcs.yaml")
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("contract (-want +got), -update writes it:\n%s", diff)
	}
	if strings.Contains(text, "ecret") {
		t.Error("the contract tells scope values or the external id")
	}
}

// TestEveryAgreementIsOneOfTheStandard has each choice of an engagement spelled and held against the schema.
func TestEveryAgreementIsOneOfTheStandard(t *testing.T) {
	schema := published(t)
	for name, change := range map[string]func(*configv1.ExportSpec, *configv1.Revision){
		"pending": func(_ *configv1.ExportSpec, r *configv1.Revision) {
			r.State = configv1.RevisionState_REVISION_STATE_PENDING
		},
		"replaced": func(_ *configv1.ExportSpec, r *configv1.Revision) {
			r.State = configv1.RevisionState_REVISION_STATE_REPLACED
		},
		"rejected": func(_ *configv1.ExportSpec, r *configv1.Revision) {
			r.State = configv1.RevisionState_REVISION_STATE_REJECTED
		},
		"archived": func(s *configv1.ExportSpec, _ *configv1.Revision) { s.Archived = true },
		"CSV": func(s *configv1.ExportSpec, _ *configv1.Revision) {
			s.Format = &configv1.Format{FileFormat: configv1.FileFormat_FILE_FORMAT_CSV, Csv: &configv1.CsvOptions{Delimiter: ";", NullString: `\N`}}
		},
		"JSON Lines": func(s *configv1.ExportSpec, _ *configv1.Revision) {
			s.Format = &configv1.Format{FileFormat: configv1.FileFormat_FILE_FORMAT_JSON_LINES, Compression: configv1.Compression_COMPRESSION_GZIP}
		},
		"cron": func(s *configv1.ExportSpec, _ *configv1.Revision) {
			s.Schedule = &configv1.Schedule{Cron: "30 2 1,15 * *", TimeZone: "UTC"}
		},
		"weekdays": func(s *configv1.ExportSpec, _ *configv1.Revision) {
			s.Schedule.Weekdays = []configv1.Weekday{configv1.Weekday_WEEKDAY_MONDAY, configv1.Weekday_WEEKDAY_SUNDAY}
		},
		"endpoint": func(s *configv1.ExportSpec, _ *configv1.Revision) { s.Destination.Endpoint = "https://s3.example" },
		"all tables": func(s *configv1.ExportSpec, _ *configv1.Revision) {
			s.Tables = nil
			for _, table := range dictionary.Standard().Tables {
				s.Tables = append(s.Tables, &configv1.TableSelection{Table: table.Name})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := engagement()
			change(a.Revision.GetSpec(), a.Revision)
			text, err := contract.Spell(a)
			if err != nil {
				t.Fatal(err)
			}
			valid(t, schema, text)
			if again, _ := contract.Spell(a); again != text {
				t.Error("the same agreement is spelled in two ways")
			}
		})
	}
}

func TestWeekdays(t *testing.T) {
	a := engagement()
	a.Revision.Spec.Schedule.Weekdays = []configv1.Weekday{configv1.Weekday_WEEKDAY_MONDAY, configv1.Weekday_WEEKDAY_SUNDAY}
	text, err := contract.Spell(a)
	if err != nil || !strings.Contains(text, "schedule: 5 2 * * 1,0\n") || !strings.Contains(text, "every monday, sunday at 02:05") {
		t.Errorf("got %v\n%s", err, text)
	}
}

func TestStrangersAreRefused(t *testing.T) {
	for name, selection := range map[string]*configv1.TableSelection{
		"table": {Table: "FACT_NOTHING"}, "column": {Table: "FACT_MESSAGES", Columns: []string{"message_id", "nothing"}},
	} {
		a := engagement()
		a.Revision.Spec.Tables = []*configv1.TableSelection{selection}
		if text, err := contract.Spell(a); fault.ReasonOf(err) != fault.ReasonSchemaMismatch || text != "" {
			t.Errorf("%s: got %q, %v, want SCHEMA_MISMATCH", name, text, err)
		}
	}
}

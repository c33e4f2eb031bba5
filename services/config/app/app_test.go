package app_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/app"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestExampleHoldsTheDefaults(t *testing.T) {
	got, err := conf.Load[app.Config](filepath.Join("..", "example.yaml"), "EXPORTS_CONFIG_TEST")
	if err != nil {
		t.Fatal(err)
	}
	var want app.Config
	want.Defaults()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("example.yaml (-defaults +example):\n%s", diff)
	}
}

func TestConfigNamesEveryFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(path, []byte("listen: \"\"\nnats: {url: \"\", replicas: 9}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := conf.Load[app.Config](path, "EXPORTS_CONFIG_TEST")
	if err == nil {
		t.Fatal("a config without listen and nats.url is accepted")
	}
	want := "checking config file " + path + ": listen is missing: set it in the config file; " +
		"nats.url is missing: set it in the config file; nats.replicas must be 1 to 5, or 0 for 1"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// TestOnboarding is an operator's day: customer, export, approval, a change, a mistake; then a second instance sees the same.
func TestOnboarding(t *testing.T) {
	url := bustest.Start(t)
	c := start(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	approved := c.onboard(t)
	change := &configv1.UpdateExportRequest{
		ExportId: "acme-daily", Spec: spec("acme"), Etag: approved.GetEtag(), Author: author, Reason: "shorter window",
	}
	change.Spec.RetentionDays = 7
	updated, err := c.UpdateExport(ctx, change)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.UpdateExport(ctx, change); fault.KindOf(err) != fault.State || fault.ReasonOf(err) != fault.ReasonStaleEtag {
		t.Errorf("a second change with the same etag = %v, want STALE_ETAG", err)
	}
	other := start(t, url)
	listed, err := other.ListExports(ctx, &configv1.ListExportsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*configv1.Export{updated.GetExport()}, listed.GetExports(), protocmp.Transform()); diff != "" {
		t.Errorf("exports seen by another instance (-updated +listed):\n%s", diff)
	}
	first, err := other.GetRevision(ctx, &configv1.GetRevisionRequest{ExportId: "acme-daily", Revision: 1})
	if err != nil || first.GetRevision().GetState() != configv1.RevisionState_REVISION_STATE_REPLACED || first.GetCustomer().GetDisplayName() != "The acme" {
		t.Errorf("revision 1 = %v, %v", first, err)
	}
}

// TestDataContract asks for that of the revision in force, of one that is yet to be approved, and of none.
func TestDataContract(t *testing.T) {
	c := start(t, bustest.Start(t))
	e := c.onboard(t)
	later := spec("acme")
	later.Destination.Bucket = "acme-elsewhere"
	change := &configv1.UpdateExportRequest{ExportId: "acme-daily", Spec: later, Etag: e.GetEtag(), Author: author, Reason: "a new bucket"}
	if _, err := c.UpdateExport(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	for revision, want := range map[int64]string{0: "status: active", 1: "status: active", 2: "status: proposed"} {
		got, err := c.contracts.GetDataContract(t.Context(), &configv1.GetDataContractRequest{ExportId: "acme-daily", Revision: revision})
		if err != nil || got.GetRevision() != max(1, revision) || !strings.Contains(got.GetYaml(), "\n"+want+"\n") {
			t.Errorf("contract of revision %d = %v, %v, want %s", revision, got, err, want)
		}
	}
	for _, q := range []*configv1.GetDataContractRequest{{ExportId: "acme-daily", Revision: 3}, {ExportId: "acme-none"}} {
		if _, err := c.contracts.GetDataContract(t.Context(), q); fault.KindOf(err) != fault.NotFound {
			t.Errorf("contract of %v = %v, want NOT_FOUND", q, err)
		}
	}
}

func TestFaultsCrossTheWire(t *testing.T) {
	c := start(t, bustest.Start(t))
	q := request()
	q.CustomerId, q.Spec.Tables[0].Table = "nobody", "FACT_REVIEW"
	_, err := c.CreateExport(t.Context(), q)
	refused, ok := fault.Of(err)
	if !ok || refused.Kind != fault.Invalid || len(refused.Violations) != 2 {
		t.Fatalf("CreateExport = %v, want two violations", err)
	}
	want := []fault.Violation{
		{Field: "customer_id", Description: `there is no customer "nobody": create it first`},
		{Field: "spec.tables[0].table", Description: `unknown table "FACT_REVIEW": did you mean FACT_REVIEWS?`},
	}
	if diff := cmp.Diff(want, refused.Violations); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
	if _, err := c.GetExport(t.Context(), &configv1.GetExportRequest{ExportId: "nothing"}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("GetExport = %v, want a fault of kind NOT_FOUND", err)
	}
}

// TestCSVIsJudgedAtTheEdge sees the contract's own rules, which are judged before there is a customer. What they let
// through is refused for having none.
func TestCSVIsJudgedAtTheEdge(t *testing.T) {
	c := start(t, bustest.Start(t))
	noDelimiter, noNull := "is not one ASCII character other than a quote, a line end or NUL", "holds a quote, a line end or NUL"
	for _, test := range []struct{ delimiter, null, want string }{
		{"", "", ""},
		{";", `\N`, ""},
		{"\t", "NULL", ""},
		{"\x01", "\x02", ""},
		{"\"", "", noDelimiter},
		{"\r", "", noDelimiter},
		{"\n", "", noDelimiter},
		{"\x00", "", noDelimiter},
		{"||", "", noDelimiter},
		{"ü", "", noDelimiter},
		{",", "\"", noNull},
		{",", "a\nb", noNull},
		{",", "\r", noNull},
		{",", "\x00", noNull},
	} {
		q := request()
		q.Spec.Format = &configv1.Format{
			FileFormat: configv1.FileFormat_FILE_FORMAT_CSV, Csv: &configv1.CsvOptions{Delimiter: test.delimiter, NullString: test.null},
		}
		_, err := c.CreateExport(t.Context(), q)
		refused, ok := fault.Of(err)
		if !ok || len(refused.Violations) != 1 {
			t.Fatalf("%q: got %v, want one violation", test, err)
		}
		if v := refused.Violations[0]; test.want != "" && v.Description != test.want || (v.Field == "customer_id") != (test.want == "") {
			t.Errorf("%q: got %+v", test, v)
		}
	}
}

func TestRepeatedRequestIsAnsweredOnce(t *testing.T) {
	c := start(t, bustest.Start(t))
	c.onboard(t)
	q := customer("bella")
	q.RequestId = "8c2f"
	first, err := c.CreateCustomer(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.CreateCustomer(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" {
		t.Errorf("answers (-first +again):\n%s", diff)
	}
	q.DisplayName = "Another"
	if _, err := c.CreateCustomer(t.Context(), q); fault.ReasonOf(err) != fault.ReasonRequestIDReused {
		t.Errorf("the same id with another request = %v, want REQUEST_ID_REUSED", err)
	}
	var methods []string
	for _, e := range c.events(t, &configv1.ListAuditEventsRequest{CustomerId: "bella"}) {
		methods = append(methods, e.GetMethod()+" "+e.GetFaultReason())
	}
	if diff := cmp.Diff([]string{"CreateCustomer REQUEST_ID_REUSED", "CreateCustomer "}, methods); diff != "" {
		t.Errorf("audit events, newest first (-want +got):\n%s", diff)
	}
}

func (c clients) events(t *testing.T, q *configv1.ListAuditEventsRequest) []*configv1.AuditEvent {
	t.Helper()
	answer, err := c.audits.ListAuditEvents(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetEvents()
}

// TestEveryChangeIsAudited asks for accepted and refused changes, also such that no handler sees.
func TestEveryChangeIsAudited(t *testing.T) {
	c := start(t, bustest.Start(t))
	e := c.onboard(t)
	ctx := t.Context()
	_, _ = c.UpdateExport(ctx, &configv1.UpdateExportRequest{ExportId: "acme-daily", Spec: spec("acme"), Etag: "1", Author: author, Reason: "stale"})
	_, _ = c.PauseExport(ctx, &configv1.PauseExportRequest{ExportId: "acme-daily", Etag: "no etag", Author: author, Reason: "not valid"})
	if _, err := c.PauseExport(ctx, &configv1.PauseExportRequest{ExportId: "acme-daily", Etag: e.GetEtag(), Author: author, Reason: "stock-taking"}); err != nil {
		t.Fatal(err)
	}
	_, _ = c.revisions.ApproveRevision(ctx, &configv1.ApproveRevisionRequest{ExportId: "acme-daily", Revision: 2, Approver: author, Reason: "my own"})
	type line struct {
		Method, Actor, Fault string
		Revision             int64
	}
	var got []line
	for _, e := range c.events(t, &configv1.ListAuditEventsRequest{ExportId: "acme-daily"}) {
		got = append(got, line{e.GetMethod(), e.GetActor(), e.GetFaultReason(), e.GetRevision()})
		if len(e.GetTraceId()) != 32 || strings.Trim(e.GetTraceId(), "0") == "" || e.GetReason() == "" || e.GetCustomerId() != "acme" && e.GetReason() != "not valid" {
			t.Errorf("event %v lacks trace, reason or customer", e)
		}
	}
	want := []line{
		{"ApproveRevision", author, "SELF_APPROVAL", 0},
		{"PauseExport", author, "", 2},
		{"PauseExport", author, "VALIDATION", 0},
		{"UpdateExport", author, "STALE_ETAG", 0},
		{"ApproveRevision", second, "", 1},
		{"CreateExport", author, "", 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events, newest first (-want +got):\n%s", diff)
	}
	paused := c.events(t, &configv1.ListAuditEventsRequest{ExportId: "acme-daily"})[1]
	if len(paused.GetChanges()) != 1 || paused.GetChanges()[0].GetPath() != "spec.paused" || paused.GetBeforeSha256() == "" || paused.GetBeforeSha256() == paused.GetAfterSha256() {
		t.Errorf("pause = %v, want what it changes, before and after", paused)
	}
	verified, err := c.audits.VerifyAuditChain(ctx, &configv1.VerifyAuditChainRequest{})
	if err != nil || !verified.GetIntact() || verified.GetEventCount() != 7 {
		t.Errorf("VerifyAuditChain = %v, %v, want 7 events, intact", verified, err)
	}
}

func TestFileRoundTrip(t *testing.T) {
	c := start(t, bustest.Start(t))
	c.onboard(t)
	ctx := t.Context()
	given, err := c.ExportAsYaml(ctx, &configv1.ExportAsYamlRequest{ExportId: "acme-daily"})
	if err != nil {
		t.Fatal(err)
	}
	apply := func(yaml string, dryRun bool) (*configv1.ApplyExportResponse, error) {
		return c.ApplyExport(ctx, &configv1.ApplyExportRequest{Yaml: yaml, Author: author, Reason: "from git", DryRun: dryRun})
	}
	same, err := apply(given.GetYaml(), false)
	if err != nil || same.GetOutcome() != configv1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED || same.GetDiff() != "" {
		t.Fatalf("applying what ExportAsYaml gave = %v, %v, want it unchanged", same, err)
	}
	changed := strings.Replace(given.GetYaml(), "retention_days: 30", "retention_days: 7", 1)
	dry, err := apply(changed, true)
	if err != nil || dry.GetExport().GetRevision().GetRevision() != 1 || !strings.Contains(dry.GetDiff(), "+  retention_days: 7") {
		t.Fatalf("dry run = %v, %v", dry, err)
	}
	done, err := apply(changed, false)
	if err != nil || done.GetExport().GetRevision().GetRevision() != 2 || done.GetDiff() != dry.GetDiff() {
		t.Errorf("applied = %v, %v", done, err)
	}
	_, err = apply(strings.Replace(changed, "FACT_REVIEWS", "FACT_REVIEW", 1), false)
	refused, _ := fault.Of(err)
	if refused == nil || len(refused.Violations) != 1 || refused.Violations[0].Field != "spec.tables[0].table" || !strings.Contains(refused.Violations[0].Description, "line ") {
		t.Errorf("a misspelt table = %v, want its line and column", err)
	}
	diff, err := c.revisions.DiffRevisions(ctx, &configv1.DiffRevisionsRequest{ExportId: "acme-daily", FromRevision: 1, ToRevision: 2})
	if err != nil || len(diff.GetChanges()) != 1 || !strings.Contains(diff.GetDiff(), "-  retention_days: 30") {
		t.Errorf("DiffRevisions = %v, %v", diff, err)
	}
}

func TestDictionary(t *testing.T) {
	c := start(t, bustest.Start(t))
	ctx := t.Context()
	tables, err := c.dictionary.ListTables(ctx, &configv1.ListTablesRequest{})
	if err != nil || len(tables.GetTables()) != 12 || tables.GetVersion() == "" || tables.GetTables()[0].GetColumnCount() == 0 {
		t.Fatalf("ListTables = %v, %v, want 12 tables", tables, err)
	}
	reviews, err := c.dictionary.GetTable(ctx, &configv1.GetTableRequest{Table: "FACT_REVIEWS"})
	if err != nil || reviews.GetTable().GetScopeRule().GetDirect().GetLocationColumn() != "location_id" || len(reviews.GetTable().GetColumns()) == 0 {
		t.Errorf("GetTable = %v, %v", reviews, err)
	}
	if _, err := c.dictionary.GetTable(ctx, &configv1.GetTableRequest{Table: "SALARIES"}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("GetTable of an unknown one = %v, want NOT_FOUND", err)
	}
	check, err := c.dictionary.CheckDictionary(ctx, &configv1.CheckDictionaryRequest{Tables: []string{"DIM_DATES"}})
	if err != nil || check.GetAgrees() || len(check.GetTables()) != 1 || len(check.GetTables()[0].GetMissingColumns()) != 12 {
		t.Errorf("CheckDictionary against a source without columns = %v, %v", check, err)
	}
}

package export_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/export"
)

func TestCreateFillsInDefaults(t *testing.T) {
	r := start(t)
	d := draft("acme-daily", "acme")
	sent := proto.CloneOf(d.Spec)
	created, err := r.CreateExport(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	want := proto.CloneOf(sent)
	want.Format = &configv1.Format{FileFormat: configv1.FileFormat_FILE_FORMAT_PARQUET, Compression: configv1.Compression_COMPRESSION_ZSTD, ParquetProfile: configv1.ParquetProfile_PARQUET_PROFILE_CURRENT}
	want.RetentionDays, want.Deadline = 30, durationpb.New(24*time.Hour)
	want.WarehouseClass = configv1.WarehouseClass_WAREHOUSE_CLASS_STANDARD
	if diff := cmp.Diff(want, created.GetPendingRevision().GetSpec(), protocmp.Transform()); diff != "" {
		t.Errorf("stored spec (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(sent, d.Spec, protocmp.Transform()); diff != "" {
		t.Errorf("the caller's spec was changed (-sent +now):\n%s", diff)
	}
	if first := created.GetPendingRevision(); first.GetRevision() != 1 || len(first.GetScopeDigest()) != 64 {
		t.Errorf("revision = %v, want number 1 and a scope digest", first)
	}
	read, err := r.Export(t.Context(), "acme-daily")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(created, read, protocmp.Transform()); diff != "" {
		t.Errorf("read export (-created +read):\n%s", diff)
	}
	if _, err := r.CreateExport(t.Context(), draft("acme-daily", "acme")); fault.KindOf(err) != fault.Exists {
		t.Errorf("creating again = %v, want a fault of kind EXISTS", err)
	}
}

func TestCreateFillsInCSV(t *testing.T) {
	r := start(t)
	d := draft("acme-daily", "acme")
	d.Spec.Format = &configv1.Format{FileFormat: configv1.FileFormat_FILE_FORMAT_CSV}
	created, err := r.CreateExport(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	want := &configv1.Format{
		FileFormat: configv1.FileFormat_FILE_FORMAT_CSV, Compression: configv1.Compression_COMPRESSION_ZSTD, Csv: &configv1.CsvOptions{Delimiter: ","},
	}
	if diff := cmp.Diff(want, created.GetPendingRevision().GetSpec().GetFormat(), protocmp.Transform()); diff != "" {
		t.Errorf("stored format (-want +got):\n%s", diff)
	}
}

// csv sets a format of CSV, with a codec by its number.
func csv(compression configv1.Compression, delimiter, null string) func(*export.Draft) {
	return func(d *export.Draft) {
		d.Spec.Format = &configv1.Format{
			FileFormat: configv1.FileFormat_FILE_FORMAT_CSV, Compression: compression, Csv: &configv1.CsvOptions{Delimiter: delimiter, NullString: null},
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	r := start(t)
	if _, err := r.CreateExport(t.Context(), draft("bella-daily", "bella")); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		spoil       func(*export.Draft)
		field, says string
		reason      fault.Reason
	}{
		"no spec":            {func(d *export.Draft) { d.Spec = nil }, "spec.tables", "empty", fault.ReasonValidation},
		"export id":          {func(d *export.Draft) { d.ExportID = "Acme.daily" }, "export_id", "lower-case", fault.ReasonValidation},
		"unknown customer":   {func(d *export.Draft) { d.CustomerID = "nobody" }, "customer_id", "no customer", fault.ReasonValidation},
		"customer id":        {func(d *export.Draft) { d.CustomerID = "*" }, "customer_id", "lower-case", fault.ReasonValidation},
		"author":             {func(d *export.Draft) { d.Author = "a\nb" }, "author", "lower-case", fault.ReasonValidation},
		"author in capitals": {func(d *export.Draft) { d.Author = "Op@example.com" }, "author", "lower-case", fault.ReasonValidation},
		"no reason":          {func(d *export.Draft) { d.Reason = "  " }, "reason", "empty", fault.ReasonValidation},
		"unknown table":      {func(d *export.Draft) { d.Spec.Tables[1].Table = "DIM_EMPLOYES" }, "spec.tables[1].table", "did you mean DIM_EMPLOYEES?", fault.ReasonUnknownTable},
		"far-off table":      {func(d *export.Draft) { d.Spec.Tables[1].Table = "SALARIES" }, "spec.tables[1].table", `unknown table "SALARIES"`, fault.ReasonUnknownTable},
		"table twice":        {func(d *export.Draft) { d.Spec.Tables[1].Table = "FACT_REVIEWS" }, "spec.tables[1].table", "repeats spec.tables[0]", fault.ReasonValidation},
		"unknown column":     {func(d *export.Draft) { d.Spec.Tables[1].Columns[1] = "rolle" }, "spec.tables[1].columns[1]", "did you mean role?", fault.ReasonUnknownColumn},
		"personal column":    {func(d *export.Draft) { d.Spec.Tables[1].Columns[1] = "email" }, "spec.tables[1].columns[1]", "personal", fault.ReasonPersonalColumn},
		"column twice":       {func(d *export.Draft) { d.Spec.Tables[1].Columns[1] = "employee_id" }, "spec.tables[1].columns[1]", "repeats", fault.ReasonValidation},
		"no key":             {func(d *export.Draft) { d.Spec.Tables[1].Columns = []string{"role"} }, "spec.tables[1].columns", "employee_id", fault.ReasonValidation},
		"no scope":           {func(d *export.Draft) { d.Spec.Scope = nil }, "spec.scope.brands", "empty", fault.ReasonEmptyScope},
		"no locations":       {func(d *export.Draft) { d.Spec.Scope.LocationIds = nil }, "spec.scope.location_ids", "empty", fault.ReasonEmptyScope},
		"all brands":         {func(d *export.Draft) { d.Spec.Scope.Brands[0] = "*" }, "spec.scope.brands[0]", "wildcard", fault.ReasonValidation},
		"location twice":     {func(d *export.Draft) { d.Spec.Scope.LocationIds[1] = "acme-1" }, "spec.scope.location_ids[1]", "repeats", fault.ReasonValidation},
		"quoted location":    {func(d *export.Draft) { d.Spec.Scope.LocationIds[1] = "x' OR 1=1" }, "spec.scope.location_ids[1]", "quote", fault.ReasonValidation},
		"decomposed brand":   {func(d *export.Draft) { d.Spec.Scope.Brands[0] = "Cafe\u0301" }, "spec.scope.brands[0]", "normal form", fault.ReasonValidation},
		"hidden character":   {func(d *export.Draft) { d.Spec.Scope.Brands[0] = "Bella\u200b" }, "spec.scope.brands[0]", "invisible", fault.ReasonValidation},
		"control character":  {func(d *export.Draft) { d.Spec.Scope.Brands[0] = "Be\x00lla" }, "spec.scope.brands[0]", "control", fault.ReasonValidation},
		"file format":        {func(d *export.Draft) { d.Spec.Format = &configv1.Format{FileFormat: 9} }, "spec.format.file_format", "known", fault.ReasonValidation},
		"snappy CSV":         {csv(configv1.Compression_COMPRESSION_SNAPPY, ",", ""), "spec.format.compression", "zstd, gzip or none", fault.ReasonValidation},
		"snappy JSON": {func(d *export.Draft) {
			d.Spec.Format = &configv1.Format{FileFormat: configv1.FileFormat_FILE_FORMAT_JSON_LINES, Compression: configv1.Compression_COMPRESSION_SNAPPY}
		}, "spec.format.compression", "zstd, gzip or none", fault.ReasonValidation},
		"CSV of Parquet": {func(d *export.Draft) { d.Spec.Format = &configv1.Format{Csv: &configv1.CsvOptions{}} }, "spec.format.csv", "not CSV", fault.ReasonValidation},
		"profile of CSV": {func(d *export.Draft) {
			d.Spec.Format = &configv1.Format{FileFormat: configv1.FileFormat_FILE_FORMAT_CSV, ParquetProfile: configv1.ParquetProfile_PARQUET_PROFILE_CONSERVATIVE}
		}, "spec.format.parquet_profile", "not Parquet", fault.ReasonValidation},
		"profile":            {func(d *export.Draft) { d.Spec.Format = &configv1.Format{ParquetProfile: 9} }, "spec.format.parquet_profile", "not a known", fault.ReasonValidation},
		"long delimiter":     {csv(0, "||", ""), "spec.format.csv.delimiter", "one ASCII character", fault.ReasonValidation},
		"wide delimiter":     {csv(0, "ü", ""), "spec.format.csv.delimiter", "one ASCII character", fault.ReasonValidation},
		"quote delimits":     {csv(0, "\"", ""), "spec.format.csv.delimiter", "other than a quote", fault.ReasonValidation},
		"line end delimits":  {csv(0, "\r", ""), "spec.format.csv.delimiter", "a line end", fault.ReasonValidation},
		"null in quotes":     {csv(0, ",", `"NULL"`), "spec.format.csv.null_string", "a quote", fault.ReasonValidation},
		"null of two fields": {csv(0, "|", "a|b"), "spec.format.csv.null_string", "delimiter", fault.ReasonValidation},
		"null of two, comma": {csv(0, "", "a,b"), "spec.format.csv.null_string", "delimiter", fault.ReasonValidation},
		"null of two lines":  {csv(0, ",", "a\nb"), "spec.format.csv.null_string", "line end", fault.ReasonValidation},
		"long null":          {csv(0, ",", strings.Repeat("x", 33)), "spec.format.csv.null_string", "32 characters", fault.ReasonValidation},
		"time of day":        {func(d *export.Draft) { d.Spec.Schedule.TimeOfDay = "2am" }, "spec.schedule.time_of_day", "HH:MM", fault.ReasonValidation},
		"no schedule":        {func(d *export.Draft) { d.Spec.Schedule = nil }, "spec.schedule.time_of_day", "HH:MM", fault.ReasonValidation},
		"weekday twice":      {func(d *export.Draft) { d.Spec.Schedule.Weekdays = []configv1.Weekday{1, 1} }, "spec.schedule.weekdays[1]", "twice", fault.ReasonValidation},
		"every day word":     {func(d *export.Draft) { d.Spec.Schedule = cron("@daily") }, "spec.schedule.cron", "five fields", fault.ReasonValidation},
		"twice a day":        {func(d *export.Draft) { d.Spec.Schedule = cron("0 2,14 * * *") }, "spec.schedule.cron", "once a date", fault.ReasonValidation},
		"seconds":            {func(d *export.Draft) { d.Spec.Schedule = cron("0 0 2 * * *") }, "spec.schedule.cron", "without seconds", fault.ReasonValidation},
		"no such date":       {func(d *export.Draft) { d.Spec.Schedule = cron("0 2 30 2 *") }, "spec.schedule.cron", "never comes", fault.ReasonValidation},
		"cron and time":      {func(d *export.Draft) { d.Spec.Schedule.Cron = "0 2 * * *" }, "spec.schedule.time_of_day", "beside cron", fault.ReasonValidation},
		"unknown zone":       {func(d *export.Draft) { d.Spec.Schedule.TimeZone = "Europe/Atlantis" }, "spec.schedule.time_zone", "IANA", fault.ReasonUnknownTimeZone},
		"abbreviation":       {func(d *export.Draft) { d.Spec.Schedule.TimeZone = "CET" }, "spec.schedule.time_zone", "IANA", fault.ReasonUnknownTimeZone},
		"fixed offset":       {func(d *export.Draft) { d.Spec.Schedule.TimeZone = "Etc/GMT+5" }, "spec.schedule.time_zone", "IANA", fault.ReasonUnknownTimeZone},
		"machine's zone":     {func(d *export.Draft) { d.Spec.Schedule.TimeZone = "Local" }, "spec.schedule.time_zone", "IANA", fault.ReasonUnknownTimeZone},
		"start date":         {func(d *export.Draft) { d.Spec.StartDate = "2026-02-30" }, "spec.start_date", "YYYY-MM-DD", fault.ReasonValidation},
		"retention":          {func(d *export.Draft) { d.Spec.RetentionDays = 401 }, "spec.retention_days", "1 to 400", fault.ReasonValidation},
		"no deadline":        {func(d *export.Draft) { d.Spec.Deadline = durationpb.New(0) }, "spec.deadline", "above 0", fault.ReasonValidation},
		"late deadline":      {func(d *export.Draft) { d.Spec.Deadline = durationpb.New(24*time.Hour + 1) }, "spec.deadline", "24h", fault.ReasonValidation},
		"bucket taken":       {func(d *export.Draft) { d.Spec.Destination.Bucket = "bella-data" }, "spec.destination.bucket", "bella-daily", fault.ReasonBucketTaken},
		"bucket name":        {func(d *export.Draft) { d.Spec.Destination.Bucket = "a..b" }, "spec.destination.bucket", "two dots", fault.ReasonValidation},
		"bucket address":     {func(d *export.Draft) { d.Spec.Destination.Bucket = "10.0.0.1" }, "spec.destination.bucket", "IP address", fault.ReasonValidation},
		"no destination":     {func(d *export.Draft) { d.Spec.Destination = nil }, "spec.destination.bucket", "3 to 63", fault.ReasonValidation},
		"region":             {func(d *export.Draft) { d.Spec.Destination.Region = "Frankfurt" }, "spec.destination.region", "region", fault.ReasonValidation},
		"bucket owner":       {func(d *export.Draft) { d.Spec.Destination.ExpectedBucketOwner = "12" }, "spec.destination.expected_bucket_owner", "12-digit", fault.ReasonValidation},
		"unknown brand":      {func(d *export.Draft) { d.Spec.Scope.Brands = append(d.Spec.Scope.Brands, "Bela Pizza") }, "spec.scope.brands[1]", "no brand of any location", fault.ReasonUnknownScope},
		"unknown location":   {func(d *export.Draft) { d.Spec.Scope.LocationIds[1] = "acme-9" }, "spec.scope.location_ids[1]", "does not exist", fault.ReasonUnknownScope},
		"foreign location":   {func(d *export.Draft) { d.Spec.Scope.LocationIds[1] = "gym-1" }, "spec.scope.location_ids[1]", "add the brand", fault.ReasonUnknownScope},
		"location taken":     {func(d *export.Draft) { d.Spec.Scope.LocationIds[1] = "bella-2" }, "spec.scope.location_ids[1]", "by export bella-daily", fault.ReasonLocationTaken},
		"shared, not own":    {func(d *export.Draft) { d.Spec.SharedLocationIds = []string{"bella-2"} }, "spec.shared_location_ids[0]", "not among", fault.ReasonValidation},
		"SQL comment":        {func(d *export.Draft) { d.Spec.Scope.LocationIds[1] = "x--" }, "spec.scope.location_ids[1]", "--", fault.ReasonValidation},
		"warehouse class":    {func(d *export.Draft) { d.Spec.WarehouseClass = 9 }, "spec.warehouse_class", "known", fault.ReasonValidation},
		"archived":           {func(d *export.Draft) { d.Spec.Archived = true }, "spec.archived", "ArchiveExport", fault.ReasonValidation},
		"foreign role":       {func(d *export.Draft) { d.Spec.Destination.RoleArn = "arn:aws:iam::999999999999:role/x" }, "spec.destination.role_arn", "account 999999999999", fault.ReasonValidation},
		"no role":            {func(d *export.Draft) { d.Spec.Destination.RoleArn = "exports" }, "spec.destination.role_arn", "is not a role", fault.ReasonValidation},
		"lone external id":   {func(d *export.Draft) { d.Spec.Destination.ExternalId = "ABCDEFGHIJKLMNOPQRSTUVWX" }, "spec.destination.external_id", "without role_arn", fault.ReasonValidation},
		"external id": {func(d *export.Draft) {
			d.Spec.Destination.RoleArn, d.Spec.Destination.ExternalId = "arn:aws:iam::123456789012:role/x", "ABCDEFGHIJKLMNOPQRSTUVWX"
		}, "spec.destination.external_id", "not the customer's", fault.ReasonValidation},
		"key of another": {func(d *export.Draft) { d.Spec.Destination.KmsKeyArn = "arn:aws:kms:eu-central-1:999999999999:key/1" }, "spec.destination.kms_key_arn", "account 999999999999", fault.ReasonValidation},
		"key elsewhere":  {func(d *export.Draft) { d.Spec.Destination.KmsKeyArn = "arn:aws:kms:us-east-1:123456789012:key/1" }, "spec.destination.kms_key_arn", "region us-east-1", fault.ReasonValidation},
		"key by alias":   {func(d *export.Draft) { d.Spec.Destination.KmsKeyArn = "alias/exports" }, "spec.destination.kms_key_arn", "full key ARN", fault.ReasonValidation},
		"plain endpoint": {func(d *export.Draft) { d.Spec.Destination.Endpoint = "http://s3.example.com" }, "spec.destination.endpoint", "https", fault.ReasonValidation},
	} {
		t.Run(name, func(t *testing.T) {
			d := draft("acme-daily", "acme")
			test.spoil(&d)
			_, err := r.CreateExport(t.Context(), d)
			refused, ok := fault.Of(err)
			kind := fault.Invalid
			if test.reason == fault.ReasonBucketTaken || test.reason == fault.ReasonLocationTaken {
				kind = fault.Exists
			}
			if !ok || refused.Kind != kind {
				t.Fatalf("CreateExport = %v, want a fault of kind %s", err, kind)
			}
			found := slices.ContainsFunc(refused.Violations, func(v fault.Violation) bool {
				return v.Field == test.field && strings.Contains(v.Description, test.says)
			})
			if !found {
				t.Errorf("violations = %v, want %s: ...%s...", refused.Violations, test.field, test.says)
			}
			if len(refused.Violations) == 1 && refused.Reason != test.reason {
				t.Errorf("reason = %s, want %s", refused.Reason, test.reason)
			}
		})
	}
}

func TestBucketTakenTellsTheExportOnly(t *testing.T) {
	r := start(t)
	if _, err := r.CreateExport(t.Context(), draft("first-export", "bella")); err != nil {
		t.Fatal(err)
	}
	d := draft("acme-daily", "acme")
	d.Spec.Destination.Bucket = "bella-data"
	_, err := r.CreateExport(t.Context(), d)
	if fault.ReasonOf(err) != fault.ReasonBucketTaken || strings.Contains(err.Error(), "bella") || !strings.Contains(err.Error(), "first-export") {
		t.Errorf("CreateExport = %v, want BUCKET_TAKEN naming first-export and not bella", err)
	}
	second := draft("second-export", "bella")
	if _, err := r.CreateExport(t.Context(), second); err != nil {
		t.Errorf("a second export of the same customer = %v", err)
	}
}

// TestCustomersRaceForABucket passes the check together; the binding lets one through.
func TestCustomersRaceForABucket(t *testing.T) {
	r := start(t)
	for round := range 10 {
		results := make(chan error, 2)
		for _, customer := range []string{"acme", "bella"} {
			d := draft(fmt.Sprintf("%s-%d", customer, round), customer)
			d.Spec.Destination.Bucket = fmt.Sprintf("shared-%d", round)
			go func() {
				_, err := r.CreateExport(context.Background(), d)
				results <- err
			}()
		}
		one, two := <-results, <-results
		if (one == nil) == (two == nil) {
			t.Fatalf("round %d: both customers get %v and %v", round, one, two)
		}
		for _, err := range []error{one, two} {
			if err != nil && fault.ReasonOf(err) != fault.ReasonBucketTaken {
				t.Errorf("round %d: the loser gets %v, want BUCKET_TAKEN", round, err)
			}
		}
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	r := start(t)
	if _, err := r.CreateExport(t.Context(), draft("bella-daily", "bella")); err != nil {
		t.Fatal(err)
	}
	d := draft("acme-daily", "acme")
	d.Spec.Destination.Bucket = "bella-data"
	d.Spec.Tables[0].Table, d.Spec.Scope.Brands = "FACT_REVIEW", nil
	d.Spec.Schedule.TimeZone, d.Spec.StartDate, d.Spec.Destination.Endpoint = "EST", "tomorrow", "s3.example.com"
	_, err := r.CreateExport(t.Context(), d)
	refused, _ := fault.Of(err)
	var fields []string
	for _, v := range refused.Violations {
		fields = append(fields, v.Field)
	}
	want := []string{"spec.tables[0].table", "spec.scope.brands", "spec.schedule.time_zone", "spec.start_date", "spec.destination.endpoint", "spec.destination.bucket"}
	if diff := cmp.Diff(want, fields); diff != "" || refused.Reason != fault.ReasonValidation {
		t.Errorf("reason %s, violations (-want +got):\n%s", refused.Reason, diff)
	}
}

func TestManyFaultsStayReadable(t *testing.T) {
	d := draft("acme-daily", "acme")
	for i := range 5000 {
		d.Spec.Scope.LocationIds = append(d.Spec.Scope.LocationIds, fmt.Sprintf("%d'", i))
	}
	_, err := start(t).CreateExport(t.Context(), d)
	refused, _ := fault.Of(err)
	if n := len(refused.Violations); n != 50 || !strings.Contains(refused.Violations[49].Description, "4951 more") {
		t.Errorf("%d violations, want 49 and one that counts 4951 more", n)
	}
}

func TestUnusableIDsAreNotFound(t *testing.T) {
	r, ctx := start(t), context.Background()
	for _, id := range []string{"", "*", ">", "a.b", "acme ", "..", strings.Repeat("a", 100)} {
		_, customerErr := r.Customer(ctx, id)
		_, exportErr := r.Export(ctx, id)
		_, _, revisionErr := r.Revision(ctx, id, 1, true)
		for _, err := range []error{customerErr, exportErr, revisionErr} {
			if fault.KindOf(err) != fault.NotFound {
				t.Errorf("id %q = %v, want a fault of kind NOT_FOUND", id, err)
			}
		}
	}
}

func TestPages(t *testing.T) {
	r := start(t)
	var want []string
	for i := range 7 {
		customer := []string{"acme", "bella"}[i%2]
		id := fmt.Sprintf("%s-%d", customer, 9-i)
		if _, err := r.CreateExport(t.Context(), draft(id, customer)); err != nil {
			t.Fatal(err)
		}
		if customer == "acme" {
			want = append(want, id)
		}
	}
	slices.Sort(want)
	for size := 1; size <= 5; size++ {
		var got []string
		page := export.Page{Size: size}
		for more := true; more; more = page.Token != "" {
			exports, next, err := r.ListExports(t.Context(), page, export.Filter{CustomerID: "acme"})
			if err != nil || len(exports) > size {
				t.Fatalf("a page of %d exports, %v", len(exports), err)
			}
			for _, e := range exports {
				got = append(got, e.GetExportId())
			}
			page.Token = next
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", size, diff)
		}
	}
	if all, next, err := r.ListCustomers(t.Context(), export.Page{}, 0); err != nil || len(all) != 2 || next != "" {
		t.Errorf("ListCustomers = %v, %q, %v", all, next, err)
	}
	for _, page := range []export.Page{{Token: "%"}, {Token: "Kg"}, {Size: -1}, {Size: 1001}} {
		if _, _, err := r.ListExports(t.Context(), page, export.Filter{}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("ListExports(%+v) = %v, want an invalid page", page, err)
		}
	}
}

func TestBigExportsMakeShortPages(t *testing.T) {
	r := start(t)
	for i := range 3 {
		d := draft(fmt.Sprintf("acme-%d", i), "acme")
		for j := range 49_000 {
			id := fmt.Sprintf("%036d", j)
			r.source.brandOf[id] = "Bella Pizza"
			d.Spec.Scope.LocationIds = append(d.Spec.Scope.LocationIds, id)
		}
		if _, err := r.CreateExport(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	page := export.Page{}
	for more := true; more; more = page.Token != "" {
		exports, next, err := r.ListExports(t.Context(), page, export.Filter{})
		if err != nil || len(exports) != 1 {
			t.Fatalf("a page of %d exports of 1.8 MB, %v, want 1", len(exports), err)
		}
		seen, page.Token = seen+1, next
	}
	if seen != 3 {
		t.Errorf("the pages hold %d exports, want 3", seen)
	}
}

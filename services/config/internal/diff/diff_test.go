package diff_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/diff"
)

func spec() *configv1.ExportSpec {
	return &configv1.ExportSpec{
		Tables:        []*configv1.TableSelection{{Table: "DIM_DATES"}, {Table: "FACT_REVIEWS", Columns: []string{"review_id", "rating"}}},
		Scope:         &commonv1.Scope{Brands: []string{"Bella"}, LocationIds: []string{"l1", "l2", "l3"}},
		Destination:   &configv1.Destination{Bucket: "acme-data"},
		RetentionDays: 30,
		Deadline:      durationpb.New(24 * time.Hour),
	}
}

func TestOfSpec(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*configv1.ExportSpec)
		want   []*configv1.FieldChange
	}{
		"nothing": {func(*configv1.ExportSpec) {}, nil},
		"a nested scalar": {
			func(s *configv1.ExportSpec) { s.Destination.Bucket = "acme \"new\" <b>" },
			[]*configv1.FieldChange{{Path: "spec.destination.bucket", Before: `"acme-data"`, After: `"acme \"new\" <b>"`}},
		},
		"a number, a flag, an enum and a duration, by field number": {
			func(s *configv1.ExportSpec) {
				s.WarehouseClass, s.Paused = configv1.WarehouseClass_WAREHOUSE_CLASS_LARGE, true
				s.Deadline, s.RetentionDays = durationpb.New(90*time.Second), 31
			},
			[]*configv1.FieldChange{
				{Path: "spec.retention_days", Before: "30", After: "31"},
				{Path: "spec.deadline", Before: `"86400s"`, After: `"90s"`},
				{Path: "spec.paused", After: "true"},
				{Path: "spec.warehouse_class", After: `"WAREHOUSE_CLASS_LARGE"`},
			},
		},
		"unset is not zero": {
			func(s *configv1.ExportSpec) { s.Deadline, s.Format = nil, &configv1.Format{} },
			[]*configv1.FieldChange{{Path: "spec.format", After: "{}"}, {Path: "spec.deadline", Before: `"86400s"`}},
		},
		"an enum of a later contract": {
			func(s *configv1.ExportSpec) { s.WarehouseClass = 77 },
			[]*configv1.FieldChange{{Path: "spec.warehouse_class", After: `"77"`}},
		},
		"a duration that is none": {
			func(s *configv1.ExportSpec) { s.Deadline = &durationpb.Duration{Nanos: -1, Seconds: 1} },
			[]*configv1.FieldChange{{Path: "spec.deadline", Before: `"86400s"`, After: `{"seconds":1,"nanos":-1}`}},
		},
		"a list": {
			func(s *configv1.ExportSpec) { s.Scope.LocationIds = []string{"l4", "l3", "l1", "l5", "l5"} },
			[]*configv1.FieldChange{{
				Path: "spec.scope.location_ids", Added: []string{"l4", "l5", "l5"}, AddedCount: 3, Removed: []string{"l2"}, RemovedCount: 1,
			}},
		},
		"another order": {func(s *configv1.ExportSpec) {
			slices.Reverse(s.Scope.LocationIds)
			slices.Reverse(s.Tables)
			slices.Reverse(s.Tables[0].Columns)
		}, nil},
		"columns of a table that moved": {
			func(s *configv1.ExportSpec) {
				s.Tables[1].Columns = append(s.Tables[1].Columns, "text")
				slices.Reverse(s.Tables)
			},
			[]*configv1.FieldChange{{Path: "spec.tables[FACT_REVIEWS].columns", Added: []string{"text"}, AddedCount: 1}},
		},
		"tables that came and went": {
			func(s *configv1.ExportSpec) {
				s.Tables[0] = &configv1.TableSelection{Table: "FACT_MESSAGES", Columns: []string{"message_id"}}
				s.Tables = s.Tables[:1]
			},
			[]*configv1.FieldChange{
				{Path: "spec.tables", Added: []string{"FACT_MESSAGES"}, AddedCount: 1, Removed: []string{"DIM_DATES", "FACT_REVIEWS"}, RemovedCount: 2},
				{Path: "spec.tables[FACT_MESSAGES].columns", Added: []string{"message_id"}, AddedCount: 1},
				{Path: "spec.tables[FACT_REVIEWS].columns", Removed: []string{"review_id", "rating"}, RemovedCount: 2},
			},
		},
		"a table twice": {
			func(s *configv1.ExportSpec) {
				s.Tables = append(s.Tables, &configv1.TableSelection{Table: "DIM_DATES", Columns: []string{"date_id"}}, &configv1.TableSelection{})
			},
			[]*configv1.FieldChange{
				{Path: "spec.tables", Added: []string{"DIM_DATES#2", "#1"}, AddedCount: 2},
				{Path: "spec.tables[DIM_DATES#2].columns", Added: []string{"date_id"}, AddedCount: 1},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after := spec()
			test.change(after)
			if diff := cmp.Diff(test.want, diff.Of("spec", spec(), after), protocmp.Transform()); diff != "" {
				t.Errorf("changes differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEverythingComesAndGoes(t *testing.T) {
	t.Parallel()
	at := timestamppb.New(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC))
	customer := &configv1.Customer{
		CustomerId: "acme", CreateTime: at,
		Contacts: []*configv1.Contact{{Name: "Ops", Email: "ops@example.com", Severity: commonv1.Severity_SEVERITY_WARNING}},
	}
	want := []*configv1.FieldChange{
		{Path: "customer_id", After: `"acme"`},
		{Path: "create_time", After: `"2026-11-23T08:00:00Z"`},
		{Path: "contacts", Added: []string{"Ops"}, AddedCount: 1},
		{Path: "contacts[Ops].email", After: `"ops@example.com"`},
		{Path: "contacts[Ops].severity", After: `"SEVERITY_WARNING"`},
	}
	var missing *configv1.Customer
	for _, none := range []proto.Message{nil, missing, &configv1.Customer{}} {
		if diff := cmp.Diff(want, diff.Of("", none, customer), protocmp.Transform()); diff != "" {
			t.Errorf("from %#v, changes differ (-want +got):\n%s", none, diff)
		}
		if diff := cmp.Diff(backwards(want), diff.Of("", customer, none), protocmp.Transform()); diff != "" {
			t.Errorf("to %#v, changes differ (-want +got):\n%s", none, diff)
		}
	}
	if got := diff.Of("", nil, missing); got != nil {
		t.Errorf("Of(nil, nil) = %v, want nothing", got)
	}
}

func backwards(changes []*configv1.FieldChange) []*configv1.FieldChange {
	var back []*configv1.FieldChange
	for _, c := range changes {
		back = append(back, &configv1.FieldChange{
			Path: c.GetPath(), Before: c.GetAfter(), After: c.GetBefore(), Added: c.GetRemoved(), Removed: c.GetAdded(),
			AddedCount: c.GetRemovedCount(), RemovedCount: c.GetAddedCount(),
		})
	}
	return back
}

func TestLongValuesAndListsAreCut(t *testing.T) {
	t.Parallel()
	before, after := spec(), spec()
	after.Destination.Bucket = strings.Repeat("é", 600)
	after.Scope.LocationIds = nil
	for i := range 50_000 {
		before.Scope.LocationIds = append(before.Scope.LocationIds, fmt.Sprintf("old-%d", i))
		after.Scope.LocationIds = append(after.Scope.LocationIds, fmt.Sprintf("new-%d", i))
	}
	changes := diff.Of("spec", before, after)
	if len(changes) != 2 {
		t.Fatalf("%d changes, want 2", len(changes))
	}
	list, bucket := changes[0], changes[1]
	if list.GetAddedCount() != 50_000 || list.GetRemovedCount() != 50_003 || len(list.GetAdded()) != 20 || len(list.GetRemoved()) != 20 {
		t.Errorf("%d added, %d removed, %d and %d shown; want exact counts and 20 shown",
			list.GetAddedCount(), list.GetRemovedCount(), len(list.GetAdded()), len(list.GetRemoved()))
	}
	if got := bucket.GetAfter(); utf8.RuneCountInString(got) != 500 || got != `"`+strings.Repeat("é", 498)+"…" {
		t.Errorf("After = %q, want its first 499 characters and an ellipsis", got)
	}
}

package patch_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/customer-exports/exports/pkg/fault"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/patch"
)

func base() *configv1.ExportSpec {
	return &configv1.ExportSpec{
		RetentionDays: 30, Deadline: durationpb.New(3600e9),
		Scope:       &commonv1.Scope{Brands: []string{"A"}, LocationIds: []string{"1", "2"}},
		Destination: &configv1.Destination{Bucket: "acme-data", RoleArn: "arn:aws:iam::111122223333:role/x"},
	}
}

func TestApply(t *testing.T) {
	from := &configv1.ExportSpec{
		RetentionDays: 7, StartDate: "2026-01-01", Scope: &commonv1.Scope{LocationIds: []string{"3"}},
		Schedule: &configv1.Schedule{TimeZone: "UTC"},
	}
	for name, test := range map[string]struct {
		paths  []string
		change func(*configv1.ExportSpec)
	}{
		"scalar":             {[]string{"retention_days"}, func(s *configv1.ExportSpec) { s.RetentionDays = 7 }},
		"list in a message":  {[]string{"scope.location_ids"}, func(s *configv1.ExportSpec) { s.Scope.LocationIds = []string{"3"} }},
		"whole message":      {[]string{"scope"}, func(s *configv1.ExportSpec) { s.Scope = from.GetScope() }},
		"unset clears":       {[]string{"deadline", "destination.role_arn"}, func(s *configv1.ExportSpec) { s.Deadline, s.Destination.RoleArn = nil, "" }},
		"message is made":    {[]string{"schedule.time_zone"}, func(s *configv1.ExportSpec) { s.Schedule = &configv1.Schedule{TimeZone: "UTC"} }},
		"path and its child": {[]string{"scope", "scope.brands"}, func(s *configv1.ExportSpec) { s.Scope = &commonv1.Scope{LocationIds: []string{"3"}} }},
	} {
		t.Run(name, func(t *testing.T) {
			before, sent, want := base(), proto.CloneOf(from), base()
			test.change(want)
			got, err := patch.Apply(before, sent, &fieldmaskpb.FieldMask{Paths: test.paths})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if !proto.Equal(before, base()) || !proto.Equal(sent, from) {
				t.Error("an argument was changed")
			}
		})
	}
}

func TestApplyRefuses(t *testing.T) {
	for _, paths := range [][]string{nil, {""}, {"retention"}, {"tables.table"}, {"scope.brands.x"}, {"*"}, {strings.Repeat("a.", 5000)}, {"retention_days", "nothing"}} {
		_, err := patch.Apply(base(), nil, &fieldmaskpb.FieldMask{Paths: paths})
		refused, ok := fault.Of(err)
		if !ok || refused.Kind != fault.Invalid || len(refused.Violations) != 1 || refused.Violations[0].Field != "update_mask" {
			t.Errorf("Apply with paths %.50q = %v, want one violation of update_mask", paths, err)
		}
	}
}

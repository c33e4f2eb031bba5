package rpc_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/rpc"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	slav1 "github.com/customer-exports/exports/proto/exports/sla/v1"
)

// anyService takes a message with a map of messages, which the contract has none of.
var anyService = grpc.ServiceDesc{
	ServiceName: "test.AnyService", HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Take", Handler: takeAny}},
}

func takeAny(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) { //nolint:revive // the order of grpc.MethodHandler
	taken := &structpb.Struct{}
	if err := decode(taken); err != nil {
		return nil, err
	}
	info := &grpc.UnaryServerInfo{FullMethod: "/test.AnyService/Take"}
	return intercept(ctx, taken, info, func(_ context.Context, m any) (any, error) { return m, nil })
}

// later adds fields of a later contract to m.
func later[M proto.Message](m M, numbers ...protowire.Number) M {
	var data []byte
	for _, number := range numbers {
		data = protowire.AppendVarint(protowire.AppendTag(data, number, protowire.VarintType), 1)
	}
	m.ProtoReflect().SetUnknown(data)
	return m
}

func (s *service) CreateExport(context.Context, *configv1.CreateExportRequest) (*configv1.CreateExportResponse, error) {
	return &configv1.CreateExportResponse{}, nil
}

func createRequest() *configv1.CreateExportRequest {
	return &configv1.CreateExportRequest{
		ExportId: "acme-daily", CustomerId: "acme", Author: "op@example.com", Reason: "onboarding",
		Spec: &configv1.ExportSpec{
			Tables:      []*configv1.TableSelection{{Table: "DIM_DATES"}, {Table: "FACT_REVIEWS"}},
			Scope:       &commonv1.Scope{Brands: []string{"Acme"}, LocationIds: []string{"l1"}},
			Schedule:    &configv1.Schedule{TimeOfDay: "02:00", TimeZone: "UTC"},
			Destination: &configv1.Destination{Bucket: "acme-data", Region: "us-east-1", ExpectedBucketOwner: "012345678901"},
		},
	}
}

func violations(err error) map[string]string {
	found := map[string]string{}
	if f, ok := fault.Of(err); ok && f.Kind == fault.Invalid && f.Reason == fault.ReasonValidation {
		for _, v := range f.Violations {
			found[v.Field] = v.Description
		}
	}
	return found
}

func TestUnknownFieldsAreRefusedOnRequest(t *testing.T) {
	t.Parallel()
	strict := configv1.NewConfigServiceClient(serve(t, &service{}, rpc.RefuseUnknownFields()).conn)
	if _, err := strict.CreateExport(t.Context(), createRequest()); err != nil {
		t.Fatalf("a request without unknown fields = %v, want it accepted", err)
	}
	request := later(createRequest(), 99)
	request.ExportId = "NOT AN ID"
	later(request.GetSpec().GetTables()[1], 100, 99, 100)
	later(request.GetSpec().GetDestination(), 20, 21, 22, 23, 24, 25)
	_, err := strict.CreateExport(t.Context(), request)
	want := map[string]string{
		"request":          "holds what this service does not know: field 99",
		"spec.tables[1]":   "holds what this service does not know: field 100, field 99",
		"spec.destination": "holds what this service does not know: field 20, field 21, field 22, field 23, field 24 and more",
		"export_id":        "does not match regex pattern `^[a-z][a-z0-9-]{1,38}[a-z0-9]$`",
	}
	if diff := cmp.Diff(want, violations(err)); diff != "" {
		t.Errorf("violations differ (-want +got):\n%s", diff)
	}
	request.ExportId = "acme-daily"
	if _, err := configv1.NewConfigServiceClient(serve(t, &service{}).conn).CreateExport(t.Context(), request); err != nil {
		t.Errorf("without the option = %v, want it accepted", err)
	}
}

func TestUnknownFieldsAreFoundInMaps(t *testing.T) {
	t.Parallel()
	conn := serve(t, &service{}, rpc.RefuseUnknownFields()).conn
	spoilt := later(structpb.NewBoolValue(true), 50)
	request := &structpb.Struct{Fields: map[string]*structpb.Value{
		"b": spoilt, "a": structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewNullValue(), spoilt}}), "c": {},
	}}
	err := conn.Invoke(t.Context(), "/test.AnyService/Take", request, &structpb.Struct{})
	const description = "holds what this service does not know: field 50"
	want := map[string]string{`fields["a"].list_value.values[1]`: description, `fields["b"]`: description}
	if diff := cmp.Diff(want, violations(err)); diff != "" {
		t.Errorf("violations differ (-want +got):\n%s", diff)
	}
}

func TestUnknownFieldsAreFoundInStreams(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		opts []rpc.Option
		want map[string]string
	}{
		{nil, map[string]string{}},
		{[]rpc.Option{rpc.RefuseUnknownFields()}, map[string]string{"header.run": "holds what this service does not know: field 77"}},
	} {
		b := serve(t, &service{upload: drain}, test.opts...)
		m := header()
		later(m.GetHeader().GetRun(), 77)
		_, err := upload(t, b, m)
		if diff := cmp.Diff(test.want, violations(err)); diff != "" {
			t.Errorf("with %d options, violations differ (-want +got):\n%s", len(test.opts), diff)
		}
	}
}

func TestHealthChecksOfAnyAgeAreAnswered(t *testing.T) {
	t.Parallel()
	b := serve(t, &service{}, rpc.RefuseUnknownFields())
	if _, err := grpc_health_v1.NewHealthClient(b.conn).Check(t.Context(), later(&grpc_health_v1.HealthCheckRequest{}, 9)); err != nil {
		t.Errorf("health = %v, want an answer", err)
	}
	if _, err := slav1.NewSlaServiceClient(b.conn).GetVerdict(t.Context(), later(&slav1.GetVerdictRequest{}, 9)); violations(err)["request"] == "" {
		t.Errorf("our own method = %v, want it refused", err)
	}
}

package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
)

// raw is a client that sends bytes as they are, as clients do whose language knows no UTF-8.
type raw struct{}

func (raw) Name() string { return "proto" }
func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}
func (raw) Unmarshal(mem.BufferSlice, any) error { return nil }

// spoil returns the message's bytes with every X in it replaced by a byte that is not UTF-8.
func spoil(t *testing.T, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.ReplaceAll(string(data), "X", "\xff"))
}

func upload(t *testing.T, b *bench, m *deliveryv1.UploadPartRequest) (*deliveryv1.UploadPartResponse, error) {
	t.Helper()
	stream, err := deliveryv1.NewPartServiceClient(b.conn).UploadPart(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(m); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return stream.CloseAndRecv()
}

func TestTextThatIsNotUTF8IsTheCallersFault(t *testing.T) {
	t.Parallel()
	b := serve(t, &service{})
	request := createRequest()
	request.Reason = "caX"
	request.GetSpec().GetTables()[1].Columns = []string{"a", "X"}
	request.GetSpec().GetScope().LocationIds = []string{"l1", "l2", "lX"}
	const not = "is not valid UTF-8"
	for name, test := range map[string]struct {
		data []byte
		want map[string]string
	}{
		"text": {spoil(t, request), map[string]string{"reason": not, "spec.tables[1].columns[1]": not, "spec.scope.location_ids[2]": not}},
		"cut":  {spoil(t, createRequest())[:40], map[string]string{"request": "is not a message of this method"}},
		"spoilt inside": {
			protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), []byte{0xff}),
			map[string]string{"request": "is not a message of this method"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := b.conn.Invoke(t.Context(), "/exports.config.v1.ConfigService/CreateExport", test.data, nil, grpc.ForceCodecV2(raw{}))
			if code := status.Code(err); code != codes.InvalidArgument || strings.Contains(err.Error(), "proto:") {
				t.Errorf("error = %v, want INVALID_ARGUMENT in our own words", err)
			}
			if diff := cmp.Diff(test.want, violations(err)); diff != "" {
				t.Errorf("violations differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTextThatIsNotUTF8InAStream(t *testing.T) {
	t.Parallel()
	b := serve(t, &service{upload: drain})
	m := header()
	m.GetHeader().Table = "X"
	stream, err := b.conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, "/exports.delivery.v1.PartService/UploadPart", grpc.ForceCodecV2(raw{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stream.SendMsg(spoil(t, m)), stream.CloseSend()); err != nil {
		t.Fatal(err)
	}
	err = stream.RecvMsg(nil)
	if diff := cmp.Diff(map[string]string{"header.table": "is not valid UTF-8"}, violations(err)); diff != "" {
		t.Errorf("%v: violations differ (-want +got):\n%s", err, diff)
	}
}

func TestViolationsFitTheTrailers(t *testing.T) {
	t.Parallel()
	many := func(n int, description string) []fault.Violation {
		return slices.Repeat([]fault.Violation{{Field: "spec.scope.location_ids[7]", Description: description}}, n)
	}
	for name, test := range map[string]struct {
		give []fault.Violation
		want int
		last string
	}{
		"all":               {many(50, "is wrong"), 50, "is wrong"},
		"one too many":      {many(51, "is wrong"), 50, "and more from here on: the first 49 violations are listed"},
		"thousands":         {many(50_000, "is wrong"), 50, "and more from here on: the first 49 violations are listed"},
		"long ones":         {many(50, strings.Repeat("é", 200)), 12, "and more from here on: the first 11 violations are listed"},
		"an endless one":    {many(1, strings.Repeat("é", 9000)), 1, strings.Repeat("é", 250) + "…"},
		"cut in a letter":   {many(1, "x"+strings.Repeat("é", 9000)), 1, "x" + strings.Repeat("é", 249) + "…"},
		"text that is none": {many(1, "caf\xe9"), 1, "caf"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			give := fault.New(fault.Invalid, fault.ReasonValidation, "refused")
			give.Violations = test.give
			err := serve(t, &service{verdict: func(context.Context) error { return fmt.Errorf("checking: %w", give) }}).get(t.Context())
			f, ok := fault.Of(err)
			if !ok || len(f.Violations) != test.want {
				t.Fatalf("error = %v, want %d violations", err, test.want)
			}
			if got := f.Violations[test.want-1].Description; got != test.last {
				t.Errorf("last violation %q, want %q", got, test.last)
			}
			var answer interface{ GRPCStatus() *status.Status }
			if !errors.As(err, &answer) {
				t.Fatalf("error = %v, want a status", err)
			}
			if size := proto.Size(answer.GRPCStatus().Proto()); size > 6<<10 {
				t.Errorf("the status has %d bytes, more than fit 8 KiB as base64", size)
			}
		})
	}
}

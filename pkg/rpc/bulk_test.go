package rpc_test

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/rpc"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
)

const batchField = 2

type parts = grpc.ClientStreamingServer[deliveryv1.UploadPartRequest, deliveryv1.UploadPartResponse]

// bulk is a message of n bytes, all of them b, in three pieces that are spoiled once nobody should read them.
func bulk(n int, b byte, done *atomic.Int64) *rpc.Bulk {
	value := bytes.Repeat([]byte{b}, n)
	return rpc.NewBulk(batchField, [][]byte{value[:n/3], value[n/3 : n/2], value[n/2:]}, func() {
		clear(value)
		done.Add(1)
	})
}

// TestBulkIsTheSameMessage sends bulk to a handler of messages, and messages to a handler of bulk.
func TestBulkIsTheSameMessage(t *testing.T) {
	t.Parallel()
	sizes := []int{0, 1, 100, 70_000, 1 << 20, 3 << 20}
	asMessages := func(s parts) error {
		for i, n := range sizes {
			m, err := s.Recv()
			if err != nil || !bytes.Equal(m.GetBatch(), bytes.Repeat([]byte{byte(i)}, n)) {
				t.Errorf("message %d: %d bytes, %v; want %d", i, len(m.GetBatch()), err, n)
			}
		}
		return s.SendAndClose(&deliveryv1.UploadPartResponse{})
	}
	asBulk := func(s parts) error {
		var b rpc.Bulk
		defer b.Free()
		for i, n := range sizes {
			err := s.RecvMsg(&b)
			if value, ok := b.Value(batchField); err != nil || !ok || !bytes.Equal(value, bytes.Repeat([]byte{byte(i)}, n)) {
				t.Errorf("bulk %d: %d bytes, %t, %v; want %d", i, len(value), ok, err, n)
			}
		}
		return s.SendAndClose(&deliveryv1.UploadPartResponse{})
	}
	for name, receive := range map[string]func(parts) error{"received as messages": asMessages, "received as bulk": asBulk} {
		for _, send := range []string{"bulk", "messages"} {
			t.Run(send+" "+name, func(t *testing.T) {
				t.Parallel()
				var done atomic.Int64
				stream, err := deliveryv1.NewPartServiceClient(serve(t, &service{upload: receive}).conn).UploadPart(t.Context())
				for i, n := range sizes {
					if err == nil && send == "bulk" {
						err = stream.SendMsg(bulk(n, byte(i), &done))
					} else if err == nil {
						err = stream.Send(&deliveryv1.UploadPartRequest{Message: &deliveryv1.UploadPartRequest_Batch{Batch: bytes.Repeat([]byte{byte(i)}, n)}})
					}
				}
				if err != nil {
					t.Fatal(err)
				}
				if _, err := stream.CloseAndRecv(); err != nil {
					t.Error(err)
				}
				if n := done.Load(); send == "bulk" && n != int64(len(sizes)) {
					t.Errorf("%d of %d messages were given back", n, len(sizes))
				}
			})
		}
	}
}

// TestWhatIsNoBulkIsDecodedAndChecked has a handler take everything as bulk first.
func TestWhatIsNoBulkIsDecodedAndChecked(t *testing.T) {
	t.Parallel()
	var got deliveryv1.UploadPartRequest
	b := serve(t, &service{upload: func(s parts) error {
		var b rpc.Bulk
		defer b.Free()
		if err := s.RecvMsg(&b); err != nil {
			return err
		}
		if value, ok := b.Value(batchField); ok {
			t.Errorf("taken for bulk of %d bytes", len(value))
		}
		if err := b.Decode(&got); err != nil {
			return err
		}
		return s.SendAndClose(&deliveryv1.UploadPartResponse{})
	}})
	for name, test := range map[string]struct {
		send func(t *testing.T) []byte
		want fault.Reason
	}{
		"a header":           {func(t *testing.T) []byte { return spoil(t, header()) }, ""},
		"bulk and a header":  {func(t *testing.T) []byte { return append(spoil(t, batch(5)), spoil(t, header())...) }, ""},
		"nothing":            {func(*testing.T) []byte { return nil }, fault.ReasonValidation},
		"no message":         {func(*testing.T) []byte { return []byte{0xff} }, fault.ReasonValidation},
		"bulk that is cut":   {func(t *testing.T) []byte { return spoil(t, batch(5))[:4] }, fault.ReasonValidation},
		"text that is not":   {func(t *testing.T) []byte { m := header(); m.GetHeader().Table = "X"; return spoil(t, m) }, fault.ReasonValidation},
		"a rule that breaks": {func(t *testing.T) []byte { m := header(); m.GetHeader().Attempt = 0; return spoil(t, m) }, fault.ReasonValidation},
	} {
		stream, err := b.conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, "/exports.delivery.v1.PartService/UploadPart", grpc.ForceCodecV2(raw{}))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(stream.SendMsg(test.send(t)), stream.CloseSend()); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(nil); fault.ReasonOf(err) != test.want {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		} else if test.want == "" && !proto.Equal(&got, header()) {
			t.Errorf("%s: decoded %v", name, &got)
		}
	}
}

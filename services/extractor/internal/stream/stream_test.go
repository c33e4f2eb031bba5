package stream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/minio/crc64nvme"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	"github.com/customer-exports/exports/pkg/rpc/rpctest"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/extractor/internal/stream"
)

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
}, nil)

// TestMain proves that no upload leaves a goroutine behind, however it ends.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memDelivery keeps what it was sent, and refuses after some batches when told to.
type memDelivery struct {
	deliveryv1.UnimplementedPartServiceServer
	refuseAfter int
	deaf        bool // takes the header and reads nothing after it, not even what has come when the stream ends
	early       bool
	header      *deliveryv1.PartHeader
	batches     [][]byte
	trailer     *deliveryv1.PartTrailer
	begun       chan struct{}
	ended       chan error
}

func (m *memDelivery) UploadPart(s grpc.ClientStreamingServer[deliveryv1.UploadPartRequest, deliveryv1.UploadPartResponse]) error {
	for {
		request, err := s.Recv()
		if err != nil {
			m.ended <- err
			return fault.New(fault.DataLoss, fault.ReasonTrailerMissing, "no trailer came")
		}
		switch message := request.GetMessage().(type) {
		case *deliveryv1.UploadPartRequest_Header:
			m.header = message.Header
			if m.deaf {
				close(m.begun)
				<-s.Context().Done()
				m.ended <- s.Context().Err()
				return s.Context().Err()
			}
		case *deliveryv1.UploadPartRequest_Batch:
			m.batches = append(m.batches, message.Batch)
		case *deliveryv1.UploadPartRequest_Trailer:
			m.trailer = message.Trailer
			return s.SendAndClose(&deliveryv1.UploadPartResponse{Receipt: &deliveryv1.Receipt{RowCount: message.Trailer.GetRowCount()}})
		}
		if m.refuseAfter > 0 && len(m.batches) == m.refuseAfter {
			if m.early {
				return s.SendAndClose(&deliveryv1.UploadPartResponse{})
			}
			return fault.New(fault.State, fault.ReasonScopeViolation, "a row is outside the scope")
		}
	}
}

// dial serves m and returns a client of it.
func dial(t *testing.T, m *memDelivery) deliveryv1.PartServiceClient {
	t.Helper()
	client, _ := dialBy(t, m)
	return client
}

// dialBy serves m and returns a client of it, and the wire between them.
func dialBy(t *testing.T, m *memDelivery) (deliveryv1.PartServiceClient, *rpctest.Wire) {
	t.Helper()
	m.begun, m.ended = make(chan struct{}), make(chan error, 1)
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "test"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(tel)
	deliveryv1.RegisterPartServiceServer(server.Registrar(), m)
	addr, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, "") }()
	wire := rpctest.Lay(t, addr)
	conn, err := rpc.Dial(wire.Addr(), tel)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(conn.Close(), <-served, tel.Shutdown(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return deliveryv1.NewPartServiceClient(conn), wire
}

func record(rows int, text func(i int) string) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		if i%7 == 3 {
			b.Field(1).AppendNull()
			continue
		}
		b.Field(1).(*array.StringBuilder).Append(text(i))
	}
	return b.NewRecord()
}

func header() *deliveryv1.PartHeader {
	return &deliveryv1.PartHeader{Run: &taskv1.RunRef{RunId: "acme-daily-20261123-1"}, Table: "FACT_REVIEWS", Attempt: 1}
}

// decoded reads what delivery got, as delivery does: the schema message, then the batches, as one stream.
func decoded(t *testing.T, m *memDelivery) []string {
	t.Helper()
	bytesOf := append([][]byte{m.header.GetSchema()}, m.batches...)
	reader, err := ipc.NewReader(bytes.NewReader(bytes.Join(bytesOf, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Release()
	if !reader.Schema().Equal(schema) {
		t.Errorf("schema is %s", reader.Schema())
	}
	var rows []string
	for reader.Next() {
		rec := reader.Record()
		for i := range int(rec.NumRows()) {
			rows = append(rows, rec.Column(0).ValueStr(i)+"="+rec.Column(1).ValueStr(i))
		}
	}
	if err := reader.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestUpload(t *testing.T) {
	for name, test := range map[string]struct {
		records []arrow.Record
		least   int // messages
	}{
		"no rows":      {nil, 0},
		"empty record": {[]arrow.Record{record(0, short)}, 0},
		"small":        {[]arrow.Record{record(10, short), record(3, short)}, 2},
		"large":        {[]arrow.Record{record(200_000, short)}, 4},
		"uneven":       {[]arrow.Record{record(2_000, uneven)}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			m := &memDelivery{}
			upload, err := stream.Open(t.Context(), dial(t, m), header(), schema)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, rec := range test.records {
				if err := upload.Send(rec); err != nil {
					t.Fatal(err)
				}
				for i := range int(rec.NumRows()) {
					want = append(want, rec.Column(0).ValueStr(i)+"="+rec.Column(1).ValueStr(i))
				}
			}
			receipt, err := upload.Close()
			if err != nil || receipt.GetRowCount() != int64(len(want)) || upload.Rows() != int64(len(want)) {
				t.Fatalf("receipt of %d rows, %d sent, error %v; want %d", receipt.GetRowCount(), upload.Rows(), err, len(want))
			}
			if got := decoded(t, m); strings.Join(got, ",") != strings.Join(want, ",") {
				t.Errorf("%d rows arrived, %d were sent, or they differ", len(got), len(want))
			}
			m.check(t, test.least)
		})
	}
}

// check compares the trailer with the batches, and the batches with their bounds.
func (m *memDelivery) check(t *testing.T, least int) {
	t.Helper()
	crc := crc64nvme.New()
	for _, batch := range m.batches {
		crc.Write(batch)
		if len(batch) > 2<<20 {
			t.Errorf("a message has %d bytes", len(batch))
		}
	}
	if m.trailer.GetBatchCount() != int64(len(m.batches)) || m.trailer.GetCrc64Nvme() != crc.Sum64() {
		t.Errorf("trailer of %d batches does not match the %d that came", m.trailer.GetBatchCount(), len(m.batches))
	}
	if len(m.batches) < least {
		t.Errorf("%d messages, want at least %d", len(m.batches), least)
	}
}

func short(i int) string { return fmt.Sprintf("text %d", i) }

// uneven puts nearly all bytes into a few rows next to each other.
func uneven(i int) string {
	if i >= 1_000 && i < 1_010 {
		return strings.Repeat("x", 1<<20)
	}
	return ""
}

func TestRowTooLarge(t *testing.T) {
	upload, err := stream.Open(t.Context(), dial(t, &memDelivery{}), header(), schema)
	if err != nil {
		t.Fatal(err)
	}
	err = upload.Send(record(1, func(int) string { return strings.Repeat("x", 9<<20) }))
	if fault.ReasonOf(err) != fault.ReasonValueOutOfRange || fault.Retryable(err) {
		t.Errorf("got %v, want a final %s", err, fault.ReasonValueOutOfRange)
	}
}

// What delivery says about a refused part is what the sender sees, not a broken pipe.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		delivery *memDelivery
		want     fault.Reason
	}{
		"refused":     {&memDelivery{refuseAfter: 2}, fault.ReasonScopeViolation},
		"ended early": {&memDelivery{refuseAfter: 2, early: true}, fault.ReasonTrailerMissing},
	} {
		t.Run(name, func(t *testing.T) {
			upload, err := stream.Open(t.Context(), dial(t, test.delivery), header(), schema)
			for err == nil {
				err = upload.Send(record(10_000, short))
			}
			if fault.ReasonOf(err) != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// A part given up half-way must not look complete.
func TestAbandoned(t *testing.T) {
	m := &memDelivery{}
	ctx, cancel := context.WithCancel(t.Context())
	upload, err := stream.Open(ctx, dial(t, m), header(), schema)
	if err != nil {
		t.Fatal(err)
	}
	if err := upload.Send(record(10, short)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-m.ended; err == nil || errors.Is(err, io.EOF) {
		t.Errorf("delivery saw %v, want a broken stream", err)
	}
	if m.trailer != nil {
		t.Error("an abandoned part has a trailer")
	}
}

// A delivery server that is lost in the middle of a part, or before its receipt, fails the part with a reason, and
// another try can have it.
func TestLostDelivery(t *testing.T) {
	for name, rows := range map[string]int{"while rows are sent": 1 << 30, "before the receipt": 10} {
		t.Run(name, func(t *testing.T) {
			m := &memDelivery{deaf: true}
			client, wire := dialBy(t, m)
			upload, err := stream.Open(t.Context(), client, header(), schema)
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- sendAll(upload, rows) }()
			<-m.begun
			wire.Cut()
			if err := <-ended; fault.ReasonOf(err) != fault.ReasonUnavailable || !fault.Retryable(err) {
				t.Errorf("got %v, want %s, which is tried again", err, fault.ReasonUnavailable)
			}
			if err := <-m.ended; err == nil {
				t.Error("delivery saw the part end in order")
			}
			again := &memDelivery{}
			if upload, err = stream.Open(t.Context(), dial(t, again), header(), schema); err == nil {
				err = sendAll(upload, 10)
			}
			if err != nil {
				t.Errorf("the next try: %v", err)
			}
		})
	}
}

// The end of an attempt frees a sender whom delivery has not taken anything from for long.
func TestEndedWhileDeliveryIsBehind(t *testing.T) {
	m := &memDelivery{deaf: true}
	client, wire := dialBy(t, m)
	ctx, cancel := context.WithCancel(t.Context())
	upload, err := stream.Open(ctx, client, header(), schema)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- sendAll(upload, 1<<30) }()
	// As much as delivery takes unread is under way, so that the sender waits, or soon will.
	for wire.Carried() < window && t.Context().Err() == nil {
		runtime.Gosched()
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || fault.ReasonOf(err) != fault.ReasonCanceled {
		t.Errorf("got %v, want %s", err, fault.ReasonCanceled)
	}
	if err := <-m.ended; err == nil {
		t.Error("delivery saw the part end in order")
	}
}

// window is how much HTTP/2 lets a sender send before the receiver has taken any of it.
const window = 64<<10 - 1

// sendAll sends so many rows and waits for the receipt.
func sendAll(upload *stream.Upload, rows int) error {
	rec := record(min(rows, 10_000), short)
	for sent := 0; sent < rows; sent += int(rec.NumRows()) {
		if err := upload.Send(rec); err != nil {
			return err
		}
	}
	_, err := upload.Close()
	return err
}

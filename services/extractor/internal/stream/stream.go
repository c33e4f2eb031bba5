// Package stream is the extractor's side of PartService.UploadPart: it cuts records into Arrow IPC
// messages of about 1 MiB, sends them, and closes with a trailer that says what must have arrived.
//
// It refuses to send a trailer for a part that it was not told is complete: without Close, delivery
// throws everything away. Start at Open.
package stream

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/minio/crc64nvme"
	"google.golang.org/grpc"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/rpc"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
)

const (
	// messageBytes is the size that messages aim at.
	messageBytes = 1 << 20
	// splitBytes is the size from which a message that came out larger is cut again.
	splitBytes = 2 << 20
	// limitBytes is the largest message that delivery takes, with room for its framing.
	limitBytes = 8<<20 - 4<<10
)

var batchField = (*deliveryv1.UploadPartRequest)(nil).ProtoReflect().Descriptor().Fields().ByName("batch").Number()

// Client opens an upload; deliveryv1.PartServiceClient is one.
type Client interface {
	UploadPart(ctx context.Context, opts ...grpc.CallOption) (grpc.ClientStreamingClient[deliveryv1.UploadPartRequest, deliveryv1.UploadPartResponse], error)
}

// Upload is one part on its way. It is not safe for concurrent use. Ending its context without Close
// abandons the part.
type Upload struct {
	remote  grpc.ClientStreamingClient[deliveryv1.UploadPartRequest, deliveryv1.UploadPartResponse]
	encoder *encoder
	crc     hash.Hash64
	batches int64
	rows    int64
}

// Open starts an upload and sends its header, to which it adds the schema.
func Open(ctx context.Context, client Client, header *deliveryv1.PartHeader, schema *arrow.Schema) (*Upload, error) {
	encoder, message, err := newEncoder(schema)
	if err != nil {
		return nil, err
	}
	remote, err := client.UploadPart(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening the upload: %w", err)
	}
	header.Schema = message
	u := &Upload{remote: remote, encoder: encoder, crc: crc64nvme.New()}
	return u, u.send(&deliveryv1.UploadPartRequest{Message: &deliveryv1.UploadPartRequest_Header{Header: header}})
}

// Send sends the rows of a record, in as many messages as they need. It blocks while delivery is
// behind, and fails with delivery's own fault when delivery has refused the part.
func (u *Upload) Send(rec arrow.Record) error {
	return cut(rec, rowsPerMessage(rec, messageBytes), u.batch)
}

// Close sends the trailer and waits for the receipt.
func (u *Upload) Close() (*deliveryv1.Receipt, error) {
	trailer := &deliveryv1.PartTrailer{BatchCount: u.batches, RowCount: u.rows, Crc64Nvme: u.crc.Sum64()}
	err := u.send(&deliveryv1.UploadPartRequest{Message: &deliveryv1.UploadPartRequest_Trailer{Trailer: trailer}})
	if err != nil {
		return nil, err
	}
	answer, err := u.remote.CloseAndRecv()
	if err != nil {
		return nil, fmt.Errorf("closing the upload: %w", err)
	}
	if answer.GetReceipt().GetRowCount() != u.rows {
		return nil, fault.New(fault.DataLoss, fault.ReasonRowCountMismatch, "receipt has %d rows, %d were sent",
			answer.GetReceipt().GetRowCount(), u.rows)
	}
	return answer.GetReceipt(), nil
}

// Rows is the number of rows sent so far.
func (u *Upload) Rows() int64 { return u.rows }

// batch sends one message, or two halves when rows turned out unevenly large.
func (u *Upload) batch(rec arrow.Record) error {
	message, err := u.encoder.encode(rec)
	if err != nil {
		return err
	}
	if size := message.bytes; size > splitBytes && rec.NumRows() > 1 {
		return cut(rec, (rec.NumRows()+1)/2, u.batch)
	} else if size > limitBytes {
		return fault.New(fault.State, fault.ReasonValueOutOfRange, "one row is %d bytes, at most %d can be sent", size, limitBytes)
	}
	for _, piece := range message.pieces {
		u.crc.Write(piece)
	}
	rec.Retain()
	if err := u.send(rpc.NewBulk(batchField, message.pieces, rec.Release)); err != nil {
		return err
	}
	u.batches++
	u.rows += rec.NumRows()
	return nil
}

// send reports what delivery said rather than the bare end of stream that a refused part shows here.
func (u *Upload) send(request any) error {
	err := u.remote.SendMsg(request)
	if errors.Is(err, io.EOF) {
		if _, err = u.remote.CloseAndRecv(); err == nil {
			return fault.New(fault.DataLoss, fault.ReasonTrailerMissing, "delivery ended the upload before its trailer")
		}
	}
	if err != nil {
		return fmt.Errorf("sending to delivery: %w", err)
	}
	return nil
}

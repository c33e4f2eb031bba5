// Package server is delivery's edge: the gRPC services that take parts and check destinations, and the
// consumer that takes commit tasks. It translates, reports and announces; what is right is decided in
// part, preflight and commit. Start at Parts, Destinations and Commits.
package server

import (
	"errors"
	"io"

	"google.golang.org/grpc"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/rpc"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	"github.com/customer-exports/exports/services/delivery/internal/part"
)

// Parts implements PartService.
type Parts struct {
	deliveryv1.UnimplementedPartServiceServer
	Uploader *part.Uploader
}

type partStream = grpc.ClientStreamingServer[deliveryv1.UploadPartRequest, deliveryv1.UploadPartResponse]

// UploadPart takes one part.
func (p *Parts) UploadPart(stream partStream) error {
	header, err := receiveHeader(stream)
	if err != nil {
		return err
	}
	rest := &messages{stream: stream}
	defer rest.message.Free()
	receipt, err := p.Uploader.Upload(stream.Context(), header, rest)
	if err != nil {
		return err
	}
	return stream.SendAndClose(&deliveryv1.UploadPartResponse{Receipt: receipt})
}

func receiveHeader(stream partStream) (part.Header, error) {
	first, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return part.Header{}, fault.New(fault.Invalid, fault.ReasonValidation, "the stream is empty")
	}
	if err != nil {
		return part.Header{}, err
	}
	h := first.GetHeader()
	if h == nil {
		return part.Header{}, fault.New(fault.Invalid, fault.ReasonValidation, "the first message is not a header")
	}
	return part.Header{Run: h.GetRun(), Table: h.GetTable(), Index: h.GetPartIndex(), Attempt: h.GetAttempt(), Schema: h.GetSchema()}, nil
}

var batchField = (*deliveryv1.UploadPartRequest)(nil).ProtoReflect().Descriptor().Fields().ByName("batch").Number()

// messages is the rest of a stream in the words of package part. Batches take the short way.
type messages struct {
	stream  partStream
	message rpc.Bulk
}

// Next waits for the next message; HTTP/2 flow control holds the sender back meanwhile.
func (m *messages) Next() ([]byte, *part.Trailer, error) {
	if err := m.stream.RecvMsg(&m.message); err != nil {
		return nil, nil, err
	}
	if batch, ok := m.message.Value(batchField); ok {
		return batch, nil, nil
	}
	var message deliveryv1.UploadPartRequest
	if err := m.message.Decode(&message); err != nil {
		return nil, nil, err
	}
	switch body := message.GetMessage().(type) {
	case *deliveryv1.UploadPartRequest_Batch:
		return body.Batch, nil, nil
	case *deliveryv1.UploadPartRequest_Trailer:
		t := body.Trailer
		return nil, &part.Trailer{Batches: t.GetBatchCount(), Rows: t.GetRowCount(), CRC: t.GetCrc64Nvme()}, nil
	}
	return nil, nil, fault.New(fault.Invalid, fault.ReasonValidation, "a second header came")
}

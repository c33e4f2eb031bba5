package app_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/minio/crc64nvme"
	"google.golang.org/grpc"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// memPeers is the three services that an extractor talks to, in memory and behind real gRPC.
type memPeers struct {
	configv1.UnimplementedConfigServiceServer
	planv1.UnimplementedReportServiceServer
	deliveryv1.UnimplementedPartServiceServer
	revision     *configv1.Revision
	measurements chan *planv1.ReportMeasurementRequest
	parts        chan *planv1.ReportPartRequest
	failures     chan *planv1.ReportFailureRequest
	accept       bool
	ended        atomic.Bool // no run goes on
	refuse       atomic.Bool // no receipt is taken: its run has ended
	late         atomic.Bool // delivery heard before us that the run has ended
	hold         atomic.Bool // delivery receives everything and then does not answer
	abandoned    chan error  // uploads that ended before their trailer
	// unapproved says whether the last request for a revision asked for unapproved ones too.
	unapproved atomic.Bool
}

func newPeers(revision *configv1.Revision) *memPeers {
	return &memPeers{
		revision: revision, accept: true,
		measurements: make(chan *planv1.ReportMeasurementRequest, 100),
		parts:        make(chan *planv1.ReportPartRequest, 100),
		failures:     make(chan *planv1.ReportFailureRequest, 100),
		abandoned:    make(chan error, 100),
	}
}

// serve returns the address of all three.
func (m *memPeers) serve(t *testing.T, tel *obs.Telemetry) string {
	t.Helper()
	server := rpc.NewServer(tel)
	configv1.RegisterConfigServiceServer(server.Registrar(), m)
	planv1.RegisterReportServiceServer(server.Registrar(), m)
	deliveryv1.RegisterPartServiceServer(server.Registrar(), m)
	addr, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, "") }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return addr
}

func (m *memPeers) GetRevision(_ context.Context, request *configv1.GetRevisionRequest) (*configv1.GetRevisionResponse, error) {
	m.unapproved.Store(request.GetIncludeUnapproved())
	if request.GetRevision() != m.revision.GetRevision() {
		return nil, fault.New(fault.NotFound, fault.ReasonNotFound, "no revision %d", request.GetRevision())
	}
	return &configv1.GetRevisionResponse{Revision: m.revision, Customer: &configv1.Customer{CustomerId: "acme"}}, nil
}

func (m *memPeers) ReportMeasurement(_ context.Context, request *planv1.ReportMeasurementRequest) (*planv1.ReportMeasurementResponse, error) {
	m.measurements <- request
	return &planv1.ReportMeasurementResponse{}, nil
}

// CheckRun answers as the planner does.
func (m *memPeers) CheckRun(_ context.Context, request *planv1.CheckRunRequest) (*planv1.CheckRunResponse, error) {
	if m.ended.Load() {
		return nil, fault.New(fault.State, fault.ReasonNotActive, "run %s is cancelled", request.GetRunId())
	}
	return &planv1.CheckRunResponse{}, nil
}

func (m *memPeers) ReportPart(_ context.Context, request *planv1.ReportPartRequest) (*planv1.ReportPartResponse, error) {
	m.parts <- request
	if m.refuse.Load() {
		return nil, fault.New(fault.State, fault.ReasonNotActive, "run %s is cancelled", request.GetRunId())
	}
	return &planv1.ReportPartResponse{Accepted: m.accept}, nil
}

func (m *memPeers) ReportFailure(_ context.Context, request *planv1.ReportFailureRequest) (*planv1.ReportFailureResponse, error) {
	m.failures <- request
	return &planv1.ReportFailureResponse{}, nil
}

// UploadPart decodes what comes and compares it with the trailer, as delivery does.
func (m *memPeers) UploadPart(s grpc.ClientStreamingServer[deliveryv1.UploadPartRequest, deliveryv1.UploadPartResponse]) error {
	var header *deliveryv1.PartHeader
	var stream bytes.Buffer
	crc := crc64nvme.New()
	for {
		request, err := s.Recv()
		if err != nil {
			m.abandoned <- err
			return fault.New(fault.DataLoss, fault.ReasonTrailerMissing, "no trailer came")
		}
		if h := request.GetHeader(); h != nil {
			header = h
			stream.Write(h.GetSchema())
		}
		stream.Write(request.GetBatch())
		crc.Write(request.GetBatch())
		if trailer := request.GetTrailer(); trailer != nil {
			rows, err := rowsOf(&stream)
			if err != nil || rows != trailer.GetRowCount() || trailer.GetCrc64Nvme() != crc.Sum64() {
				return fault.New(fault.DataLoss, fault.ReasonTrailerMismatch, "%d rows came", rows)
			}
			if m.late.Load() {
				m.abandoned <- nil
				return fault.New(fault.State, fault.ReasonNotActive, "run %s is cancelled", header.GetRun().GetRunId())
			}
			if m.hold.Load() {
				<-s.Context().Done()
				m.abandoned <- s.Context().Err()
				return s.Context().Err()
			}
			return s.SendAndClose(&deliveryv1.UploadPartResponse{Receipt: &deliveryv1.Receipt{
				Table: header.GetTable(), PartIndex: header.GetPartIndex(), RowCount: rows,
			}})
		}
	}
}

func rowsOf(stream io.Reader) (int64, error) {
	reader, err := ipc.NewReader(stream)
	if err != nil {
		return 0, err
	}
	defer reader.Release()
	var rows int64
	for reader.Next() {
		rows += reader.Record().NumRows()
	}
	if err := reader.Err(); err != nil && !errors.Is(err, io.EOF) {
		return rows, err
	}
	return rows, nil
}

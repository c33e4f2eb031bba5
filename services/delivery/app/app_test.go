package app_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/deploy/local/objectstore"
	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/app"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/s3bucket"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

const (
	accessKey = "writerkey"
	secretKey = "writersecret"
	date      = "2026-11-20"

	roleARN    = "arn:aws:iam::" + parttest.Owner + ":role/analytics-export"
	externalID = "K7P2QWERTYUIOPASDFGHJKLZXCVBNM23"
)

// peers are the config service and the planner, in memory.
type peers struct {
	configv1.UnimplementedConfigServiceServer
	planv1.UnimplementedReportServiceServer
	answer   *configv1.GetRevisionResponse
	run      *planv1.Run
	receipts []*deliveryv1.Receipt
	commits  chan *planv1.ReportCommitRequest
	aborts   chan string
	expiries chan string
	failures chan *planv1.Failure
	bus      *bus.Bus // set when the service runs
}

// GetRevision knows one revision, which may have to be asked for as unapproved.
func (p *peers) GetRevision(_ context.Context, in *configv1.GetRevisionRequest) (*configv1.GetRevisionResponse, error) {
	pending := p.answer.GetRevision().GetState() == configv1.RevisionState_REVISION_STATE_PENDING
	if in.GetExportId() != parttest.Export || in.GetRevision() != 1 || pending && !in.GetIncludeUnapproved() {
		return nil, fault.New(fault.NotFound, fault.ReasonNotFound, "no such revision")
	}
	return p.answer, nil
}

// ListReceipts gives one receipt a page.
func (p *peers) ListReceipts(_ context.Context, in *planv1.ListReceiptsRequest) (*planv1.ListReceiptsResponse, error) {
	at := len(in.GetPageToken())
	out := &planv1.ListReceiptsResponse{Run: p.run, Receipts: p.receipts[at : at+1]}
	if at+1 < len(p.receipts) {
		out.NextPageToken = in.GetPageToken() + "."
	}
	return out, nil
}

func (p *peers) ReportCommit(_ context.Context, in *planv1.ReportCommitRequest) (*planv1.ReportCommitResponse, error) {
	p.commits <- in
	return &planv1.ReportCommitResponse{}, nil
}

// CheckRun knows runs that are committed or cancelled.
func (p *peers) CheckRun(context.Context, *planv1.CheckRunRequest) (*planv1.CheckRunResponse, error) {
	if p.run.GetState() == planv1.RunState_RUN_STATE_COMMITTING {
		return &planv1.CheckRunResponse{}, nil
	}
	return nil, fault.New(fault.State, fault.ReasonNotActive, "run %s is %s", p.run.GetRef().GetRunId(), p.run.GetState())
}

func (p *peers) ReportAbort(_ context.Context, in *planv1.ReportAbortRequest) (*planv1.ReportAbortResponse, error) {
	p.aborts <- in.GetRunId()
	return &planv1.ReportAbortResponse{}, nil
}

// GetExport gives the export of the revision, which has ended.
func (p *peers) GetExport(_ context.Context, in *configv1.GetExportRequest) (*configv1.GetExportResponse, error) {
	return &configv1.GetExportResponse{Export: &configv1.Export{
		ExportId: in.GetExportId(), Revision: p.answer.GetRevision(), State: configv1.ExportState_EXPORT_STATE_ARCHIVED,
	}}, nil
}

// ListExports gives that export, and one of the same customer that nobody approved, a page each.
func (p *peers) ListExports(_ context.Context, in *configv1.ListExportsRequest) (*configv1.ListExportsResponse, error) {
	switch {
	case in.GetCustomerId() != parttest.Customer:
		return &configv1.ListExportsResponse{}, nil
	case in.GetPageToken() == "":
		return &configv1.ListExportsResponse{Exports: []*configv1.Export{{ExportId: parttest.Export, Revision: p.answer.GetRevision()}}, NextPageToken: "2"}, nil
	default:
		return &configv1.ListExportsResponse{Exports: []*configv1.Export{{ExportId: parttest.Export + "-new"}}}, nil
	}
}

func (p *peers) ReportExpiry(_ context.Context, in *planv1.ReportExpiryRequest) (*planv1.ReportExpiryResponse, error) {
	p.expiries <- in.GetRunId()
	return &planv1.ReportExpiryResponse{}, nil
}

func (p *peers) ReportFailure(_ context.Context, in *planv1.ReportFailureRequest) (*planv1.ReportFailureResponse, error) {
	p.failures <- in.GetFailure()
	return &planv1.ReportFailureResponse{}, nil
}

func TestPartsArriveAndTheCommitTaskMakesThemADrop(t *testing.T) {
	d, p := startStore(t), &peers{commits: make(chan *planv1.ReportCommitRequest, 9), failures: make(chan *planv1.Failure, 9)}
	p.answer = parttest.Answer(t, d)
	p.run = &planv1.Run{Ref: parttest.Run(date), State: planv1.RunState_RUN_STATE_COMMITTING}
	queue, client := startApp(t, p)

	foreign := parttest.Rows{Table: "FACT_MESSAGES", Count: 100, PerBatch: 30, Foreign: 99}
	if _, err := send(t, client, foreign); fault.ReasonOf(err) != fault.ReasonScopeViolation || fault.Retryable(err) {
		t.Errorf("foreign row: got %v, want SCOPE_VIOLATION over the wire, never retried", err)
	}
	escalated(t, p)
	sendAll(t, client, p)
	queue()
	report := await(t, p.commits, p.failures)
	if want := drop.ManifestKey(date, parttest.Run(date).GetRunId()); report.GetManifestKey() != want {
		t.Errorf("reported manifest: got %s, want %s", report.GetManifestKey(), want)
	}
	checkDrop(t, d, report)
}

// escalated fails the test unless the row outside the scope is told to everybody.
func escalated(t *testing.T, p *peers) {
	t.Helper()
	stream, err := p.bus.JetStream().Stream(t.Context(), bus.StreamEvents)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := stream.GetLastMsgForSubject(t.Context(), "event.part.outside_scope."+parttest.Customer)
	if err != nil {
		t.Fatal(err)
	}
	e := &eventv1.Event{}
	if err := proto.Unmarshal(msg.Data, e); err != nil {
		t.Fatal(err)
	}
	if e.GetRunId() != parttest.Run(date).GetRunId() || e.GetTable() != "FACT_MESSAGES" || e.PartIndex == nil || e.GetSource() != "delivery" || e.GetReason() != string(fault.ReasonScopeViolation) {
		t.Errorf("the event is %v", e)
	}
}

// sendAll sends every part of the run, as measured.
func sendAll(t *testing.T, client deliveryv1.PartServiceClient, p *peers) {
	t.Helper()
	for _, rows := range []parttest.Rows{
		{Table: "DIM_DATES", Count: 10, Foreign: -1}, {Table: "DIM_LOCATIONS", Count: 3, Foreign: -1}, {Table: "FACT_MESSAGES", Count: 100, PerBatch: 30, Foreign: -1},
	} {
		answer, err := send(t, client, rows)
		if err != nil {
			t.Fatal(err)
		}
		p.receipts = append(p.receipts, answer.GetReceipt())
		measured := int64(rows.Count)
		p.run.Tables = append(p.run.Tables, &planv1.TableProgress{
			Table: rows.Table, MeasuredRowCount: measured, Parts: []*planv1.PartProgress{{MeasuredRowCount: measured}},
		})
	}
}

// TestTheAbortTaskDiscardsWhatWasUploaded cancels the run before its commit.
func TestTheAbortTaskDiscardsWhatWasUploaded(t *testing.T) {
	d, p := startStore(t), &peers{aborts: make(chan string, 9), failures: make(chan *planv1.Failure, 9)}
	p.answer = parttest.Answer(t, d)
	p.run = &planv1.Run{Ref: parttest.Run(date), State: planv1.RunState_RUN_STATE_COMMITTING}
	queue, client := startApp(t, p)
	sendAll(t, client, p)
	p.run.State = planv1.RunState_RUN_STATE_CANCELLED
	if _, err := send(t, client, parttest.Rows{Table: "DIM_DATES", Count: 10, Foreign: -1}); fault.ReasonOf(err) != fault.ReasonNotActive || fault.Retryable(err) {
		t.Errorf("a part after the end of its run: got %v, want NOT_ACTIVE over the wire, never retried", err)
	}
	if got := uploads(t, d); got != 3 {
		t.Fatalf("%d uploads before, want 3", got)
	}
	queue()
	if got := await(t, p.aborts, p.failures); got != parttest.Run(date).GetRunId() {
		t.Errorf("reported for %s", got)
	}
	if got := uploads(t, d); got != 0 {
		t.Errorf("%d uploads are left", got)
	}
}

// uploads counts those that can still be completed.
func uploads(t *testing.T, d bucket.Destination) int {
	t.Helper()
	opener, err := s3bucket.NewOpener(t.Context(), s3bucket.Keys{AccessKey: accessKey, SecretKey: secretKey}, s3bucket.STS{})
	if err != nil {
		t.Fatal(err)
	}
	defer opener.Close()
	left, err := opener.Open(d).ListUploads(t.Context(), drop.Prefix)
	if err != nil {
		t.Fatal(err)
	}
	return len(left)
}

func TestFailedCommitIsReported(t *testing.T) {
	d, p := startStore(t), &peers{commits: make(chan *planv1.ReportCommitRequest, 9), failures: make(chan *planv1.Failure, 9)}
	p.answer = parttest.Answer(t, d)
	p.run = &planv1.Run{Ref: parttest.Run(date), State: planv1.RunState_RUN_STATE_COMMITTING}
	p.receipts = []*deliveryv1.Receipt{{Table: "DIM_DATES", Key: drop.Format{}.PartKey("DIM_DATES", date, parttest.Run(date).GetRunId(), 0)}}
	queue, _ := startApp(t, p)
	queue()
	got := await(t, p.failures, p.commits)
	if got.GetReason() != string(fault.ReasonRowCountMismatch) || got.GetWillRetry() || got.GetTaskId() == "" {
		t.Errorf("reported failure: got %v, want ROW_COUNT_MISMATCH, not retried", got)
	}
}

func await[T, U any](t *testing.T, wanted chan T, other chan U) T {
	t.Helper()
	select {
	case got := <-wanted:
		return got
	case got := <-other:
		t.Fatalf("another report came: %v", got)
	case <-time.After(30 * time.Second):
		t.Fatal("no report after 30 s")
	}
	panic("unreachable")
}

func checkDrop(t *testing.T, d bucket.Destination, report *planv1.ReportCommitRequest) {
	t.Helper()
	opener, err := s3bucket.NewOpener(t.Context(), s3bucket.Keys{AccessKey: accessKey, SecretKey: secretKey}, s3bucket.STS{})
	if err != nil {
		t.Fatal(err)
	}
	defer opener.Close()
	data, _, err := opener.Open(d).Get(t.Context(), report.GetManifestKey())
	if err != nil {
		t.Fatal(err)
	}
	m, err := drop.ParseManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Tables) != 3 || m.Tables[2].RowCount != 100 || !m.CommitTime.Equal(report.GetCommitTime().AsTime()) {
		t.Errorf("manifest: got %+v", m)
	}
}

// send is what an extractor does.
func send(t *testing.T, client deliveryv1.PartServiceClient, rows parttest.Rows) (*deliveryv1.UploadPartResponse, error) {
	t.Helper()
	s := rows.Stream(t)
	stream, err := client.UploadPart(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	right := s.Right()
	header := &deliveryv1.PartHeader{Run: parttest.Run(date), Table: rows.Table, Attempt: 1, Schema: s.Schema}
	requests := []*deliveryv1.UploadPartRequest{{Message: &deliveryv1.UploadPartRequest_Header{Header: header}}}
	for _, batch := range s.Batches {
		requests = append(requests, &deliveryv1.UploadPartRequest{Message: &deliveryv1.UploadPartRequest_Batch{Batch: batch}})
	}
	requests = append(requests, &deliveryv1.UploadPartRequest{Message: &deliveryv1.UploadPartRequest_Trailer{
		Trailer: &deliveryv1.PartTrailer{BatchCount: right.Batches, RowCount: right.Rows, Crc64Nvme: right.CRC},
	}})
	for _, r := range requests {
		if stream.Send(r) != nil {
			break // the answer says why
		}
	}
	return stream.CloseAndRecv()
}

// startApp runs the service beside its peers; queue puts the run's last task on the bus.
func startApp(t *testing.T, p *peers) (queue func(), client deliveryv1.PartServiceClient) {
	queue, conn := serveApp(t, p)
	return queue, deliveryv1.NewPartServiceClient(conn)
}

func serveApp(t *testing.T, p *peers) (queue func(), conn *grpc.ClientConn) {
	t.Helper()
	url := bustest.Start(t)
	cfg := config(t, url, servePeers(t, p))
	cfg.S3.STSEndpoint = p.answer.GetRevision().GetSpec().GetDestination().GetEndpoint()
	service, err := app.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "test", LogLevel: "error"}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	conn, err = rpc.Dial(service.Addr(), tel)
	if err != nil {
		t.Fatal(err)
	}
	planner, err := bus.Connect(t.Context(), bus.Config{URL: url}, "planner")
	if err != nil {
		t.Fatal(err)
	}
	p.bus = planner
	if err := planner.EnsureTasks(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		planner.Close()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return func() {
		kind, task := "commit", &taskv1.Task{Run: p.run.GetRef(), Work: &taskv1.Task_Commit{Commit: &taskv1.CommitWork{}}}
		switch p.run.GetState() {
		case planv1.RunState_RUN_STATE_CANCELLED:
			kind, task.Work = "abort", &taskv1.Task_Abort{Abort: &taskv1.AbortWork{}}
		case planv1.RunState_RUN_STATE_EXPIRING:
			kind, task.Work = "expire", &taskv1.Task_Expire{Expire: &taskv1.ExpireWork{}}
		}
		task.TaskId = p.run.GetRef().GetRunId() + "." + kind
		if err := planner.PublishTask(t.Context(), tel, kind, task); err != nil {
			t.Fatal(err)
		}
	}, conn
}

func config(t *testing.T, nats, peers string) app.Config {
	t.Helper()
	dir := t.TempDir()
	secret := func(name, value string) conf.Secret {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
		return conf.Secret(path)
	}
	var cfg app.Config
	cfg.Defaults()
	cfg.Listen, cfg.ConfigAddress, cfg.PlannerAddress, cfg.NATS.URL = "127.0.0.1:0", peers, peers, nats
	cfg.S3.AccessKeyFile, cfg.S3.SecretKeyFile = secret("access", accessKey), secret("secret", secretKey)
	cfg.Telemetry.LogLevel = "error"
	return cfg
}

func servePeers(t *testing.T, p *peers) string {
	t.Helper()
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "test", LogLevel: "error"}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	s := rpc.NewServer(tel)
	configv1.RegisterConfigServiceServer(s.Registrar(), p)
	planv1.RegisterReportServiceServer(s.Registrar(), p)
	addr, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, "") }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serving the peers: %v", err)
		}
	})
	return addr
}

func startStore(t *testing.T) bucket.Destination {
	d, _ := startStoreOnDisk(t)
	return d
}

// startStoreOnDisk also says in which folder the objects lie.
func startStoreOnDisk(t *testing.T) (_ bucket.Destination, root string) {
	t.Helper()
	// Not t.TempDir: the server's working directory is its root until it is closed.
	root, err := os.MkdirTemp("", "delivery-")
	if err != nil {
		t.Fatal(err)
	}
	s, err := objectstore.Start(t.Context(), objectstore.Config{
		Root: root, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Admin: objectstore.Account{AccessKey: "adminkey", SecretKey: "adminsecret", Owner: parttest.Owner},
		Users: []objectstore.User{{AccessKey: accessKey, SecretKey: secretKey}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(root)
	})
	role := objectstore.Role{ARN: roleARN, ExternalID: externalID}
	if err := s.CreateRole(role); err != nil {
		t.Fatal(err)
	}
	grants := []objectstore.Grant{{AccessKey: accessKey, Write: true}, {RoleARN: role.ARN, Write: true}}
	if err := s.CreateBucket(t.Context(), "acme-exports", grants); err != nil {
		t.Fatal(err)
	}
	return bucket.Destination{Bucket: "acme-exports", Region: objectstore.Region, Endpoint: s.Endpoint(), Owner: parttest.Owner}, root
}

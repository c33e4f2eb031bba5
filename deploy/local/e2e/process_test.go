package e2e

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
	"github.com/customer-exports/exports/deploy/local/warehouse"
	"github.com/customer-exports/exports/pkg/obs"
)

// process is one service's own binary, and the gRPC service that it is there for.
type process struct {
	name, serves string
	port         func(stack.Ports) int
}

func processes() []process {
	return []process{
		{"config", "exports.config.v1.ConfigService", func(p stack.Ports) int { return p.Config }},
		{"planner", "exports.plan.v1.RunService", func(p stack.Ports) int { return p.Planner }},
		{"extractor", "exports.source.v1.SourceService", func(p stack.Ports) int { return p.Extractor }},
		{"delivery", "exports.delivery.v1.PartService", func(p stack.Ports) int { return p.Delivery }},
		{"slamonitor", "exports.sla.v1.SlaService", func(p stack.Ports) int { return p.Monitor }},
	}
}

// TestEachServiceAsItsOwnProcess delivers a drop with five binaries that share nothing but their sockets, and ends them
// as a scheduler does.
func TestEachServiceAsItsOwnProcess(t *testing.T) {
	var names []string
	for _, p := range processes() {
		names = append(names, p.name)
	}
	s := stackFor(t, func(c *stack.Config) { c.Without = names })
	running := map[string]*exec.Cmd{}
	for _, p := range processes() { // at once, in no order that would help
		running[p.name] = startService(t, s, p.name)
	}
	for _, p := range processes() {
		awaitServing(t, p, dial(t, p.port(s.Ports)))
	}
	results, report := deliver(t, s, demo.Engagements()[1])
	for _, table := range report.Runs[0].Tables {
		compare(t, s, results[0], table)
	}
	for name, cmd := range running {
		terminate(t, name, cmd)
	}
}

// TestClosedStackFinishesWorkUnderWay closes a stack while a part is being read, and starts it again. The part was done
// by the attempt that was under way: those that it reports to were still there.
func TestClosedStackFinishesWorkUnderWay(t *testing.T) {
	var again stack.Config
	s := stackFor(t, func(c *stack.Config) { c.Settings.PartTargetRows = 1_000_000; again = *c })
	again.Ports = s.Ports // the export names the S3 server by its port
	if err := s.Warehouse.Faults().Arm(warehouse.Fault{Kind: warehouse.SlowQuery, SQL: ofExtract, Delay: 2 * time.Second}); err != nil {
		t.Fatal(err)
	}
	r := demo.Result{Engagement: small(0)}
	r.Run = begin(t, s, r.Engagement, anHourAgo())
	eventually(t, "the part is being read", func() bool { return len(s.Warehouse.Faults().Armed()) == 0 })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = stackFor(t, func(c *stack.Config) { *c = again })
	r.Run = end(t, s, r.Run)
	whole(t, s, r)
	attempts := treeOf(s.Traces.Trace(r.Run.GetTraceId())).of(obs.SpanExtract, "FACT_TRANSACTION_ITEMS")
	if len(attempts) != 1 || attempts[0].Failed() || len(reasons(r.Run)) > 0 {
		t.Errorf("the part took %d attempts and these failures: %q", len(attempts), reasons(r.Run))
	}
}

// startService runs a service's own binary with the stack's config file, and settings of the environment that go before.
// What is still running at the test's end is killed.
func startService(t *testing.T, s *stack.Stack, name string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(filepath.Join(os.Getenv("EXPORTS_BIN"), name+"d"), "-config", s.ConfigPath(name))
	cmd.Stderr, cmd.Env = t.Output(), append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v; `make test` builds it and sets EXPORTS_BIN", name, err)
	}
	t.Cleanup(func() { kill(t, cmd) })
	return cmd
}

// kill ends a process at once, as a lost machine does. A second call is harmless.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if cmd.ProcessState != nil {
		return
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // the error says that it was killed
}

// terminate asks a process to end and asserts that it does so in order.
func terminate(t *testing.T, name string, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("ending %s: %v", name, err)
	}
	overdue := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer overdue.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s did not end in order: %v", name, err)
	}
}

// awaitServing waits until a service says that it is healthy, and asserts that it lists what it serves.
func awaitServing(t *testing.T, p process, conn *grpc.ClientConn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answer, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil || answer.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Fatalf("%s is %v, %v", p.name, answer.GetStatus(), err)
	}
	if served := services(t, ctx, conn); !slices.Contains(served, p.serves) {
		t.Errorf("%s lists %q, want %s among them", p.name, served, p.serves)
	}
}

// services are what a server lists by reflection, as grpcurl asks for it.
func services(t *testing.T, ctx context.Context, conn *grpc.ClientConn) []string {
	t.Helper()
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ask := &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}
	if err := errors.Join(stream.Send(ask), stream.CloseSend()); err != nil {
		t.Fatal(err)
	}
	list, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the server ended with %v", err)
	}
	var names []string
	for _, service := range list.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	return names
}

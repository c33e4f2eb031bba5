package pipelinebench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/customer-exports/exports/deploy/local/stack"
)

// services are the two that are measured.
type services struct{ extractor, delivery *exec.Cmd }

func startServices(b *testing.B, s *stack.Stack) services {
	b.Helper()
	return services{delivery: startService(b, s, "delivery", s.Ports.Delivery), extractor: startService(b, s, "extractor", s.Ports.Extractor)}
}

func startService(b *testing.B, s *stack.Stack, name string, port int) *exec.Cmd {
	b.Helper()
	cmd := exec.Command(filepath.Join(os.Getenv("EXPORTS_BIN"), name+"d"), "-config", s.ConfigPath(name))
	cmd.Stderr, cmd.Env = os.Stderr, os.Environ()
	if dir := os.Getenv("EXPORTS_PIPELINE_PROFILES"); dir != "" { // the last run's remain
		cmd.Env = append(cmd.Env, "EXPORTS_"+strings.ToUpper(name)+"_TELEMETRY_CPU_PROFILE="+filepath.Join(dir, name+".pprof"))
	}
	if err := cmd.Start(); err != nil {
		b.Fatalf("starting %s: %v; `make bench` builds it and sets EXPORTS_BIN", name, err)
	}
	b.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	conn, err := stack.Dial(port)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	if _, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{}, grpc.WaitForReady(true)); err != nil {
		b.Fatalf("%s does not answer: %v", name, err)
	}
	return cmd
}

// stop ends both in order, and says what they used from their start.
func (s services) stop(b *testing.B) (extractorCPU float64, extractorPeak int64, deliveryCPU float64, deliveryPeak int64) {
	b.Helper()
	extractorCPU, extractorPeak = end(b, s.extractor)
	deliveryCPU, deliveryPeak = end(b, s.delivery)
	return extractorCPU, extractorPeak, deliveryCPU, deliveryPeak
}

func end(b *testing.B, cmd *exec.Cmd) (cpu float64, peak int64) {
	b.Helper()
	peak = peakRSS(b, cmd.Process.Pid)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatalf("%s did not end in order: %v", cmd.Path, err)
	}
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), peak
}

// peakRSS reads Linux's own word: what a process says of itself when it ends includes what its parent had before.
func peakRSS(b *testing.B, pid int) int64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatalf("reading how much memory was used, which Linux alone tells: %v", err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		b.Fatalf("reading VmHWM of process %d: %v", pid, err)
	}
	return kib << 10
}

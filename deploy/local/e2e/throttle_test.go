package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/customer-exports/exports/deploy/local/stack"
	"github.com/customer-exports/exports/pkg/rpc/rpctest"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// throttle is how long delivery is slow in TestThrottledDelivery: go test ... -run Throttled -throttle 1m.
var throttle = flag.Duration("throttle", 4*time.Second, "how long delivery takes 1 MB a second only")

const (
	slowly = 1_000_000 // bytes a second
	// flat is how much more memory a slow delivery may cost: what a few messages take, and the collector's leave.
	flat = 32 << 20
	// most is what an extractor may take at all.
	most = 256 << 20
)

// TestThrottledDelivery slows delivery down in the middle of a part. What the source has is left there: the extractor, a
// process of its own, takes no more memory than before, and goes on when delivery does.
func TestThrottledDelivery(t *testing.T) {
	s := stackFor(t, func(c *stack.Config) {
		c.Without, c.Large, c.ChunkRows = []string{"extractor"}, "FACT_TRANSACTIONS", 20_000
		c.Scale = 0.15 + throttle.Seconds()/25                                                    // a third of the rows, of about 200 bytes each, belongs to the customer
		c.Settings.PartTargetRows, c.Settings.AckWait, c.Settings.StallTimeout = 10_000_000, 0, 0 // the defaults
	})
	wire := rpctest.Lay(t, fmt.Sprintf("127.0.0.1:%d", s.Ports.Delivery))
	extractor := startService(t, s, "extractor", "EXPORTS_EXTRACTOR_DELIVERY_ADDRESS="+wire.Addr())
	awaitServing(t, processes()[2], dial(t, s.Ports.Extractor))
	e := small(0)
	e.Tables = []string{"FACT_TRANSACTIONS"}
	run := begin(t, s, e, anHourAgo())

	eventually(t, "rows flow", func() bool { return wire.Carried() > 4*slowly })
	wire.Slow(slowly)
	carriedFor(t, wire, *throttle/4) // what was on its way is over
	before := resident(t, extractor)
	carriedFor(t, wire, *throttle)
	after := resident(t, extractor)
	wire.Slow(0)
	if state := end(t, s, run); state.GetState() != planv1.RunState_RUN_STATE_COMMITTED || len(state.GetFailures()) > 0 {
		t.Errorf("the run is %s after %q, want committed without a failure", state.GetState(), reasons(state))
	}
	if after > before+flat || peak(t, extractor) > most {
		t.Errorf("the extractor takes %d MiB, %d when delivery became slow; at most it took %d MiB", after>>20, before>>20, peak(t, extractor)>>20)
	}
	t.Logf("resident: %d MiB, then %d MiB, at most %d MiB", before>>20, after>>20, peak(t, extractor)>>20)
}

// carriedFor waits until a wire has carried what it does in some time when it is slow.
func carriedFor(t *testing.T, wire *rpctest.Wire, d time.Duration) {
	t.Helper()
	want := wire.Carried() + int64(d.Seconds()*slowly)
	if !within(t, 3*d+time.Minute, func() bool { return wire.Carried() >= want }) {
		t.Fatalf("the wire carried %d bytes, want %d", wire.Carried(), want)
	}
}

func resident(t *testing.T, cmd *exec.Cmd) int64 { return status(t, cmd, "VmRSS:") }

func peak(t *testing.T, cmd *exec.Cmd) int64 { return status(t, cmd, "VmHWM:") }

// status reads a size, in bytes, of what Linux says of a process.
func status(t *testing.T, cmd *exec.Cmd, name string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), name)
	var kib int64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		t.Fatalf("reading %s of process %d: %v", name, cmd.Process.Pid, err)
	}
	return kib << 10
}

package conf

import (
	"runtime/debug"
	"testing"
)

// TestLimitMemory cannot run beside another test: the limit is the process's.
func TestLimitMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	t.Setenv("GOMEMLIMIT", "")
	if LimitMemory(123 << 20); debug.SetMemoryLimit(-1) != 123<<20 {
		t.Errorf("the limit is %d, want 123 MiB", debug.SetMemoryLimit(-1))
	}
	t.Setenv("GOMEMLIMIT", "1GiB") // read by the runtime when a process begins
	if LimitMemory(1); debug.SetMemoryLimit(-1) != 123<<20 {
		t.Errorf("the limit is %d although GOMEMLIMIT is set", debug.SetMemoryLimit(-1))
	}
}

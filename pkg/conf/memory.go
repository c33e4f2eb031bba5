package conf

import (
	"os"
	"runtime/debug"
)

// LimitMemory has the garbage collector run more often when the process nears a size, in bytes, so that a busy process does
// not grow to twice what it holds. It is no hard bound. Only a command may call it: it is for the whole process. Go's own
// GOMEMLIMIT goes before.
func LimitMemory(bytes int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(bytes)
	}
}

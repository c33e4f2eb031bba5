// Package command tests what a person types: exports-local, the service binaries and the check of the machine, each as
// the process that it is. It asserts exit codes and lines, and refuses to look inside; what a drop holds is tested in
// e2e. Start reading at run.
package command

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// binary is one that `make build` made.
func binary(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(os.Getenv("EXPORTS_BIN"), name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; `make test` builds it and sets EXPORTS_BIN", err)
	}
	return path
}

// outcome is how a process ended, and what it said.
type outcome struct {
	code           int // -1 when a signal ended it
	stdout, stderr string
}

// run runs a command to its end.
func run(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// command is one that is ended when it takes far too long.
func command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, name, args...)
}

// refuses asserts that a command ended with a code and one line that says all of this.
func (o outcome) refuses(t *testing.T, code int, says ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("it ended with code %d, want %d", o.code, code)
	}
	if strings.Count(o.stderr, "\n") != 1 || !strings.HasSuffix(o.stderr, "\n") {
		t.Errorf("it said %q, want one line", o.stderr)
	}
	for _, text := range says {
		if !strings.Contains(o.stderr, text) {
			t.Errorf("it said %q, want %q in it", o.stderr, text)
		}
	}
}

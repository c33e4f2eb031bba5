package command

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestExportsLocalRefusesACommandLine(t *testing.T) {
	for _, test := range []struct {
		args string
		says []string
	}{
		{"", []string{"say what to do: exports-local demo, or exports-local up"}},
		{"deliver", []string{"say what to do: exports-local demo, or exports-local up"}},
		{"demo --scale 0", []string{"SCALE=0 is not above 0", "try SCALE=0.1 or SCALE=1"}},
		{"demo --scale -1", []string{"SCALE=-1 is not above 0"}},
		{"up --scale NaN", []string{"SCALE=NaN is not above 0"}},
		{"demo --scale much", []string{`"much"`, "scale"}},
		{"demo --scal 1", []string{"-scal: there are --dir, --scale and --free-ports"}},
		{"demo now", []string{`"now" is one too many`}},
		{"demo --dir=", []string{"--dir is empty"}},
	} {
		t.Run(test.args, func(t *testing.T) {
			cmd := command(t, binary(t, "exports-local"), strings.Fields(test.args)...)
			cmd.Dir = t.TempDir()
			got := run(t, cmd)
			got.refuses(t, 1, append(test.says, "exports-local: ")...)
			if left := snapshot(t, cmd.Dir); len(left) > 0 || got.stdout != "" {
				t.Errorf("it wrote %v and printed %q", left, got.stdout)
			}
		})
	}
}

func TestExportsLocalKeepsTheLastDropsWhenItCannotStart(t *testing.T) {
	// Whoever else holds it will do as well.
	if held, err := net.Listen("tcp", "127.0.0.1:7401"); err == nil {
		defer func() { _ = held.Close() }()
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "demo.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, command(t, binary(t, "exports-local"), "demo", "--dir", dir)).refuses(t, 1, "is in use: end the program that holds it", "--free-ports")
	if _, err := os.Stat(filepath.Join(dir, "demo.json")); err != nil {
		t.Errorf("the last demo's report is gone: %v", err)
	}
}

// TestExportsLocalServesOneAtATime starts a second one in the folder of one that serves.
func TestExportsLocalServesOneAtATime(t *testing.T) {
	dir := t.TempDir()
	first := start(t, "serving until Ctrl-C", "up", "--scale", "0.001", "--free-ports", "--dir", dir)
	before := snapshot(t, dir)
	second := run(t, command(t, binary(t, "exports-local"), "demo", "--free-ports", "--dir", dir))
	second.refuses(t, 1, "another `make demo` or `make up` is running in "+dir, "end it first, or give --dir")
	if after := snapshot(t, dir); !maps.Equal(before, after) || len(before) == 0 {
		t.Errorf("the second one changed the files of the first:\n%v\n%v", before, after)
	}
	conn, err := net.Dial("tcp", regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(first.stdout.text()))
	if err != nil {
		t.Fatalf("the first one serves no more: %v", err)
	}
	_ = conn.Close()
	first.interrupt(t)
	if got := first.wait(); got.code != 0 || got.stderr != "" {
		t.Errorf("the first one ended with code %d and said %q", got.code, got.stderr)
	}
}

// TestInterruptedDemo ends a demo in the middle of a delivery.
func TestInterruptedDemo(t *testing.T) {
	t.Setenv("EXPORTS_EXTRACTOR_PLANNER_ADDRESS", mutePlanner(t))
	demo := start(t, "measuring", "demo", "--scale", "0.001", "--free-ports", "--dir", t.TempDir())
	demo.interrupt(t)
	demo.wait().refuses(t, 1, "exports-local: interrupted before the drops were delivered")
}

// TestInterruptedTwice does not wait for the work under way.
func TestInterruptedTwice(t *testing.T) {
	t.Setenv("EXPORTS_EXTRACTOR_PLANNER_ADDRESS", mutePlanner(t))
	demo := start(t, "measuring", "demo", "--scale", "0.001", "--free-ports", "--dir", t.TempDir())
	// The second one counts as soon as the first was noticed, and nothing tells when that is.
	for ended := false; !ended; {
		demo.interrupt(t)
		select {
		case <-demo.ended:
			ended = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	if got := demo.wait(); got.code != -1 || got.stderr != "" {
		t.Errorf("it ended with code %d and said %q, want the signal to end it", got.code, got.stderr)
	}
}

// mutePlanner is the address of a planner that takes connections and never answers: no run gets beyond its measurement.
func mutePlanner(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// process is an exports-local that runs on.
type process struct {
	cmd    *exec.Cmd
	stdout *screen
	stderr bytes.Buffer
	ended  chan struct{}
}

// start returns when the process has printed a text. What is still running at the test's end is killed.
func start(t *testing.T, until string, args ...string) *process {
	t.Helper()
	p := &process{cmd: command(t, binary(t, "exports-local"), args...), stdout: &screen{until: until, shown: make(chan struct{})}, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // wait tells how it ended
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.ended })
	select {
	case <-p.stdout.shown:
	case <-p.ended:
		t.Fatalf("it ended without %q: %+v", until, p.wait())
	}
	return p
}

func (p *process) interrupt(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

func (p *process) wait() outcome {
	<-p.ended
	return outcome{p.cmd.ProcessState.ExitCode(), p.stdout.text(), p.stderr.String()}
}

// screen keeps what is printed, and tells when a text has appeared.
type screen struct {
	mu    sync.Mutex
	all   strings.Builder
	until string
	shown chan struct{}
}

// Write is part of io.Writer.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := strings.Contains(s.all.String(), s.until)
	s.all.Write(p)
	if !before && strings.Contains(s.all.String(), s.until) {
		close(s.shown)
	}
	return len(p), nil
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// snapshot says of each file below dir how large and how old it is, apart from those that a running stack writes.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && slices.Contains([]string{"nats", "traces", "spool", "warehouse"}, entry.Name()) {
			return cmp.Or(err, fs.SkipDir)
		}
		info, err := entry.Info()
		if err == nil && !entry.IsDir() {
			files[path] = fmt.Sprint(info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

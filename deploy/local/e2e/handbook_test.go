package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
	"github.com/customer-exports/exports/deploy/local/warehouse"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// TestHandbook runs every command of the operator's handbook against a stack as `make up` leaves it, in one shell and in
// order, with the real grpcurl, and compares each answer with the one that the handbook shows.
func TestHandbook(t *testing.T) {
	s := stackFor(t, nil)
	engagements := demo.Engagements()
	deliver(t, s, engagements[0])
	refused(t, s, engagements[1])
	if err := demo.Practice(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	// What the handbook cancels must not be over by then.
	slow := warehouse.Fault{Kind: warehouse.SlowQuery, SQL: "'DIM_EMPLOYEES' AS TABLE_NAME", Delay: time.Hour}
	if err := s.Warehouse.Faults().Arm(slow); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(checkout(), "proto", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	steps := stepsOf(t, moved(string(text), s.Ports))
	if len(steps) < 20 {
		t.Fatalf("the handbook has %d commands, want at least 20", len(steps))
	}
	outputs := runAll(t, steps)
	for i, step := range steps {
		step.check(t, outputs[i])
	}
}

// refused leaves the task of a run given up: the source refuses its measurement once.
func refused(t *testing.T, s *stack.Stack, e demo.Engagement) {
	t.Helper()
	no := warehouse.Fault{Kind: warehouse.QueryError, SQL: "AS SPLIT_VALUE", Code: "003001", SQLState: "42501", Message: "not authorised"}
	if err := s.Warehouse.Faults().Arm(no); err != nil {
		t.Fatal(err)
	}
	yesterday := due{"23:59", time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)}
	if run := end(t, s, begin(t, s, e, yesterday)); run.GetState() != planv1.RunState_RUN_STATE_FAILED {
		t.Fatalf("the run is %s, want failed", run.GetState())
	}
}

// checkout is the root of the tree, where .bin lies; the working directory is the S3 server's.
func checkout() string { return filepath.Dir(os.Getenv("EXPORTS_BIN")) }

// step is one command of the handbook and what it shows as the answer.
type step struct {
	line                    int
	command, language, want string
}

// block is a fenced block with its language.
var block = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// stepsOf pairs each sh block with the json or text block that follows it.
func stepsOf(t *testing.T, text string) []step {
	t.Helper()
	var steps []step
	for _, at := range block.FindAllStringSubmatchIndex(text, -1) {
		language, body := text[at[2]:at[3]], text[at[4]:at[5]]
		switch language {
		case "sh":
			steps = append(steps, step{line: 1 + strings.Count(text[:at[0]], "\n"), command: body})
		case "json", "text":
			last := &steps[len(steps)-1]
			if last.want != "" {
				t.Fatalf("the command of line %d has two answers", last.line)
			}
			last.language, last.want = language, body
		}
	}
	return steps
}

// moved replaces the ports that `make up` documents by those of this stack.
func moved(text string, p stack.Ports) string {
	fixed := stack.Fixed()
	for _, port := range []struct{ documented, here int }{
		{fixed.Config, p.Config},
		{fixed.Planner, p.Planner},
		{fixed.Delivery, p.Delivery},
		{fixed.Monitor, p.Monitor},
		{fixed.S3, p.S3},
	} {
		text = strings.ReplaceAll(text, fmt.Sprintf("127.0.0.1:%d", port.documented), fmt.Sprintf("127.0.0.1:%d", port.here))
	}
	return text
}

const mark = "=== end of step"

// runAll returns what each command printed, errors included.
func runAll(t *testing.T, steps []step) []string {
	t.Helper()
	var script strings.Builder
	for _, step := range steps {
		fmt.Fprintf(&script, "%s\necho; echo '%s'\n", step.command, mark)
	}
	bash := exec.CommandContext(t.Context(), "bash", "-u")
	bash.Dir = checkout()
	bash.Stdin = strings.NewReader(script.String())
	var out bytes.Buffer
	bash.Stdout, bash.Stderr = &out, &out
	if err := bash.Run(); err != nil {
		t.Fatalf("running the handbook: %v; its output ends with: %.2000s", err, tail(out.String(), 2000))
	}
	outputs := strings.Split(out.String(), mark+"\n")
	if len(outputs) != len(steps)+1 {
		t.Fatalf("%d of %d commands were run; the output ends with: %s", len(outputs)-1, len(steps), tail(out.String(), 2000))
	}
	return outputs
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }

func (s step) check(t *testing.T, got string) {
	t.Helper()
	switch s.language {
	case "":
		if strings.TrimSpace(got) != "" {
			t.Errorf("line %d: the handbook shows no answer, but there is one:\n%s", s.line, got)
		}
	case "text":
		for want := range strings.SplitSeq(strings.TrimSpace(s.want), "\n") {
			if !strings.Contains(got, strings.TrimSpace(want)) {
				t.Errorf("line %d: the answer lacks %q:\n%s", s.line, want, got)
			}
		}
	case "json":
		s.checkJSON(t, got)
	}
}

func (s step) checkJSON(t *testing.T, got string) {
	t.Helper()
	var want, have any
	if err := json.Unmarshal([]byte(s.want), &want); err != nil {
		t.Fatalf("line %d: the answer in the handbook is not JSON: %v", s.line, err)
	}
	if err := json.Unmarshal([]byte(got), &have); err != nil {
		t.Errorf("line %d: the answer is not JSON: %s", s.line, got)
		return
	}
	if problem := missing(want, have, ""); problem != "" {
		t.Errorf("line %d: %s; the answer is:\n%s", s.line, problem, got)
	}
}

// missing says where what is wanted is not in what is there. "..." stands for any value, and at the end of a list for any
// further items; members that the handbook leaves out may be there.
func missing(want, have any, path string) string {
	if want == "..." {
		return ""
	}
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is no object", path)
		}
		for key, value := range w {
			if problem := missing(value, h[key], path+"."+key); problem != "" {
				return problem
			}
		}
	case []any:
		h, ok := have.([]any)
		if open := len(w) > 0 && w[len(w)-1] == "..."; open {
			w, h = w[:len(w)-1], h[:min(len(h), len(w)-1)]
		}
		if !ok || len(w) != len(h) {
			return fmt.Sprintf("%s has %d items, want %d", path, len(h), len(w))
		}
		for i := range w {
			if problem := missing(w[i], h[i], fmt.Sprintf("%s[%d]", path, i)); problem != "" {
				return problem
			}
		}
	default:
		if want != have {
			return fmt.Sprintf("%s is %v, want %v", path, have, want)
		}
	}
	return ""
}

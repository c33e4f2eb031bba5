package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// screen shows runs while they move: redrawn in place on a terminal; elsewhere a
// line for each run whose state has changed, and for all every five seconds.
type screen struct {
	out      io.Writer
	terminal bool
	began    time.Time
	lines    int                        // drawn last time
	states   map[string]planv1.RunState // told last time, by run
	told     time.Time                  // when all were told
	now      func() time.Time
}

func (s *screen) show(runs []*planv1.Run) {
	if s.terminal {
		s.redraw(runs)
		return
	}
	if s.now().Sub(s.told) >= 5*time.Second {
		s.told, s.states = s.now(), map[string]planv1.RunState{}
	}
	for _, r := range runs {
		id := r.GetRef().GetRunId()
		if s.states[id] == r.GetState() {
			continue
		}
		s.states[id] = r.GetState()
		t := totalsOf(r)
		_, _ = fmt.Fprintf(s.out, "%5.1f s  %-24s %-10s %2d/%d tables  %10s rows  %s\n", s.elapsed().Seconds(),
			id, stateWord(r.GetState()), t.doneTables, len(r.GetTables()), count(t.rows), s.rate(t.arrowBytes))
	}
}

func (s *screen) redraw(runs []*planv1.Run) {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "RUN\tSTATE\tTABLE\tROWS\tOF\tPARTS")
	for _, r := range runs {
		for _, t := range r.GetTables() {
			rows, received := int64(0), 0
			for _, p := range t.GetParts() {
				if p.GetReceived() {
					rows, received = rows+p.GetRowCount(), received+1
				}
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d/%d\n", r.GetRef().GetRunId(), stateWord(r.GetState()), t.GetTable(),
				count(rows), count(t.GetMeasuredRowCount()), received, len(t.GetParts()))
		}
	}
	_ = w.Flush()
	bytes := int64(0)
	for _, r := range runs {
		bytes += totalsOf(r).arrowBytes
	}
	_, _ = fmt.Fprintf(&text, "%.1f s  %s\n", s.elapsed().Seconds(), s.rate(bytes))
	if s.lines > 0 {
		_, _ = fmt.Fprintf(s.out, "\x1b[%dA\x1b[J", s.lines)
	}
	s.lines = strings.Count(text.String(), "\n")
	_, _ = io.WriteString(s.out, text.String())
}

func (s *screen) elapsed() time.Duration { return s.now().Sub(s.began) }

func (s *screen) rate(bytes int64) string {
	return fmt.Sprintf("%.1f MB/s", float64(bytes)/1e6/max(s.elapsed().Seconds(), 0.001))
}

type totals struct {
	rows, fileBytes, arrowBytes int64
	doneTables                  int
}

func totalsOf(r *planv1.Run) totals {
	var t totals
	for _, table := range r.GetTables() {
		received := 0
		for _, p := range table.GetParts() {
			if p.GetReceived() {
				received++
			}
			t.rows, t.fileBytes, t.arrowBytes = t.rows+p.GetRowCount(), t.fileBytes+p.GetFileBytes(), t.arrowBytes+p.GetArrowBytes()
		}
		if received > 0 && received == len(table.GetParts()) {
			t.doneTables++
		}
	}
	return t
}

func stateWord(s planv1.RunState) string {
	return word(s.String(), "RUN_STATE_")
}

// count spells a number with thin groups: 1234567 as 1,234,567.
func count(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

package traces

import (
	"maps"
	"math"
	"slices"
	"time"
)

// row is one line of a trace's waterfall.
type row struct {
	Span
	Depth       int
	Orphan      bool    // its parent was not received
	Left, Width float64 // of the bar, in percent of the trace
	Hue         int     // of the service, in degrees
	Keys        []string
}

// minWidth keeps the shortest bar visible, in percent.
const minWidth = 0.3

// waterfall arranges spans, sorted by start, as a tree read from top to bottom.
// A span whose parent is missing stands at the top, marked; so does one of a
// circle of parents, which no exporter should send.
func waterfall(spans []Span, start, end time.Time) []row {
	w := &walk{children: map[string][]Span{}, seen: map[string]bool{}, hues: hues(spans), start: start, total: max(end.Sub(start), 1)}
	known := map[string]bool{}
	for _, s := range spans {
		known[s.SpanID] = true
		w.children[s.ParentID] = append(w.children[s.ParentID], s)
	}
	for _, s := range spans {
		if !known[s.ParentID] {
			w.visit(s, 0, s.ParentID != "")
		}
	}
	for _, s := range spans {
		w.visit(s, 0, true)
	}
	return w.rows
}

type walk struct {
	children map[string][]Span
	seen     map[string]bool
	hues     map[string]int
	rows     []row
	start    time.Time
	total    time.Duration
}

func (w *walk) visit(s Span, depth int, orphan bool) {
	if w.seen[s.SpanID] {
		return
	}
	w.seen[s.SpanID] = true
	w.rows = append(w.rows, row{
		Span: s, Depth: depth, Orphan: orphan, Hue: w.hues[s.Service], Keys: slices.Sorted(maps.Keys(s.Attributes)),
		Left: min(w.percent(s.Start.Sub(w.start)), 100-minWidth), Width: max(w.percent(s.End.Sub(s.Start)), minWidth),
	})
	for _, child := range w.children[s.SpanID] {
		w.visit(child, depth+1, false)
	}
}

func (w *walk) percent(d time.Duration) float64 {
	return math.Round(1e5*float64(max(d, 0))/float64(w.total)) / 1e3
}

// hues sets services apart by wide steps that avoid red, which means an error;
// the order of names keeps them the same from page to page.
func hues(spans []Span) map[string]int {
	services := map[string]int{}
	for _, s := range spans {
		services[s.Service] = 0
	}
	for i, service := range slices.Sorted(maps.Keys(services)) {
		services[service] = 40 + (170+i*105)%270
	}
	return services
}

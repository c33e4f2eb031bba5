package traces

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Attribute keys that say which run a trace belongs to.
const (
	keyRun      = "export.run_id"
	keyCustomer = "customer.id"
	keyDate     = "export.date"
)

// summary is one line of the list of traces.
type summary struct {
	TraceID, Name       string
	Run, Customer, Date string
	Start, End          time.Time
	Spans, Errors       int
	Refused             int // spans beyond the limit
}

// record is a kept trace.
type record struct {
	summary
	spans     map[string]Span // by span id
	named     time.Time       // start of the span that gave the name
	rootKnown bool            // the name is the root's
	order     uint64          // of the newest span's arrival
}

// Duration is from the first start to the last end.
func (s summary) Duration() time.Duration { return s.End.Sub(s.Start) }

// memory keeps the newest traces within its limits.
type memory struct {
	maxTraces, maxSpans int

	mu       sync.Mutex
	traces   map[string]*record
	spans    int
	arrivals uint64
}

func newMemory(maxTraces, maxSpans int) *memory {
	return &memory{maxTraces: maxTraces, maxSpans: maxSpans, traces: map[string]*record{}}
}

// add keeps a span and says whether it is new: exporters repeat a batch when an
// answer was lost. One trace may not push out its own spans: beyond the limit
// the later ones are refused.
func (m *memory) add(span Span) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.traces[span.TraceID]
	if t == nil {
		t = &record{summary: summary{TraceID: span.TraceID, Start: span.Start, End: span.End}, spans: map[string]Span{}}
		m.traces[span.TraceID] = t
	}
	if _, known := t.spans[span.SpanID]; known {
		return false
	}
	m.arrivals++
	t.order = m.arrivals
	for m.spans >= m.maxSpans || len(m.traces) > m.maxTraces {
		if !m.evict(span.TraceID) {
			t.Refused++
			return false
		}
	}
	m.spans++
	t.include(span)
	return true
}

// evict forgets the trace that was quiet longest, first among those without a run.
func (m *memory) evict(except string) bool {
	var oldest *record
	for id, t := range m.traces {
		if id != except && (oldest == nil || t.rank(oldest) < 0) {
			oldest = t
		}
	}
	if oldest == nil {
		return false
	}
	m.spans -= len(oldest.spans)
	delete(m.traces, oldest.TraceID)
	return true
}

func (r *record) rank(other *record) int {
	if (r.Run == "") != (other.Run == "") {
		if r.Run == "" {
			return -1
		}
		return 1
	}
	return cmp.Compare(r.order, other.order)
}

func (r *record) include(span Span) {
	r.spans[span.SpanID] = span
	r.Spans++
	if span.Failed() {
		r.Errors++
	}
	if span.Start.Before(r.Start) {
		r.Start = span.Start
	}
	if span.End.After(r.End) {
		r.End = span.End
	}
	r.Run = cmp.Or(r.Run, span.Attributes[keyRun])
	r.Customer = cmp.Or(r.Customer, span.Attributes[keyCustomer])
	r.Date = cmp.Or(r.Date, span.Attributes[keyDate])
	r.name(span)
}

// name takes the root's name; as long as that is missing, the earliest span'r.
func (r *record) name(span Span) {
	root := span.ParentID == ""
	if r.Name == "" || root && !r.rootKnown || root == r.rootKnown && span.Start.Before(r.named) {
		r.Name, r.named, r.rootKnown = span.Name, span.Start, root
	}
}

// trace returns the spans by start; of two that start together, the longer one first.
func (m *memory) trace(id string) []Span {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.traces[id]
	if t == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(t.spans), func(a, b Span) int {
		return cmp.Or(a.Start.Compare(b.Start), b.End.Compare(a.End), cmp.Compare(a.SpanID, b.SpanID))
	})
}

func (m *memory) summary(id string) summary {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.traces[id]; t != nil {
		return t.summary
	}
	return summary{}
}

// list returns the traces that fit, newest start first.
func (m *memory) list(fits func(summary) bool) []summary {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []summary
	for _, t := range m.traces {
		if fits(t.summary) {
			found = append(found, t.summary)
		}
	}
	slices.SortFunc(found, func(a, b summary) int {
		return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(a.TraceID, b.TraceID))
	})
	return found
}

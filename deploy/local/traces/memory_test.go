package traces

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func spanAt(traceID, spanID, parent string, second int, run string) Span {
	s := Span{TraceID: traceID, SpanID: spanID, ParentID: parent, Name: spanID, Start: time.Unix(int64(second), 0).UTC()}
	s.End = s.Start.Add(time.Second)
	if run != "" {
		s.Attributes = map[string]string{keyRun: run}
	}
	return s
}

func TestMemoryForgetsTracesWithoutRunFirst(t *testing.T) {
	m := newMemory(2, 100)
	m.add(spanAt("run", "a", "", 1, "r"))
	m.add(spanAt("tick1", "b", "", 2, ""))
	m.add(spanAt("tick2", "c", "", 3, ""))
	if len(m.trace("run")) != 1 || m.trace("tick1") != nil || len(m.trace("tick2")) != 1 {
		t.Errorf("kept run %v, tick1 %v, tick2 %v", m.trace("run"), m.trace("tick1"), m.trace("tick2"))
	}
}

func TestMemoryBoundsSpans(t *testing.T) {
	m := newMemory(10, 5)
	m.add(spanAt("old", "a", "", 1, "r"))
	for i := range 8 {
		m.add(spanAt("new", fmt.Sprint(i), "", i, "r"))
	}
	if got := len(m.trace("new")); got != 5 || m.trace("old") != nil || m.summary("new").Refused != 3 {
		t.Errorf("kept %d spans of new and %v of old, refused %d; want 5, none, 3", got, m.trace("old"), m.summary("new").Refused)
	}
}

func TestMemoryTakesASpanOnce(t *testing.T) {
	m := newMemory(10, 10)
	span := spanAt("t", "a", "", 1, "r")
	if !m.add(span) || m.add(span) || m.summary("t").Spans != 1 {
		t.Errorf("a repeated span counts: %+v", m.summary("t"))
	}
}

func TestNameIsTheRoots(t *testing.T) {
	m := newMemory(10, 10)
	for _, s := range []Span{spanAt("t", "late", "root", 5, ""), spanAt("t", "early", "root", 1, ""), spanAt("t", "root", "", 2, ""), spanAt("t", "first", "root", 0, "")} {
		m.add(s)
	}
	if got := m.summary("t").Name; got != "root" {
		t.Errorf("name is %q, want root", got)
	}
}

func TestWaterfall(t *testing.T) {
	spans := []Span{
		spanAt("t", "root", "", 0, ""), spanAt("t", "first", "root", 1, ""), spanAt("t", "orphan", "lost", 2, ""),
		spanAt("t", "second", "root", 3, ""), spanAt("t", "leaf", "first", 4, ""), spanAt("t", "ring1", "ring2", 5, ""),
		spanAt("t", "ring2", "ring1", 6, ""), spanAt("t", "self", "self", 7, ""),
	}
	var got string
	for _, r := range waterfall(spans, spans[0].Start, spans[7].End) {
		got += fmt.Sprintf("%s:%d:%t ", r.Name, r.Depth, r.Orphan)
	}
	want := "root:0:false first:1:false leaf:2:false second:1:false orphan:0:true ring1:0:true ring2:1:false self:0:true "
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWaterfallOfNoTime(t *testing.T) {
	span := spanAt("t", "a", "", 0, "")
	span.End = span.Start
	rows := waterfall([]Span{span}, span.Start, span.End)
	if rows[0].Left != 0 || rows[0].Width != minWidth {
		t.Errorf("bar is at %v, %v wide; want 0, %v", rows[0].Left, rows[0].Width, minWidth)
	}
}

func TestJournalIsBounded(t *testing.T) {
	dir := t.TempDir()
	j, _, err := openJournal(dir, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := j.append([]Span{spanAt("t", fmt.Sprint(i), "", i, "r")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{currentFile, previousFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() > 1000 {
			t.Errorf("%s: %v, %v; want at most 1000 bytes", name, info, err)
		}
	}
	again, spans, err := openJournal(dir, 1000)
	if err != nil || len(spans) == 0 || spans[len(spans)-1].SpanID != "99" {
		t.Fatalf("read back %d spans, %v; want the newest ones", len(spans), err)
	}
	if err := again.close(); err != nil {
		t.Fatal(err)
	}
}

func TestHumanDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 µs", 999900 * time.Microsecond: "999 ms", 812 * time.Microsecond: "812 µs", 14230 * time.Microsecond: "14.2 ms", 3050 * time.Millisecond: "3.05 s",
		130 * time.Second: "2 m 10 s", 25*time.Hour + 61*time.Second: "25 h 1 m",
	} {
		if got := humanDuration(d); got != want {
			t.Errorf("humanDuration(%v) = %q, want %q", d, got, want)
		}
	}
}

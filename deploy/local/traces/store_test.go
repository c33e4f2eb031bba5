package traces_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/customer-exports/exports/deploy/local/traces"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, cfg traces.Config) *traces.Store {
	t.Helper()
	cfg.OTLPListen, cfg.HTTPListen, cfg.Logger = "127.0.0.1:0", "127.0.0.1:0", slog.New(slog.DiscardHandler)
	s, err := traces.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// tracer exports over the wire; flush makes the store have what has ended.
func tracer(t *testing.T, s *traces.Store, service string) (_ trace.Tracer, flush func()) {
	t.Helper()
	exporter, err := otlptracegrpc.New(t.Context(), otlptracegrpc.WithEndpoint(s.OTLPAddr()), otlptracegrpc.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))))
	t.Cleanup(func() {
		if err := provider.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return provider.Tracer("test"), func() {
		if err := provider.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func run(id, customer string) trace.SpanStartOption {
	return trace.WithAttributes(attribute.String("export.run_id", id), attribute.String("customer.id", customer),
		attribute.String("export.date", "2026-11-23"))
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// deliver exports a run of three spans and returns its trace id.
func deliver(t *testing.T, s *traces.Store) string {
	t.Helper()
	planner, flushPlanner := tracer(t, s, "planner")
	extractor, flushExtractor := tracer(t, s, "extractor")
	began := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	at := func(seconds int) trace.SpanEventOption {
		return trace.WithTimestamp(began.Add(time.Duration(seconds) * time.Second))
	}
	ctx, due := planner.Start(t.Context(), "due run", run("acme-daily-20261123-1", "acme"), at(0))
	ctx, extract := extractor.Start(ctx, "extract part", trace.WithSpanKind(trace.SpanKindConsumer), at(1),
		trace.WithAttributes(attribute.Int("export.rows", 42), attribute.String("export.table", "DIM_DATES"), attribute.StringSlice("tables", []string{"DIM_DATES"})))
	_, query := extractor.Start(ctx, "query source", trace.WithSpanKind(trace.SpanKindClient), at(2),
		trace.WithLinks(trace.Link{SpanContext: due.SpanContext()}))
	query.AddEvent("chunk expired", at(3))
	query.SetStatus(codes.Error, `answer was <script>alert("503")</script>`)
	query.End(at(4))
	extract.End(at(5))
	due.End(at(10))
	flushExtractor()
	flushPlanner()
	return due.SpanContext().TraceID().String()
}

func TestTrace(t *testing.T) {
	s := start(t, traces.Config{})
	id := deliver(t, s)
	got := s.Trace(id)
	if len(got) != 3 {
		t.Fatalf("%d spans, want 3: %+v", len(got), got)
	}
	due, extract, query := got[0], got[1], got[2]
	if due.ParentID != "" || extract.ParentID != due.SpanID || query.ParentID != extract.SpanID {
		t.Errorf("parents are %q, %q, %q: no chain of three", due.ParentID, extract.ParentID, query.ParentID)
	}
	if extract.Service != "extractor" || extract.Kind != "consumer" || extract.Attributes["export.rows"] != "42" ||
		extract.Attributes["tables"] != `["DIM_DATES"]` || extract.End.Sub(extract.Start) != 4*time.Second {
		t.Errorf("extract span is %+v", extract)
	}
	if !query.Failed() || !strings.Contains(query.StatusMessage, "503") || len(query.Events) != 1 || len(query.Links) != 1 {
		t.Errorf("query span is %+v", query)
	}
	if s.Trace("ffffffffffffffffffffffffffffffff") != nil {
		t.Error("an unknown trace has spans")
	}
}

func TestTracePage(t *testing.T) {
	s := start(t, traces.Config{})
	id := deliver(t, s)
	status, page := get(t, s.HTTPURL()+"/trace/"+id)
	if status != http.StatusOK {
		t.Fatalf("page answers %d: %s", status, page)
	}
	for _, want := range []string{
		"acme-daily-20261123-1", "--depth:2", "<q>DIM_DATES</q>", "left:20%;width:20%", "level 2, extractor:", "export.rows", "chunk expired after 1 s",
		`<strong class="bad">error</strong>`, "&lt;script&gt;", "prefers-color-scheme:dark",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("page lacks %q", want)
		}
	}
	for _, bad := range []string{"<script", "ZgotmplZ", "http://", "https://", "//cdn"} {
		if strings.Contains(page, bad) {
			t.Errorf("page has %q", bad)
		}
	}
	_, text := get(t, s.HTTPURL()+"/trace/"+id+".json")
	var spans []traces.Span
	if err := json.Unmarshal([]byte(text), &spans); err != nil || len(spans) != 3 || spans[2].Name != "query source" {
		t.Errorf("JSON holds %+v, %v; want the three spans", spans, err)
	}
	if status, _ := get(t, s.HTTPURL()+"/trace/nothing"); status != http.StatusNotFound {
		t.Errorf("unknown trace answers %d, want 404", status)
	}
}

func TestListFilters(t *testing.T) {
	s := start(t, traces.Config{})
	failed := deliver(t, s)
	planner, flush := tracer(t, s, "planner")
	_, good := planner.Start(t.Context(), "due run", run("bolt-daily-20261123-1", "bolt"))
	good.End()
	_, tick := planner.Start(t.Context(), "tick")
	tick.End()
	flush()
	ids := map[string]string{
		"failed": failed, "good": good.SpanContext().TraceID().String(), "tick": tick.SpanContext().TraceID().String(),
	}
	for query, want := range map[string]string{
		"":                                "failed good",
		"?customer=acme":                  "failed",
		"?customer=bolt&date=2026-11-23":  "good",
		"?date=2026-11-22":                "",
		"?run=bolt-daily-20261123-1":      "good",
		"?error=1":                        "failed",
		"?customer=&date=&run=&all=1":     "failed good tick",
		"?customer=%3Cscript%3E&error=no": "",
	} {
		_, page := get(t, s.HTTPURL()+"/"+query)
		for name, id := range ids {
			if shown := strings.Contains(page, id); shown != strings.Contains(want, name) {
				t.Errorf("%q shows trace %s: %t", query, name, shown)
			}
		}
		if strings.Contains(page, "<script") {
			t.Errorf("%q is not escaped", query)
		}
	}
}

func TestOrphanIsShown(t *testing.T) {
	s := start(t, traces.Config{})
	extractor, flush := tracer(t, s, "extractor")
	lost := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, Remote: true, TraceFlags: trace.FlagsSampled})
	_, span := extractor.Start(trace.ContextWithSpanContext(t.Context(), lost), "extract part", run("acme-daily-20261123-1", "acme"))
	span.End()
	flush()
	_, page := get(t, s.HTTPURL()+"/trace/"+lost.TraceID().String())
	if !strings.Contains(page, "extract part") || !strings.Contains(page, "parent missing") {
		t.Errorf("the orphan is not shown as such: %s", page)
	}
}

func TestRestartKeepsTraces(t *testing.T) {
	dir := t.TempDir()
	first, err := traces.Start(t.Context(), traces.Config{
		OTLPListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", Dir: dir, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	id := deliver(t, first)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	// A killed process leaves half a line.
	f, err := os.OpenFile(filepath.Join(dir, "spans.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"trace_id":"`); errors.Join(err, f.Close()) != nil {
		t.Fatal(err)
	}
	if got := start(t, traces.Config{Dir: dir}).Trace(id); len(got) != 3 || !got[2].Failed() {
		t.Errorf("after a restart the trace is %+v, want its 3 spans", got)
	}
}

func TestStartNamesTheTakenAddress(t *testing.T) {
	s := start(t, traces.Config{})
	_, err := traces.Start(t.Context(), traces.Config{OTLPListen: s.OTLPAddr(), HTTPListen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "OTLP on "+s.OTLPAddr()) {
		t.Errorf("got %v, want an error that names the address", err)
	}
}

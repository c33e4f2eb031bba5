package snowflake_test

import (
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/services/extractor/internal/snowflake"
)

// A question leaves a span by which its statement is found at the source, and no name in it.
func TestLookupSpans(t *testing.T) {
	r := newRig(t, nil)
	set := r.everything(t)
	spans := tracetest.NewSpanRecorder()
	provider, ok := r.tel.Provider.(*sdktrace.TracerProvider)
	if !ok {
		t.Fatalf("provider is a %T", r.tel.Provider)
	}
	provider.RegisterSpanProcessor(spans)
	if _, err := r.directory().Scope(t.Context(), set.Brands(), set.Locations()); err != nil {
		t.Fatal(err)
	}
	ended := spans.Ended()
	if len(ended) != 1 || ended[0].Name() != obs.SpanQuery {
		t.Fatalf("got spans %v, want one %q", ended, obs.SpanQuery)
	}
	got := map[string]string{}
	for _, attribute := range ended[0].Attributes() {
		got[string(attribute.Key)] = attribute.Value.String()
	}
	asked := r.warehouse.Queries()
	if id := asked[len(asked)-1].ID; got[obs.KeyQueryID] != id || got[obs.KeyRows] == "" || len(got) != 2 {
		t.Errorf("got attributes %v, want query %s and its rows", got, id)
	}
}

// A question has its own time, and a shorter one when statements have.
func TestLookupTimeout(t *testing.T) {
	var cfg snowflake.Config
	cfg.Defaults()
	if got := cfg.LookupTimeout().String(); got != "30s" {
		t.Errorf("by default %s, want 30s", got)
	}
	hasty(&cfg)
	if got := cfg.LookupTimeout(); got != cfg.QueryTimeout.D() {
		t.Errorf("with a query_timeout of %s: %s", cfg.QueryTimeout.D(), got)
	}
}

package watch

import (
	"context"
	"testing"
	"time"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
)

func TestStoppedBeforeItBegins(t *testing.T) {
	b, err := bus.Connect(t.Context(), bus.Config{URL: bustest.Start(t)}, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&Watcher{Bus: b}).Run(ctx, time.Hour); err != nil {
		t.Errorf("Run() = %v, want nil: it was stopped in order", err)
	}
}

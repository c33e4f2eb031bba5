// Package store keeps the monitor's verdicts in the JetStream bucket SLA, of
// which the monitor is the only writer. Start reading at Verdicts.
package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	slav1 "github.com/customer-exports/exports/proto/exports/sla/v1"
)

// Bucket is the name of the key-value bucket.
const Bucket = "SLA"

// Verdicts stores one verdict an export and export date.
type Verdicts struct {
	kv jetstream.KeyValue
}

// New stores in kv.
func New(kv jetstream.KeyValue) *Verdicts { return &Verdicts{kv: kv} }

func key(exportID, date string) string { return "verdict." + date + "." + exportID }

// Get returns the newest verdict; NotFound when there is none.
func (v *Verdicts) Get(ctx context.Context, exportID, date string) (*slav1.Verdict, error) {
	entry, err := v.kv.Get(ctx, key(exportID, date))
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrInvalidKey) {
		return nil, fault.New(fault.NotFound, fault.ReasonNotFound, "no verdict on export %q for %q: it is not owed, or was not judged yet", exportID, date)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the verdict of %s for %s: %w", exportID, date, err)
	}
	verdict := &slav1.Verdict{}
	if err := proto.Unmarshal(entry.Value(), verdict); err != nil {
		return nil, fmt.Errorf("decoding the verdict of %s for %s: %w", exportID, date, err)
	}
	return verdict, nil
}

// Put stores a verdict over the one before.
func (v *Verdicts) Put(ctx context.Context, verdict *slav1.Verdict) error {
	data, err := proto.Marshal(verdict)
	if err != nil {
		return fmt.Errorf("encoding a verdict: %w", err)
	}
	if _, err := v.kv.Put(ctx, key(verdict.GetExportId(), verdict.GetExportDate()), data); err != nil {
		return fmt.Errorf("storing the verdict of %s for %s: %w", verdict.GetExportId(), verdict.GetExportDate(), err)
	}
	return nil
}

// Keys lists export date and export id of every verdict, newest date first.
func (v *Verdicts) Keys(ctx context.Context) ([]Key, error) {
	lister, err := v.kv.ListKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing verdicts: %w", err)
	}
	var keys []Key
	for name := range lister.Keys() {
		if parts := strings.SplitN(name, ".", 3); len(parts) == 3 {
			keys = append(keys, Key{Date: parts[1], ExportID: parts[2]})
		}
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return strings.Compare(b.Date+"."+b.ExportID, a.Date+"."+a.ExportID)
	})
	return keys, nil
}

// Key names a verdict.
type Key struct{ Date, ExportID string }

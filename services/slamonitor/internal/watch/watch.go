// Package watch makes the monitor's rounds: it reads what was approved, derives
// what is owed, has each owed drop audited and stores the verdicts. A verified
// drop is not read again here. It refuses to believe events: they only make the
// next round start at once. Start reading at Watcher.Run.
package watch

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	slav1 "github.com/customer-exports/exports/proto/exports/sla/v1"
	"github.com/customer-exports/exports/services/slamonitor/internal/audit"
	"github.com/customer-exports/exports/services/slamonitor/internal/bucket"
	"github.com/customer-exports/exports/services/slamonitor/internal/sla"
)

// hintSubject carries the event that a drop may be there to look at.
const hintSubject = "event.drop.committed.>"

// Verdicts is where judgements are kept.
type Verdicts interface {
	Get(ctx context.Context, exportID, date string) (*slav1.Verdict, error)
	Put(ctx context.Context, v *slav1.Verdict) error
}

// Watcher makes rounds. Timeout bounds the reading of one drop.
type Watcher struct {
	Configs  configv1.ConfigServiceClient
	Verdicts Verdicts
	Bus      *bus.Bus
	Tel      *obs.Telemetry
	Auditor  *audit.Auditor
	Buckets  *bucket.Opener
	Timeout  time.Duration
	Now      func() time.Time

	looks looks
}

// Run makes a round every tick, and at once when a commit is announced, until
// ctx ends. A failed round is logged and tried again.
func (w *Watcher) Run(ctx context.Context, tick time.Duration) error {
	hints, stop, err := w.hints(ctx)
	if err != nil && ctx.Err() != nil {
		return nil // stopped before it began
	}
	if err != nil {
		return err
	}
	defer stop()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		if err := w.Round(ctx); err != nil && ctx.Err() == nil {
			w.Tel.Logger.WarnContext(ctx, "round failed, will be repeated", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-hints:
		}
	}
}

// hints signals commits. Missing one only means waiting for the tick.
func (w *Watcher) hints(ctx context.Context) (<-chan struct{}, func(), error) {
	consumer, err := w.Bus.JetStream().OrderedConsumer(ctx, "EVENTS", jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{hintSubject}, DeliverPolicy: jetstream.DeliverNewPolicy,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("listening for commits: %w", err)
	}
	signal := make(chan struct{}, 1)
	running, err := consumer.Consume(func(msg jetstream.Msg) {
		w.looks.hear(msg.Data())
		select {
		case signal <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return nil, nil, fmt.Errorf("listening for commits: %w", err)
	}
	return signal, running.Stop, nil
}

// Round judges every owed drop once.
func (w *Watcher) Round(ctx context.Context) error {
	customers, err := w.customers(ctx)
	if err != nil {
		return err
	}
	request := &configv1.ListExportsRequest{PageSize: 100}
	for {
		page, err := w.Configs.ListExports(ctx, request)
		if err != nil {
			return fmt.Errorf("listing exports: %w", err)
		}
		for _, export := range page.GetExports() {
			err := w.judgeExport(ctx, export, customers[export.GetCustomerId()])
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				w.Tel.Logger.WarnContext(ctx, "export not judged, will be tried again", obs.KeyExportID, export.GetExportId(), "error", err)
			}
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return nil
		}
	}
}

// customers finds them by id.
func (w *Watcher) customers(ctx context.Context) (map[string]*configv1.Customer, error) {
	byID := map[string]*configv1.Customer{}
	request := &configv1.ListCustomersRequest{PageSize: 1000}
	for {
		page, err := w.Configs.ListCustomers(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("listing customers: %w", err)
		}
		for _, c := range page.GetCustomers() {
			byID[c.GetCustomerId()] = c
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return byID, nil
		}
	}
}

func (w *Watcher) judgeExport(ctx context.Context, export *configv1.Export, customer *configv1.Customer) error {
	owed, err := sla.Owed(export, customer.GetDisplayName(), w.Now())
	if err != nil {
		return err
	}
	for _, expected := range owed {
		if err := w.judge(ctx, export, customer, expected); err != nil {
			return fmt.Errorf("judging %s: %w", expected.ExportDate, err)
		}
	}
	return nil
}

func (w *Watcher) judge(ctx context.Context, export *configv1.Export, customer *configv1.Customer, expected sla.Expectation) error {
	before, err := w.Verdicts.Get(ctx, expected.ExportID, expected.ExportDate)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	offers, err := w.offers(ctx, export, customer, expected)
	if err != nil {
		return err
	}
	if stands, err := w.stands(ctx, before, offers); stands || err != nil {
		return err
	}
	began := w.Now()
	found, err := w.audit(ctx, offers)
	if err != nil {
		return err
	}
	verdict := sla.Judge(expected, found, verifiedBefore(before), w.Now())
	w.trace(ctx, verdict, began)
	return w.Verdicts.Put(ctx, toProto(verdict))
}

// placeOf names the role's external id as delivery does: the destination's own, or else the customer's.
func placeOf(d *configv1.Destination, customer *configv1.Customer) bucket.Place {
	return bucket.Place{
		Bucket: d.GetBucket(), Region: d.GetRegion(), Endpoint: d.GetEndpoint(), Owner: d.GetExpectedBucketOwner(),
		Role: d.GetRoleArn(), ExternalID: cmp.Or(d.GetExternalId(), customer.GetExternalId()), Customer: customer.GetCustomerId(), KMSKey: d.GetKmsKeyArn(),
	}
}

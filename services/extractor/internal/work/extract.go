package work

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/apache/arrow/go/v17/arrow"
	"go.opentelemetry.io/otel/attribute"

	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/extractor/internal/source"
)

// Delivery takes the rows of a part.
type Delivery interface {
	// Open starts an upload; ending ctx before Close abandons it.
	Open(ctx context.Context, header *deliveryv1.PartHeader, schema *arrow.Schema) (Upload, error)
}

// Upload is one part on its way to delivery.
type Upload interface {
	// Send sends the rows of a record.
	Send(rec arrow.Record) error
	// Close says that all rows were sent, and waits for the proof.
	Close() (*deliveryv1.Receipt, error)
}

// extract reads one part and has it encoded, then reports the receipt.
func (h *Handler) extract(ctx context.Context, attempt source.Attempt, task *taskv1.ExtractWork) (err error) {
	attrs := attributes(attempt, attribute.String(obs.KeyTable, task.GetTable()), attribute.Int(obs.KeyPart, int(task.GetPartIndex())))
	// A span leaves the process only when it ends: this one tells at once that the attempt has begun.
	_, started := h.Telemetry.Start(ctx, obs.SpanExtractStarted, attrs...)
	obs.End(started, nil)
	ctx, span := h.Telemetry.Start(ctx, obs.SpanExtract, attrs...)
	defer func() { obs.End(span, err) }()
	part, err := h.part(ctx, attempt, task)
	if err != nil {
		return err
	}
	receipt, err := h.transfer(ctx, attempt, task, part)
	if err != nil {
		return refused(err)
	}
	span.SetAttributes(attribute.Int64(obs.KeyRows, receipt.GetRowCount()))
	return h.received(ctx, attempt, receipt)
}

// part turns a task into what is read: table, columns and scope from the revision, the range from the task.
func (h *Handler) part(ctx context.Context, attempt source.Attempt, task *taskv1.ExtractWork) (source.Part, error) {
	revision, err := h.approved(ctx, attempt.Run)
	if err != nil {
		return source.Part{}, err
	}
	selection, err := selected(revision, task.GetTable())
	if err != nil {
		return source.Part{}, err
	}
	layout, err := h.layout(selection)
	if err != nil {
		return source.Part{}, err
	}
	set, err := scopeOf(revision)
	if err != nil {
		return source.Part{}, err
	}
	part := source.Part{
		Layout: layout, Scope: set, AsOf: attempt.Run.GetAsOfTime().AsTime(),
		Large: large(revision), Rows: task.GetRowCount(),
	}
	if r := task.GetRange(); r != nil {
		part.Range = &source.Range{From: r.GetFrom(), Until: r.GetUntil(), WithNull: r.GetWithNull()}
	}
	return part, nil
}

func selected(revision *configv1.Revision, table string) (*configv1.TableSelection, error) {
	for _, selection := range revision.GetSpec().GetTables() {
		if selection.GetTable() == table {
			return selection, nil
		}
	}
	return nil, fault.New(fault.Invalid, fault.ReasonUnknownTable, "table %s is not part of revision %d", table, revision.GetRevision())
}

// transfer moves the rows. Its own context ends with it, so that a part given up half-way is abandoned.
// The upload is opened when the source has answered: a slow query must not hold delivery.
func (h *Handler) transfer(ctx context.Context, attempt source.Attempt, task *taskv1.ExtractWork, part source.Part) (*deliveryv1.Receipt, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var upload Upload
	open := func() (err error) {
		if upload == nil {
			upload, err = h.Delivery.Open(ctx, header(attempt, task), arrowschema.Of(part.Layout))
		}
		return err
	}
	rows, err := h.Source.Read(ctx, attempt, part, func(rec arrow.Record) error {
		defer attempt.Progress()
		if err := open(); err != nil {
			return err
		}
		return upload.Send(rec)
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("moving part %d of table %s: %w", task.GetPartIndex(), task.GetTable(), err)
	case rows != part.Rows:
		return nil, fault.New(fault.DataLoss, fault.ReasonSourceTruncated, "%d rows of table %s were read, %d were measured", rows, task.GetTable(), part.Rows)
	}
	if err := open(); err != nil { // a part without rows is a part too
		return nil, fmt.Errorf("opening part %d of table %s: %w", task.GetPartIndex(), task.GetTable(), err)
	}
	receipt, err := upload.Close()
	if err != nil {
		return nil, fmt.Errorf("closing part %d of table %s: %w", task.GetPartIndex(), task.GetTable(), err)
	}
	return receipt, nil
}

func header(attempt source.Attempt, task *taskv1.ExtractWork) *deliveryv1.PartHeader {
	return &deliveryv1.PartHeader{
		Run: attempt.Run, Table: task.GetTable(), PartIndex: task.GetPartIndex(),
		Attempt: int32(attempt.Number), //nolint:gosec // deliveries are counted in tens
	}
}

func (h *Handler) received(ctx context.Context, attempt source.Attempt, receipt *deliveryv1.Receipt) error {
	accepted, err := h.Planner.Received(ctx, attempt.Run.GetRunId(), attempt.Number, receipt)
	if err != nil {
		return fmt.Errorf("reporting the receipt: %w", refused(err))
	}
	if !accepted {
		// Another attempt was first and its receipt stands; delivery removes the stray upload at the commit.
		h.Telemetry.Logger.InfoContext(ctx, "receipt superseded", slog.String(obs.KeyRunID, attempt.Run.GetRunId()),
			slog.String(obs.KeyTable, receipt.GetTable()), slog.Int(obs.KeyPart, int(receipt.GetPartIndex())))
	}
	return nil
}

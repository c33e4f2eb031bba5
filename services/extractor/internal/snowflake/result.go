package snowflake

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	sf "github.com/snowflakedb/gosnowflake/v2"
	"golang.org/x/sync/errgroup"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/convert"
)

// fetch gives all rows of an answer to emit, chunk by chunk in order.
func (s *Source) fetch(ctx context.Context, progress func(), a *answer, c *convert.Converter, emit func(arrow.Record) error) (int64, error) {
	batches, err := a.loader.GetBatches()
	if err != nil {
		return 0, truncated("the answer's own rows cannot be read")
	}
	chunks := make([]*chunk, len(batches))
	var announced int64
	for i := range batches {
		chunks[i] = &chunk{batch: &batches[i], rows: batches[i].NumRows(), number: i + 1, of: len(batches)}
		announced += chunks[i].rows
	}
	if total := a.loader.TotalRows(); announced != total {
		return 0, truncated("the source announces %d rows, its chunks %d", total, announced)
	}
	p := &pipeline{
		chunks: chunks, ahead: s.cfg.FetchConcurrency,
		read: func(ctx context.Context, one *chunk) (arrow.Record, error) {
			return s.chunk(ctx, one, c, progress)
		},
	}
	rows, err := p.run(ctx, emit)
	if err == nil && rows != announced {
		return rows, truncated("%d rows were read, %d announced", rows, announced)
	}
	return rows, err
}

// chunk is one piece of an answer. rows is what the source announced, taken before anything is read.
type chunk struct {
	batch      *sf.ArrowStreamBatch
	rows       int64
	number, of int
}

// pipeline reads chunks ahead of the one being emitted. Whole chunks wait in memory, so ahead bounds
// it: at most ahead chunks, and the one with emit.
type pipeline struct {
	chunks []*chunk
	ahead  int
	read   func(context.Context, *chunk) (arrow.Record, error)
}

func (p *pipeline) run(ctx context.Context, emit func(arrow.Record) error) (int64, error) {
	group, reading := errgroup.WithContext(ctx)
	queue := make(chan chan arrow.Record, p.ahead)
	slots := make(chan struct{}, p.ahead)
	group.Go(func() error {
		defer close(queue)
		return p.start(reading, group, queue, slots)
	})
	var rows int64
	group.Go(func() error {
		return drain(reading, queue, slots, func(rec arrow.Record) error {
			rows += rec.NumRows()
			return emit(rec)
		})
	})
	err := group.Wait()
	return rows, err
}

// start begins to read a chunk as soon as there is a slot, and queues the place where it will appear.
func (p *pipeline) start(ctx context.Context, group *errgroup.Group, queue chan<- chan arrow.Record, slots chan<- struct{}) error {
	for _, c := range p.chunks {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ended(context.Cause(ctx))
		}
		place := make(chan arrow.Record, 1)
		group.Go(func() error {
			rec, err := p.read(ctx, c)
			if err == nil {
				place <- rec
			}
			return err
		})
		queue <- place // never blocks: a slot is a place in the queue
	}
	return nil
}

func drain(ctx context.Context, queue <-chan chan arrow.Record, slots <-chan struct{}, emit func(arrow.Record) error) error {
	for place := range queue {
		var rec arrow.Record
		select {
		case rec = <-place:
		case <-ctx.Done():
			return ended(context.Cause(ctx))
		}
		<-slots
		err := emit(rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func truncated(format string, args ...any) error {
	return fault.New(fault.DataLoss, fault.ReasonSourceTruncated, "%s", fmt.Sprintf(format, args...))
}

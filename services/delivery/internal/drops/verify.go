package drops

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"golang.org/x/sync/errgroup"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/readback"
)

// parallel is how many files are read at once.
const parallel = 4

// Verdict is whether one object is what was delivered: Fault is nil, or as readback.Wrong has them.
type Verdict struct {
	Key, Table  string
	Bytes, Rows int64
	Fault       error
}

// Listener hears of a verification, of one thing after the other. An error of its own ends it.
type Listener interface {
	Judged(v Verdict) error
	// Progressed says how many bytes of files were read so far, of how many.
	Progressed(read, of int64) error
}

// Verify reads a whole drop back and tells of each object as soon as it is read: the manifest, _SUCCESS, then the files in any
// order. Where the files of a table are whole and the manifest's totals of it are wrong, that is a verdict on the manifest too.
// It returns an error when it cannot go on: NOT_FOUND without a manifest, or of the bucket. A manifest that cannot be read says
// nothing of files, which are then not read.
func (r *Reader) Verify(ctx context.Context, n Name, to Listener) (err error) {
	ctx, span := r.Tel.Start(ctx, obs.SpanReadBack, attribute.String(obs.KeyRunID, n.RunID))
	defer func() { obs.End(span, err) }()
	date, _, err := calendar.ParseRunID(n.ExportID, n.RunID)
	if err != nil {
		return err
	}
	store, err := r.open(ctx, n.ExportID, n.Revision)
	if err != nil {
		return err
	}
	m, text, err := manifest(ctx, store, n.ExportID, n.RunID, date.String())
	if err != nil && fault.ReasonOf(err) != fault.ReasonReadBackMismatch {
		return err
	}
	key := drop.ManifestKey(date.String(), n.RunID)
	var tables []*table
	if err == nil {
		tables, err = landed(m, key)
	}
	told := to.Judged(Verdict{Key: key, Bytes: int64(len(text)), Fault: err})
	if err := errors.Join(told, r.success(ctx, store, n.RunID, date.String(), text, to)); err != nil {
		return err
	}
	return r.files(ctx, store, tables, to)
}

// success compares what _SUCCESS vouches for with the manifest that stands.
func (r *Reader) success(ctx context.Context, store bucket.Objects, runID, date string, manifest []byte, to Listener) error {
	v := Verdict{Key: drop.SuccessKey(date, runID)}
	data, err := whole(ctx, store, v.Key)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		v.Fault = mismatch("%s is not there", v.Key)
	case readback.Wrong(err):
		v.Fault = err
	case err != nil:
		return fmt.Errorf("reading _SUCCESS of run %s: %w", runID, err)
	default:
		v.Bytes, v.Fault = int64(len(data)), vouched(v.Key, data, manifest)
	}
	return to.Judged(v)
}

// vouched compares bytes: a reader of JSON takes keys in upper case too.
func vouched(key string, data, manifest []byte) error {
	want, err := drop.Success{Digest: drop.Digest(manifest)}.Encode()
	if err != nil {
		return err
	}
	if !bytes.Equal(data, want) {
		return mismatch("%s is not the marker of the manifest that stands", key)
	}
	return nil
}

func mismatch(format string, args ...any) error {
	return fault.New(fault.State, fault.ReasonReadBackMismatch, format, args...)
}

// step is what the reading of one file tells: a piece, or what came of it.
type step struct {
	bytes   int64
	verdict *Verdict
	of      *table
	counts  []readback.Count
}

// files reads several at once, and tells from here alone.
func (r *Reader) files(ctx context.Context, store bucket.Objects, tables []*table, to Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	steps := make(chan step)
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(parallel + 1) // one hands out
	group.Go(func() error {
		for _, of := range tables {
			for _, want := range of.files {
				group.Go(func() error { return prove(reading, store, of, want, steps) })
			}
		}
		return nil
	})
	read := make(chan error, 1)
	go func() { read <- group.Wait(); close(steps) }()
	heard := hearing{to: to, of: weight(tables)}
	var told error
	for s := range steps {
		if told != nil {
			continue
		}
		if told = heard.hear(s); told != nil {
			stop()
		}
	}
	return cmp.Or(told, <-read)
}

// prove reads one file back. One that took too long is judged too, because the others need not wait for it.
func prove(ctx context.Context, store bucket.Objects, of *table, want readback.File, steps chan<- step) error {
	send := func(s step) error {
		select {
		case steps <- s:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	reader := readback.Reader{Limits: readback.Standard()}
	counts, err := reader.Check(ctx, store, want, func(bytes int64) { _ = send(step{bytes: bytes}) }) // what ends it ends the check
	late := ctx.Err() == nil && fault.ReasonOf(err) == fault.ReasonDeadline
	if err != nil && !late && !readback.Wrong(err) {
		return err
	}
	v := &Verdict{Key: want.Key, Table: of.name, Bytes: want.Bytes, Rows: want.Rows, Fault: err}
	return send(step{verdict: v, of: of, counts: counts})
}

// hearing puts steps in a listener's words.
type hearing struct {
	to       Listener
	read, of int64
}

func (h *hearing) hear(s step) error {
	if s.verdict == nil {
		h.read += s.bytes
		return h.to.Progressed(h.read, h.of)
	}
	told := h.to.Judged(*s.verdict)
	if wrong := s.of.read(s.verdict.Fault == nil, s.counts); wrong != nil {
		told = errors.Join(told, h.to.Judged(Verdict{Key: s.of.manifest, Table: s.of.name, Fault: wrong}))
	}
	return told
}

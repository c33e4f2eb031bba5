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
	"github.com/customer-exports/exports/pkg/dictionary"
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

// Verify reads a whole drop back and tells of each object as soon as it is read, of one after the other: the manifest, _SUCCESS,
// then the files in any order. It returns an error when it cannot go on: NOT_FOUND without a manifest, or of the bucket. A
// manifest that cannot be read says nothing of files, which are then not read.
func (r *Reader) Verify(ctx context.Context, n Name, tell func(Verdict) error) (err error) {
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
	var files []wanted
	if err == nil {
		files, err = landed(m)
	}
	told := tell(Verdict{Key: drop.ManifestKey(date.String(), n.RunID), Bytes: int64(len(text)), Fault: err})
	if err := errors.Join(told, r.success(ctx, store, n.RunID, date.String(), text, tell)); err != nil {
		return err
	}
	return r.files(ctx, store, files, tell)
}

// success compares what _SUCCESS vouches for with the manifest that stands.
func (r *Reader) success(ctx context.Context, store bucket.Objects, runID, date string, manifest []byte, tell func(Verdict) error) error {
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
	return tell(v)
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

// files reads several at once, and tells from here alone.
func (r *Reader) files(ctx context.Context, store bucket.Objects, files []wanted, tell func(Verdict) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	verdicts := make(chan Verdict)
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(parallel + 1) // one hands out
	group.Go(func() error {
		for _, want := range files {
			group.Go(func() error { return r.prove(reading, store, want, verdicts) })
		}
		return nil
	})
	read := make(chan error, 1)
	go func() { read <- group.Wait(); close(verdicts) }()
	var told error
	for v := range verdicts {
		if told != nil {
			continue
		}
		if told = tell(v); told != nil {
			stop()
		}
	}
	return cmp.Or(told, <-read)
}

type wanted struct {
	file  readback.File
	table string
}

func (r *Reader) prove(ctx context.Context, store bucket.Objects, want wanted, verdicts chan<- Verdict) error {
	reader := readback.Reader{Limits: readback.Standard()}
	_, err := reader.Check(ctx, store, want.file, func() {})
	if err != nil && !readback.Wrong(err) {
		return err
	}
	select {
	case verdicts <- Verdict{Key: want.file.Key, Table: want.table, Bytes: want.file.Bytes, Rows: want.file.Rows, Fault: err}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// landed are the files that a manifest lists. A type that cannot be read here is an error of reason READ_BACK_MISMATCH: the
// manifest says nothing of its files then.
func landed(m *drop.Manifest) (all []wanted, err error) {
	for _, t := range m.Tables {
		columns, err := columnsOf(t)
		if err != nil {
			return nil, err
		}
		for _, f := range t.Files {
			all = append(all, wanted{table: t.Table, file: readback.File{
				Key: f.Key, Bytes: f.Bytes, CRC64NVME: f.CRC64NVME, SHA256: f.SHA256, Rows: f.Rows, Format: m.Format, Columns: columns,
				RunID: cmp.Or(m.ResendsRunID, m.RunID),
			}})
		}
	}
	return all, nil
}

func columnsOf(t drop.Table) ([]readback.Column, error) {
	columns := make([]readback.Column, 0, len(t.Schema))
	for _, c := range t.Schema {
		spelled, err := dictionary.ParseType(c.Type)
		if err != nil {
			return nil, mismatch("the manifest has column %s of table %s as %q, which is no type", c.Name, t.Table, c.Type)
		}
		columns = append(columns, readback.Column{Name: c.Name, Type: spelled, Nullable: c.Nullable})
	}
	return columns, nil
}

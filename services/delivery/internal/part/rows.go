package part

import (
	"bytes"
	"errors"
	"hash"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/minio/crc64nvme"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/inplace"
)

// rows are the batches of one part, one at a time.
type rows struct {
	stream  Stream
	layout  *dictionary.Layout
	schema  *arrow.Schema
	record  arrow.Record
	count   count
	trailer *Trailer
	err     error
}

// count is what arrived, as we count it.
type count struct {
	batches, rows int64
	crc           hash.Hash64
}

// decode reads the schema and holds it against the one that the Data Dictionary asks for.
func decode(h Header, s Stream, layout *dictionary.Layout) (*rows, error) {
	reader, err := ipc.NewReader(bytes.NewReader(h.Schema))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, fault.ReasonSchemaMismatch, "reading the schema of table %s", h.Table)
	}
	defer reader.Release()
	schema := arrowschema.Of(layout)
	if err := sameSchema(layout.Table.Name, reader.Schema(), schema); err != nil {
		return nil, err
	}
	return &rows{stream: s, layout: layout, schema: schema, count: count{crc: crc64nvme.New()}}, nil
}

// sameSchema compares names, types and nullability in order. Definitions may differ: those of our
// own dictionary land.
func sameSchema(table string, got, want *arrow.Schema) error {
	if got.NumFields() != want.NumFields() {
		return fault.New(fault.Invalid, fault.ReasonSchemaMismatch, "table %s: %d columns came, the Data Dictionary asks for %d", table, got.NumFields(), want.NumFields())
	}
	for i, w := range want.Fields() {
		g := got.Field(i)
		came, asked := typeOf(g), typeOf(w)
		if g.Name != w.Name || g.Nullable != w.Nullable || came != asked || !arrow.TypeEqual(g.Type, w.Type) {
			return fault.New(fault.Invalid, fault.ReasonSchemaMismatch, "table %s: column %d is %q %s as %s (nullable %t), the Data Dictionary asks for %q %s as %s (nullable %t)",
				table, i, g.Name, came, g.Type, g.Nullable, w.Name, asked, w.Type, w.Nullable)
		}
	}
	return nil
}

// typeOf is the dictionary's type, which tells where the point of a number is.
func typeOf(f arrow.Field) string {
	spelled, _ := f.Metadata.GetValue(arrowschema.TypeKey)
	return spelled
}

// next moves to the next batch; proven tells why there is none.
func (r *rows) next() bool {
	message, err := r.pull()
	if err == nil {
		r.record, err = inplace.Record(r.schema, message)
	}
	if errors.Is(err, inplace.ErrNoBatch) {
		err = fault.Wrap(err, fault.Invalid, fault.ReasonSchemaMismatch, "decoding a batch of table %s", r.layout.Table.Name)
	}
	if err != nil {
		r.err = err
		return false
	}
	r.count.rows += r.record.NumRows()
	return true
}

// batch is valid until next.
func (r *rows) batch() arrow.Record { return r.record }

// pull returns the next batch as it came; io.EOF after the trailer. Nothing but the trailer is a good end.
func (r *rows) pull() ([]byte, error) {
	batch, trailer, err := r.stream.Next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, missing()
	case err != nil:
		return nil, err
	case trailer != nil:
		r.trailer = trailer
		return nil, r.ended()
	}
	r.count.batches++
	r.count.crc.Write(batch)
	return batch, nil
}

// ended makes sure that the trailer is the last message.
func (r *rows) ended() error {
	if _, _, err := r.stream.Next(); !errors.Is(err, io.EOF) {
		if err != nil {
			return err
		}
		return mismatch("something came after the trailer")
	}
	return io.EOF
}

// proven compares what arrived with the trailer.
func (r *rows) proven() error {
	if !errors.Is(r.err, io.EOF) {
		if _, known := fault.Of(r.err); known {
			return r.err
		}
		return fault.Wrap(r.err, fault.DataLoss, fault.ReasonTrailerMismatch, "decoding a batch of table %s", r.layout.Table.Name)
	}
	t, table := r.trailer, r.layout.Table.Name
	switch {
	case t.Batches != r.count.batches:
		return mismatch("table %s: %d batches came, %d were announced", table, r.count.batches, t.Batches)
	case t.Rows != r.count.rows:
		return mismatch("table %s: %d rows came, %d were announced", table, r.count.rows, t.Rows)
	case t.CRC != r.count.crc.Sum64():
		return mismatch("table %s: the batches are not the ones that were sent", table)
	}
	return nil
}

func missing() error {
	return fault.New(fault.DataLoss, fault.ReasonTrailerMissing, "the part ended without a trailer")
}

func mismatch(format string, args ...any) error {
	return fault.New(fault.DataLoss, fault.ReasonTrailerMismatch, format, args...)
}

package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/services/slamonitor/internal/bucket"
	"github.com/customer-exports/exports/services/slamonitor/internal/sla"
)

// fileError is something wrong with a file, as opposed to a fault on the way to it.
type fileError struct {
	condition sla.Condition
	message   string
}

func (e *fileError) Error() string { return e.message }

func wrongFile(c sla.Condition, format string, args ...any) error {
	return &fileError{condition: c, message: fmt.Sprintf(format, args...)}
}

// readFile downloads a file, compares its bytes with the manifest, decodes every
// page or row and returns its rows.
func (a *Auditor) readFile(ctx context.Context, b Bucket, layout *dictionary.Layout, format drop.Format, f drop.File) (int64, error) {
	local, err := os.CreateTemp(a.TempDir, "audit-*")
	if err != nil {
		return 0, fmt.Errorf("making a temporary file: %w", err)
	}
	defer func() { _ = local.Close(); _ = os.Remove(local.Name()) }()
	if err := download(ctx, b, f, local); err != nil {
		return 0, err
	}
	var rows int64
	if format.FileFormat == drop.Parquet {
		rows, err = decode(local, f.Bytes, layout)
	} else {
		rows, err = decodeText(ctx, local, f, format, layout)
	}
	if err != nil {
		return 0, err
	}
	if rows != f.Rows {
		return 0, wrongFile(sla.Mismatch, "the file holds %d rows, the manifest says %d", rows, f.Rows)
	}
	return rows, nil
}

func download(ctx context.Context, b Bucket, f drop.File, to io.Writer) error {
	body, err := b.Get(ctx, f.Key)
	if errors.Is(err, bucket.ErrNotFound) {
		return wrongFile(sla.Missing, "the manifest lists the file, the bucket does not have it")
	}
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(to, sum), io.LimitReader(body, f.Bytes+1))
	if err != nil {
		return fmt.Errorf("reading %s: %w", b.Path(f.Key), err)
	}
	if size == 0 && f.Bytes > 0 {
		return wrongFile(sla.Unreadable, "the file is empty")
	}
	if size != f.Bytes {
		return wrongSize(size, f.Bytes)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
		return wrongFile(sla.Unreadable, "the file's SHA-256 is not the manifest's: its bytes were changed")
	}
	return nil
}

func wrongSize(got, want int64) error {
	if got > want {
		return wrongFile(sla.Mismatch, "the file is longer than the %d bytes of the manifest", want)
	}
	return wrongFile(sla.Unreadable, "the file has %d bytes, the manifest says %d", got, want)
}

// decode reads every page of every column. The library panics on some damaged
// files: that, too, means unreadable.
func decode(file io.ReaderAt, size int64, layout *dictionary.Layout) (rows int64, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = wrongFile(sla.Unreadable, "decoding the file: %v", cause)
		}
	}()
	parsed, err := parquet.OpenFile(file, size, parquet.SkipBloomFilters(true))
	if err != nil {
		return 0, wrongFile(sla.Unreadable, "opening the file as Parquet: %v", err)
	}
	if err := sameTypes(parsed, layout); err != nil {
		return 0, err
	}
	for _, group := range parsed.RowGroups() {
		if err := decodeGroup(group); err != nil {
			return 0, err
		}
		rows += group.NumRows()
	}
	return rows, nil
}

func decodeGroup(group parquet.RowGroup) error {
	for i, chunk := range group.ColumnChunks() {
		values, err := decodeColumn(chunk)
		if err != nil {
			return wrongFile(sla.Unreadable, "decoding column %d: %v", i, err)
		}
		if values != group.NumRows() {
			return wrongFile(sla.Unreadable, "column %d has %d values in a row group of %d rows", i, values, group.NumRows())
		}
	}
	return nil
}

func decodeColumn(chunk parquet.ColumnChunk) (values int64, err error) {
	pages := chunk.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	buffer := make([]parquet.Value, 1024)
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			return values, err
		}
		read, err := drain(page.Values(), buffer)
		parquet.Release(page)
		if err != nil {
			return values, err
		}
		values += read
	}
}

func drain(from parquet.ValueReader, buffer []parquet.Value) (int64, error) {
	total := int64(0)
	for {
		n, err := from.ReadValues(buffer)
		total += int64(n)
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

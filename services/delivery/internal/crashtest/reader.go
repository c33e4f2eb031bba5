package crashtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// Reader is a customer's program that polls a bucket. It fails the test at the first moment at which a manifest stands
// without its whole drop, a _SUCCESS without its manifest, or latest.json without either. Its lock keeps writes away while
// it looks, so that what it sees is one moment.
type Reader struct {
	t      testing.TB
	bucket bucket.Bucket

	mu      sync.Mutex
	looks   int
	decoded map[string]int64 // rows of the files that were decoded, by digest
}

// NewReader makes a reader of a bucket with Parquet drops.
func NewReader(t testing.TB, b bucket.Bucket) *Reader {
	return &Reader{t: t, bucket: b, decoded: map[string]int64{}}
}

// Looks says how often the reader has looked.
func (r *Reader) Looks() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.looks
}

// Look looks at all that is there and returns the runs whose drop is.
func (r *Reader) Look() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.look()
}

func (r *Reader) after(call func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.look()
	return call()
}

func (r *Reader) look() (runs []string) {
	r.t.Helper()
	r.looks++
	keys, err := r.bucket.List(r.t.Context(), path.Dir(drop.LatestKey)+"/")
	if err != nil {
		r.t.Errorf("listing what is there: %v", err)
	}
	for _, key := range keys {
		switch path.Base(key) {
		case path.Base(drop.LatestKey):
			err = r.latest()
		case "_SUCCESS":
			err = r.success(key)
		case "manifest.json":
			runs = append(runs, strings.TrimPrefix(path.Base(path.Dir(key)), "run="))
			err = r.manifest(key)
		}
		if err != nil {
			r.t.Errorf("look %d: %s: %v", r.looks, key, err)
		}
	}
	return runs
}

func (r *Reader) latest() error {
	data, _, err := r.bucket.Get(r.t.Context(), drop.LatestKey)
	if err != nil {
		return err
	}
	l, err := drop.ParseLatest(data)
	if err != nil {
		return err
	}
	manifest, _, err := r.bucket.Get(r.t.Context(), l.ManifestKey)
	if err != nil || drop.Digest(manifest) != l.ManifestSHA256 {
		return errors.Join(fmt.Errorf("the manifest at %s is not the one that it points at", l.ManifestKey), err)
	}
	return r.success(drop.SuccessKey(l.ExportDate, l.RunID))
}

func (r *Reader) success(key string) error {
	data, _, err := r.bucket.Get(r.t.Context(), key)
	if err != nil {
		return fmt.Errorf("reading _SUCCESS: %w", err)
	}
	s, err := drop.ParseSuccess(data)
	if err != nil {
		return err
	}
	manifest, _, err := r.bucket.Get(r.t.Context(), path.Dir(key)+"/manifest.json")
	if err != nil || drop.Digest(manifest) != s.Digest {
		return errors.Join(errors.New("the manifest that it vouches for is not there"), err)
	}
	return nil
}

func (r *Reader) manifest(key string) error {
	data, _, err := r.bucket.Get(r.t.Context(), key)
	if err != nil {
		return err
	}
	m, err := drop.ParseManifest(data)
	if err != nil {
		return err
	}
	var faults []error
	for _, table := range m.Tables {
		for _, file := range table.Files {
			faults = append(faults, r.file(table, file))
		}
	}
	return errors.Join(faults...)
}

func (r *Reader) file(table drop.Table, f drop.File) error {
	data, _, err := r.bucket.Get(r.t.Context(), f.Key)
	if err != nil {
		return fmt.Errorf("reading %s: %w", f.Key, err)
	}
	if int64(len(data)) != f.Bytes || bucket.Checksum(data) != f.CRC64NVME || drop.Digest(data) != f.SHA256 {
		return fmt.Errorf("%s is not the file that the manifest lists", f.Key)
	}
	rows, known := r.decoded[f.SHA256]
	if !known {
		if rows, err = decode(data, len(table.Schema)); err != nil {
			return fmt.Errorf("decoding %s: %w", f.Key, err)
		}
		r.decoded[f.SHA256] = rows
	}
	if rows != f.Rows {
		return fmt.Errorf("%s holds %d rows, the manifest says %d", f.Key, rows, f.Rows)
	}
	return nil
}

// decode reads every row of a file.
func decode(data []byte, columns int) (rows int64, err error) {
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return 0, err
	}
	if got := len(file.Root().Columns()); got != columns {
		return 0, fmt.Errorf("it has %d columns, the manifest says %d", got, columns)
	}
	for _, group := range file.RowGroups() {
		n, err := countRows(group.Rows())
		if rows += n; err != nil {
			return rows, err
		}
	}
	if rows != file.NumRows() {
		return rows, fmt.Errorf("it holds %d rows, its footer says %d", rows, file.NumRows())
	}
	return rows, nil
}

func countRows(from parquet.Rows) (count int64, err error) {
	defer func() { err = errors.Join(err, from.Close()) }()
	buffer := make([]parquet.Row, 256)
	for {
		n, err := from.ReadRows(buffer)
		count += int64(n)
		if errors.Is(err, io.EOF) {
			return count, nil
		}
		if err != nil {
			return count, err
		}
	}
}

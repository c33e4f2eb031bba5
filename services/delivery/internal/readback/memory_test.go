package readback_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/minio/crc64nvme"

	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
	"github.com/customer-exports/exports/services/delivery/internal/encode/encodetest"
	"github.com/customer-exports/exports/services/delivery/internal/readback"
	"github.com/customer-exports/exports/services/delivery/internal/tally"
)

// onDisk is an object that takes no memory, and notes how much there is in use whenever a piece of it is read.
type onDisk struct {
	bucket.Objects
	file     *os.File
	object   bucket.Object
	mostHeap uint64
	reads    int
}

func (o *onDisk) Head(context.Context, string) (bucket.Object, error) { return o.object, nil }

func (o *onDisk) ReadRange(_ context.Context, _ string, offset int64, room []byte) error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	o.mostHeap, o.reads = max(o.mostHeap, m.HeapAlloc), o.reads+1
	_, err := o.file.ReadAt(room, offset)
	return err
}

// large is a file of at least so many bytes, of rows that repeat.
func large(t *testing.T, bytes int64) (*onDisk, readback.File) {
	t.Helper()
	d := encodetest.Draw(t, 3)
	d.File.Compression = encode.None
	file, err := os.Create(filepath.Join(t.TempDir(), "part"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	crc, sha := crc64nvme.New(), sha256.New()
	e, err := encode.NewParquet(io.MultiWriter(file, crc, sha), d.File, encode.Options{})
	if err != nil {
		t.Fatal(err)
	}
	counted, rows, size := tally.New(d.File.Layout), int64(0), int64(0)
	for size < bytes {
		for _, b := range d.Batches {
			counted.Take(b)
			if err := e.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		rows += d.Rows()
		if size, err = file.Seek(0, io.SeekCurrent); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if size, err = file.Seek(0, io.SeekCurrent); err != nil {
		t.Fatal(err)
	}
	want := readback.File{
		Key: key, Bytes: size, CRC64NVME: bucket.SpellChecksum(crc.Sum64()), SHA256: hex.EncodeToString(sha.Sum(nil)),
		Rows: rows, Columns: columns(d.File.Layout), RunID: d.File.RunID,
	}
	for _, c := range counted.Counts() {
		want.Counts = append(want.Counts, readback.Count{Nulls: c.GetNullCount(), Sum: c.GetSum(), CRC: c.GetCrc64Nvme()})
	}
	return &onDisk{file: file, object: bucket.Object{Bytes: size, CRC64NVME: want.CRC64NVME}}, want
}

// TestALargeFileIsReadInPieces reads 64 MiB, each byte once, without ever holding much of them.
func TestALargeFileIsReadInPieces(t *testing.T) {
	store, want := large(t, 64<<20)
	runtime.GC()
	read := int64(0)
	if _, err := (readback.Reader{Limits: readback.Standard()}).Check(t.Context(), store, want, func(bytes int64) { read += bytes }); err != nil {
		t.Fatal(err)
	}
	if read != want.Bytes {
		t.Errorf("%d bytes were fetched, the file has %d", read, want.Bytes)
	}
	if ceiling := uint64(48 << 20); store.mostHeap > ceiling || store.reads < 16 {
		t.Errorf("%d bytes of heap were in use, want at most %d, in %d pieces", store.mostHeap, ceiling, store.reads)
	}
}

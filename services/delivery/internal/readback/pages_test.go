package readback_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/membucket"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
	"github.com/customer-exports/exports/services/delivery/internal/readback"
)

type row struct {
	Brand string `parquet:"brand,dict"`
	Rows  int64  `parquet:"rows"`
}

// sound is a file of two columns.
func sound(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := parquet.NewGenericWriter[row](&out, parquet.KeyValueMetadata(encode.MetaRunID, "run-1"))
	rows := make([]row, 1000)
	for i := range rows {
		rows[i] = row{Brand: strings.Repeat("x", i%7), Rows: int64(i)}
	}
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// prove has data lie in a bucket whose word for it is right.
func prove(t *testing.T, data []byte) error {
	t.Helper()
	store := membucket.New("").Open(bucket.Destination{})
	if err := store.PutNew(t.Context(), "file", data); err != nil {
		t.Fatal(err)
	}
	return readback.Prove(t.Context(), store, wanted(data), func() {})
}

func wanted(data []byte) readback.File {
	return readback.File{
		Key: "file", Object: bucket.Object{Bytes: int64(len(data)), CRC64NVME: bucket.Checksum(data)}, Rows: 1000, Columns: []string{"brand", "rows"}, RunID: "run-1",
	}
}

func TestSoundFile(t *testing.T) {
	if err := prove(t, sound(t)); err != nil {
		t.Error(err)
	}
}

// TestDamageBehindARightChecksum spoils every byte of a file in turn, and has the checksum agree: whatever the decoder makes of
// it, nothing panics, and no fault is of another reason.
func TestDamageBehindARightChecksum(t *testing.T) {
	data, refused := sound(t), 0
	for i := range data {
		broken := bytes.Clone(data)
		broken[i] ^= 0x55
		if err := prove(t, broken); err != nil {
			refused++
			if fault.ReasonOf(err) != fault.ReasonReadBackMismatch {
				t.Errorf("byte %d: got %v", i, err)
			}
		}
	}
	if refused < len(data)/10 {
		t.Errorf("%d of %d damaged files were refused", refused, len(data))
	}
}

// TestAnnouncedMemoryIsNotTaken has a page say that it unpacks to 2 GB, and a footer that it has 4 GB.
func TestAnnouncedMemoryIsNotTaken(t *testing.T) {
	page := compact(t, &format.PageHeader{Type: format.DataPage, UncompressedPageSize: 1<<31 - 1, CompressedPageSize: 10})
	file := append([]byte("PAR1"), append(page, make([]byte, 10)...)...)
	footer := compact(t, &format.FileMetaData{
		Version: 1, NumRows: 1000, Schema: []format.SchemaElement{{Name: "root"}},
		RowGroups: []format.RowGroup{{NumRows: 1000, Columns: []format.ColumnChunk{{MetaData: format.ColumnMetaData{
			DataPageOffset: 4, TotalCompressedSize: int64(len(file) - 4), PathInSchema: []string{"brand"},
		}}}}},
	})
	file = append(append(file, footer...), tail(len(footer))...)
	for name, data := range map[string][]byte{"page": file, "footer": append(sound(t)[:100], tail(1<<32-1)...)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := prove(t, data)
		runtime.ReadMemStats(&after)
		if fault.ReasonOf(err) != fault.ReasonReadBackMismatch || !strings.Contains(err.Error(), "is announced") {
			t.Errorf("%s: got %v", name, err)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20 {
			t.Errorf("%s: %d MiB were taken", name, taken>>20)
		}
	}
}

func compact(t *testing.T, value any) []byte {
	t.Helper()
	data, err := thrift.Marshal(new(thrift.CompactProtocol), value)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func tail(footer int) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(footer)), "PAR1"...)
}

// TestOtherBytes has the bucket give other bytes than it has a checksum of, in any format.
func TestOtherBytes(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	data := sound(t)
	store := membucket.New("").Open(bucket.Destination{})
	if err := store.PutNew(t.Context(), "file", data); err != nil {
		t.Fatal(err)
	}
	err := readback.Prove(t.Context(), flipping{store}, wanted(data), func() {})
	if fault.ReasonOf(err) != fault.ReasonReadBackMismatch || !strings.Contains(err.Error(), "holds other bytes") {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(os.TempDir()); strings.Contains(names(left), "readback-") {
		t.Error("a file is left among the temporary ones")
	}
}

func names(entries []os.DirEntry) (all string) {
	for _, e := range entries {
		all += e.Name() + "\n"
	}
	return all
}

// flipping gives every range with its first bit turned.
type flipping struct{ bucket.Objects }

func (f flipping) ReadRange(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	data, err := f.Objects.ReadRange(ctx, key, offset, length)
	if err != nil {
		return nil, err
	}
	data = bytes.Clone(data)
	data[0] ^= 1
	return data, nil
}

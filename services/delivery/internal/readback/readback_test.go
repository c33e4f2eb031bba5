package readback_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/membucket"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
	"github.com/customer-exports/exports/services/delivery/internal/encode/encodetest"
	"github.com/customer-exports/exports/services/delivery/internal/readback"
	"github.com/customer-exports/exports/services/delivery/internal/tally"
)

const (
	owner = "111122223333"
	key   = "analytics-export/T/export_date=2026-11-23/run=acme-daily-20261123-1/part-00000"
)

// landed is a file as it was written, and what it must be found to be.
type landed struct {
	data []byte
	want readback.File
}

// write encodes what was drawn.
func write(t *testing.T, d encodetest.Drawn, open func(io.Writer, encode.File) (encode.Encoder, error)) landed {
	t.Helper()
	var out bytes.Buffer
	counted := tally.New(d.File.Layout)
	e, err := open(&out, d.File)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range d.Batches {
		counted.Take(b)
		if err := e.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Close(); err != nil {
		t.Fatal(err)
	}
	l := landed{data: out.Bytes(), want: readback.File{
		Key: key, Format: d.File.Format, Rows: d.Rows(), Columns: columns(d.File.Layout), RunID: d.File.RunID,
	}}
	for _, c := range counted.Counts() {
		l.want.Counts = append(l.want.Counts, readback.Count{Nulls: c.GetNullCount(), Sum: c.GetSum(), CRC: c.GetCrc64Nvme()})
	}
	return l.summed()
}

func columns(layout *dictionary.Layout) []readback.Column {
	var all []readback.Column
	for _, f := range layout.Fields[:layout.Exported] {
		all = append(all, readback.Column{Name: f.Name, Type: f.Column.Type, Nullable: f.Column.Nullable})
	}
	return all
}

// summed expects the bytes that are there.
func (l landed) summed() landed {
	l.want.Bytes, l.want.CRC64NVME, l.want.SHA256 = int64(len(l.data)), bucket.Checksum(l.data), drop.Digest(l.data)
	return l
}

// check reads it back out of a bucket.
func (l landed) check(t *testing.T, limits readback.Limits) error {
	t.Helper()
	store := membucket.New(owner).Open(bucket.Destination{Owner: owner})
	if err := store.PutNew(t.Context(), key, l.data); err != nil {
		t.Fatal(err)
	}
	_, err := readback.Reader{Limits: limits}.Check(t.Context(), store, l.want, func(int64) {})
	return err
}

// small has every file come in many pieces.
func small() readback.Limits {
	l := readback.Standard()
	l.PieceBytes = 1000
	return l
}

func own(within encode.Bounds) func(io.Writer, encode.File) (encode.Encoder, error) {
	return func(to io.Writer, f encode.File) (encode.Encoder, error) {
		return encode.NewParquet(to, f, encode.Options{Within: within})
	}
}

func library(to io.Writer, f encode.File) (encode.Encoder, error) { return encode.NewLibrary(to, f) }

// TestWhatWasWrittenIsRead reads random files of every codec and profile, of both encoders.
func TestWhatWasWrittenIsRead(t *testing.T) {
	for seed := range uint64(120) {
		d := encodetest.Draw(t, seed)
		for who, open := range map[string]func(io.Writer, encode.File) (encode.Encoder, error){"own": own(d.Within), "library": library} {
			if err := write(t, d, open).check(t, small()); err != nil {
				t.Errorf("seed %d, %s: %v", seed, who, err)
			}
		}
	}
}

// textFormats are all that there are.
func textFormats() []drop.Format {
	var all []drop.Format
	for _, c := range []drop.Compression{drop.None, drop.Gzip, drop.Zstd} {
		all = append(all,
			drop.Format{FileFormat: drop.CSV, Compression: c, CSV: drop.CSVOptions{Delimiter: ";", NullString: "NULL"}},
			drop.Format{FileFormat: drop.JSONLines, Compression: c})
	}
	return all
}

func TestTextThatWasWrittenIsRead(t *testing.T) {
	for seed := range uint64(30) {
		d := encodetest.Draw(t, seed)
		for _, format := range textFormats() {
			d.File.Format = format
			if err := write(t, d, encode.Maker{}.New).check(t, small()); err != nil {
				t.Errorf("seed %d, %s: %v", seed, format, err)
			}
		}
	}
}

// TestWhatDiffersIsNamed expects another file than the one that was written.
func TestWhatDiffersIsNamed(t *testing.T) {
	d := encodetest.Draw(t, 7)
	whole := write(t, d, own(d.Within))
	for name, c := range map[string]struct {
		spoil func(l *landed)
		want  fault.Reason
	}{
		"gone":              {func(l *landed) { l.want.Key += "1" }, fault.ReasonFileGone},
		"longer":            {func(l *landed) { l.want.Bytes-- }, fault.ReasonFileChanged},
		"other checksum":    {func(l *landed) { l.want.CRC64NVME = bucket.Checksum(nil) }, fault.ReasonFileChanged},
		"other digest":      {func(l *landed) { l.want.SHA256 = drop.Digest(nil) }, fault.ReasonFileChanged},
		"a row more":        {func(l *landed) { l.want.Rows++ }, fault.ReasonReadBackMismatch},
		"a null more":       {func(l *landed) { l.want.Counts[0].Nulls++ }, fault.ReasonReadBackMismatch},
		"another sum":       {func(l *landed) { l.want.Counts[0].Sum += "0" }, fault.ReasonReadBackMismatch},
		"other values":      {func(l *landed) { l.want.Counts[1].CRC++ }, fault.ReasonReadBackMismatch},
		"a column less":     {func(l *landed) { l.want.Columns = l.want.Columns[1:] }, fault.ReasonReadBackMismatch},
		"other name":        {func(l *landed) { l.want.Columns[0].Name = "di" }, fault.ReasonReadBackMismatch},
		"other nullability": {func(l *landed) { l.want.Columns[0].Nullable = true }, fault.ReasonReadBackMismatch},
		"other type":        {func(l *landed) { l.want.Columns[0].Type.Precision = 38 }, fault.ReasonReadBackMismatch},
		"other run":         {func(l *landed) { l.want.RunID = "other" }, fault.ReasonReadBackMismatch},
		"cut":               {func(l *landed) { l.data = l.data[:len(l.data)-1]; *l = l.summed() }, fault.ReasonFileDamaged},
		"no file":           {func(l *landed) { l.data = []byte("no file of ours"); *l = l.summed() }, fault.ReasonFileDamaged},
		"nothing":           {func(l *landed) { l.data = nil; *l = l.summed() }, fault.ReasonFileDamaged},
	} {
		l := whole
		l.want.Columns, l.want.Counts = slices.Clone(l.want.Columns), slices.Clone(l.want.Counts)
		c.spoil(&l)
		if err := l.check(t, small()); fault.ReasonOf(err) != c.want || !readback.Wrong(err) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// TestTextIsCounted expects other nulls and sums than text holds. Column 0 is a number that is never null.
func TestTextIsCounted(t *testing.T) {
	for _, format := range textFormats() {
		d := encodetest.Draw(t, 7)
		d.File.Format = format
		for name, spoil := range map[string]func(*readback.Count){
			"nulls": func(c *readback.Count) { c.Nulls++ }, "sum": func(c *readback.Count) { c.Sum += "0" },
		} {
			l := write(t, d, encode.Maker{}.New)
			spoil(&l.want.Counts[0])
			if err := l.check(t, small()); fault.ReasonOf(err) != fault.ReasonReadBackMismatch {
				t.Errorf("%s, another %s: got %v, want READ_BACK_MISMATCH", format, name, err)
			}
		}
	}
}

// nulls is a table in which what stands for a null is text, too, and rows have lines.
const nulls = "id;body;money\r\n" +
	"1;\"N\";N\r\n" +
	"2;N;-0.50\r\n" +
	"3;\"a\r\n\"\"N\"\"\r\n;\";N\r\n" +
	"4;N;1.25\r\n"

// TestNullsOfCSVAreThoseWithoutQuotes reads what every column holds.
func TestNullsOfCSVAreThoseWithoutQuotes(t *testing.T) {
	l := landed{data: []byte(nulls), want: readback.File{
		Key: key, Rows: 4, Format: drop.Format{FileFormat: drop.CSV, Compression: drop.None, CSV: drop.CSVOptions{Delimiter: ";", NullString: "N"}},
		Columns: []readback.Column{
			{Name: "id", Type: dictionary.Type{Kind: dictionary.KindNumber, Precision: 9}},
			{Name: "body", Type: dictionary.Type{Kind: dictionary.KindString}, Nullable: true},
			{Name: "money", Type: dictionary.Type{Kind: dictionary.KindNumber, Precision: 9, Scale: 2}, Nullable: true},
		},
		Counts: []readback.Count{{Sum: "10"}, {Nulls: 2}, {Nulls: 2, Sum: "0.75"}},
	}}
	if err := l.summed().check(t, small()); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"1.2", "1.250", "1,25", "1e2", "x", "--1.25", "-", ".25", "1.25 "} {
		l.data = bytes.Replace([]byte(nulls), []byte("1.25"), []byte(wrong), 1)
		if err := l.summed().check(t, small()); fault.ReasonOf(err) != fault.ReasonFileDamaged || !strings.Contains(err.Error(), "after 3 rows: column money has a value that is no NUMBER(9,2)") {
			t.Errorf("%q: got %v, want FILE_DAMAGED", wrong, err)
		}
	}
}

// TestTimeIsBounded has no time at all: the file is not to blame.
func TestTimeIsBounded(t *testing.T) {
	d := encodetest.Draw(t, 7)
	limits := small()
	limits.Time = 0
	if err := write(t, d, own(d.Within)).check(t, limits); fault.ReasonOf(err) == "" || readback.Wrong(err) || !fault.Retryable(err) {
		t.Errorf("got %v, want a fault that is not the file's", err)
	}
}

// TestEveryFlippedBitIsFound flips one bit of a file at many places, once with the sums of what was written, and once with
// those of what is there, as if it had been written so: then pages and rows have to tell, and nothing may panic.
func TestEveryFlippedBitIsFound(t *testing.T) {
	formats := append([]drop.Format{{}, {}, {}}, textFormats()...)
	for i, format := range formats {
		d := encodetest.Draw(t, uint64(40+i))
		d.File.Format = format
		whole := write(t, d, encode.Maker{}.New)
		for at := 0; at < len(whole.data)*8; at += 1 + len(whole.data)*8/200 {
			l := whole
			l.data = bytes.Clone(whole.data)
			l.data[at/8] ^= 1 << (at % 8)
			if err := l.check(t, small()); fault.ReasonOf(err) != fault.ReasonFileChanged {
				t.Errorf("%s: bit %d: got %v, want FILE_CHANGED", format, at, err)
			}
			if err := l.summed().check(t, small()); err != nil && !readback.Wrong(err) {
				t.Errorf("%s: bit %d, summed anew: got %v, want nothing or what is wrong with the file", format, at, err)
			}
		}
	}
}

func ExampleWrong() {
	fmt.Println(readback.Wrong(fault.New(fault.State, fault.ReasonFileDamaged, "it cannot be read")))
	// Output: true
}

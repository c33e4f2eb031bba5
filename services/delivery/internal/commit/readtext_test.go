package commit_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/upload"
)

// textFormats are those of text, as they are agreed.
func textFormats() []*configv1.Format {
	var all []*configv1.Format
	for _, c := range []configv1.Compression{configv1.Compression_COMPRESSION_ZSTD, configv1.Compression_COMPRESSION_GZIP, configv1.Compression_COMPRESSION_NONE} {
		all = append(all,
			&configv1.Format{FileFormat: configv1.FileFormat_FILE_FORMAT_CSV, Compression: c, Csv: &configv1.CsvOptions{Delimiter: "|", NullString: "NULL"}},
			&configv1.Format{FileFormat: configv1.FileFormat_FILE_FORMAT_JSON_LINES, Compression: c})
	}
	return all
}

func TestTextDrops(t *testing.T) {
	for _, agreed := range textFormats() {
		format := drop.FormatOf(agreed)
		t.Run(string(format.FileFormat)+" "+string(format.Compression), func(t *testing.T) {
			f := uploadRunIn(t, newBucket(t), date, 1, agreed)
			if err := f.commit(t); err != nil {
				t.Fatal(err)
			}
			m := f.complete(t)
			if m.Format != format {
				t.Errorf("the manifest says %v, want %v", m.Format, format)
			}
			for _, table := range m.Tables {
				lines := 0
				for i, file := range table.Files {
					if want := format.PartKey(table.Table, date, f.run.GetRunId(), i); file.Key != want {
						t.Errorf("the key is %s, want %s", file.Key, want)
					}
					lines += strings.Count(unpacked(t, f.get(t, file.Key), format.Compression), "\n")
				}
				if format.FileFormat == drop.CSV {
					lines -= len(table.Files) // headers
				}
				if int64(lines) != table.RowCount {
					t.Errorf("%s has %d lines, the manifest says %d rows", table.Table, lines, table.RowCount)
				}
			}
		})
	}
}

func unpacked(t *testing.T, data []byte, c drop.Compression) string {
	t.Helper()
	var from io.Reader = bytes.NewReader(data)
	var err error
	switch c {
	case drop.Gzip:
		from, err = gzip.NewReader(from)
	case drop.Zstd:
		from, err = zstd.NewReader(from)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDamagedTextIsNotCommitted puts a file in the place of the one that was written: whole as far as the bucket can tell.
func TestDamagedTextIsNotCommitted(t *testing.T) {
	csv, jsonLines := textFormats()[4], textFormats()[5] // uncompressed
	for name, c := range map[string]struct {
		format *configv1.Format
		spoil  func(string) string
		says   string
	}{
		"CSV: a row less":             {csv, func(s string) string { return s[:strings.LastIndex(s[:len(s)-2], "\r\n")+2] }, "holds 364 rows, 365 were written"},
		"CSV: no header":              {csv, func(s string) string { return s[strings.Index(s, "\r\n")+2:] }, "header"},
		"CSV: other header":           {csv, func(s string) string { return strings.Replace(s, "year|quarter", "quarter|year", 1) }, "header"},
		"CSV: a field less":           {csv, func(s string) string { return s[:strings.LastIndex(s, "|")] + "\r\n" }, "after 364 rows"},
		"CSV: a field more":           {csv, func(s string) string { return s[:len(s)-2] + "|\r\n" }, "after 364 rows"},
		"CSV: open quote":             {csv, func(s string) string { return s[:len(s)-2] + "|\"\r\n" }, "after 364 rows"},
		"CSV: nothing":                {csv, func(string) string { return "" }, "header"},
		"JSON: a row less":            {jsonLines, func(s string) string { return s[:strings.LastIndex(s[:len(s)-1], "\n")+1] }, "holds 364 rows, 365 were written"},
		"JSON: column renamed":        {jsonLines, func(s string) string { return strings.Replace(s, `"year"`, `"jear"`, 1) }, `column "year": is missing`},
		"JSON: column more":           {jsonLines, func(s string) string { return s[:len(s)-2] + `,"more":1}` + "\n" }, "after 364 rows: a line has more or fewer columns"},
		"JSON: broken value":          {jsonLines, func(s string) string { return strings.Replace(s, `"year":`, `"year":-`+"x", 1) }, "a line is no JSON object"},
		"JSON: two rows a line":       {jsonLines, func(s string) string { return strings.Replace(s, "}\n{", "}{", 1) }, "after 0 rows: a line is no JSON object"},
		"JSON: a row of two lines":    {jsonLines, func(s string) string { return strings.Replace(s, `,"year"`, ",\n"+`"year"`, 1) }, "after 0 rows: a line is no JSON object"},
		"JSON: column less":           {jsonLines, func(s string) string { return s[:strings.LastIndex(s, ",")] + "}\n" }, "after 364 rows: a line has more or fewer columns"},
		"JSON: values within a value": {jsonLines, func(s string) string { return strings.Replace(s, `"year":`, `"year":1,"year":`, 1) }, "missing or not in its place"},
		"JSON: empty line":            {jsonLines, func(s string) string { return strings.Replace(s, "}\n", "}\n\n", 1) }, "after 1 rows: a line is no JSON object"},
		"JSON: open line":             {jsonLines, func(s string) string { return s[:len(s)-1] }, "after 364 rows: reading a line"},
		"JSON: no object":             {jsonLines, func(s string) string { return s + "7\n" }, "after 365 rows: a line is no JSON object"},
		"JSON: cut":                   {jsonLines, func(s string) string { return s[:len(s)-3] }, "after 364 rows"},
	} {
		t.Run(name, func(t *testing.T) {
			f := uploadRunIn(t, newBucket(t), date, 1, c.format)
			f.replace(t, f.planner.plan.Receipts[0], c.spoil)
			err := f.commit(t)
			if fault.ReasonOf(err) != fault.ReasonReadBackMismatch || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want READ_BACK_MISMATCH: %s", err, c.says)
			}
			if strings.Contains(err.Error(), "jear") || strings.Contains(err.Error(), "'x'") {
				t.Errorf("the error cites a row: %v", err)
			}
		})
	}
}

func TestDamagedCompressionIsNotCommitted(t *testing.T) {
	for _, agreed := range textFormats()[:4] {
		for name, spoil := range map[string]func(string) string{
			"not packed": func(string) string { return "a text" }, "cut": func(s string) string { return s[:len(s)-5] },
			"flipped": func(s string) string { return s[:len(s)/2] + string(s[len(s)/2]^1) + s[len(s)/2+1:] }, "junk behind": func(s string) string { return s + "junk" },
		} {
			f := uploadRunIn(t, newBucket(t), date, 1, agreed)
			f.replace(t, f.planner.plan.Receipts[0], spoil)
			if err := f.commit(t); fault.ReasonOf(err) != fault.ReasonReadBackMismatch {
				t.Errorf("%s %s: got %v, want READ_BACK_MISMATCH", agreed, name, err)
			}
		}
	}
}

func TestTextIsWithdrawn(t *testing.T) {
	f := uploadRunIn(t, newBucket(t), date, 1, textFormats()[0])
	f.replace(t, f.planner.plan.Receipts[0], func(string) string { return "damaged" })
	if err := f.commit(t); fault.ReasonOf(err) != fault.ReasonReadBackMismatch || f.visible(t) == 0 {
		t.Fatalf("got %v, want READ_BACK_MISMATCH and files that can be seen", err)
	}
	if err := f.committer.Withdraw(t.Context(), f.run); err != nil {
		t.Fatal(err)
	}
	if left := f.visible(t); left != 0 {
		t.Errorf("%d files are left", left)
	}
}

// replace uploads other bytes than those that were written, and has the receipt agree.
func (f *fixture) replace(t *testing.T, r *deliveryv1.Receipt, spoil func(string) string) {
	t.Helper()
	// Visible for a moment, to read what was written.
	written := f.read(t, r)
	u, err := upload.Start(t.Context(), f.bucket, r.GetKey())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = u.Write([]byte(spoil(written)))
	done, err := u.Finish()
	if err != nil {
		t.Fatal(err)
	}
	r.UploadId, r.FileBytes, r.Crc64Nvme, r.Sha256, r.Pieces = done.Upload.ID, done.Object.Bytes, done.Object.CRC64NVME, done.SHA256, nil
	for _, p := range done.Pieces {
		r.Pieces = append(r.Pieces, &deliveryv1.UploadedPiece{PieceNumber: p.Number, Etag: p.ETag, Crc64Nvme: p.CRC64NVME})
	}
}

// read completes an upload, reads the file and takes it away again.
func (f *fixture) read(t *testing.T, r *deliveryv1.Receipt) string {
	t.Helper()
	var pieces []bucket.Uploaded
	for _, p := range r.GetPieces() {
		pieces = append(pieces, bucket.Uploaded{Number: p.GetPieceNumber(), ETag: p.GetEtag(), CRC64NVME: p.GetCrc64Nvme()})
	}
	whole := bucket.Object{Bytes: r.GetFileBytes(), CRC64NVME: r.GetCrc64Nvme()}
	if err := f.bucket.CompleteUpload(t.Context(), bucket.Upload{Key: r.GetKey(), ID: r.GetUploadId()}, pieces, whole); err != nil {
		t.Fatal(err)
	}
	data := f.get(t, r.GetKey())
	if err := f.bucket.Delete(t.Context(), r.GetKey()); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

package pages_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/customer-exports/exports/services/delivery/internal/readback/pages"
)

// ceiling is what reading one file may allocate in all, whatever the file is.
const ceiling = 160 << 20

// crafted is a file of one column and one page, which tests let lie.
type crafted struct {
	header     format.PageHeader
	body       []byte
	before     [][]byte // pages
	meta       format.FileMetaData
	footer     []byte // in the place of meta
	pagesBytes []byte // in the place of everything before the footer
}

const rows = 10

// honest is a column of ten numbers, or of ten texts.
func honest(kind format.Type, e format.Encoding, body []byte) *crafted {
	c := &crafted{body: body}
	c.header = format.PageHeader{Type: format.DataPageV2, DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{NumValues: rows, NumRows: rows, Encoding: e})}
	c.header.UncompressedPageSize = int32(len(body))
	column := format.ColumnMetaData{Type: kind, Encoding: thrift.Slice[format.Encoding]{e}, PathInSchema: thrift.Slice[string]{"v"}, NumValues: rows, DataPageOffset: 4}
	c.meta = format.FileMetaData{
		Version: 2, NumRows: rows,
		Schema: thrift.Slice[format.SchemaElement]{
			{Name: "schema", NumChildren: thrift.New[int32](1)},
			{Name: "v", Type: thrift.New(kind), RepetitionType: thrift.New(format.Required)},
		},
		RowGroups: thrift.Slice[format.RowGroup]{{NumRows: rows, Columns: thrift.Slice[format.ColumnChunk]{{MetaData: column}}}},
	}
	return c
}

func plainNumbers() *crafted {
	return honest(format.Int64, format.Plain, make([]byte, 8*rows))
}

func (c *crafted) column() *format.ColumnMetaData { return &c.meta.RowGroups[0].Columns[0].MetaData }

func (c *crafted) optional() *crafted {
	c.meta.Schema[1].RepetitionType = thrift.New(format.Optional)
	return c
}

func spell(t *testing.T, header format.PageHeader, body []byte) []byte {
	t.Helper()
	if header.CompressedPageSize == 0 {
		header.CompressedPageSize = int32(len(body))
	}
	head, err := thrift.Marshal(&thrift.CompactProtocol{}, &header)
	if err != nil {
		t.Fatal(err)
	}
	return append(head, body...)
}

// file spells all of it and returns the bytes and those of the footer.
func (c *crafted) file(t *testing.T) (data, footer []byte) {
	t.Helper()
	data = []byte("PAR1")
	for _, page := range c.before {
		data = append(data, page...)
	}
	data = append(data, spell(t, c.header, c.body)...)
	if c.pagesBytes != nil {
		data = append([]byte("PAR1"), c.pagesBytes...)
	}
	if len(c.meta.RowGroups) > 0 && c.column().TotalCompressedSize == 0 {
		c.column().TotalCompressedSize = int64(len(data)) - 4
	}
	footer = c.footer
	if footer == nil {
		var err error
		if footer, err = thrift.Marshal(&thrift.CompactProtocol{}, &c.meta); err != nil {
			t.Fatal(err)
		}
	}
	data = append(data, footer...)
	return append(binary.LittleEndian.AppendUint32(data, uint32(len(footer))), "PAR1"...), footer
}

// held is a file in memory.
type held []byte

func (h held) Bytes(offset, length int64) ([]byte, error) { return h[offset : offset+length], nil }

func read(data, footer []byte) error {
	f, err := pages.Open(footer, int64(len(data)), pages.Standard())
	if err != nil {
		return err
	}
	return f.Decode(held(data), func(int, *pages.Page) error { return nil })
}

func uvarint(values ...uint64) []byte {
	var out []byte
	for _, v := range values {
		out = binary.AppendUvarint(out, v)
	}
	return out
}

const gigabytes = math.MaxInt32

// TestHonestFiles is the ground that the others stand on.
func TestHonestFiles(t *testing.T) {
	for name, c := range map[string]*crafted{
		"plain":    plainNumbers(),
		"deltas":   honest(format.Int64, format.DeltaBinaryPacked, append(uvarint(128, 4, rows, 0, 0), 0, 0, 0, 0)),
		"lengths":  honest(format.ByteArray, format.DeltaLengthByteArray, append(append(uvarint(128, 4, rows, 2, 0), 0, 0, 0, 0), "tententent"...)),
		"common":   honest(format.ByteArray, format.DeltaByteArray, common(t, 1<<20)),
		"runs":     honest(format.Boolean, format.RLE, append([]byte{3, 0, 0, 0}, uvarint(2<<1|1, 0xAA)...)),
		"no rows":  empty(),
		"optional": optionalNulls(rows << 1),
	} {
		data, footer := c.file(t)
		if err := read(data, footer); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// common is texts that are all the same, of so many bytes, each spelled as what it has of its own: none but the first.
func common(t *testing.T, size int) []byte {
	t.Helper()
	var offsets []uint32
	for i := range uint32(rows + 1) {
		offsets = append(offsets, i*uint32(size))
	}
	spelled, err := new(delta.ByteArrayEncoding).EncodeByteArray(nil, make([]byte, rows*size), offsets)
	if err != nil {
		t.Fatal(err)
	}
	return spelled
}

func empty() *crafted {
	c := plainNumbers()
	c.meta.NumRows, c.meta.RowGroups = 0, nil
	return c
}

// optionalNulls has one run of levels, of as many as the head says.
func optionalNulls(head uint64) *crafted {
	levels := append(uvarint(head), 0)
	c := honest(format.Int64, format.Plain, levels).optional()
	c.header.DataPageHeaderV2.V.DefinitionLevelsByteLength = int32(len(levels))
	c.header.DataPageHeaderV2.V.NumNulls = rows
	return c
}

func dictionary(t *testing.T, entries int32) []byte {
	t.Helper()
	return spell(t, format.PageHeader{
		Type: format.DictionaryPage, UncompressedPageSize: 8, DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: entries}),
	}, make([]byte, 8))
}

func zstdOf(t *testing.T, size int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		_, _ = w.Write(zeros)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gzipOf(t *testing.T, size int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		_, _ = w.Write(zeros)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// packed has one page of another codec, which claims what it unpacks to.
func packed(codec format.CompressionCodec, body []byte, claims int32) *crafted {
	c := plainNumbers()
	c.body, c.header.UncompressedPageSize, c.column().Codec = body, claims, codec
	return c
}

// TestHostileFilesAreRefused has files lie about every count and size there is. Each is refused, in bounded memory.
func TestHostileFilesAreRefused(t *testing.T) {
	with := func(c *crafted, change func(*crafted)) *crafted { change(c); return c }
	bomb, gzipped := zstdOf(t, 1<<28), gzipOf(t, 1<<28)
	for name, test := range map[string]struct {
		file *crafted
		says string
	}{
		"footer: row groups": {with(plainNumbers(), func(c *crafted) { c.footer = append([]byte{0x49, 0xfc}, uvarint(gigabytes)...) }), "it is cut"},
		"footer: many structs": {with(plainNumbers(), func(c *crafted) {
			c.footer = append(append([]byte{0x49, 0xfc}, uvarint(3<<20)...), make([]byte, 4<<20)...)
		}), "lists more"},
		"footer: a long text":       {with(plainNumbers(), func(c *crafted) { c.footer = append([]byte{0x68}, uvarint(math.MaxUint64)...) }), "it is cut"},
		"footer: deep":              {with(plainNumbers(), func(c *crafted) { c.footer = bytes.Repeat([]byte{0x1c}, 1<<20) }), "nested too deeply"},
		"footer: bytes behind":      {with(empty(), func(c *crafted) { _, f := c.file(t); c.footer = append(f, 0) }), "follow it"},
		"footer: a map":             {with(plainNumbers(), func(c *crafted) { c.footer = []byte{0x1b, 0xff, 0xff, 0xff, 0x7f, 0x88, 0} }), "type 11"},
		"footer: nothing":           {with(plainNumbers(), func(c *crafted) { c.footer = []byte{0} }), ""},
		"schema: children":          {with(plainNumbers(), func(c *crafted) { c.meta.Schema[0].NumChildren.V = gigabytes }), "flat columns"},
		"schema: nested":            {with(plainNumbers(), func(c *crafted) { c.meta.Schema[1].NumChildren = thrift.New[int32](gigabytes) }), "nested"},
		"schema: repeated":          {with(plainNumbers(), func(c *crafted) { c.meta.Schema[1].RepetitionType = thrift.New(format.Repeated) }), "repeated"},
		"rows: more in the footer":  {with(plainNumbers(), func(c *crafted) { c.meta.NumRows++ }), "the footer says"},
		"rows: less than none":      {with(plainNumbers(), func(c *crafted) { c.meta.RowGroups[0].NumRows = -1 }), "-1 rows"},
		"rows: more in the group":   {with(plainNumbers(), func(c *crafted) { c.meta.RowGroups[0].NumRows++; c.meta.NumRows++; c.column().NumValues++ }), "11"},
		"rows: another column":      {with(plainNumbers(), func(c *crafted) { c.column().NumValues++ }), "of other rows"},
		"chunk: before the file":    {with(plainNumbers(), func(c *crafted) { c.column().DataPageOffset = -1 }), "are not between"},
		"chunk: over the footer":    {with(plainNumbers(), func(c *crafted) { c.column().TotalCompressedSize = math.MaxInt64 }), "are not between"},
		"chunk: below nothing":      {with(plainNumbers(), func(c *crafted) { c.column().TotalCompressedSize = -1 }), "are not between"},
		"chunk: in another file":    {with(plainNumbers(), func(c *crafted) { c.meta.RowGroups[0].Columns[0].FilePath = "/etc/passwd" }), "another file"},
		"chunk: cut":                {with(plainNumbers(), func(c *crafted) { c.column().TotalCompressedSize = 20 }), "it is cut"},
		"chunk: no pages":           {with(plainNumbers(), func(c *crafted) { c.column().DataPageOffset, c.column().TotalCompressedSize = 24, 0 }), ""},
		"page: unpacked":            {with(plainNumbers(), func(c *crafted) { c.header.UncompressedPageSize = gigabytes }), "unpacked"},
		"page: packed":              {with(plainNumbers(), func(c *crafted) { c.header.CompressedPageSize = gigabytes }), "claims"},
		"page: below nothing":       {with(plainNumbers(), func(c *crafted) { c.header.UncompressedPageSize = -1 }), "claims"},
		"page: values":              {with(plainNumbers(), func(c *crafted) { c.header.DataPageHeaderV2.V.NumValues = gigabytes }), "claims"},
		"page: fewer values":        {with(plainNumbers(), func(c *crafted) { c.header.DataPageHeaderV2.V.NumValues-- }), ""},
		"page: nulls":               {with(plainNumbers(), func(c *crafted) { c.header.DataPageHeaderV2.V.NumNulls = rows + 1 }), "nulls"},
		"page: nulls of none":       {with(plainNumbers(), func(c *crafted) { c.header.DataPageHeaderV2.V.NumNulls = 3 }), ""},
		"page: levels of none":      {with(plainNumbers(), func(c *crafted) { c.header.DataPageHeaderV2.V.DefinitionLevelsByteLength = 8 }), "levels"},
		"page: no levels":           {plainNumbers().optional(), "levels"},
		"page: long levels":         {with(optionalNulls(rows<<1), func(c *crafted) { c.header.DataPageHeaderV2.V.DefinitionLevelsByteLength = gigabytes }), "levels"},
		"page: a wrong checksum":    {with(plainNumbers(), func(c *crafted) { c.header.CRC = 7 }), "checksum"},
		"page: of another kind":     {with(plainNumbers(), func(c *crafted) { c.header.Type = format.IndexPage }), "none of ours"},
		"page: another encoding":    {with(plainNumbers(), func(c *crafted) { c.header.DataPageHeaderV2.V.Encoding = format.BitPacked }), "none of ours"},
		"page: no header":           {with(plainNumbers(), func(c *crafted) { c.pagesBytes = bytes.Repeat([]byte{0xff}, 100) }), "header"},
		"page: a text without end":  {with(honest(format.ByteArray, format.Plain, []byte{0xff, 0xff, 0xff, 0x7f}), func(*crafted) {}), ""},
		"pages without end":         {with(plainNumbers(), func(c *crafted) { c.pagesBytes = bytes.Repeat(dictionary(t, 0), 100_000) }), "second dictionary"},
		"dictionary: entries":       {with(plainNumbers(), func(c *crafted) { c.before = [][]byte{dictionary(t, gigabytes)} }), "claims"},
		"dictionary: fewer entries": {with(honest(format.Int64, format.RLEDictionary, []byte{1, 3, 0xff, 0xff}), func(c *crafted) { c.before = [][]byte{dictionary(t, 1)} }), ""},
		"dictionary: none":          {honest(format.Int64, format.RLEDictionary, []byte{1, 3, 0, 0}), "not there"},
		"dictionary: a run": {with(honest(format.Int64, format.RLEDictionary, append(append([]byte{1}, uvarint(gigabytes<<1)...), 0)), func(c *crafted) {
			c.before = [][]byte{dictionary(t, 1)}
		}), "more are claimed"},
		"dictionary: wide":       {with(honest(format.Int64, format.RLEDictionary, []byte{200, 3, 0}), func(c *crafted) { c.before = [][]byte{dictionary(t, 1)} }), "no width"},
		"dictionary: packed":     {with(honest(format.Int64, format.RLEDictionary, append([]byte{0}, uvarint(1<<40|1)...)), func(c *crafted) { c.before = [][]byte{dictionary(t, 1)} }), "more are claimed"},
		"runs: booleans":         {honest(format.Boolean, format.RLE, append([]byte{6, 0, 0, 0}, append(uvarint(gigabytes<<1), 0xff)...)), "more are claimed"},
		"runs: no length":        {honest(format.Boolean, format.RLE, []byte{1}), "cut"},
		"runs: levels":           {optionalNulls(gigabytes << 1), "more are claimed"},
		"deltas: total":          {honest(format.Int64, format.DeltaBinaryPacked, uvarint(128, 4, gigabytes, 0)), "more are claimed"},
		"deltas: blocks":         {honest(format.Int64, format.DeltaBinaryPacked, uvarint(1<<40, 4, rows, 0)), "no blocks"},
		"deltas: no miniblocks":  {honest(format.Int64, format.DeltaBinaryPacked, uvarint(128, 0, rows, 0)), "no blocks"},
		"deltas: wide":           {honest(format.Int64, format.DeltaBinaryPacked, append(append(uvarint(128, 4, rows, 0, 0), 200, 0, 0, 0), make([]byte, 800)...)), "cut"},
		"deltas: cut":            {honest(format.Int64, format.DeltaBinaryPacked, append(uvarint(128, 4, rows, 0, 0), 64, 64, 64, 64)), "cut"},
		"lengths: total":         {honest(format.ByteArray, format.DeltaLengthByteArray, uvarint(128, 4, gigabytes, 0)), "more are claimed"},
		"lengths: below nothing": {honest(format.ByteArray, format.DeltaLengthByteArray, append(uvarint(128, 4, rows, 1, 0), 0, 0, 0, 0)), ""},
		"lengths: long":          {honest(format.ByteArray, format.DeltaLengthByteArray, append(uvarint(128, 4, rows, math.MaxUint32-1, 0), 0, 0, 0, 0)), ""},
		"common: total":          {honest(format.ByteArray, format.DeltaByteArray, uvarint(128, 4, gigabytes, 0)), "more are claimed"},
		"common: long":           {honest(format.ByteArray, format.DeltaByteArray, common(t, 4<<20)), "more are claimed"},
		"common: below nothing":  {honest(format.ByteArray, format.DeltaByteArray, append(uvarint(128, 4, rows, 1, 0), 0, 0, 0, 0)), "more are claimed"},
		"common: without own":    {honest(format.ByteArray, format.DeltaByteArray, append(uvarint(128, 4, rows, 0, 0), 0, 0, 0, 0)), "cut"},
		"common: before a first": {honest(format.ByteArray, format.DeltaByteArray, bytes.Repeat(append(uvarint(128, 4, rows, 2, 0), 0, 0, 0, 0), 2)), ""},
		"zstd: more than said":   {packed(format.Zstd, bomb, 8*rows), "unpacking"},
		"zstd: more than let in": {packed(format.Zstd, bomb, 1<<28), "claims"},
		"zstd: many frames":      {packed(format.Zstd, bytes.Repeat(zstdOf(t, 1<<24), 64), 1<<24), "unpacking"},
		"zstd: less than said":   {packed(format.Zstd, zstdOf(t, 1<<20), 2<<20), "unpack"},
		"gzip: more than said":   {packed(format.Gzip, gzipped, 8*rows), "unpack"},
		"gzip: many members":     {packed(format.Gzip, bytes.Repeat(gzipOf(t, 1<<20), 64), 1<<20), "unpack"},
		"snappy: more than said": {packed(format.Snappy, uvarint(gigabytes), 8*rows), "unpack"},
		"another codec":          {packed(format.Brotli, []byte{1}, 8*rows), "none of ours"},
	} {
		data, footer := test.file.file(t)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := read(data, footer)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %q", name, err, test.says)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > ceiling {
			t.Errorf("%s: %d bytes were allocated, more than %d", name, took, ceiling)
		}
	}
}

func TestFooterBytes(t *testing.T) {
	for tail, want := range map[string]int64{
		"\x10\x00\x00\x00PAR1": 16, "\x10\x00\x00\x00PARE": -1, "PAR1": -1, "": -1, "\xff\xff\xff\x7fPAR1": -1, "\x90\x03\x00\x00PAR1": -1,
	} {
		got, err := pages.FooterBytes([]byte(tail), 900, pages.Standard())
		if (err == nil) != (want >= 0) || err == nil && got != want {
			t.Errorf("%q: got %d, %v, want %d", tail, got, err, want)
		}
	}
}

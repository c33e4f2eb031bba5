// Package pages decodes every page of a flat Parquet file with parquet-go, in memory that does not depend on what the file
// claims of itself.
//
// It owns the way from bytes to values: footer, page headers, compression. parquet-go reads all of them, but believes
// every size and count, so each is first held against what is there and against Limits. It refuses what delivery does not
// write: nested columns, encryption, other encodings and codecs. A panic of the library becomes an error. It knows no
// bucket and compares nothing with what was written. Start at Open and File.Decode.
package pages

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Limits bound what one file may take. A page is held twice: as it is in the file, and unpacked.
type Limits struct {
	// FooterBytes is the most of a footer; Chunks the most column chunks in it, of which each takes about a kilobyte.
	FooterBytes int64
	Chunks      int
	// PageBytes is the most of a page, packed or not, and of a dictionary; PageValues the most values of either.
	PageBytes, PageValues int
	// Pages is the most pages of a file.
	Pages int
}

// Standard is far above what delivery writes: pages of 1 MiB, which one value of at most 8 MiB may pass, row groups of 131,072 rows.
func Standard() Limits {
	return Limits{FooterBytes: 16 << 20, Chunks: 1 << 16, PageBytes: 32 << 20, PageValues: 1 << 20, Pages: 1 << 20}
}

// TailBytes is what a file ends with: the footer's length and the magic.
const TailBytes = 8

var magic = []byte("PAR1")

// FooterBytes reads the length of the footer from a file's last TailBytes, which are not part of it.
func FooterBytes(tail []byte, size int64, limits Limits) (int64, error) {
	if len(tail) != TailBytes || !bytes.Equal(tail[4:], magic) {
		return 0, fmt.Errorf("the file does not end as a Parquet file")
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	if length > limits.FooterBytes || length > size-TailBytes-int64(len(magic)) {
		return 0, fmt.Errorf("the footer claims %d bytes", length)
	}
	return length, nil
}

// File is a file whose footer was read.
type File struct {
	limits Limits
	meta   *format.FileMetaData // as it is in the file
	places [][]place
	parsed *parquet.File
	end    int64 // where the footer begins
}

// Open reads a footer, which is all of it and nothing else. size is that of the whole file.
func Open(footer []byte, size int64, limits Limits) (f *File, err error) {
	defer caught("reading the footer", &err)
	if err := screenFooter(footer, limits); err != nil {
		return nil, fmt.Errorf("reading the footer: %w", err)
	}
	f = &File{limits: limits, meta: new(format.FileMetaData), end: size - TailBytes - int64(len(footer))}
	if err := thrift.Unmarshal(&thrift.CompactProtocol{}, footer, f.meta); err != nil {
		return nil, fmt.Errorf("reading the footer: %w", err)
	}
	if err := f.flat(); err != nil {
		return nil, err
	}
	return f, f.parse()
}

// place is where a column chunk lies, and how it is packed.
type place struct {
	offset, size int64
	codec        format.CompressionCodec
}

// base is where parquet-go is told that each chunk begins; which one it reads is ours to know.
const base = 4

// parse has parquet-go make columns that expect unpacked pages: unpacking is ours, because only then is it bounded.
func (f *File) parse() error {
	for i := range f.meta.RowGroups {
		var places []place
		for j := range f.meta.RowGroups[i].Columns {
			meta := &f.meta.RowGroups[i].Columns[j].MetaData
			at := place{meta.DataPageOffset, meta.TotalCompressedSize, meta.Codec}
			if meta.DictionaryPageOffset != 0 {
				at.offset = min(at.offset, meta.DictionaryPageOffset)
			}
			places = append(places, at)
			meta.Codec, meta.DataPageOffset, meta.DictionaryPageOffset, meta.TotalCompressedSize = format.Uncompressed, base, 0, math.MaxInt64-base
		}
		f.places = append(f.places, places)
	}
	footer, err := thrift.Marshal(&thrift.CompactProtocol{}, f.meta)
	if err != nil {
		return fmt.Errorf("spelling the footer: %w", err)
	}
	file := append(bytes.Clone(magic), footer...)
	file = append(binary.LittleEndian.AppendUint32(file, uint32(len(footer))), magic...)
	f.parsed, err = parquet.OpenFile(bytes.NewReader(file), int64(len(file)), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return fmt.Errorf("reading the footer: %w", err)
	}
	return nil
}

// Rows is what the footer says.
func (f *File) Rows() int64 { return f.meta.NumRows }

// Columns are the leaves of the schema, in order.
func (f *File) Columns() []*parquet.Column { return f.parsed.Root().Columns() }

// Lookup finds an entry of the file's own metadata.
func (f *File) Lookup(key string) (string, bool) { return f.parsed.Lookup(key) }

// caught makes an error of a panic.
func caught(doing string, err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("%s: the decoder gave up: %v", doing, cause)
	}
}

package pages

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// headBytes is more than any header of ours has, also with statistics.
const headBytes = 16 << 10

// packed is a chunk of the file, given to parquet-go page by page: screened, and unpacked already. It is an io.ReaderAt
// for one reader that begins at its beginning and only goes on.
type packed struct {
	file   *File
	from   Source
	unpack unpacker
	at     int64 // in the file
	pages  int
	err    error // what ended the reading before its time

	// Of the chunk at hand.
	column     *parquet.Column
	codec      format.CompressionCodec
	end        int64
	promised   counted // nulls only of pages that say so
	saysNulls  bool
	left       int64 // rows
	dictionary bool
	ready      []byte // of the page at hand, yet to be read
	given      int64
	common     []int32 // bytes that each text of the page at hand begins with of the one before
	deltas     delta.BinaryPackedEncoding
}

// begin moves to a chunk.
func (p *packed) begin(group, column int) error {
	meta := &p.file.meta.RowGroups[group].Columns[column].MetaData
	place := p.file.places[group][column]
	if place.offset < p.at || place.size < 0 || place.size > p.file.end-place.offset {
		return fmt.Errorf("%d bytes at %d are not between the column before and the footer", place.size, place.offset)
	}
	p.column, p.codec = p.file.Columns()[column], place.codec
	p.at, p.end = place.offset, place.offset+place.size
	p.promised, p.left, p.saysNulls = counted{rows: meta.NumValues}, meta.NumValues, true
	p.dictionary, p.ready, p.given, p.err = false, nil, base, nil
	return nil
}

// ended compares what was decoded with what was promised.
func (p *packed) ended(have counted) error {
	if have.rows != p.promised.rows || p.left != 0 || p.saysNulls && have.nulls != p.promised.nulls {
		return fmt.Errorf("%d values were decoded and %d nulls, the headers say %d and %d", have.rows, have.nulls, p.promised.rows, p.promised.nulls)
	}
	return nil
}

// ReadAt implements io.ReaderAt.
func (p *packed) ReadAt(to []byte, offset int64) (n int, err error) {
	if offset != p.given {
		p.err = errors.Join(p.err, fmt.Errorf("the decoder reads at %d instead of %d", offset, p.given))
	}
	for n < len(to) && p.err == nil {
		if len(p.ready) == 0 {
			if p.at == p.end {
				return n, io.EOF
			}
			if p.err = p.next(); p.err != nil {
				break
			}
		}
		copied := copy(to[n:], p.ready)
		p.ready, p.given, n = p.ready[copied:], p.given+int64(copied), n+copied
	}
	return n, p.err
}

// next makes the page that comes ready.
func (p *packed) next() error {
	if p.pages++; p.pages > p.file.limits.Pages {
		return fmt.Errorf("the file has more than %d pages", p.file.limits.Pages)
	}
	begin := p.at
	header, body, err := p.read()
	if err == nil {
		err = p.unpackPage(header, body)
	}
	if err != nil {
		return fmt.Errorf("page at %d: %w", begin, err)
	}
	return nil
}

// read returns header and body of the page that is next, and moves behind them.
func (p *packed) read() (*format.PageHeader, []byte, error) {
	head, err := p.from.Bytes(p.at, min(headBytes, p.end-p.at))
	if err != nil {
		return nil, nil, err
	}
	w := walker{data: head, mostItems: headBytes}
	if err := w.structure(0); err != nil {
		return nil, nil, fmt.Errorf("reading its header: %w", err)
	}
	header := new(format.PageHeader)
	if err := thrift.Unmarshal(&thrift.CompactProtocol{}, head[:w.at], header); err != nil {
		return nil, nil, fmt.Errorf("reading its header: %w", err)
	}
	p.at += int64(w.at)
	if err := p.sized(header); err != nil {
		return nil, nil, err
	}
	body, err := p.from.Bytes(p.at, int64(header.CompressedPageSize))
	if err != nil {
		return nil, nil, err
	}
	if header.CRC != 0 && crc32.ChecksumIEEE(body) != uint32(header.CRC) {
		return nil, nil, errors.New("its checksum is not that of its bytes")
	}
	p.at += int64(header.CompressedPageSize)
	return header, body, nil
}

// sized holds what a header claims against the limits and what is left.
func (p *packed) sized(header *format.PageHeader) error {
	most, size, unpacked := int64(p.file.limits.PageBytes), int64(header.CompressedPageSize), int64(header.UncompressedPageSize)
	if size < 0 || size > min(most, p.end-p.at) || unpacked < 0 || unpacked > most {
		return fmt.Errorf("it claims %d bytes, and %d unpacked", size, unpacked)
	}
	values, nulls, err := p.valuesOf(header)
	if err != nil {
		return err
	}
	if header.Type == format.DictionaryPage {
		return nil
	}
	if values < 1 || values > p.left || nulls < 0 || nulls > values {
		return fmt.Errorf("it claims %d values and %d nulls, where %d are missing", values, nulls, p.left)
	}
	p.left, p.promised.nulls = p.left-values, p.promised.nulls+nulls
	return nil
}

// valuesOf is what a header says, whichever it is.
func (p *packed) valuesOf(header *format.PageHeader) (values, nulls int64, err error) {
	switch {
	case header.Type == format.DictionaryPage && header.DictionaryPageHeader.Valid && !p.dictionary:
		p.dictionary, values = true, int64(header.DictionaryPageHeader.V.NumValues)
	case header.Type == format.DataPage && header.DataPageHeader.Valid:
		p.saysNulls, values = false, int64(header.DataPageHeader.V.NumValues)
	case header.Type == format.DataPageV2 && header.DataPageHeaderV2.Valid:
		values, nulls = int64(header.DataPageHeaderV2.V.NumValues), int64(header.DataPageHeaderV2.V.NumNulls)
	default:
		return 0, 0, fmt.Errorf("a page of type %s is none of ours, or a second dictionary", header.Type)
	}
	if values < 0 || values > int64(p.file.limits.PageValues) {
		return 0, 0, fmt.Errorf("it claims %d values", values)
	}
	return values, nulls, nil
}

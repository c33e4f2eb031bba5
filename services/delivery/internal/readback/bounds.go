package readback

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Bounds of what a file may ask memory for. Delivery writes pages of about 1 MiB, more only for a single value.
const (
	maxFooterBytes = 64 << 20
	maxPageBytes   = 128 << 20
	maxHeaderBytes = 1 << 20
	tailBytes      = 8 // the footer's length and the magic
)

// bounded refuses a file whose footer or whose page headers announce more than the bounds, or pages outside the file: a library
// takes memory for what is announced, before it sees that it is not there.
func bounded(file io.ReaderAt, size int64) error {
	footer, err := footerOf(file, size)
	if err != nil {
		return err
	}
	for i, group := range footer.RowGroups {
		for j, chunk := range group.Columns {
			if err := boundedChunk(file, size, chunk.MetaData); err != nil {
				return fmt.Errorf("row group %d, column %d: %w", i, j, err)
			}
		}
	}
	return nil
}

func footerOf(file io.ReaderAt, size int64) (*format.FileMetaData, error) {
	var tail [tailBytes]byte
	if _, err := file.ReadAt(tail[:], max(0, size-tailBytes)); err != nil || string(tail[4:]) != "PAR1" {
		return nil, errors.New("it does not end as Parquet does")
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	if length > min(maxFooterBytes, size-tailBytes) {
		return nil, fmt.Errorf("a footer of %d bytes is announced", length)
	}
	data := make([]byte, length)
	if _, err := file.ReadAt(data, size-tailBytes-length); err != nil {
		return nil, err
	}
	footer := &format.FileMetaData{}
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), data, footer); err != nil {
		return nil, fmt.Errorf("decoding the footer: %w", err)
	}
	return footer, nil
}

// boundedChunk walks the headers of a column chunk's pages.
func boundedChunk(file io.ReaderAt, size int64, chunk format.ColumnMetaData) error {
	at := chunk.DataPageOffset
	if chunk.DictionaryPageOffset > 0 {
		at = min(at, chunk.DictionaryPageOffset)
	}
	if at < 0 || chunk.TotalCompressedSize < 0 || at > size || chunk.TotalCompressedSize > size-at {
		return errors.New("it lies outside the file")
	}
	for end := at + chunk.TotalCompressedSize; at < end; {
		header, length, err := headerAt(file, at, end)
		if err != nil {
			return err
		}
		body := int64(header.CompressedPageSize)
		if body < 0 || header.UncompressedPageSize < 0 || header.UncompressedPageSize > maxPageBytes || body > end-at-length {
			return fmt.Errorf("a page of %d bytes, unpacked %d, is announced", body, header.UncompressedPageSize)
		}
		at += length + body
	}
	return nil
}

func headerAt(file io.ReaderAt, at, end int64) (header format.PageHeader, length int64, err error) {
	for window := int64(1 << 10); ; window *= 8 {
		data := make([]byte, min(window, end-at))
		if _, err := file.ReadAt(data, at); err != nil {
			return header, 0, err
		}
		rest := bytes.NewReader(data)
		header = format.PageHeader{}
		err = thrift.NewDecoder(new(thrift.CompactProtocol).NewReader(rest)).Decode(&header)
		if err == nil {
			return header, int64(len(data) - rest.Len()), nil
		}
		if window > min(maxHeaderBytes, end-at) {
			return header, 0, fmt.Errorf("decoding a page header: %w", err)
		}
	}
}

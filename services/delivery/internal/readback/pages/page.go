package pages

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// unpackPage makes a page ready: its header as if it had not been packed, and what it unpacks to.
func (p *packed) unpackPage(header *format.PageHeader, body []byte) error {
	plain := *header
	plain.CompressedPageSize, plain.CRC = header.UncompressedPageSize, 0
	if header.DataPageHeaderV2.Valid {
		plain.DataPageHeaderV2.V.IsCompressed = thrift.New(false)
	}
	spelled, err := thrift.Marshal(&thrift.CompactProtocol{}, &plain)
	if err != nil {
		return fmt.Errorf("spelling its header: %w", err)
	}
	p.unpack.begin(spelled)
	if err := p.screened(header, body); err != nil {
		return err
	}
	p.ready = p.unpack.room
	return nil
}

// screened unpacks a page and goes through what its encodings claim.
func (p *packed) screened(header *format.PageHeader, body []byte) error {
	switch header.Type {
	case format.DictionaryPage:
		if e := header.DictionaryPageHeader.V.Encoding; e != format.Plain && e != plainDictionary {
			return fmt.Errorf("its encoding %s is none of ours", e)
		}
		_, err := p.unpack.unpack(p.codec, body, int(header.UncompressedPageSize))
		return err
	case format.DataPage:
		return p.screenV1(header, body)
	default:
		return p.screenV2(header, body)
	}
}

// screenV1 is for pages whose levels and values are packed together.
func (p *packed) screenV1(header *format.PageHeader, body []byte) error {
	data, err := p.unpack.unpack(p.codec, body, int(header.UncompressedPageSize))
	if err != nil {
		return err
	}
	v1, values := &header.DataPageHeader.V, data
	if p.column.Optional() {
		var levels []byte
		if levels, values, err = prefixed(data); err == nil {
			err = screenRuns(levels, 1, int(v1.NumValues))
		}
		if err == nil && v1.DefinitionLevelEncoding != format.RLE {
			err = fmt.Errorf("encoding %s is none of ours", v1.DefinitionLevelEncoding)
		}
		if err != nil {
			return fmt.Errorf("its levels: %w", err)
		}
	}
	return p.screen(v1.Encoding, values, int(v1.NumValues))
}

// screenV2 is for pages whose levels are never packed.
func (p *packed) screenV2(header *format.PageHeader, body []byte) error {
	v2, size := &header.DataPageHeaderV2.V, int(header.UncompressedPageSize)
	levels := int(v2.DefinitionLevelsByteLength)
	if v2.RepetitionLevelsByteLength != 0 || levels < 0 || levels > min(len(body), size) || p.column.Optional() != (levels > 0) {
		return errors.New("it has levels and must not, or the other way round, or more than there are bytes")
	}
	if err := screenRuns(body[:levels], 1, int(v2.NumValues)); err != nil {
		return fmt.Errorf("its levels: %w", err)
	}
	codec := p.codec
	if v2.IsCompressed.Valid && !v2.IsCompressed.V {
		codec = format.Uncompressed
	}
	p.unpack.add(body[:levels])
	data, err := p.unpack.unpack(codec, body[levels:], size-levels)
	if err != nil {
		return err
	}
	return p.screen(v2.Encoding, data, int(v2.NumValues-v2.NumNulls))
}

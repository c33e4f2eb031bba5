package pages

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// walker goes through a struct in Thrift's compact protocol without keeping anything of it. What it has passed claims no
// more than is there, which is what parquet-go's decoder takes for granted.
type walker struct {
	data []byte
	at   int
	// structs counts those in lists near the top, which are large in memory; items counts everything else in lists.
	structs, mostStructs int
	items, mostItems     int
}

// Types of the compact protocol.
const (
	stop       = 0
	boolTrue   = 1
	boolFalse  = 2
	i8         = 3
	i16        = 4
	i32        = 5
	i64        = 6
	double     = 7
	binaryText = 8
	list       = 9
	set        = 10
	structure  = 12
)

const (
	// maxDepth is above the deepest nesting of parquet.thrift.
	maxDepth = 16
	// topDepth is how deep schema, row groups, columns and metadata lie.
	topDepth = 2
)

var errCut = errors.New("it is cut")

// structure passes one struct.
func (w *walker) structure(depth int) error {
	if depth > maxDepth {
		return errors.New("it is nested too deeply")
	}
	for {
		head, err := w.byte()
		if err != nil {
			return err
		}
		kind := head & 0x0f
		if kind == stop {
			return nil
		}
		if head>>4 == 0 { // the field's number is spelled out
			if err := w.varint(); err != nil {
				return err
			}
		}
		if kind == boolTrue || kind == boolFalse {
			continue // the type is the value
		}
		if err := w.value(kind, depth); err != nil {
			return err
		}
	}
}

func (w *walker) value(kind byte, depth int) error {
	switch kind {
	case boolTrue, boolFalse, i8:
		return w.skip(1)
	case i16, i32, i64:
		return w.varint()
	case double:
		return w.skip(8)
	case binaryText:
		length, err := w.uvarint()
		if err != nil {
			return err
		}
		return w.skip(length)
	case list, set:
		return w.list(depth)
	case structure:
		return w.structure(depth + 1)
	default:
		return fmt.Errorf("it has a field of type %d", kind)
	}
}

func (w *walker) list(depth int) error {
	head, err := w.byte()
	if err != nil {
		return err
	}
	count, kind := uint64(head>>4), head&0x0f
	if count == 0x0f {
		if count, err = w.uvarint(); err != nil {
			return err
		}
	}
	if err := w.count(count, kind == structure && depth <= topDepth); err != nil {
		return err
	}
	for range count {
		if err := w.value(kind, depth); err != nil {
			return err
		}
	}
	return nil
}

// count refuses a list of more items than there are bytes left, or than are let in.
func (w *walker) count(items uint64, top bool) error {
	if items > uint64(len(w.data)-w.at) {
		return errCut
	}
	total, most := &w.items, w.mostItems
	if top {
		total, most = &w.structs, w.mostStructs
	}
	if *total += int(items); *total > most {
		return fmt.Errorf("it lists more than %d things", most)
	}
	return nil
}

func (w *walker) byte() (byte, error) {
	if w.at >= len(w.data) {
		return 0, errCut
	}
	w.at++
	return w.data[w.at-1], nil
}

func (w *walker) skip(bytes uint64) error {
	if bytes > uint64(len(w.data)-w.at) {
		return errCut
	}
	w.at += int(bytes)
	return nil
}

func (w *walker) uvarint() (uint64, error) {
	v, n := binary.Uvarint(w.data[w.at:])
	if n <= 0 {
		return 0, errCut
	}
	w.at += n
	return v, nil
}

func (w *walker) varint() error {
	_, err := w.uvarint()
	return err
}

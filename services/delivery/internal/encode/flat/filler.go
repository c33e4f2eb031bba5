package flat

import "github.com/apache/arrow/go/v17/arrow"

// filler gathers the values of a column, as its type needs it. It belongs to one file and is used by one caller.
type filler interface {
	// fits returns up to which row of [from, until) the page takes values, at least one.
	fits(a arrow.Array, from, until int) int
	// take adds the values of rows [from, until), which are the valid ones.
	take(a arrow.Array, rows stretch)
	// judge decides from the values of the page how those of this row group are packed.
	judge()
	// full reports whether the page has to be cut.
	full() bool
	// cut hands over what was taken since the last cut.
	cut() content
	// dictionary returns the plain values that the indexes of a row group's pages point to, and how many; none when nothing
	// points anywhere. The next row group begins after it.
	dictionary() (values []byte, count int)
}

// content is what a page holds beside its levels. It is finished by whoever is free.
type content interface {
	// encode appends the values.
	encode(dst []byte) []byte
	encoding() encoding
	bounds() bounds
	// free gives memory back; nothing of the content may be used after it.
	free()
}

// stretch is a range of rows and which of them have a value.
type stretch struct {
	from, until int
	valid       bitmap
	nulls       int
}

// each calls take with every range of rows that have values.
func (s stretch) each(take func(from, until int)) {
	if s.nulls == 0 {
		take(s.from, s.until)
		return
	}
	for from := s.from; ; {
		start, end := s.valid.next(from, s.until)
		if start == end {
			return
		}
		take(start, end)
		from = end
	}
}

// values is how many rows have one.
func (s stretch) values() int { return s.until - s.from - s.nulls }

// newFiller makes the one of a column.
func newFiller(l leaf, o Options) filler {
	switch l.kind {
	case typeBoolean:
		return &booleans{conservative: o.Profile == Conservative}
	case typeInt32:
		return newNumbers[int32](o)
	case typeInt64:
		return newNumbers[int64](o)
	case typeDouble:
		return &doubles{split: o.Profile == Newest}
	default:
		return newTexts(l, o)
	}
}

package convert

import (
	"encoding/json"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// textFormat is what the bytes of a value must be.
type textFormat int

const (
	anyBytes textFormat = iota
	validUTF8
	validJSON
)

// variable is an array of values of any length.
type variable interface {
	arrow.Array
	ValueOffsets() []int32
	ValueBytes() []byte
}

// texts gathers text or bytes.
type texts struct {
	validity
	kind   arrow.DataType
	format textFormat
	// expected is how many rows there will be, as far as one can tell.
	expected int
	on       *shelves
	offsets  []int32
	bytes    []byte
}

func newTexts(kind arrow.DataType, format textFormat, rows int, on *shelves) *texts {
	room := on.offsets.take(arrow.Int32SizeBytes * (rows + 1))
	offsets := arrow.GetData[int32](room[:cap(room)/arrow.Int32SizeBytes*arrow.Int32SizeBytes])
	return &texts{validity: newValidity(&on.bits, rows), kind: kind, format: format, expected: rows, on: on, offsets: append(offsets[:0], 0)}
}

func (t *texts) take(c *column, values arrow.Array) error {
	v, ok := values.(variable)
	if _, isText := values.(*array.String); !ok || isText == (t.format == anyBytes) {
		return c.unexpected(values)
	}
	block, offsets := v.ValueBytes(), v.ValueOffsets()
	if len(t.bytes)+len(block) > math.MaxInt32 {
		return c.refused("more than 2 GiB in one chunk")
	}
	if err := t.check(c, values, block, offsets); err != nil {
		return err
	}
	t.reserve(len(block), values.Len())
	if hidden(values, offsets) {
		t.each(values, block, offsets)
	} else {
		t.whole(block, offsets)
	}
	t.add(values)
	return nil
}

// reserve takes room for all expected rows at once, judging by those that are there.
func (t *texts) reserve(size, rows int) {
	need := len(t.bytes) + size
	if need <= cap(t.bytes) {
		return
	}
	// An eighth more, so that a chunk whose later values are a little longer is not moved again.
	perRow := float64(need) / float64(t.rows+rows) * 9 / 8
	guess := max(need, min(int(perRow*float64(t.expected)), math.MaxInt32))
	if len(t.bytes) == 0 {
		t.bytes = t.on.values.take(guess)
		return
	}
	t.bytes = slices.Grow(t.bytes, guess-len(t.bytes))
}

// whole adds all values as they lie.
func (t *texts) whole(block []byte, offsets []int32) {
	shift := int32(len(t.bytes)) - offsets[0] //nolint:gosec // below 2 GiB, see take
	t.bytes = append(t.bytes, block...)
	from := len(t.offsets)
	t.offsets = slices.Grow(t.offsets, len(offsets)-1)[:from+len(offsets)-1]
	into := t.offsets[from:]
	for i, end := range offsets[1:] {
		into[i] = end + shift
	}
}

// each adds one value after the other, and nothing for a null.
func (t *texts) each(values arrow.Array, block []byte, offsets []int32) {
	for i := range values.Len() {
		if values.IsValid(i) {
			t.bytes = append(t.bytes, block[offsets[i]-offsets[0]:offsets[i+1]-offsets[0]]...)
		}
		t.offsets = append(t.offsets, int32(len(t.bytes))) //nolint:gosec // below 2 GiB, see take
	}
}

// hidden reports whether there are bytes in the place of a null: they must not leave.
func hidden(values arrow.Array, offsets []int32) bool {
	for i := range nulls(values) {
		if offsets[i] != offsets[i+1] {
			return true
		}
	}
	return false
}

func (t *texts) blank(count int) {
	t.validity.blank(count)
	for range count {
		t.offsets = append(t.offsets, int32(len(t.bytes))) //nolint:gosec // below 2 GiB, see take
	}
}

func (t *texts) array() arrow.Array {
	room := arrow.GetBytes(t.offsets[:cap(t.offsets)])
	offsets := memory.NewBufferWithAllocator(room[:arrow.Int32SizeBytes*len(t.offsets)], &t.on.offsets)
	return t.data(t.kind, offsets, memory.NewBufferWithAllocator(t.bytes, &t.on.values))
}

// check refuses what a reader of the file would stumble over. The source passes bytes that are not
// UTF-8 through without a word, and its JSON has words that JSON has not.
func (t *texts) check(c *column, values arrow.Array, block []byte, offsets []int32) error {
	if !ordered(offsets) {
		return errDamaged
	}
	if t.format == anyBytes || t.format == validUTF8 && wholeRunes(block, offsets) {
		return nil
	}
	return c.complain(values, func(i int) string {
		value := block[offsets[i]-offsets[0] : offsets[i+1]-offsets[0]]
		switch {
		case !utf8.Valid(value):
			return "text that is not UTF-8"
		case t.format == validJSON && !json.Valid(value):
			return "text that is not JSON"
		}
		return ""
	})
}

// ordered reports offsets that never decrease; others are damage that would mix values up.
func ordered(offsets []int32) bool {
	last := offsets[0]
	for _, offset := range offsets {
		if offset < last {
			return false
		}
		last = offset
	}
	return true
}

// wholeRunes reports that all values together are UTF-8 and none begins inside a character, and so that
// each of them is UTF-8.
func wholeRunes(block []byte, offsets []int32) bool {
	if !utf8.Valid(block) {
		return false
	}
	for _, offset := range offsets {
		if at := int(offset - offsets[0]); at < len(block) && !utf8.RuneStart(block[at]) {
			return false
		}
	}
	return true
}

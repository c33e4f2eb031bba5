package flat

import "github.com/apache/arrow/go/v17/arrow"

// numberPage holds numbers as they are.
type numberPage[T integer] struct {
	values       []T
	conservative bool
	pages        *pool[numberPage[T]]
}

func (p *numberPage[T]) encoding() encoding {
	if p.conservative {
		return plain
	}
	return deltaPacked
}

func (p *numberPage[T]) encode(dst []byte) []byte {
	if p.conservative {
		return plainNumbers(dst, p.values)
	}
	return delta(dst, p.values)
}

func (p *numberPage[T]) bounds() bounds {
	if len(p.values) == 0 {
		return bounds{}
	}
	low, high := p.values[0], p.values[0]
	for _, v := range p.values {
		low, high = min(low, v), max(high, v)
	}
	return bounds{known: true, min: spell(low), max: spell(high)}
}

func (p *numberPage[T]) free() {
	p.values = p.values[:0]
	p.pages.put(p)
}

// plainNumbers appends numbers in little-endian order, as they lie in memory on the processors that this runs on.
func plainNumbers[T integer](dst []byte, values []T) []byte {
	switch v := any(values).(type) {
	case []int32:
		return append(dst, arrow.Int32Traits.CastToBytes(v)...)
	default:
		return append(dst, arrow.Int64Traits.CastToBytes(v.([]int64))...)
	}
}

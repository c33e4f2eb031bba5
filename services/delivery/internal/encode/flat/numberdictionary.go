package flat

import "math/bits"

// numberDictionary finds the index of a number.
type numberDictionary[T integer] struct {
	slots
	marks
	keys []T
}

func (d *numberDictionary[T]) begin() {
	d.slots.begin()
	d.marks.begin()
	d.keys = d.keys[:0]
}

// count says how many different numbers there are; the dictionary holds nothing after it.
func (d *numberDictionary[T]) count(values []T) int {
	d.begin()
	for _, v := range values {
		d.find(v)
	}
	count := len(d.keys)
	d.keys = d.keys[:0]
	return count
}

func (d *numberDictionary[T]) size() int { return len(d.keys) * 8 }

// index appends the index of every value.
func (d *numberDictionary[T]) index(indexes []uint32, values []T) []uint32 {
	for _, v := range values {
		i := d.find(v)
		if d.seen[i] != d.page {
			d.mark(i)
		}
		indexes = append(indexes, i)
	}
	return indexes
}

func hashNumber[T integer](v T) uint64 {
	high, low := bits.Mul64(uint64(v)^0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9)
	return high ^ low
}

func (d *numberDictionary[T]) find(v T) uint32 {
	mask := uint64(len(d.table) - 1)
	at := hashNumber(v) & mask
	for d.table[at] != 0 {
		if i := d.table[at] - 1; d.keys[i] == v {
			return i
		}
		at = (at + 1) & mask
	}
	return d.add(v, at)
}

func (d *numberDictionary[T]) add(v T, at uint64) uint32 {
	d.keys, d.seen = append(d.keys, v), append(d.seen, 0)
	d.table[at] = uint32(len(d.keys))
	if d.used++; d.crowded() {
		d.grow(len(d.keys), func(i int) uint64 { return hashNumber(d.keys[i]) })
	}
	return uint32(len(d.keys) - 1)
}

func (d *numberDictionary[T]) mark(i uint32) {
	d.seen[i] = d.page
	if !d.any {
		d.low, d.high, d.any = i, i, true
	}
	if d.keys[i] < d.keys[d.low] {
		d.low = i
	}
	if d.keys[i] > d.keys[d.high] {
		d.high = i
	}
}

// bounds are those of the page in the making, which ends.
func (d *numberDictionary[T]) bounds() bounds {
	defer d.next()
	if !d.any {
		return bounds{}
	}
	return bounds{known: true, min: spell(d.keys[d.low]), max: spell(d.keys[d.high])}
}

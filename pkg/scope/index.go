package scope

import "github.com/customer-exports/exports/pkg/textkey"

// index tells listed values from all others. It is a table of its own because each row of an export is looked up in it. The zero
// value lists nothing.
type index struct {
	values []string
	slots  []slot // as many as a power of two, at most half of them taken
}

// slot is a value by its key, and its place among the values from 1; 0 is free.
type slot struct {
	key textkey.Key
	at  int
}

func newIndex(values []string) index {
	size := 2
	for size < 2*len(values) {
		size *= 2
	}
	x := index{values: values, slots: make([]slot, size)}
	for i, value := range values {
		key := textkey.OfString(value)
		at := x.first(key)
		for x.slots[at].at != 0 {
			at = x.next(at)
		}
		x.slots[at] = slot{key: key, at: i + 1}
	}
	return x
}

// contains compares the whole value, byte for byte.
func (x *index) contains(value string) bool {
	if len(x.slots) == 0 {
		return false
	}
	key := textkey.OfString(value)
	for at := x.first(key); x.slots[at].at != 0; at = x.next(at) {
		if s := &x.slots[at]; s.key == key && (key.Whole() || x.values[s.at-1] == value) {
			return true
		}
	}
	return false
}

func (x *index) first(key textkey.Key) uint64 { return key.Hash() & uint64(len(x.slots)-1) }

func (x *index) next(at uint64) uint64 { return (at + 1) & uint64(len(x.slots)-1) }

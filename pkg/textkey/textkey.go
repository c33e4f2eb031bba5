// Package textkey makes keys of texts that are looked up by the million: what a table compares in the place of the texts. It
// owns the key and its hash, and holds no table. Start at Of.
package textkey

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
	"unsafe"
)

// Key stands for a text. Up to sixteen bytes it is the text itself, so that nothing else is read to compare one; beyond, it is
// the text's hash.
type Key struct {
	first, last uint64 // eight bytes each, which overlap in a text of less than sixteen
	length      int
}

// seed and salt are drawn for each process: nobody can send texts that all hash to the same.
var (
	seed = maphash.MakeSeed()
	salt = [2]uint64{rand.Uint64(), rand.Uint64()}
)

// Of is the key of a text.
func Of(v []byte) Key {
	switch n := len(v); {
	case n > 16:
		return Key{first: maphash.Bytes(seed, v), length: n}
	case n >= 8:
		return Key{first: binary.LittleEndian.Uint64(v), last: binary.LittleEndian.Uint64(v[n-8:]), length: n}
	case n >= 4:
		return Key{first: uint64(binary.LittleEndian.Uint32(v)), last: uint64(binary.LittleEndian.Uint32(v[n-4:])), length: n}
	case n > 0:
		return Key{first: uint64(v[0])<<8 | uint64(v[n/2]), last: uint64(v[n-1]), length: n}
	}
	return Key{}
}

// OfString is Of without a copy of the text.
func OfString(v string) Key { return Of(unsafe.Slice(unsafe.StringData(v), len(v))) }

// Whole says that equal keys are equal texts.
func (k Key) Whole() bool { return k.length <= 16 }

// Hash tells in which place of a table to look first.
func (k Key) Hash() uint64 {
	high, low := bits.Mul64(k.first^salt[0], k.last^salt[1]^uint64(k.length))
	return high ^ low
}

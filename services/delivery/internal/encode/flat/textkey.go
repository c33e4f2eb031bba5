package flat

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
)

// textKey stands for a text in the dictionary. Up to sixteen bytes it is the text itself, so that nothing else is read to
// compare one; beyond, it is the text's hash.
type textKey struct {
	first, last uint64 // eight bytes each, which overlap in a text of less than sixteen
	length      int
}

// noKey is that of no text.
var noKey = textKey{length: -1}

// seed and salt are drawn for each process: nobody can send texts that all hash to the same.
var (
	seed = maphash.MakeSeed()
	salt = [2]uint64{rand.Uint64(), rand.Uint64()}
)

func keyOf(v []byte) textKey {
	switch n := len(v); {
	case n > 16:
		return textKey{first: maphash.Bytes(seed, v), length: n}
	case n >= 8:
		return textKey{first: binary.LittleEndian.Uint64(v), last: binary.LittleEndian.Uint64(v[n-8:]), length: n}
	case n >= 4:
		return textKey{first: uint64(binary.LittleEndian.Uint32(v)), last: uint64(binary.LittleEndian.Uint32(v[n-4:])), length: n}
	case n > 0:
		return textKey{first: uint64(v[0])<<8 | uint64(v[n/2]), last: uint64(v[n-1]), length: n}
	}
	return textKey{}
}

// whole says that equal keys are equal texts.
func (k textKey) whole() bool { return k.length <= 16 }

func (k textKey) hash() uint64 {
	high, low := bits.Mul64(k.first^salt[0], k.last^salt[1]^uint64(k.length))
	return high ^ low
}

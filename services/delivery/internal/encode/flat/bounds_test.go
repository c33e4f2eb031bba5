package flat

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestShorten cuts bounds of texts that begin with whatever has no next character: what is between must stay between.
func TestShorten(t *testing.T) {
	letters := []rune{'a', 'z', 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, utf8.MaxRune}
	r := rand.New(rand.NewPCG(1, 1))
	uncut := 0
	for range 20_000 {
		texts := [][]byte{draw(r, letters), draw(r, letters)}
		low, high := texts[0], texts[1]
		if bytes.Compare(low, high) > 0 {
			low, high = high, low
		}
		for _, text := range []bool{true, false} {
			b := shorten(low, high, text)
			if !b.known {
				uncut++
				continue
			}
			if bytes.Compare(b.min, low) > 0 || bytes.Compare(b.max, high) < 0 || max(len(b.min), len(b.max)) > maxBound+utf8.UTFMax {
				t.Fatalf("[%q, %q] became [%q, %q]", low, high, b.min, b.max)
			}
			if text && !(utf8.Valid(b.min) && utf8.Valid(b.max)) {
				t.Fatalf("[%q, %q] became [%q, %q], which is no text", low, high, b.min, b.max)
			}
			if b.cutMin == bytes.Equal(b.min, low) || b.cutMax == bytes.Equal(b.max, high) {
				t.Fatalf("[%q, %q] became [%q, %q], cut %t and %t", low, high, b.min, b.max, b.cutMin, b.cutMax)
			}
		}
	}
	if uncut > 2000 {
		t.Errorf("%d of 40000 have no bounds", uncut)
	}
}

func draw(r *rand.Rand, letters []rune) []byte {
	if r.IntN(4) == 0 {
		return []byte(strings.Repeat(string(letters[r.IntN(len(letters))]), 1+r.IntN(80)))
	}
	var text strings.Builder
	for range 1 + r.IntN(40) {
		text.WriteRune(letters[r.IntN(len(letters))])
	}
	return []byte(text.String())
}

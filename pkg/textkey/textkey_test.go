package textkey_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/customer-exports/exports/pkg/textkey"
)

// TestEqualKeysAreEqualTexts draws short texts of few letters, so that many are equal, or nearly.
func TestEqualKeysAreEqualTexts(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	equal := 0
	for range 200_000 {
		v, w := make([]byte, r.IntN(19)), make([]byte, r.IntN(19))
		for i := range v {
			v[i] = "ab\x00"[r.IntN(3)]
		}
		copy(w, v)
		if len(w) > 0 && r.IntN(2) == 0 {
			w[r.IntN(len(w))] = 'a'
		}
		same := bytes.Equal(v, w)
		if same != (textkey.Of(v) == textkey.OfString(string(w))) && (same || textkey.Of(v).Whole()) {
			t.Fatalf("%q and %q: equal keys %t, equal texts %t", v, w, !same, same)
		}
		if same {
			equal++
		}
	}
	if equal == 0 {
		t.Error("no two texts were equal")
	}
}

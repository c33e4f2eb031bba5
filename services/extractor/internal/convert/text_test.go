package convert

import (
	"testing"
	"unicode/utf8"
)

// FuzzWholeRunes holds the check of all values at once against that of each.
func FuzzWholeRunes(f *testing.F) {
	for _, seed := range []struct{ a, b, c string }{
		{"", "", ""}, {"a", "ö", "🍕"}, {"\xc3", "\xb6", ""}, {"\xf0\x9f", "", "\x8d\x95"}, {"\xff", "", "a"}, {"", "a", "\xc3"}, {"\x80", "", ""},
	} {
		f.Add(seed.a, seed.b, seed.c)
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		offsets, want := []int32{7}, true
		for _, text := range []string{a, b, c} {
			offsets = append(offsets, offsets[len(offsets)-1]+int32(len(text))) //nolint:gosec // texts of a test
			want = want && utf8.ValidString(text)
		}
		if got := wholeRunes([]byte(a+b+c), offsets); got != want {
			t.Errorf("wholeRunes(%q, %q, %q) = %t, want %t", a, b, c, got, want)
		}
	})
}

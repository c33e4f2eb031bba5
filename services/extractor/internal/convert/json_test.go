package convert

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

var jsonTexts = []string{
	`{}`, `[]`, `null`, `true`, `false`, `0`, `-0`, `1.50`, `-1e-9`, `1E+400`, `""`, `"a"`, ` [ 1 , 2 ] `, "\t{\"a\"\n:\r1}",
	`{"a":{"b":[null,{"c":"\"\\\/\b\f\n\r\t\u00e9\uD83C\uDF55"}]},"":0}`, `12345678901234567890.123456789`, `"🍕 größe"`, `[[[[1]]]]`,
	strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), strings.Repeat(`{"a":`, 9_999) + "[]" + strings.Repeat("}", 9_999),
	"", " ", `{`, `}`, `[`, `]`, `[1,]`, `[,1]`, `[1 2]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{"a" 1}`, `{,}`, `{1:2}`, `[1}`, `{"a":1]`,
	`undefined`, `[undefined]`, `NaN`, `[Infinity]`, `-Infinity`, `nul`, `nulll`, `tru`, `True`, `falsee`, `t`, `n`,
	`01`, `-`, `-01`, `1.`, `.5`, `1.e5`, `1e`, `1e+`, `+1`, `0x10`, `1_000`, `--1`, `1-`,
	`"`, `"a`, `'a'`, `"\x"`, `"\u12"`, `"\u12G4"`, `"\`, "\"\n\"", "\"\nn\"", "\"\x1f\\\"", "\"\x00\"", "\x00", "null\x00", `"a"b`, `{} {}`, `[1]]`, `1 2`, `/**/1`, "\ufeff1",
	strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001), strings.Repeat("[", 10_001), strings.Repeat("[", 100_000),
}

func TestJSON(t *testing.T) {
	for _, text := range jsonTexts {
		if got, want := isJSON([]byte(text)), json.Valid([]byte(text)); got != want {
			t.Errorf("isJSON(%.60q) = %t, want %t", text, got, want)
		}
	}
}

// FuzzJSON holds our reading of JSON against the standard library's.
func FuzzJSON(f *testing.F) {
	for _, text := range jsonTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := isJSON([]byte(text)), json.Valid([]byte(text)); got != want {
			t.Errorf("isJSON(%q) = %t, want %t", text, got, want)
		}
	})
}

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

func BenchmarkJSON(b *testing.B) {
	text := []byte(`{"channel":"web","items":[12345,2,3],"note":"a longer text, as people write it","nested":{"a":null,"b":1.5e3}}`)
	for name, valid := range map[string]func([]byte) bool{"ours": isJSON, "standard": json.Valid} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if !valid(text) {
					b.Fatal("not valid")
				}
			}
		})
	}
}

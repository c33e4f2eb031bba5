package convert_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// This file lists the values that every cell of the matrix is tried with: some that land, and some that must
// not although they can be spelled on the wire.

func power(digits int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
}

// numbers are the edges of every width and of some counts of digits, and some in between.
func numbers(precision int) []*big.Int {
	list := []*big.Int{new(big.Int)}
	add := func(n *big.Int) {
		for d := int64(-1); d <= 1; d++ {
			near := new(big.Int).Add(n, big.NewInt(d))
			list = append(list, near, new(big.Int).Neg(near))
		}
	}
	for _, digits := range []int{0, precision - 1, precision, min(precision+1, 38), 38} {
		add(power(digits))
	}
	for _, bits := range []uint{7, 15, 31, 53, 63, 64, 127} {
		add(new(big.Int).Lsh(big.NewInt(1), bits))
	}
	random := rand.New(rand.NewPCG(1, uint64(precision)))
	for range 5 {
		n := new(big.Int).Lsh(new(big.Int).SetUint64(random.Uint64()), 63)
		n.Add(n, new(big.Int).SetUint64(random.Uint64())).Rsh(n, uint(random.IntN(127)))
		add(n)
	}
	return list
}

// fitsIn judges two's complement.
func fitsIn(n *big.Int, bits int) bool {
	if n.Sign() < 0 {
		n = new(big.Int).Not(n)
	}
	return n.BitLen() < bits
}

// numbersOf gives those of a width in bits that the type declares, or else those that it does not.
func numbersOf(bits int, declared bool) func(d dictionary.Type) []string {
	return func(d dictionary.Type) []string {
		var texts []string
		limit := power(d.Precision)
		for _, n := range numbers(d.Precision) {
			if fitsIn(n, bits) && (n.CmpAbs(limit) < 0) == declared {
				texts = append(texts, pointed(n, d.Scale))
			}
		}
		return texts
	}
}

// fractions of a second in nanoseconds: those that n digits can say.
func fractions(digits int) []int64 {
	unit := int64(math.Pow10(9 - digits))
	list := []int64{0, 123_456_789 / unit * unit, 1_000_000_000 - unit, unit % 1_000_000_000}
	if unit < 1000 {
		list = append(list, 1000, 999_999_000)
	}
	return list
}

const day = 24 * 60 * 60

// clocks are times of day, those that land in microseconds or else those that do not.
func clocks(fits func(d dictionary.Type, text string) bool, land bool) func(d dictionary.Type) []string {
	return func(d dictionary.Type) []string {
		var texts []string
		for _, second := range []int64{0, 1, 59, 60, 3_600, 43_200, day - 1} {
			for _, nanos := range fractions(d.Scale) {
				text := time.Unix(second, nanos).UTC().Format(clockForm)
				if (nanos%1000 == 0) == land && fits(d, text) {
					texts = append(texts, text)
				}
			}
		}
		for _, text := range []string{"@-1", "@86400", "@100000"} {
			if !land && fits(d, text) {
				texts = append(texts, text)
			}
		}
		return texts
	}
}

// instants are awkward ones at the edges of what is legal, of int64 nanoseconds, and of 1970.
var instants = []time.Time{
	time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1582, 10, 14, 12, 0, 0, 0, time.UTC), time.Date(1677, 9, 21, 0, 12, 44, 0, time.UTC),
	time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC), time.Unix(-1, 0), time.Unix(-2, 0), time.Unix(0, 0), time.Unix(1, 0),
	time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC), time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC),
	time.Date(2262, 4, 11, 23, 47, 15, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
}

// outside are the seconds of instants that are not in the years 0001 to 9999, as far as those of which the
// microseconds wrap.
var outside = []string{
	"@253402300800", "@-62135596801", "@9223372036854", "@9223372036855", "@-9223372036855", "@9223372036854775807", "@-9223372036854775808",
}

func moments(fits func(d dictionary.Type, text string) bool, land bool) func(d dictionary.Type) []string {
	return func(d dictionary.Type) []string {
		var texts []string
		for _, at := range instants {
			for _, nanos := range fractions(d.Scale) {
				text := at.UTC().Add(time.Duration(nanos)).Format(instantForm)
				if (nanos%1000 == 0) == land && fits(d, text) {
					texts = append(texts, text)
				}
			}
		}
		for _, text := range outside {
			if !land && fits(d, text) {
				texts = append(texts, text)
			}
		}
		return texts
	}
}

// anyFits is for forms that hold every value of the list.
func anyFits(dictionary.Type, string) bool { return true }

// ticksFit reports whether the value has ticks of the type's scale within some bits.
func ticksFit(bits int) func(d dictionary.Type, text string) bool {
	return func(d dictionary.Type, text string) bool {
		seconds, nanos := new(big.Int), int64(0)
		switch {
		case strings.HasPrefix(text, "@"):
			seconds.SetString(text[1:], 10)
		case len(text) == len(clockForm):
			text = "1970-01-01T" + text + "Z"
			fallthrough
		default:
			at, err := time.Parse(instantForm, text)
			if err != nil {
				panic(err)
			}
			seconds.SetInt64(at.Unix())
			nanos = int64(at.Nanosecond())
		}
		seconds.Mul(seconds, power(d.Scale)).Add(seconds, new(big.Int).Quo(big.NewInt(nanos), power(9-d.Scale)))
		return fitsIn(seconds, bits)
	}
}

func just(texts ...string) func(dictionary.Type) []string {
	return func(dictionary.Type) []string { return texts }
}

// dates in the years that can be spelled, and beyond.
var (
	dates     = just("0001-01-01", "1582-10-14", "1582-10-15", "1900-02-28", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-31")
	farDates  = just("@253402300800", "@-62135683200", "@185542587100800", "@-185542587187200")
	doubles   = just("0", "-0", "1.5", "-0.25", "0.1", "NaN", "+Inf", "-Inf", "1.7976931348623157e+308", "5e-324", "-2.2250738585072014e-308", "9.007199254740992e+15")
	booleans  = just("true", "false", "true", "true")
	texts     = just("", "a", "größe", "🍕👩‍👩‍👧‍👦", "\x00", "\ufffd", "\ufeff", "\U0010ffff", " spaces ", "line\r\nline", `"quoted", 'too'`, strings.Repeat("é", 50_000))
	notTexts  = just("\xff", "a\xc3", "\x80a", "\xc3(", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "\xe2\x82")
	binaries  = just("", "\x00", "\xff\xfe\x00\n", "a\xc3", strings.Repeat("\x80", 70_000))
	documents = just(`{}`, `[]`, `null`, `true`, `"größe"`, `-1.50e+300`, ` {"a": [1, null, {"b": "\u00e9"}]} `, `12345678901234567890.123456789`,
		strings.Repeat("[", 100)+strings.Repeat("]", 100))
	notDocuments = just("", "undefined", "[1,undefined]", "NaN", "{'a':1}", "{\"a\":\"\xff\"}", "[1", "01")
	places       = just(`{"coordinates":[-122.35,37.55],"type":"Point"}`, `{"coordinates":[[[0,0],[1,0],[1,1],[0,0]]],"type":"Polygon"}`)
	notPlaces    = just("POINT(-122.35 37.55)", "0101000000", "")
	vectors      = just(`[]`, `[1.5,-2,3.25e-7]`, "["+strings.Repeat("0.1,", 4095)+"1]")
	notVectors   = just("[1,NaN]", "[1,", "1,2", "")
	nothing      = just()
)

// scales are a kind with every count of digits of a second.
func scales(kind dictionary.Kind) []string {
	var list []string
	for digits := range 10 {
		list = append(list, fmt.Sprintf("%s(%d)", kind, digits))
	}
	return list
}

// integerTypes are the NUMBERs that land as integers, decimalTypes all others.
// numberTypes are those of so many digits, with the point in every place.
func numberTypes(least, most int) []string {
	var list []string
	for digits := least; digits <= most; digits++ {
		for scale := range digits + 1 {
			list = append(list, fmt.Sprintf("NUMBER(%d,%d)", digits, scale))
		}
	}
	return list
}

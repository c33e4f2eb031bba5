package audit

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// spelledAs reports whether a value of a text file looks as its type must.
func spelledAs(t dictionary.Type, value []byte) bool {
	switch t.Kind {
	case dictionary.KindNumber:
		return spelledNumber(t, value)
	case dictionary.KindFloat:
		return spelledDouble(value)
	case dictionary.KindBoolean:
		return string(value) == "true" || string(value) == "false"
	case dictionary.KindDate:
		return like(value, "0000-00-00")
	case dictionary.KindTime:
		return like(value, "00:00:00.000000")
	case dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		return like(value, "0000-00-00T00:00:00.000000Z")
	case dictionary.KindBinary:
		_, err := base64.StdEncoding.Strict().AppendDecode(nil, value)
		return err == nil && !bytes.ContainsAny(value, "\r\n") // which it would skip
	default:
		return utf8.Valid(value)
	}
}

// spelledNumber wants all digits of the scale, and before the point no more than are left.
func spelledNumber(t dictionary.Type, value []byte) bool {
	value = bytes.TrimPrefix(value, []byte("-"))
	whole, fraction, point := bytes.Cut(value, []byte("."))
	return digits(whole) && len(whole) > 0 && len(whole) <= max(1, t.Precision-t.Scale) &&
		digits(fraction) && len(fraction) == t.Scale && point == (t.Scale > 0)
}

func digits(value []byte) bool { return len(bytes.Trim(value, "0123456789")) == 0 }

// spelledDouble takes no word but three, unlike the standard library.
func spelledDouble(value []byte) bool {
	switch text := string(value); text {
	case "NaN", "Infinity", "-Infinity":
		return true
	default:
		_, err := strconv.ParseFloat(text, 64)
		return err == nil && len(bytes.Trim(value, "+-.0123456789e")) == 0
	}
}

// like compares with a pattern, in which 0 stands for any digit.
func like(value []byte, pattern string) bool {
	if len(value) != len(pattern) {
		return false
	}
	for i, b := range value {
		digit := pattern[i] == '0' && b >= '0' && b <= '9'
		if !digit && (pattern[i] == '0' || b != pattern[i]) {
			return false
		}
	}
	return true
}

package data

import (
	"fmt"
	"slices"
	"strings"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// freeText lists the columns that people write into; other strings are identifiers or enumerations.
var freeText = []string{"name", "city", "notes", "display_name", "item_name", "review_text", "mention_text", "subject_text", "message_text"}

// instants are the awkward instants; DATE columns get their dates, so that a row stays coherent.
var instants = []string{
	"1969-12-31 23:59:59.999999", "1970-01-01 00:00:00.000000", "1969-12-31 23:59:59.000001",
	"0001-01-01 00:00:00.000000", "9999-12-31 23:59:59.999999", "1582-10-14 12:00:00.000001",
	"2024-02-29 23:59:59.999999", "1900-01-01 00:00:00.000000",
}

// deep is how many levels the nested semi-structured value has.
const deep = 30

// awkwardValues gives at most eleven SQL literals of the column's type; the null case precedes them.
func awkwardValues(c dictionary.Column) []string {
	switch c.Type.Kind {
	case dictionary.KindNumber:
		return awkwardNumbers(c.Type)
	case dictionary.KindFloat:
		return []string{
			"1.7976931348623157e308", "-1.7976931348623157e308", "5e-324::DOUBLE", "'-0.0'::DOUBLE",
			"'NaN'::DOUBLE", "'Infinity'::DOUBLE", "'-Infinity'::DOUBLE",
		}
	case dictionary.KindString:
		if slices.Contains(freeText, c.Name) {
			return awkwardTexts()
		}
		return nil
	case dictionary.KindDate:
		return eachInstant("DATE", len("2006-01-02"))
	case dictionary.KindTimestampNTZ, dictionary.KindTimestampLTZ, dictionary.KindTimestampTZ:
		return eachInstant("TIMESTAMP", len(instantForm))
	case dictionary.KindVariant, dictionary.KindObject:
		return awkwardObjects()
	case dictionary.KindArray:
		return []string{"'[]'", quote(strings.Repeat("[", deep) + "1" + strings.Repeat("]", deep)), `'[null,"",1.50,{"a":[]}]'`}
	case dictionary.KindBinary:
		return []string{"''::BLOB", `'\x00'::BLOB`, `'\xFF\xFE\x00\x0A'::BLOB`, "repeat('z', 70000)::BLOB"}
	default:
		return nil
	}
}

// awkwardNumbers are the largest and smallest values, zero, and one unit on either side of it.
func awkwardNumbers(t dictionary.Type) []string {
	digits := strings.Repeat("9", t.Precision)
	largest := digits[:t.Precision-t.Scale] + "." + digits[:t.Scale]
	one := strings.Repeat("0", t.Scale)
	if t.Scale == 0 {
		largest, one = digits, "1"
	} else {
		one = "0." + one[1:] + "1"
	}
	var literals []string
	for _, text := range []string{largest, "-" + largest, "0", one, "-" + one} {
		literals = append(literals, fmt.Sprintf("'%s'::%s", text, physicalType(t)))
	}
	return literals
}

func awkwardTexts() []string {
	return []string{
		"''", quote("🍕👩‍👩‍👧‍👦🏳️‍🌈"), quote("e\u0301 n\u0303 ﷽ \u202eright to left"), quote("line one\nline two\r\n\ttab"),
		quote(`'single' "double" \backslash, comma; semicolon`), "repeat('0123456789', 20000)", quote("  spaces around  "),
		quote("NULL"), quote("\u0001\u007f\ufeff"), quote("=1+1"),
	}
}

func awkwardObjects() []string {
	nested := strings.Repeat(`{"level":`, deep) + `"deep"` + strings.Repeat("}", deep)
	return []string{
		"'{}'", quote(nested), quote(`{"number":12345678901234567890.123456789,"text":"🍕 \"quoted\" \\ \n"}`),
		quote(`{"":null,"list":[null,[],{}],"flag":true}`),
	}
}

func eachInstant(kind string, length int) []string {
	literals := make([]string, 0, len(instants))
	for _, text := range instants {
		literals = append(literals, kind+" '"+text[:length]+"'")
	}
	return literals
}

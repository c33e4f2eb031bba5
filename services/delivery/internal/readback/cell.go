package readback

import (
	"bytes"
	"fmt"
	"math/big"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
)

// cells counts a column of text.
type cells struct {
	Column
	untold bool
	nulls  int64
	sum    sum
	digits []byte
}

func cellsOf(f File) []*cells {
	all := make([]*cells, len(f.Columns))
	for i, c := range f.Columns {
		all[i] = &cells{Column: c, untold: f.Format.FileFormat == drop.JSONLines && c.Type.Kind.Semistructured()}
	}
	return all
}

// value takes what is no null, as it is spelled without quotes.
func (c *cells) value(text []byte) error {
	if c.Type.Kind != dictionary.KindNumber {
		return nil
	}
	if c.digits = unscaled(c.digits[:0], text, c.Type.Scale); c.digits == nil {
		return fmt.Errorf("column %s has a value that is no %s", c.Name, c.Type)
	}
	if len(c.digits) > maxInt64Digits {
		wide, _ := new(big.Int).SetString(string(c.digits), 10)
		c.sum.wide.Add(&c.sum.wide, wide)
		return nil
	}
	v, digits := int64(0), bytes.TrimPrefix(c.digits, []byte("-"))
	for _, digit := range digits {
		v = 10*v + int64(digit-'0')
	}
	if len(digits) < len(c.digits) {
		v = -v
	}
	c.sum.short(v)
	return nil
}

// unscaled appends the sign and the digits of a number that has exactly so many behind its point, and returns nil for any
// other text.
func unscaled(to, text []byte, scale int) []byte {
	digits, negative := bytes.CutPrefix(text, []byte("-"))
	if negative {
		to = append(to, '-')
	}
	whole, behind, pointed := bytes.Cut(digits, []byte("."))
	if len(whole) == 0 || len(behind) != scale || pointed != (scale > 0) {
		return nil
	}
	to = append(append(to, whole...), behind...)
	for _, digit := range to[len(to)-len(whole)-len(behind):] {
		if digit < '0' || digit > '9' {
			return nil
		}
	}
	return to
}

func (c *cells) count() Count {
	n := Count{Nulls: c.nulls}
	if c.untold {
		n.Nulls = Untold
	}
	if c.Type.Kind == dictionary.KindNumber {
		n.Sum = c.sum.spell(c.Type.Scale)
	}
	return n
}

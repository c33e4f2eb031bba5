package commit

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
)

// addUp keeps what was counted of all files of a table; nothing when a receipt is of before anybody counted.
func (d *pending) addUp(layout *dictionary.Layout) error {
	totals, sums := make([]drop.Total, layout.Exported), make([]big.Int, layout.Exported)
	for _, f := range d.files {
		if f.layout != layout {
			continue
		}
		if len(f.receipt.GetColumns()) == 0 {
			return nil
		}
		for i, c := range f.receipt.GetColumns() {
			totals[i].NullCount += c.GetNullCount()
			if err := add(&sums[i], layout.Fields[i].Column.Type, c); err != nil {
				return fault.Wrap(err, fault.State, fault.ReasonValidation, "the receipt of %s", f.receipt.GetKey())
			}
		}
	}
	for i, f := range layout.Fields[:layout.Exported] {
		totals[i].Column = f.Name
		if f.Column.Type.Kind == dictionary.KindNumber {
			totals[i].Sum = spell(&sums[i], f.Column.Type.Scale)
		}
	}
	d.totals[layout] = totals
	return nil
}

// add reads a sum without its point: all of a column have as many digits behind it.
func add(to *big.Int, t dictionary.Type, c *deliveryv1.ColumnCount) error {
	if t.Kind != dictionary.KindNumber {
		return nil
	}
	whole, behind, _ := strings.Cut(c.GetSum(), ".")
	n, ok := new(big.Int).SetString(whole+behind, 10)
	if !ok || len(behind) != t.Scale {
		return fmt.Errorf("%q is no sum of %s", c.GetSum(), t)
	}
	to.Add(to, n)
	return nil
}

func spell(sum *big.Int, scale int) string {
	digits := new(big.Int).Abs(sum).String()
	if scale > 0 {
		digits = strings.Repeat("0", max(0, scale+1-len(digits))) + digits
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if sum.Sign() < 0 {
		return "-" + digits
	}
	return digits
}

// Package rules owns what an operator may write: the judgement of a customer and of a specification by themselves,
// without looking at anything stored or at the source. It names every fault at once, each with its field and the fix, and
// refuses "all" in any spelling. It is pure. Start at Spec.
package rules

import (
	"github.com/customer-exports/exports/pkg/dictionary"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// Spec adds to f every fault of a specification whose defaults are set, for the customer with this external id. An error
// means that it could not be judged: this machine has no zone data.
func Spec(f *Faults, spec *configv1.ExportSpec, words *dictionary.Dictionary, externalID string) error {
	checkTables(f, spec.GetTables(), words)
	checkScope(f, spec.GetScope())
	checkShared(f, spec)
	checkFormat(f, spec.GetFormat())
	if _, known := configv1.WarehouseClass_name[int32(spec.GetWarehouseClass())]; !known {
		f.Text("spec.warehouse_class", "is not a known warehouse class")
	}
	if err := checkTimes(f, spec); err != nil {
		return err
	}
	checkDestination(f, spec.GetDestination(), externalID)
	return nil
}

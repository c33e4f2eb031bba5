package rules

import (
	"fmt"

	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/scope"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// The contract's bounds of a scope; exports.common.v1.Scope says the same.
const (
	maxBrands    = 1000
	maxLocations = 50_000
)

func checkScope(f *Faults, s *commonv1.Scope) {
	size := func(field string, values []string, most int) {
		if len(values) == 0 {
			f.Add(fault.ReasonEmptyScope, field, "is empty: list each one; there is no spelling for all")
		}
		if len(values) > most {
			f.Add(fault.ReasonValidation, field, "lists %d, more than %d", len(values), most)
		}
	}
	size("spec.scope.brands", s.GetBrands(), maxBrands)
	size("spec.scope.location_ids", s.GetLocationIds(), maxLocations)
	seen := map[string]bool{} // what the judge of rows refuses needs no second fault
	if refused, ok := fault.Of(scopeError(s)); ok {
		for _, v := range refused.Violations {
			f.Text("spec."+v.Field, v.Description)
			seen["spec."+v.Field] = true
		}
	}
	names := func(field string, values []string) {
		for i, value := range values {
			if at := fmt.Sprintf("%s[%d]", field, i); !seen[at] {
				f.Text(at, NameFault(value))
			}
		}
	}
	names("spec.scope.brands", s.GetBrands())
	names("spec.scope.location_ids", s.GetLocationIds())
}

func scopeError(s *commonv1.Scope) error {
	_, err := scope.FromProto(s)
	return err
}

// checkShared holds the locations that may be in another customer's scope to those of this one's.
func checkShared(f *Faults, spec *configv1.ExportSpec) {
	if len(spec.GetSharedLocationIds()) == 0 {
		return
	}
	own := make(map[string]bool, len(spec.GetScope().GetLocationIds()))
	for _, id := range spec.GetScope().GetLocationIds() {
		own[id] = true
	}
	for i, id := range spec.GetSharedLocationIds() {
		if at := fmt.Sprintf("spec.shared_location_ids[%d]", i); !own[id] {
			f.Text(at, "is not among spec.scope.location_ids, or is repeated")
		}
		delete(own, id)
	}
}

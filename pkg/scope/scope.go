// Package scope owns the one judgement of who may see a row: its brand is listed AND its location is listed, byte for
// byte. It refuses empty lists, wildcards and anything that could read as "all", and it never trims or folds what it is
// given. Start at New, then Set.Contains.
package scope

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/customer-exports/exports/pkg/fault"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
)

// ErrEmpty says that a list of the scope is empty. It is a fault of kind Invalid, reason EMPTY_SCOPE.
var ErrEmpty = fault.New(fault.Invalid, fault.ReasonEmptyScope,
	"the scope is empty: list at least one brand and one location; there is no spelling for all")

// Set is a scope ready to judge rows. It is immutable and safe for concurrent use; a nil Set contains nothing.
type Set struct {
	brands, locations         []string // sorted
	brandIndex, locationIndex index
	digest                    string
}

// New builds a scope from the values as they stand in the source. It returns ErrEmpty when either list is empty, and a
// fault of kind Invalid with a violation for every value that is empty, repeated, unprintable or holds a "*".
func New(brands, locationIDs []string) (*Set, error) {
	if len(brands) == 0 || len(locationIDs) == 0 {
		return nil, ErrEmpty
	}
	faults := append(check("scope.brands", brands), check("scope.location_ids", locationIDs)...)
	if len(faults) > 0 {
		err := fault.New(fault.Invalid, fault.ReasonValidation, "the scope holds values that cannot be judged")
		err.Violations = faults
		return nil, err
	}
	s := &Set{brands: sorted(brands), locations: sorted(locationIDs)}
	s.brandIndex, s.locationIndex = newIndex(s.brands), newIndex(s.locations)
	var err error
	s.digest, err = digest(s.brands, s.locations)
	return s, err
}

// FromProto is New on the contract's message; a nil message is an empty scope.
func FromProto(s *commonv1.Scope) (*Set, error) { return New(s.GetBrands(), s.GetLocationIds()) }

// Contains reports whether a row of this brand and location may be seen.
func (s *Set) Contains(brand, location string) bool {
	return s.ContainsBrand(brand) && s.ContainsLocation(location)
}

// ContainsBrand is the first half of Contains, for a caller that judges many rows and remembers the last brand.
func (s *Set) ContainsBrand(brand string) bool {
	return s != nil && s.brandIndex.contains(brand)
}

// ContainsLocation is the second half of Contains.
func (s *Set) ContainsLocation(location string) bool {
	return s != nil && s.locationIndex.contains(location)
}

// Brands returns a sorted copy.
func (s *Set) Brands() []string { return slices.Clone(s.brands) }

// Locations returns a sorted copy of the location ids.
func (s *Set) Locations() []string { return slices.Clone(s.locations) }

// Digest is the hex SHA-256 of the normal form: {"brands":[...],"location_ids":[...]} as compact JSON without HTML
// escapes, both lists sorted by bytes. The order in which values were given does not matter.
func (s *Set) Digest() string { return s.digest }

func digest(brands, locations []string) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	form := struct {
		Brands      []string `json:"brands"`
		LocationIDs []string `json:"location_ids"`
	}{brands, locations}
	if err := encoder.Encode(form); err != nil {
		return "", fmt.Errorf("writing the normal form of a scope: %w", err)
	}
	sum := sha256.Sum256(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	return hex.EncodeToString(sum[:]), nil
}

func sorted(values []string) []string {
	ordered := slices.Clone(values)
	slices.Sort(ordered)
	return ordered
}

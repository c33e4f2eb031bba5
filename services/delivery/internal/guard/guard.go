// Package guard owns the last check before rows leave: every row of every batch is held against
// the scope that delivery read itself from the config service.
//
// It refuses a whole part at the first row outside, and never says which value was met: a foreign
// brand in a log would itself be a leak. Start at New.
package guard

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/scope"
)

// Guard checks the batches of one part. It is not safe for concurrent use.
type Guard struct {
	scope           *scope.Set
	table           string
	part            int32
	shared          bool
	brand, location int
}

// New makes the guard of one part. It refuses a table that is not shared and yet reads no brand or
// no location: such rows cannot be judged.
func New(layout *dictionary.Layout, set *scope.Set, part int32) (*Guard, error) {
	g := &Guard{
		scope: set, table: layout.Table.Name, part: part, shared: layout.Table.Scope.Shared,
		brand: layout.BrandField, location: layout.LocationField,
	}
	if !g.shared && (set == nil || g.brand < 0 || g.location < 0) {
		return nil, fault.New(fault.State, fault.ReasonScopeViolation, "table %s is not shared and its rows carry no brand and location", g.table)
	}
	return g, nil
}

// Check judges every row of a batch; fault SCOPE_VIOLATION when one is outside.
func (g *Guard) Check(batch arrow.Record) error {
	if g.shared {
		return nil
	}
	brands, err := g.column(batch, g.brand)
	if err != nil {
		return err
	}
	locations, err := g.column(batch, g.location)
	if err != nil {
		return err
	}
	return g.rows(brands, locations)
}

func (g *Guard) column(batch arrow.Record, field int) (*array.String, error) {
	if int64(field) < batch.NumCols() {
		if text, ok := batch.Column(field).(*array.String); ok {
			return text, nil
		}
	}
	return nil, fault.New(fault.Invalid, fault.ReasonSchemaMismatch, "table %s part %d: scope column %d is not text", g.table, g.part, field)
}

// rows looks a value up only when it differs from the row before: rows arrive in stretches of one brand or
// location. The remembered strings alias the batch, so nothing outlives the call.
func (g *Guard) rows(brands, locations *array.String) error {
	if brands.NullN() > 0 || locations.NullN() > 0 {
		return g.violation()
	}
	var brand, location string // no scope lists an empty value: the first row is always looked up
	for i := range brands.Len() {
		if b := brands.Value(i); b != brand || b == "" {
			if !g.scope.ContainsBrand(b) {
				return g.violation()
			}
			brand = b
		}
		if l := locations.Value(i); l != location || l == "" {
			if !g.scope.ContainsLocation(l) {
				return g.violation()
			}
			location = l
		}
	}
	return nil
}

func (g *Guard) violation() error {
	return fault.New(fault.State, fault.ReasonScopeViolation, "table %s part %d holds a row outside the approved scope", g.table, g.part)
}

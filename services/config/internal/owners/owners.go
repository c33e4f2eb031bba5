// Package owners knows which customer's exports have which locations, so that a location does not slip into a second
// customer's scope. It refuses to be believed without Sync: it is rebuilt from records that never lie, and only saves the
// reading. Start at Index.Sync.
package owners

import (
	"context"
	"slices"
	"sync"
)

// Claim is one revision's word that its export has locations.
type Claim struct {
	CustomerID, ExportID string
	// Digest identifies the revision's content.
	Digest string
}

// Reader returns the locations of a claim.
type Reader func(ctx context.Context, c Claim) ([]string, error)

// Index maps locations to claims. The zero Index is empty and ready; it is safe for concurrent use.
type Index struct {
	mu     sync.Mutex
	claims map[Claim][]string
	owners map[string][]Claim
}

// Sync makes the index hold exactly these claims, reading those that are new.
func (x *Index) Sync(ctx context.Context, claims []Claim, read Reader) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.claims == nil {
		x.claims, x.owners = map[Claim][]string{}, map[string][]Claim{}
	}
	valid := make(map[Claim]bool, len(claims))
	for _, c := range claims {
		valid[c] = true
		if _, known := x.claims[c]; known {
			continue
		}
		locations, err := read(ctx, c)
		if err != nil {
			return err
		}
		x.add(c, locations)
	}
	for c := range x.claims {
		if !valid[c] {
			x.remove(c)
		}
	}
	return nil
}

func (x *Index) add(c Claim, locations []string) {
	x.claims[c] = locations
	for _, id := range locations {
		x.owners[id] = append(x.owners[id], c)
	}
}

func (x *Index) remove(c Claim) {
	for _, id := range x.claims[c] {
		x.owners[id] = slices.DeleteFunc(x.owners[id], func(other Claim) bool { return other == c })
		if len(x.owners[id]) == 0 {
			delete(x.owners, id)
		}
	}
	delete(x.claims, c)
}

// Other returns the claim of a customer other than customerID on a location, if there is one.
func (x *Index) Other(location, customerID string) (Claim, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.owners[location] {
		if c.CustomerID != customerID {
			return c, true
		}
	}
	return Claim{}, false
}

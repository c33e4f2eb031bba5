package owners_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/customer-exports/exports/services/config/internal/owners"
)

// TestIndexEqualsItsClaims compares with a search through the claims, after any history of syncs.
func TestIndexEqualsItsClaims(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x owners.Index
		content := map[owners.Claim][]string{}
		for round := range rapid.IntRange(1, 4).Draw(t, "rounds") {
			var claims []owners.Claim
			for i := range rapid.IntRange(0, 4).Draw(t, "claims") {
				c := owners.Claim{
					CustomerID: rapid.SampledFrom([]string{"acme", "bella", "coral"}).Draw(t, "customer"),
					ExportID:   fmt.Sprint(i), Digest: fmt.Sprint(rapid.IntRange(0, round).Draw(t, "digest")),
				}
				if _, known := content[c]; !known {
					content[c] = rapid.SliceOfDistinct(rapid.StringMatching("[a-e]"), rapid.ID[string]).Draw(t, "locations")
				}
				claims = append(claims, c)
			}
			read := func(_ context.Context, c owners.Claim) ([]string, error) { return content[c], nil }
			if err := x.Sync(t.Context(), claims, read); err != nil {
				t.Fatal(err)
			}
			for _, location := range []string{"a", "b", "c", "d", "e"} {
				got, found := x.Other(location, "acme")
				want := slices.ContainsFunc(claims, func(c owners.Claim) bool {
					return c.CustomerID != "acme" && slices.Contains(content[c], location)
				})
				if found != want || found && (got.CustomerID == "acme" || !slices.Contains(content[got], location)) {
					t.Fatalf("Other(%s) = %v, %t; want found %t among %v", location, got, found, want, claims)
				}
			}
		}
	})
}

func TestSyncReadsAClaimOnce(t *testing.T) {
	var x owners.Index
	reads := 0
	read := func(context.Context, owners.Claim) ([]string, error) { reads++; return []string{"a"}, nil }
	claims := []owners.Claim{{CustomerID: "acme", ExportID: "acme-daily", Digest: "1"}}
	for range 3 {
		if err := x.Sync(t.Context(), claims, read); err != nil {
			t.Fatal(err)
		}
	}
	if reads != 1 {
		t.Errorf("the claim was read %d times, want once", reads)
	}
	away := errors.New("away")
	fails := func(context.Context, owners.Claim) ([]string, error) { return nil, away }
	if err := x.Sync(t.Context(), append(claims, owners.Claim{CustomerID: "bella"}), fails); !errors.Is(err, away) {
		t.Errorf("Sync = %v, want the reader's error", err)
	}
}

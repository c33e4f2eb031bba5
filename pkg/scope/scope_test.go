package scope

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/customer-exports/exports/pkg/fault"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
)

func values(t *rapid.T, name string) []string {
	return rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zé &'-]{1,20}`), 1, 8, rapid.ID[string]).Draw(t, name)
}

func TestContains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		brands, locations := values(t, "brands"), values(t, "locations")
		set, err := New(brands, locations)
		if err != nil {
			t.Fatal(err)
		}
		other := rapid.StringMatching(`[a-zé &'-]{0,20}`)
		brand := rapid.OneOf(other, rapid.SampledFrom(brands)).Draw(t, "brand")
		location := rapid.OneOf(other, rapid.SampledFrom(locations)).Draw(t, "location")
		want := slices.Contains(brands, brand) && slices.Contains(locations, location)
		if got := set.Contains(brand, location); got != want {
			t.Fatalf("Contains(%q, %q) = %t, want %t", brand, location, got, want)
		}
		if got := set.ContainsBrand(brand); got != slices.Contains(brands, brand) {
			t.Fatalf("ContainsBrand(%q) = %t", brand, got)
		}
		if got := set.ContainsLocation(location); got != slices.Contains(locations, location) {
			t.Fatalf("ContainsLocation(%q) = %t", location, got)
		}
	})
}

func TestDigestIgnoresOrderOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		brands, locations := values(t, "brands"), values(t, "locations")
		a, errA := New(brands, locations)
		b, errB := New(rapid.Permutation(brands).Draw(t, "brands again"), rapid.Permutation(locations).Draw(t, "locations again"))
		wider, errC := New(append(slices.Clone(brands), "ZZ"), locations)
		if err := errors.Join(errA, errB, errC); err != nil {
			t.Fatal(err)
		}
		if a.Digest() != b.Digest() || a.Digest() == wider.Digest() {
			t.Fatalf("digests %s, %s reordered, %s wider", a.Digest(), b.Digest(), wider.Digest())
		}
		if diff := cmp.Diff(a.Brands(), b.Brands()); diff != "" || !slices.IsSorted(a.Locations()) {
			t.Fatalf("brands (-want +got):\n%s", diff)
		}
	})
}

// TestDigestIsStable pins the normal form: the digest stands in manifests that outlive this code.
func TestDigestIsStable(t *testing.T) {
	set, err := New([]string{"b", "a&a"}, []string{"1"})
	if err != nil {
		t.Fatal(err)
	}
	// printf '{"brands":["a&a","b"],"location_ids":["1"]}' | sha256sum
	if want := "f7a0bb6ca31ab5c9f1a35157dacefeec1c7a052ff67c9adfdc8f1d0b45c23fee"; set.Digest() != want {
		t.Errorf("Digest() = %s, want %s", set.Digest(), want)
	}
}

func TestEmpty(t *testing.T) {
	for _, s := range []*commonv1.Scope{nil, {}, {Brands: []string{"a"}}, {LocationIds: []string{"1"}}} {
		set, err := FromProto(s)
		if !errors.Is(err, ErrEmpty) || fault.ReasonOf(err) != fault.ReasonEmptyScope || fault.Retryable(err) {
			t.Errorf("FromProto(%v) = %v, want ErrEmpty", s, err)
		}
		if set.Contains("a", "1") || set.ContainsBrand("a") || set.ContainsLocation("1") {
			t.Errorf("the refused scope %v contains a row", s)
		}
	}
}

func TestRefusesAllFaultsAtOnce(t *testing.T) {
	_, err := New([]string{"ok", "*", "a\x00b", "ok", ""}, []string{"1", "\xff", "a\u2028b", "al*"})
	refused, ok := fault.Of(err)
	if !ok || refused.Kind != fault.Invalid {
		t.Fatalf("New = %v, want an invalid fault", err)
	}
	var fields []string
	for _, v := range refused.Violations {
		fields = append(fields, v.Field)
	}
	want := []string{
		"scope.brands[1]", "scope.brands[2]", "scope.brands[3]", "scope.brands[4]",
		"scope.location_ids[1]", "scope.location_ids[2]", "scope.location_ids[3]",
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

func TestTrimsAndFoldsNothing(t *testing.T) {
	set, err := New([]string{" Bella "}, []string{"1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, brand := range []string{"Bella", " bella ", " Bella"} {
		if set.Contains(brand, "1") {
			t.Errorf("the scope of \" Bella \" contains %q", brand)
		}
	}
}

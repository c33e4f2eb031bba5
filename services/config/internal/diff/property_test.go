package diff_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/configtest"
	"github.com/customer-exports/exports/services/config/internal/diff"
)

// few draws from so few texts that lists share items and names repeat.
func few() *rapid.Generator[string] { return rapid.SampledFrom([]string{"", "a", "b", "c", "a#2"}) }

// second draws a message to compare with the first one: often equal to it, or nearly.
func second(t *rapid.T, first *configv1.ExportSpec) *configv1.ExportSpec {
	other := configtest.Fill(t, &configv1.ExportSpec{}, few())
	switch rapid.SampledFrom([]string{"same", "shuffled", "touched", "other"}).Draw(t, "second") {
	case "same":
		return proto.CloneOf(first)
	case "shuffled":
		shuffled := proto.CloneOf(first)
		shuffle(t, shuffled.ProtoReflect())
		return shuffled
	case "touched":
		touched := proto.CloneOf(first)
		field := rapid.SampledFrom(fields(touched)).Draw(t, "touched")
		if touched.ProtoReflect().Clear(field); other.ProtoReflect().Has(field) {
			touched.ProtoReflect().Set(field, other.ProtoReflect().Get(field))
		}
		return touched
	default:
		return other
	}
}

func fields(m proto.Message) []protoreflect.FieldDescriptor {
	var all []protoreflect.FieldDescriptor
	for i := range m.ProtoReflect().Descriptor().Fields().Len() {
		all = append(all, m.ProtoReflect().Descriptor().Fields().Get(i))
	}
	return all
}

// lists calls visit for every list of scalars in m.
func lists(m protoreflect.Message, visit func(protoreflect.List)) {
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.IsList() && field.Message() != nil:
			for i := range v.List().Len() {
				lists(v.List().Get(i).Message(), visit)
			}
		case field.IsList():
			visit(v.List())
		case field.Message() != nil:
			lists(v.Message(), visit)
		}
		return true
	})
}

func reorder(list protoreflect.List, order func([]protoreflect.Value)) {
	var items []protoreflect.Value
	for i := range list.Len() {
		items = append(items, list.Get(i))
	}
	order(items)
	for i, item := range items {
		list.Set(i, item)
	}
}

func shuffle(t *rapid.T, m protoreflect.Message) {
	lists(m, func(list protoreflect.List) {
		reorder(list, func(items []protoreflect.Value) { copy(items, rapid.Permutation(items).Draw(t, "order")) })
	})
}

// normal returns the message with its lists in order.
func normal(spec *configv1.ExportSpec) *configv1.ExportSpec {
	n := proto.CloneOf(spec)
	lists(n.ProtoReflect(), func(list protoreflect.List) {
		reorder(list, func(items []protoreflect.Value) {
			slices.SortFunc(items, func(a, b protoreflect.Value) int { return strings.Compare(a.String(), b.String()) })
		})
	})
	slices.SortStableFunc(n.Tables, func(a, b *configv1.TableSelection) int { return strings.Compare(a.GetTable(), b.GetTable()) })
	return n
}

func TestNoChangeMeansEqual(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := configtest.Fill(t, &configv1.ExportSpec{}, few())
		b := second(t, a)
		changes := diff.Of("spec", a, b)
		if equal := proto.Equal(normal(a), normal(b)); equal != (len(changes) == 0) {
			t.Fatalf("equal %t, but the changes are %v\na: %v\nb: %v", equal, changes, a, b)
		}
		if diff := cmp.Diff(backwards(changes), diff.Of("spec", b, a), protocmp.Transform(), protocmp.SortRepeatedFields(&configv1.FieldChange{}, "added", "removed")); diff != "" && !tablesChange(changes) {
			t.Fatalf("the way back differs (-want +got):\n%s", diff)
		}
	})
}

// tablesChange holds when tables came or went, which are told in the order of what is there.
func tablesChange(changes []*configv1.FieldChange) bool {
	return slices.ContainsFunc(changes, func(c *configv1.FieldChange) bool { return strings.HasPrefix(c.GetPath(), "spec.tables") })
}

func TestACustomerDoesNotDifferFromItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		customer := configtest.Fill(t, &configv1.Customer{}, few())
		if changes := diff.Of("", customer, proto.CloneOf(customer)); len(changes) > 0 {
			t.Fatalf("changes %v, want none", changes)
		}
	})
}

func TestCountsAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.StringMatching("[a-z]"), 0, 60)
		before, after := items.Draw(t, "before"), items.Draw(t, "after")
		came, went := int32(0), int32(0)
		for letter := 'a'; letter <= 'z'; letter++ {
			more := int32(strings.Count(strings.Join(after, ""), string(letter)) - strings.Count(strings.Join(before, ""), string(letter)))
			came, went = came+max(more, 0), went+max(-more, 0)
		}
		got := &configv1.FieldChange{}
		if changes := diff.Of("", &commonv1.Scope{Brands: before}, &commonv1.Scope{Brands: after}); len(changes) > 0 {
			got = changes[0]
		}
		if got.GetAddedCount() != came || got.GetRemovedCount() != went {
			t.Fatalf("%d added, %d removed, want %d and %d", got.GetAddedCount(), got.GetRemovedCount(), came, went)
		}
		if len(got.GetAdded()) != int(min(came, 20)) || len(got.GetRemoved()) != int(min(went, 20)) {
			t.Fatalf("shows %d and %d items of %d and %d", len(got.GetAdded()), len(got.GetRemoved()), came, went)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	before, after := spec(), spec()
	for i := range 50_000 {
		before.Scope.LocationIds = append(before.Scope.LocationIds, fmt.Sprintf("location-%d", i))
		after.Scope.LocationIds = append(after.Scope.LocationIds, fmt.Sprintf("location-%d", 50_000-i))
	}
	for b.Loop() {
		diff.Of("spec", before, after)
	}
}

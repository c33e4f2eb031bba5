package dictionary

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLayout(t *testing.T) {
	tests := map[string]struct {
		table           string
		columns         []string
		want            []string // parent columns carry a p. in front
		exported        int
		brand, location int
	}{
		"shared":          {"DIM_DATES", nil, []string{"date_id"}, 1, -1, -1},
		"all":             {"ORDERS", nil, []string{"order_id", "brand", "place", "ordered_on", "amount"}, 5, 1, 2},
		"guards added":    {"ORDERS", []string{"amount", "order_id"}, []string{"amount", "order_id", GuardBrand, GuardLocation}, 2, 2, 3},
		"one guard added": {"ORDERS", []string{"order_id", "place"}, []string{"order_id", "place", GuardBrand}, 2, 2, 1},
		"parent":          {"LINES", nil, []string{"line_id", "order_ref", "brand", "p." + GuardBrand, "p." + GuardLocation}, 3, 3, 4},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			l, err := parseSmall(t).Layout(test.table, test.columns)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range l.Fields {
				got = append(got, strings.Repeat("p.", map[bool]int{true: 1}[f.FromParent])+f.Name)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if l.Exported != test.exported || l.BrandField != test.brand || l.LocationField != test.location {
				t.Errorf("got exported %d, brand %d, location %d", l.Exported, l.BrandField, l.LocationField)
			}
			if (l.Parent != nil) != (test.table == "LINES") {
				t.Errorf("got parent %v", l.Parent)
			}
		})
	}
}

func TestLayoutRefuses(t *testing.T) {
	tests := map[string]struct {
		table   string
		columns []string
		kind    error
		want    string
	}{
		"unknown table":  {"NOPE", nil, ErrUnknownTable, "DIM_DATES, ORDERS, LINES"},
		"unknown column": {"ORDERS", []string{"order_id", "nope"}, ErrUnknownColumn, "nope"},
		"upper case":     {"ORDERS", []string{"ORDER_ID"}, ErrUnknownColumn, "ORDER_ID"},
		"personal":       {"ORDERS", []string{"order_id", "email"}, ErrPersonalColumn, "remove it"},
		"twice":          {"ORDERS", []string{"order_id", "order_id"}, nil, "selected twice"},
		"key missing":    {"ORDERS", []string{"amount"}, nil, "order_id is not selected"},
		"empty":          {"ORDERS", []string{}, nil, "order_id is not selected"},
		"no scope rule":  {"BARE", nil, ErrNoScopeRule, "BARE"},
	}
	d := parseSmall(t)
	// A dictionary built in code may lack a rule; Parse never lets one through.
	d.Tables = append(d.Tables, Table{Name: "BARE"})
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			_, err := d.Layout(test.table, test.columns)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want an error about %q", err, test.want)
			}
			if test.kind != nil && !errors.Is(err, test.kind) {
				t.Errorf("got %v, want it to wrap %v", err, test.kind)
			}
		})
	}
}

package guard_test

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/scope"
	"github.com/customer-exports/exports/services/delivery/internal/guard"
)

var (
	seed  = flag.Uint64("seed", 1, "of what is drawn")
	cases = flag.Int("cases", 300, "that are drawn for each table")
)

// drawn is a scope and texts that are in it, or nearly.
type drawn struct {
	random            *rand.Rand
	brands, locations []string
}

func draw(random *rand.Rand) *drawn {
	d := &drawn{random: random}
	for range 1 + random.IntN(5) {
		d.brands = append(d.brands, d.text("brand"))
	}
	for range 1 + random.IntN(40) {
		d.locations = append(d.locations, d.text("loc"))
	}
	slices.Sort(d.brands)
	slices.Sort(d.locations)
	d.brands, d.locations = slices.Compact(d.brands), slices.Compact(d.locations)
	return d
}

// text is short or long, of few letters, so that texts are often alike.
func (d *drawn) text(prefix string) string {
	letters := []rune("ab-é")
	text := []rune(prefix)
	for range d.random.IntN(24) {
		text = append(text, letters[d.random.IntN(len(letters))])
	}
	return string(text)
}

// inside is a row of the scope.
func (d *drawn) inside() row {
	return row{d.brands[d.random.IntN(len(d.brands))], d.locations[d.random.IntN(len(d.locations))]}
}

// near is a row that is not, or may not be, of the scope: by a letter, a space, its case, its order, or for want of a value.
func (d *drawn) near() row {
	r := d.inside()
	of := &r.brand
	if d.random.IntN(2) == 0 {
		of = &r.location
	}
	switch d.random.IntN(7) {
	case 0:
		*of = ""
	case 1:
		*of += " "
	case 2:
		*of = strings.ToUpper(*of)
	case 3:
		*of = (*of)[:len(*of)-1]
	case 4:
		*of = d.text("loc")
	case 5:
		*of += "\x00"
	default:
		r.brand, r.location = r.location, r.brand
	}
	return r
}

// listed is the judgement of a row, spelled out.
func (d *drawn) listed(r row) bool {
	return slices.Contains(d.brands, r.brand) && slices.Contains(d.locations, r.location)
}

// layouts are those of every table that has a scope, with all columns, and with nothing but its key: what is asked of a customer
// then comes along to be judged only.
func layouts(t *testing.T) (all []*dictionary.Layout) {
	t.Helper()
	d := dictionary.Standard()
	for _, table := range d.Tables {
		if table.Scope.Shared {
			continue
		}
		for _, columns := range [][]string{nil, table.PrimaryKey} {
			layout, err := d.Layout(table.Name, columns)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, layout)
		}
	}
	return all
}

// TestNoForeignRowPasses draws scopes and rows for every table, and judges each batch by its rows one by one.
func TestNoForeignRowPasses(t *testing.T) {
	random := rand.New(rand.NewPCG(*seed, 2)) //nolint:gosec // repeatable
	passed, refused := 0, 0
	for _, layout := range layouts(t) {
		for range *cases {
			d := draw(random)
			rows := make([]row, 1+random.IntN(30))
			for i := range rows {
				if rows[i] = d.inside(); random.IntN(60) == 0 {
					rows[i] = d.near()
				}
			}
			if d.check(t, layout, rows) {
				passed++
			} else {
				refused++
			}
		}
	}
	if passed == 0 || refused == 0 {
		t.Errorf("%d batches passed and %d were refused", passed, refused)
	}
}

// TestAForeignRowIsFoundAtEveryPosition of a batch, and of a slice of one.
func TestAForeignRowIsFoundAtEveryPosition(t *testing.T) {
	random := rand.New(rand.NewPCG(*seed, 3)) //nolint:gosec // repeatable
	for _, layout := range layouts(t) {
		d := draw(random)
		for position := range 67 { // beyond a word of the bitmap of what is not null
			rows := make([]row, 67)
			for i := range rows {
				rows[i] = d.inside()
			}
			for rows[position] = d.near(); d.listed(rows[position]); rows[position] = d.near() {
			}
			if d.check(t, layout, rows) {
				t.Errorf("table %s: a row outside the scope passed at %d (seed %d)", layout.Table.Name, position, *seed)
			}
		}
	}
}

// check judges the rows as a batch, and as a slice of one that has foreign rows around it. It says whether they pass.
func (d *drawn) check(t *testing.T, layout *dictionary.Layout, rows []row) (passes bool) {
	t.Helper()
	set, err := scope.New(d.brands, d.locations)
	if err != nil {
		t.Fatal(err)
	}
	passes = !slices.ContainsFunc(rows, func(r row) bool { return !d.listed(r) })
	foreign := []row{{"nobody's", "loc"}, {"", ""}, {"nobody's", ""}}
	around := batchOf(layout, slices.Concat(foreign, rows, foreign))
	for name, batch := range map[string]arrow.Record{"batch": batchOf(layout, rows), "slice": around.NewSlice(3, int64(3+len(rows)))} {
		g, err := guard.New(layout, set, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Check(batch); passes != (err == nil) || err != nil && fault.ReasonOf(err) != fault.ReasonScopeViolation {
			t.Fatalf("table %s, %s (seed %d): got %v for %q in brands %q and locations %q", layout.Table.Name, name, *seed, err, rows, d.brands, d.locations)
		}
	}
	return passes
}

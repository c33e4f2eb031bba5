package run

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

func isShared(table string) bool { return table == "DIM_DATES" }

// histogram draws counts in any order, with or without rows that have no date.
func histogram() *rapid.Generator[[]*planv1.SplitCount] {
	return rapid.Custom(func(t *rapid.T) []*planv1.SplitCount {
		days := rapid.SliceOfNDistinct(rapid.IntRange(0, 4000), 0, 60, rapid.ID[int]).Draw(t, "days")
		var counts []*planv1.SplitCount
		for _, day := range days {
			date := time.Date(2019, 1, 1+day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
			counts = append(counts, &planv1.SplitCount{SplitDate: date, RowCount: rapid.Int64Range(0, 50).Draw(t, "rows")})
		}
		if rapid.Bool().Draw(t, "undated") {
			counts = append(counts, &planv1.SplitCount{RowCount: rapid.Int64Range(0, 200).Draw(t, "undated rows")})
		}
		return rapid.Permutation(counts).Draw(t, "order")
	})
}

// holds says whether a part holds the rows of a date; the empty date stands for rows without one.
func holds(p *planv1.PartProgress, date string) bool {
	r := p.GetRange()
	switch {
	case r == nil:
		return true
	case date == "":
		return r.GetWithNull()
	default:
		return (r.GetFrom() == "" || r.GetFrom() <= date) && (r.GetUntil() == "" || date < r.GetUntil())
	}
}

func TestCutCoversEveryRowOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := histogram().Draw(t, "counts")
		target := rapid.Int64Range(1, 300).Draw(t, "target")
		table := rapid.SampledFrom([]string{"FACT_REVIEWS", "DIM_DATES"}).Draw(t, "table")
		parts := Cutter{TargetRows: target, Whole: isShared}.Cut(table, counts)

		for _, date := range []string{"", "0001-01-01", "2019-01-01", "2022-06-15", "9999-12-31"} {
			counts = append(counts, &planv1.SplitCount{SplitDate: date})
		}
		rows := make([]int64, len(parts))
		for _, count := range counts {
			owner := -1
			for i, p := range parts {
				if holds(p, count.GetSplitDate()) {
					if owner >= 0 {
						t.Fatalf("date %q belongs to parts %d and %d", count.GetSplitDate(), owner, i)
					}
					owner = i
				}
			}
			if owner < 0 {
				t.Fatalf("date %q belongs to no part", count.GetSplitDate())
			}
			rows[owner] += count.GetRowCount()
		}
		for i, p := range parts {
			if p.GetPartIndex() != int32(i) {
				t.Errorf("part %d has index %d", i, p.GetPartIndex())
			}
			if p.GetMeasuredRowCount() != rows[i] {
				t.Errorf("part %d says %d rows, its range holds %d", i, p.GetMeasuredRowCount(), rows[i])
			}
		}
		if table == "DIM_DATES" && len(parts) != 1 {
			t.Errorf("a shared table has %d parts, want 1", len(parts))
		}
		for i := 1; i < len(parts); i++ {
			if parts[i-1].GetMeasuredRowCount()+parts[i].GetMeasuredRowCount() <= target {
				t.Errorf("parts %d and %d would fit into one", i-1, i)
			}
		}
	})
}

// TestCutIsEven cuts a year of equal days, which no target divides.
func TestCutIsEven(t *testing.T) {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var year []*planv1.SplitCount
	for range 365 {
		year, day = append(year, &planv1.SplitCount{SplitDate: day.Format(time.DateOnly), RowCount: 1000}), day.AddDate(0, 0, 1)
	}
	for target := int64(3000); target < 400_000; target += 7777 {
		parts := Cutter{TargetRows: target, Whole: isShared}.Cut("FACT_REVIEWS", year)
		days := (365 + len(parts) - 1) / len(parts)
		for i, p := range parts[:len(parts)-1] {
			if p.GetMeasuredRowCount() != int64(days)*1000 {
				t.Errorf("target %d: part %d of %d has %d rows, want %d days", target, i, len(parts), p.GetMeasuredRowCount(), days)
			}
		}
		if least := (365_000 + target - 1) / (target / 1000 * 1000); int64(len(parts)) > least {
			t.Errorf("target %d: %d parts, %d are enough", target, len(parts), least)
		}
	}
}

// TestCutByWidth cuts by the size of the files of the drop before.
func TestCutByWidth(t *testing.T) {
	day := func(i int) *planv1.SplitCount {
		return &planv1.SplitCount{SplitDate: time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), RowCount: 10}
	}
	var counts []*planv1.SplitCount
	for i := range 100 {
		counts = append(counts, day(i))
	}
	for name, test := range map[string]struct {
		width float64
		want  int64 // rows of the largest part
	}{
		"not known":               {0, 100},
		"wide":                    {64, 50},
		"narrow":                  {0.001, 500},
		"wider than a whole file": {1e9, 10},
	} {
		c := Cutter{TargetRows: 100, TargetBytes: 3200, MaxRows: 500, Widths: Widths{"FACT_REVIEWS": test.width}, Whole: isShared}
		var most int64
		for _, p := range c.Cut("FACT_REVIEWS", counts) {
			most = max(most, p.GetMeasuredRowCount())
		}
		if most != test.want {
			t.Errorf("%s: the largest part has %d rows, want %d", name, most, test.want)
		}
	}
}

func TestWidthsAreThoseOfTheNewestDrop(t *testing.T) {
	r := inState(t, Committed)
	for _, p := range r.GetTables()[0].GetParts() {
		p.RowCount, p.FileBytes = 10, 25
	}
	newest, _ := KeptBy(r)
	older := Kept{RunID: strings.Replace(newest.RunID, "2026", "2025", 1), Widths: Widths{r.GetTables()[0].GetTable(): 7}}
	got := WidthsFor([]Kept{older, newest, {RunID: "other-daily-20270101-1"}}, "acme-daily")
	if width := got[r.GetTables()[0].GetTable()]; width != 2.5 {
		t.Errorf("a row is %v bytes wide, want 2.5", width)
	}
}

func TestCutAtTheEdges(t *testing.T) {
	count := func(date string, rows int64) *planv1.SplitCount {
		return &planv1.SplitCount{SplitDate: date, RowCount: rows}
	}
	for _, test := range []struct {
		name   string
		counts []*planv1.SplitCount
		want   []*planv1.PartProgress
	}{
		{"no rows", nil, []*planv1.PartProgress{{}}},
		{"only undated rows", []*planv1.SplitCount{count("", 500)}, []*planv1.PartProgress{{MeasuredRowCount: 500}}},
		{
			"exactly the target",
			[]*planv1.SplitCount{count("2026-01-01", 60), count("2026-01-02", 40)},
			[]*planv1.PartProgress{{MeasuredRowCount: 100}},
		},
		{
			"one above the target",
			[]*planv1.SplitCount{count("2026-01-02", 41), count("2026-01-01", 60)},
			[]*planv1.PartProgress{
				{Range: &taskv1.SplitRange{Until: "2026-01-02", WithNull: true}, MeasuredRowCount: 60},
				{PartIndex: 1, Range: &taskv1.SplitRange{From: "2026-01-02"}, MeasuredRowCount: 41},
			},
		},
		{
			"a date above the target stays whole",
			[]*planv1.SplitCount{count("2026-01-01", 999)},
			[]*planv1.PartProgress{{MeasuredRowCount: 999}},
		},
		{
			"undated rows fill the first part",
			[]*planv1.SplitCount{count("2026-01-01", 1), count("", 100)},
			[]*planv1.PartProgress{
				{Range: &taskv1.SplitRange{Until: "2026-01-01", WithNull: true}, MeasuredRowCount: 100},
				{PartIndex: 1, Range: &taskv1.SplitRange{From: "2026-01-01"}, MeasuredRowCount: 1},
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Cutter{TargetRows: 100, Whole: isShared}.Cut("FACT_REVIEWS", test.counts)
			if diff := cmp.Diff(test.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("parts differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCutBoundsTheRecord(t *testing.T) {
	r := sample("FACT_REVIEWS", "FACT_TRANSACTIONS")
	var measured []*planv1.TableMeasurement
	for _, table := range r.GetTables() {
		m := &planv1.TableMeasurement{Table: table.GetTable()}
		for day := range 6000 {
			date := time.Date(2010, 1, 1+day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
			m.Counts = append(m.Counts, &planv1.SplitCount{SplitDate: date, RowCount: int64(1000 + day%7)})
		}
		measured = append(measured, m)
	}
	if _, err := Measure(r, measured, Cutter{TargetRows: 1, Whole: isShared}); err != nil {
		t.Fatal(err)
	}
	if parts := len(Parts(r)); parts > maxParts || parts < maxParts/4 {
		t.Errorf("12000 dates are cut into %d parts, want at most %d", parts, maxParts)
	}
}

func TestMeasureRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		tables []*planv1.TableMeasurement
	}{
		{"a missing table", nil},
		{"an unknown table", []*planv1.TableMeasurement{{Table: "FACT_REVIEWS"}, {Table: "OTHER"}}},
		{"a table twice", []*planv1.TableMeasurement{{Table: "FACT_REVIEWS"}, {Table: "FACT_REVIEWS"}}},
		{"a date twice", measured("FACT_REVIEWS", "2026-01-01", 1, "2026-01-01", 1)},
		{"a negative count", measured("FACT_REVIEWS", "2026-01-01", -1)},
		{"an impossible count", measured("FACT_REVIEWS", "2026-01-01", maxRows+1)},
		{"an impossible date", measured("FACT_REVIEWS", "2026-02-30", 1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := sample("FACT_REVIEWS")
			changed, err := Measure(r, test.tables, Cutter{TargetRows: 10, Whole: isShared})
			if err == nil || changed || r.GetState() != Measuring {
				t.Errorf("Measure = %v, %v, state %s; want a refusal that changes nothing", changed, err, r.GetState())
			}
		})
	}
}

// sample is a run of tables that is not measured yet.
func sample(tables ...string) *planv1.Run {
	r := &planv1.Run{Ref: &taskv1.RunRef{RunId: "acme-daily-20260110-1", CustomerId: "acme"}, State: Measuring}
	for _, table := range tables {
		r.Tables = append(r.Tables, &planv1.TableProgress{Table: table})
	}
	return r
}

// measured makes a measurement of one table out of dates and counts in turn.
func measured(table string, pairs ...any) []*planv1.TableMeasurement {
	m := &planv1.TableMeasurement{Table: table}
	for i := 0; i < len(pairs); i += 2 {
		var rows int64
		if _, err := fmt.Sscan(fmt.Sprint(pairs[i+1]), &rows); err != nil {
			panic(err)
		}
		m.Counts = append(m.Counts, &planv1.SplitCount{SplitDate: fmt.Sprint(pairs[i]), RowCount: rows})
	}
	return []*planv1.TableMeasurement{m}
}

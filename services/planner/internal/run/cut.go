package run

import (
	"slices"
	"sort"
	"strings"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// maxParts bounds the parts of one run, whatever the target: the record must fit in one message of the store (1 MiB).
const maxParts = 4000

// Cutter cuts tables into parts, each of which becomes one file.
type Cutter struct {
	// TargetRows is how many rows a part of a table should hold at most whose width is not known. One date is never cut, so a
	// part may hold more.
	TargetRows int64
	// TargetBytes is how large a file of a table should be at most whose width is known, and MaxRows how many rows it may
	// hold then, so that no part takes too long. Zero means that the width does not count.
	TargetBytes, MaxRows int64
	// Widths are the bytes of a row in the files of the drop before, by table.
	Widths Widths
	// Whole says that a table is read by one task: it is shared, or has no split column.
	Whole func(table string) bool

	least int64 // rows, that a record may hold all parts
}

// Cut gives the parts of one table: disjoint, in date order, together every row, no more of them than needed, and as even
// as whole dates allow. The first is open below and holds the rows without a date, the last is open above. A table that
// needs no cut, also one without rows, has one part without a range. counts must be valid.
func (c Cutter) Cut(table string, counts []*planv1.SplitCount) []*planv1.PartProgress {
	dated, undated := byDate(counts)
	if c.Whole(table) {
		return []*planv1.PartProgress{{MeasuredRowCount: undated + sum(dated)}}
	}
	target := c.target(table)
	return cutAt(even(target, dated, undated), dated, undated)
}

// even is the least target with which no more parts are needed.
func even(target int64, dated []*planv1.SplitCount, undated int64) int64 {
	fewest := len(cutAt(target, dated, undated))
	least := min(target, (undated+sum(dated))/int64(fewest))
	return least + int64(sort.Search(int(target-least), func(more int) bool {
		return len(cutAt(least+int64(more), dated, undated)) <= fewest
	}))
}

// target is how many rows a part of a table should hold at most.
func (c Cutter) target(table string) int64 {
	rows := c.TargetRows
	if width := c.Widths[table]; width > 0 && c.TargetBytes > 0 {
		rows = max(1, min(c.MaxRows, int64(float64(c.TargetBytes)/width)))
	}
	return max(rows, c.least)
}

// cutAt begins a part whenever the next date would exceed the target.
func cutAt(target int64, dated []*planv1.SplitCount, undated int64) []*planv1.PartProgress {
	parts := []*planv1.PartProgress{{Range: &taskv1.SplitRange{WithNull: true}, MeasuredRowCount: undated}}
	for _, count := range dated {
		last := parts[len(parts)-1]
		if last.MeasuredRowCount > 0 && count.GetRowCount() > target-last.MeasuredRowCount {
			last.Range.Until = count.GetSplitDate()
			last = &planv1.PartProgress{PartIndex: last.PartIndex + 1, Range: &taskv1.SplitRange{From: count.GetSplitDate()}}
			parts = append(parts, last)
		}
		last.MeasuredRowCount += count.GetRowCount()
	}
	if len(parts) == 1 {
		parts[0].Range = nil // no predicate is needed where nothing is left out
	}
	return parts
}

// within returns a cutter with a target that keeps a run of that many rows below maxParts: two neighbouring parts hold
// more than one target, and every table has at least one part.
func (c Cutter) within(rows int64, tables int) Cutter {
	room := int64(max(1, (maxParts-tables)/2))
	c.least = rows/room + 1
	return c
}

// byDate sorts the counts of dates that have rows, and takes out the rows without a date.
func byDate(counts []*planv1.SplitCount) (dated []*planv1.SplitCount, undated int64) {
	for _, count := range counts {
		switch {
		case count.GetSplitDate() == "":
			undated += count.GetRowCount()
		case count.GetRowCount() > 0:
			dated = append(dated, count)
		}
	}
	slices.SortFunc(dated, func(a, b *planv1.SplitCount) int { return strings.Compare(a.GetSplitDate(), b.GetSplitDate()) })
	return dated, undated
}

func sum(counts []*planv1.SplitCount) int64 {
	var rows int64
	for _, count := range counts {
		rows += count.GetRowCount()
	}
	return rows
}

// maxRows bounds one count, so that no sum of a run overflows.
const maxRows = int64(1) << 45

// checkCounts refuses counts that cannot be those of a table.
func checkCounts(m *planv1.TableMeasurement) error {
	seen := make(map[string]bool, len(m.GetCounts()))
	for _, count := range m.GetCounts() {
		date := count.GetSplitDate()
		if seen[date] {
			return invalid("table %s is counted twice for date %q", m.GetTable(), date)
		}
		seen[date] = true
		if count.GetRowCount() < 0 || count.GetRowCount() > maxRows {
			return invalid("table %s has %d rows for date %q", m.GetTable(), count.GetRowCount(), date)
		}
		if _, err := calendar.ParseDate(date); date != "" && err != nil {
			return invalid("table %s: split date %q is not YYYY-MM-DD", m.GetTable(), date)
		}
	}
	return nil
}

func invalid(format string, args ...any) error {
	return fault.New(fault.Invalid, fault.ReasonValidation, format, args...)
}

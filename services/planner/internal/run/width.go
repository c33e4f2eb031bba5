package run

import planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"

// Widths are the bytes that a row takes in the files of each table.
type Widths map[string]float64

// widthsOf is what the files of a run show. A table without rows shows nothing.
func widthsOf(r *planv1.Run) Widths {
	widths := Widths{}
	for _, t := range r.GetTables() {
		var rows, bytes int64
		for _, p := range t.GetParts() {
			rows, bytes = rows+p.GetRowCount(), bytes+p.GetFileBytes()
		}
		if rows > 0 {
			widths[t.GetTable()] = float64(bytes) / float64(rows)
		}
	}
	return widths
}

// WidthsFor are those of the newest drop of an export that is kept; nil without one.
func WidthsFor(kept []Kept, exportID string) Widths {
	var newest Kept
	for _, k := range kept {
		if exportIn(k.RunID) == exportID && (newest.RunID == "" || NewestFirst(k.RunID, newest.RunID) < 0) {
			newest = k
		}
	}
	return newest.Widths
}

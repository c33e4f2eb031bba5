package encode

import (
	"github.com/apache/arrow/go/v17/arrow"
)

const (
	// dictionaryBytes bounds a dictionary page; the library gives a dictionary up that outgrows it.
	dictionaryBytes = 1 << 20
	// sampleRows is how many values of a column are looked at, spread over its first row group.
	sampleRows = 8 << 10
)

// repeats reports whether a dictionary pays for a column: at most half of the values are distinct. A dictionary of ids or
// free text is built and hashed in every row group only to be thrown away.
func repeats(rows []arrow.Record, i int) bool {
	count, total := 0, 0
	for _, r := range rows {
		total += int(r.NumRows())
	}
	seen, step := map[string]struct{}{}, max(1, total/sampleRows)
	for _, r := range rows {
		for row := 0; row < int(r.NumRows()); row += step {
			if r.Column(i).IsValid(row) {
				seen[r.Column(i).ValueStr(row)] = struct{}{}
				count++
			}
		}
	}
	return 2*len(seen) <= count
}

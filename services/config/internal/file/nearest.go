package file

import (
	"fmt"
	"slices"
	"strings"
)

// suggest ends a message with the known name that was most likely meant, or with all of them.
func suggest(name string, known []string) string {
	best, distance := "", min(len(name), 40)/3+2
	for _, candidate := range known {
		if d := edits(name, candidate, distance); d < distance {
			best, distance = candidate, d
		}
	}
	if best != "" {
		return fmt.Sprintf(": did you mean %s?", best)
	}
	return ": known here are " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}

// edits is the Levenshtein distance in bytes, or enough when it is no less; names are ASCII.
func edits(a, b string, enough int) int {
	if len(a)-len(b) >= enough || len(b)-len(a) >= enough {
		return enough
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

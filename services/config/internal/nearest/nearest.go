// Package nearest finds the name that somebody most likely meant. It refuses to guess from afar, and to spend long on a
// name that is long on purpose. It is pure. Start at Name.
package nearest

// maxBytes is how much of a name counts for how far away a suggestion may be.
const maxBytes = 40

// Name returns the known name that is closest to name, or "" when none is close. Names are ASCII.
func Name(name string, known []string) string {
	best, distance := "", min(len(name), maxBytes)/3+2
	for _, candidate := range known {
		if d := edits(name, candidate, distance); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// edits is the Levenshtein distance in bytes, or enough when it is no less.
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
	return min(row[len(b)], enough)
}

package dispatch

import "github.com/customer-exports/exports/services/planner/internal/run"

// The lanes: tasks of one lane share a cap.
const (
	commits = iota
	statements
	expiries
	lanes
)

// laneOf says in which lane a kind of task runs.
func laneOf(kind string) int {
	switch {
	case run.AsksSource(kind):
		return statements
	case kind == run.KindExpire:
		return expiries
	default:
		return commits
	}
}

// of gives the cap of a lane.
func (c Caps) of(lane int) int {
	return [lanes]int{commits: c.Commits, statements: c.Statements, expiries: c.Expiries}[lane]
}

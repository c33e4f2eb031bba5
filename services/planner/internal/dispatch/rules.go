package dispatch

// Rules say how much may be queued or under way at once, and how it is shared. All numbers are above 0.
type Rules struct {
	Caps   Caps
	Sizes  Sizes
	Shares Shares
}

// Caps bound the tasks in the queue. A statement is a task that asks the source something, as run.AsksSource says; all
// others count as commits, which most of them are.
type Caps struct {
	Statements            int
	StatementsPerCustomer int
	Commits               int
	Expiries              int
}

// Sizes are the measured rows from which a run is medium or large. A run that is not measured yet is small.
type Sizes struct {
	MediumRows int64
	LargeRows  int64
}

// Shares are the parts of the statements that the sizes get while runs of each wait. What one does not need goes to the
// others.
type Shares struct {
	Small  int
	Medium int
	Large  int
}

// The sizes of runs.
const (
	small = iota
	medium
	large
	sizes
)

func (r Rules) size(rows int64) int {
	switch {
	case rows >= r.Sizes.LargeRows:
		return large
	case rows >= r.Sizes.MediumRows:
		return medium
	default:
		return small
	}
}

func (r Rules) shares() [sizes]int {
	return [sizes]int{r.Shares.Small, r.Shares.Medium, r.Shares.Large}
}

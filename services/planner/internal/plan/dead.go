package plan

import (
	"context"
	"strconv"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// standardDead is how many dead tasks a page has when the request leaves page_size at zero.
const standardDead = 50

// DeadFilter narrows a list of dead tasks; an empty field does not.
type DeadFilter struct{ CustomerID, RunID, TaskID string }

// Dead keeps the tasks that were given up.
type Dead interface {
	// List gives at most limit of them, oldest first, from a sequence on.
	List(ctx context.Context, f DeadFilter, from uint64, limit int) ([]*planv1.DeadTask, error)
	// Remove takes one out; one that is not there was taken out before.
	Remove(ctx context.Context, sequence uint64) error
}

// ListDead gives a page of the tasks that were given up, oldest first, and the token of the next: the sequence from which it
// goes on.
func (p *Planner) ListDead(ctx context.Context, customerID string, page Page) (tasks []*planv1.DeadTask, next string, err error) {
	var from uint64
	if page.Token != "" {
		if from, err = strconv.ParseUint(page.Token, 10, 64); err != nil {
			return nil, "", badToken(page.Token)
		}
	}
	size := sizeOr(page.Size, standardDead)
	tasks, err = p.Dead.List(ctx, DeadFilter{CustomerID: customerID}, from, size+1)
	if err != nil || len(tasks) <= size {
		return tasks, "", err
	}
	return tasks[:size], strconv.FormatUint(tasks[size].GetSequence(), 10), nil
}

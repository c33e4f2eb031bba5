package warehouse

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Query is what the server knows of one statement, for assertions in tests.
type Query struct {
	SQL, Tag, ID, RequestID string
	// Warehouse is the session's: the one that its login named, or empty.
	Warehouse string
	// Status is RUNNING, SUCCESS or FAILED_WITH_ERROR; Code is the error's.
	Status, Code string
	Aborted      bool
	Rows         int64
}

// States of a query, in the words of the monitoring call.
const (
	statusRunning = "RUNNING"
	statusSuccess = "SUCCESS"
	statusFailed  = "FAILED_WITH_ERROR"
)

// query is one statement. Its mutable fields belong to queries.mu until done is closed, after which
// result and err are read-only.
type query struct {
	info    Query
	session *session
	stop    context.CancelFunc
	done    chan struct{}
	asked   string // statement and bound values
	result  *result
	err     *sqlError
}

// keptQueries bounds the log; the oldest finished ones are forgotten with their results.
const keptQueries = 5000

// queries keeps results of at most keptBytes. Chunks of an evicted result answer 403, like an expired address.
type queries struct {
	keptBytes int64

	mu      sync.Mutex
	ordered []*query
	byID    map[string]*query
	// replay finds the query of a repeated request: a retry must not run a statement twice.
	replay map[string]*query
}

func newQueries(keptBytes int64) *queries {
	return &queries{keptBytes: keptBytes, byID: map[string]*query{}, replay: map[string]*query{}}
}

func replayKey(s *session, requestID string) string { return fmt.Sprint(s.id, "/", requestID) }

// add registers a query, or returns the one that the same request already started.
func (q *queries) add(s *session, info Query, asked string) (added *query, ctx context.Context, isNew bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := replayKey(s, info.RequestID)
	if known := q.replay[key]; known != nil && info.RequestID != "" {
		return known, nil, false
	}
	// Detached on purpose: the source too runs on when the client's connection ends.
	ctx, stop := context.WithCancel(context.Background())
	added = &query{info: info, asked: asked, session: s, stop: stop, done: make(chan struct{})}
	q.ordered = append(q.ordered, added)
	q.byID[info.ID], q.replay[key] = added, added
	return added, ctx, true
}

func (q *queries) find(id string) *query {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.byID[id]
}

// finish publishes the outcome and makes room.
func (q *queries) finish(done *query, r *result, err *sqlError) {
	q.mu.Lock()
	defer q.mu.Unlock()
	done.result, done.err = r, err
	done.info.Status = statusSuccess
	if err != nil {
		done.info.Status, done.info.Code = statusFailed, err.Code
	} else {
		done.info.Rows = r.total
	}
	done.stop()
	close(done.done)
	q.evict()
}

func (q *queries) evict() {
	var held int64
	seen := map[*result]bool{nil: true}
	for _, each := range slices.Backward(q.ordered) {
		if seen[each.result] {
			continue // also one that several statements gave
		}
		seen[each.result] = true
		held += each.result.bytes
		if held > q.keptBytes {
			each.result.remove()
		}
	}
	for len(q.ordered) > keptQueries && q.ordered[0].info.Status != statusRunning {
		gone := q.ordered[0]
		gone.result.remove()
		delete(q.byID, gone.info.ID)
		delete(q.replay, replayKey(gone.session, gone.info.RequestID))
		q.ordered = q.ordered[1:]
	}
}

// reuse finds what a statement gave before, as long as it is kept.
func (q *queries) reuse(asked string) *result {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, each := range slices.Backward(q.ordered) {
		if each.asked == asked && each.info.Status == statusSuccess && !each.result.gone {
			return each.result
		}
	}
	return nil
}

// abort stops a running query and reports whether there was one.
func (q *queries) abort(match func(*query) bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, each := range q.ordered {
		if match(each) && each.info.Status == statusRunning {
			each.info.Aborted = true
			each.stop()
			return true
		}
	}
	return false
}

func (q *queries) abortAll() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, each := range q.ordered {
		each.stop()
	}
}

func (q *queries) list() []Query {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make([]Query, 0, len(q.ordered))
	for _, each := range q.ordered {
		all = append(all, each.info)
	}
	return all
}

func (q *queries) monitoring(of *query) map[string]any {
	q.mu.Lock()
	defer q.mu.Unlock()
	entry := map[string]any{"id": of.info.ID, "status": of.info.Status, "errorCode": of.info.Code, "errorMessage": ""}
	if of.err != nil {
		entry["errorMessage"] = of.err.Message
	}
	return entry
}

package watch

import (
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/customer-exports/exports/proto/exports/event/v1"
)

// lookAgain is how often a verified drop is compared with what its date shows now: somebody may have had the date read
// once more.
const lookAgain = time.Hour

// looks knows when a verified drop is looked at again. The zero value is ready.
type looks struct {
	mu   sync.Mutex
	next map[string]time.Time // by export and date
}

// due says whether to look now, and if so when to look next. What is seen for the first time waits a random part of the
// time, so that after a start not all are looked at together.
func (l *looks) due(exportID, date string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := exportID + " " + date
	next, seen := l.known()[key]
	switch {
	case !seen:
		l.next[key] = now.Add(rand.N(lookAgain))
		return false
	case now.Before(next):
		return false
	}
	l.next[key] = now.Add(lookAgain)
	return true
}

func (l *looks) known() map[string]time.Time {
	if l.next == nil {
		l.next = map[string]time.Time{}
	}
	return l.next
}

// hear makes the drop of an announcement due. One that says nothing sensible is not heard.
func (l *looks) hear(announcement []byte) {
	e := &eventv1.Event{}
	if proto.Unmarshal(announcement, e) != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known()[e.GetExportId()+" "+e.GetExportDate()] = time.Time{}
}

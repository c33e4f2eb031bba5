package warehouse

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// FaultKind names one way in which the server misbehaves.
type FaultKind string

// The faults. Those of chunks strike when a chunk is fetched, the others when a statement runs.
const (
	ChunkForbidden   FaultKind = "chunk_forbidden"   // 403, as for an expired address
	ChunkUnavailable FaultKind = "chunk_unavailable" // 503
	ChunkStall       FaultKind = "chunk_stall"       // half the body, then nothing until the client leaves
	ChunkLost        FaultKind = "chunk_lost"        // half the body, then the connection is gone
	CutMidMessage    FaultKind = "cut_mid_message"   // a clean end inside an Arrow message
	CutAtBoundary    FaultKind = "cut_at_boundary"   // a clean end after the first record batch
	SessionExpired   FaultKind = "session_expired"   // 390112 instead of running the statement
	WrongTotal       FaultKind = "wrong_total"       // announces one row too many in total
	WrongChunkCount  FaultKind = "wrong_chunk_count" // announces one row too many in a chunk and in total
	JSONResult       FaultKind = "json_result"       // answers in JSON without any Arrow
	AnswerStall      FaultKind = "answer_stall"      // half the answer, then nothing until the client leaves
	AnswerLost       FaultKind = "answer_lost"       // half the answer, then the connection is gone
	SlowQuery        FaultKind = "slow_query"        // waits for Delay before the statement runs
	QueryError       FaultKind = "query_error"       // fails with Code, SQLState and Message
)

// FaultKinds lists every kind, so that a test can say that it covers all of them.
func FaultKinds() []FaultKind {
	return []FaultKind{
		ChunkForbidden, ChunkUnavailable, ChunkStall, ChunkLost, CutMidMessage, CutAtBoundary, SessionExpired,
		WrongTotal, WrongChunkCount, JSONResult, AnswerStall, AnswerLost, SlowQuery, QueryError,
	}
}

// Fault is one armed misbehaviour.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// Times is how often it strikes; zero means once.
	Times int `json:"times,omitempty"`
	// SQL narrows it to statements that contain this text.
	SQL string `json:"sql,omitempty"`
	// Chunk narrows it to one chunk, counted from 0 without the inline rows; nil means any.
	Chunk *int `json:"chunk,omitempty"`
	// Delay belongs to SlowQuery; in JSON it is nanoseconds.
	Delay time.Duration `json:"delay,omitempty"`
	// Code ("000707"), SQLState and Message belong to QueryError.
	Code     string `json:"code,omitempty"`
	SQLState string `json:"sql_state,omitempty"`
	Message  string `json:"message,omitempty"`
}

func (f Fault) validate() error {
	if !slices.Contains(FaultKinds(), f.Kind) {
		return fmt.Errorf("unknown fault kind %q", f.Kind)
	}
	if f.Kind == QueryError && (f.Code == "" || f.SQLState == "") {
		return fmt.Errorf("fault %s needs code and sql_state", f.Kind)
	}
	return nil
}

// Faults holds the armed faults, oldest first.
type Faults struct {
	mu    sync.Mutex
	armed []Fault
}

// Arm adds faults. One of an unknown kind is an error and arms nothing.
func (f *Faults) Arm(faults ...Fault) error {
	for i := range faults {
		if err := faults[i].validate(); err != nil {
			return fmt.Errorf("arming: %w", err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range faults {
		fault.Times = max(fault.Times, 1)
		f.armed = append(f.armed, fault)
	}
	return nil
}

// Clear disarms everything.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = nil
}

// Armed lists what has not struck yet, with the times that remain.
func (f *Faults) Armed() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.armed)
}

// anyChunk marks a statement rather than a chunk.
const anyChunk = -1

// take consumes one strike of the oldest armed fault of the given kinds that matches.
func (f *Faults) take(sql string, chunk int, kinds ...FaultKind) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.armed {
		fault := &f.armed[i]
		if !slices.Contains(kinds, fault.Kind) || !strings.Contains(sql, fault.SQL) {
			continue
		}
		if chunk != anyChunk && fault.Chunk != nil && *fault.Chunk != chunk {
			continue
		}
		struck := *fault
		if fault.Times--; fault.Times == 0 {
			f.armed = slices.Delete(f.armed, i, i+1)
		}
		return struck, true
	}
	return Fault{}, false
}

// armFaults is the control endpoint: POST /_faults with one fault or a list of them.
func (s *Server) armFaults(w http.ResponseWriter, r *http.Request) {
	var body json.RawMessage
	err := json.NewDecoder(r.Body).Decode(&body)
	var faults []Fault
	if err == nil && strings.HasPrefix(string(body), "[") {
		err = json.Unmarshal(body, &faults)
	} else if err == nil {
		faults = make([]Fault, 1)
		err = json.Unmarshal(body, &faults[0])
	}
	if err == nil {
		err = s.faults.Arm(faults...)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) clearFaults(w http.ResponseWriter, _ *http.Request) {
	s.faults.Clear()
	w.WriteHeader(http.StatusNoContent)
}

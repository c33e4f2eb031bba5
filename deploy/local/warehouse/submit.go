package warehouse

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

type queryRequest struct {
	SQL          string          `json:"sqlText"`
	Async        bool            `json:"asyncExec"`
	DescribeOnly bool            `json:"describeOnly"`
	Parameters   map[string]any  `json:"parameters"`
	Bindings     map[string]bind `json:"bindings"`
}

type bind struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

// binds orders the bind values. Null stays null; everything else travels as text.
func (q queryRequest) binds() ([]any, *sqlError) {
	all := make([]any, len(q.Bindings))
	for i := range all {
		bound, ok := q.Bindings[strconv.Itoa(i+1)]
		if !ok {
			return nil, &sqlError{Code: "002049", State: "42601", Message: fmt.Sprintf("SQL compilation error: bind variable %d not set", i+1)}
		}
		var text *string
		if err := json.Unmarshal(bound.Value, &text); err != nil {
			return nil, syntaxError("bind variable %d of type %s is not a single value", i+1, bound.Type)
		}
		if text != nil {
			all[i] = *text
		}
	}
	return all, nil
}

// asked tells statements apart that give different results.
func (q queryRequest) asked() string {
	return fmt.Sprint(q.SQL, q.Bindings)
}

func (q queryRequest) tag(s *session) string {
	if tag, ok := q.Parameters["QUERY_TAG"].(string); ok {
		return tag
	}
	return s.queryTag()
}

// submit is the query request: it starts the statement and waits a while for it.
func (s *Server) submit(w http.ResponseWriter, r *http.Request, from *session) {
	var request queryRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, "malformed query request", http.StatusBadRequest)
		return
	}
	if _, expired := s.faults.take(request.SQL, anyChunk, SessionExpired); expired {
		refuse(w, &sqlError{Code: codeSessionExpired, State: "08001", Message: "Session token has expired."}, "")
		return
	}
	info := Query{
		SQL: request.SQL, Tag: request.tag(from), ID: queryID(), Warehouse: from.warehouse,
		RequestID: r.URL.Query().Get("requestId"), Status: statusRunning,
	}
	q, ctx, isNew := s.queries.add(from, info, request.asked())
	if isNew {
		s.running.Go(func() {
			result, err := s.execute(ctx, q, request)
			s.queries.finish(q, result, err)
		})
	}
	if request.Async {
		s.answerPending(w, q, codeInProgressLong)
		return
	}
	s.await(w, r, q)
}

// queryID has the form of the source's: a UUID.
func queryID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// execute runs a statement to its end, faults included.
func (s *Server) execute(ctx context.Context, q *query, request queryRequest) (*result, *sqlError) {
	if err := s.strike(ctx, request.SQL); err != nil {
		return nil, err
	}
	tables, err := loadCatalogue(ctx, s.db)
	if err != nil {
		return nil, s.internal(ctx, err)
	}
	history, err := s.history(ctx)
	if err != nil {
		return nil, s.internal(ctx, err)
	}
	statement, refused := rewrite(request.SQL, tables, history)
	if refused != nil {
		return nil, refused
	}
	binds, refused := request.binds()
	if refused != nil {
		return nil, refused
	}
	if len(binds) != statement.binds {
		return nil, syntaxError("%d bind values for %d marks", len(binds), statement.binds)
	}
	if statement.cancel {
		s.queries.abort(func(other *query) bool { return other.info.ID == binds[0] })
	}
	if request.DescribeOnly {
		return &result{columns: statement.columns}, nil
	}
	if s.cfg.ReuseResults && statement.sliced != "" {
		if before := s.queries.reuse(q.asked); before != nil {
			return before, nil
		}
	}
	produced, err := s.produce(ctx, q.info.ID, statement, binds)
	if err != nil {
		return nil, s.internal(ctx, err)
	}
	return produced, nil
}

// strike applies the faults that delay or fail a statement.
func (s *Server) strike(ctx context.Context, sql string) *sqlError {
	if slow, ok := s.faults.take(sql, anyChunk, SlowQuery); ok {
		timer := time.NewTimer(slow.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return canceled()
		}
	}
	if failed, ok := s.faults.take(sql, anyChunk, QueryError); ok {
		return &sqlError{Code: failed.Code, State: failed.SQLState, Message: failed.Message}
	}
	return nil
}

func canceled() *sqlError {
	return &sqlError{Code: codeCanceled, State: "57014", Message: "SQL execution canceled"}
}

// internal turns a failure of DuckDB into an answer. A cast of a bind value is the usual cause.
func (s *Server) internal(ctx context.Context, err error) *sqlError {
	if ctx.Err() != nil {
		return canceled()
	}
	s.cfg.Logger.ErrorContext(ctx, "statement failed", "error", err)
	return &sqlError{Code: codeInternal, State: "XX000", Message: "Processing aborted: " + err.Error()}
}

func (s *Server) history(ctx context.Context) (history, error) {
	rebuilt, err := loadRebuilt(ctx, s.db)
	if err != nil {
		return history{}, err
	}
	now := s.cfg.Now()
	h := history{database: s.cfg.Database, created: s.cfg.CreateTime, rebuilt: rebuilt, now: now}
	if s.cfg.Retention > 0 {
		h.horizon = now.Add(-s.cfg.Retention)
	}
	return h, nil
}

// await answers with the result, or after a while with the address to poll.
func (s *Server) await(w http.ResponseWriter, r *http.Request, q *query) {
	timer := time.NewTimer(s.cfg.AnswerWithin)
	defer timer.Stop()
	select {
	case <-q.done:
		s.answerResult(w, r, q)
	case <-timer.C:
		s.answerPending(w, q, codeInProgress)
	case <-r.Context().Done():
	}
}

func (s *Server) answerPending(w http.ResponseWriter, q *query, code string) {
	answerCode(w, code, map[string]any{
		"queryId": q.info.ID, "getResultUrl": "/queries/" + q.info.ID + "/result", "queryAbortsAfterSecs": 300,
	})
}

// poll serves a result by query ID, to any session of the user that ran it.
func (s *Server) poll(w http.ResponseWriter, r *http.Request, _ *session) {
	q := s.queries.find(r.PathValue("id"))
	if q == nil {
		refuse(w, &sqlError{Code: "000709", State: "02000", Message: "Statement " + r.PathValue("id") + " not found"}, "")
		return
	}
	s.await(w, r, q)
}

func (s *Server) abort(w http.ResponseWriter, r *http.Request, from *session) {
	var request struct {
		RequestID string `json:"requestId"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, "malformed abort request", http.StatusBadRequest)
		return
	}
	stopped := s.queries.abort(func(q *query) bool { return q.session == from && q.info.RequestID == request.RequestID })
	if !stopped {
		refuse(w, &sqlError{Code: codeNotRunning, State: "01000", Message: "Identified SQL statement is not currently executing."}, "")
		return
	}
	answer(w, nil)
}

func (s *Server) monitor(w http.ResponseWriter, r *http.Request, _ *session) {
	found := []map[string]any{}
	if q := s.queries.find(r.PathValue("id")); q != nil {
		found = append(found, s.queries.monitoring(q))
	}
	answer(w, map[string]any{"queries": found})
}

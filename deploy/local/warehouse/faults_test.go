package warehouse

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sf "github.com/snowflakedb/gosnowflake/v2"
)

func arm(t *testing.T, s *Server, faults ...Fault) {
	t.Helper()
	if err := s.Faults().Arm(faults...); err != nil {
		t.Fatal(err)
	}
}

// TestFaultsOfResults shows each fault at the driver, and that the next read is whole again.
func TestFaultsOfResults(t *testing.T) {
	s := openServer(t, nil)
	db := connect(t, s)
	short := func(s stream) bool { return s.err() == nil && s.rows() < s.total }
	tests := []struct {
		fault Fault
		seen  func(stream) bool
	}{
		{Fault{Kind: ChunkForbidden, Chunk: new(1)}, func(s stream) bool { return s.errs[2] != nil && s.errs[1] == nil }},
		{Fault{Kind: ChunkUnavailable}, func(s stream) bool { return s.err() == nil && s.rows() == s.total }},
		{Fault{Kind: ChunkLost}, func(s stream) bool { return s.err() != nil }},
		{Fault{Kind: CutMidMessage}, func(s stream) bool { return s.err() != nil }},
		{Fault{Kind: CutAtBoundary, SQL: "FACT_TRANSACTIONS"}, short},
		{Fault{Kind: WrongTotal}, short},
		{Fault{Kind: WrongChunkCount}, short},
		{Fault{Kind: JSONResult}, func(s stream) bool { return s.format == "json" && len(s.batches) == 0 && s.total > 0 }},
	}
	for _, test := range tests {
		t.Run(string(test.fault.Kind), func(t *testing.T) {
			arm(t, s, test.fault)
			got, err := read(t, db, transactions(after, "BRAND"), allBrands, allLocations())
			if err != nil || !test.seen(got) {
				t.Errorf("not seen: %v, %v, %d of %d rows in %d batches", err, got.errs, got.rows(), got.total, len(got.batches))
			}
			if left := s.Faults().Armed(); len(left) > 0 {
				t.Errorf("still armed: %v", left)
			}
			again, err := read(t, db, transactions(after, "BRAND"), allBrands, allLocations())
			if err != nil || again.err() != nil || again.rows() != again.total {
				t.Errorf("the next read fails: %v, %v", err, again.errs)
			}
		})
	}
}

func TestFaultStall(t *testing.T) {
	s := openServer(t, nil)
	db := connect(t, s)
	for _, kind := range []FaultKind{ChunkStall, AnswerStall} {
		arm(t, s, Fault{Kind: kind})
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		got, err := readContext(t, ctx, db, transactions(after), allBrands, allLocations())
		cancel()
		if err := errors.Join(err, got.err()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want the deadline", kind, err)
		}
	}
}

// An answer that breaks off is asked for once more by the driver, and no oftener.
func TestFaultAnswerLost(t *testing.T) {
	s := openServer(t, nil)
	db := connect(t, s)
	for times, whole := range map[int]bool{1: true, 2: false} {
		arm(t, s, Fault{Kind: AnswerLost, Times: times})
		got, err := read(t, db, transactions(after), allBrands, allLocations())
		if (err == nil) != whole || whole && got.rows() != got.total {
			t.Errorf("lost %d times: %d of %d rows, error %v", times, got.rows(), got.total, err)
		}
	}
}

func TestFaultsOfStatements(t *testing.T) {
	s := openServer(t, func(c *Config) { c.AnswerWithin = 20 * time.Millisecond })
	db := connect(t, s)
	t.Run("session expired", func(t *testing.T) {
		arm(t, s, Fault{Kind: SessionExpired})
		if got, err := read(t, db, transactions(after), allBrands, allLocations()); err != nil || got.rows() != got.total {
			t.Errorf("the driver should renew and repeat: %v", err)
		}
	})
	t.Run("query error", func(t *testing.T) {
		arm(t, s, Fault{Kind: QueryError, SQL: "FACT_TRANSACTIONS", Code: "000625", SQLState: "57014", Message: "Statement reached its timeout."})
		if _, err := read(t, db, "SELECT 1"); err != nil {
			t.Errorf("the fault strikes another statement: %v", err)
		}
		_, err := read(t, db, transactions(after), allBrands, allLocations())
		wantCode(t, err, 625, "57014")
	})
	t.Run("slow query is polled for", func(t *testing.T) {
		arm(t, s, Fault{Kind: SlowQuery, Delay: 100 * time.Millisecond})
		if got, err := read(t, db, transactions(after), allBrands, allLocations()); err != nil || got.rows() != got.total {
			t.Errorf("got %v", err)
		}
	})
}

func TestAbortIsRecorded(t *testing.T) {
	s := openServer(t, nil)
	db := connect(t, s)
	arm(t, s, Fault{Kind: SlowQuery, Delay: time.Hour})
	ctx, cancel := context.WithTimeout(sf.WithQueryTag(t.Context(), "tag-1"), 300*time.Millisecond)
	defer cancel()
	if _, err := readContext(t, ctx, db, "SELECT 1"); err == nil {
		t.Fatal("the query should be cancelled")
	}
	s.running.Wait()
	all := s.Queries()
	last := all[len(all)-1]
	if !last.Aborted || last.Tag != "tag-1" || last.SQL != "SELECT 1" || last.Code != codeCanceled || last.RequestID == "" || last.ID == "" {
		t.Errorf("got %+v", last)
	}
}

func TestCancelByQueryID(t *testing.T) {
	s := openServer(t, nil)
	db := connect(t, s)
	arm(t, s, Fault{Kind: SlowQuery, SQL: "SELECT 1", Delay: time.Hour})
	failed := make(chan error, 1)
	go func() {
		_, err := readContext(t, t.Context(), db, "SELECT 1")
		failed <- err
	}()
	id := runningID(t, s, "SELECT 1")
	if _, err := read(t, db, "SELECT SYSTEM$CANCEL_QUERY(?)", id); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-failed, 604, "57014")
}

// runningID waits until the server runs the statement.
func runningID(t *testing.T, s *Server, text string) string {
	t.Helper()
	for t.Context().Err() == nil {
		for _, q := range s.Queries() {
			if q.SQL == text && q.Status == statusRunning {
				return q.ID
			}
		}
		runtime.Gosched()
	}
	return ""
}

func TestFaultEndpoint(t *testing.T) {
	s := openServer(t, nil)
	url := "http://" + s.Addr() + "/_faults"
	send := func(method, body string) int {
		request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	if got := send("POST", `[{"kind":"chunk_forbidden","times":2,"chunk":0},{"kind":"wrong_total","sql":"X"}]`); got != http.StatusNoContent {
		t.Errorf("POST: %d", got)
	}
	want := []Fault{{Kind: ChunkForbidden, Times: 2, Chunk: new(0)}, {Kind: WrongTotal, Times: 1, SQL: "X"}}
	if diff := cmp.Diff(want, s.Faults().Armed()); diff != "" {
		t.Errorf("armed (-want +got):\n%s", diff)
	}
	if got := send("POST", `{"kind":"nope"}`); got != http.StatusBadRequest {
		t.Errorf("unknown kind: %d", got)
	}
	if got := send("DELETE", ""); got != http.StatusNoContent || len(s.Faults().Armed()) > 0 {
		t.Errorf("DELETE: %d, still armed %v", got, s.Faults().Armed())
	}
}

func TestDataIsAFunctionOfTheSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "warehouse.duckdb")
	digest := func(seed uint64) (sum string) {
		cfg := Config{Path: path, Seed: seed, Spool: t.TempDir(), CreateTime: created, RestateTime: restated}
		s, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		// The hash of the whole row, added up, does not depend on the order.
		text := "SELECT sum(hash(t)::HUGEINT)::VARCHAR FROM analytics.FACT_REVIEWS t"
		if err := s.DB().QueryRowContext(t.Context(), text).Scan(&sum); err != nil {
			t.Fatal(err)
		}
		return sum
	}
	first, reopened, other, again := digest(1), digest(1), digest(2), digest(1)
	if first != reopened || first != again || first == other {
		t.Errorf("got %s, %s, %s, %s", first, reopened, other, again)
	}
}

package warehouse

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// existence asks when tables were created and for how long their history is kept.
const existence = `SELECT TABLE_NAME, DATE_PART(EPOCH_MILLISECOND, CREATED) AS C, RETENTION_TIME, DATE_PART(EPOCH_MILLISECOND, CURRENT_TIMESTAMP()) AS N
	FROM EXPORTS.INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN (?, ?, ?) ORDER BY TABLE_NAME`

// What the catalogue says of a table is what time travel does with it, also once it was rebuilt.
func TestTablesAreToldAsTheyAre(t *testing.T) {
	now := clock
	s := openServer(t, func(c *Config) { c.Retention, c.Now = 36*time.Hour, func() time.Time { return now } })
	if err := s.Rebuild(t.Context(), "FACT_REVIEWS"); err != nil {
		t.Fatal(err)
	}
	now = clock.Add(time.Hour)
	db := connect(t, s)
	got, err := read(t, db, existence, "ANALYTICS", "FACT_REVIEWS", "DIM_DATES", "NOPE")
	if err != nil || got.err() != nil {
		t.Fatal(err, got.err())
	}
	ms := func(at time.Time) string { return fmt.Sprint(at.UnixMilli()) }
	want := map[string][]string{
		"TABLE_NAME": {"DIM_DATES", "FACT_REVIEWS"}, "C": {ms(created), ms(clock)}, "RETENTION_TIME": {"1", "1"}, "N": {ms(now), ms(now)},
	}
	for column, values := range want {
		if diff := cmp.Diff(values, got.values(t, column)); diff != "" {
			t.Errorf("column %s (-want +got):\n%s", column, diff)
		}
	}
	for _, test := range []struct {
		table string
		at    time.Time
		held  bool
	}{
		{"DIM_DATES", now.Add(-24 * time.Hour), true},
		{"DIM_DATES", now.Add(-36*time.Hour - time.Second), false},
		{"FACT_REVIEWS", clock, true},
		{"FACT_REVIEWS", clock.Add(-time.Millisecond), false},
	} {
		_, err := read(t, db, "SELECT 'x' AS X, COUNT(*) AS N FROM EXPORTS.ANALYTICS."+test.table+" "+at(test.at)+" AS t")
		if held := err == nil; held != test.held {
			t.Errorf("table %s at %s: %v, want it there: %t", test.table, test.at, err, test.held)
		}
	}
}

// A rebuild leaves the rows of that moment, and nothing of before.
func TestRebuildKeepsTheRowsOfNow(t *testing.T) {
	s := openServer(t, nil)
	db := connect(t, s)
	count := func() string {
		got, err := read(t, db, "SELECT 'x' AS X, COUNT(*) AS N FROM EXPORTS.ANALYTICS.FACT_REVIEWS "+at(clock)+" AS t")
		if err != nil || got.err() != nil {
			t.Fatal(err, got.err())
		}
		return got.values(t, "N")[0]
	}
	before := count()
	if err := s.Rebuild(t.Context(), "FACT_REVIEWS"); err != nil {
		t.Fatal(err)
	}
	var left string
	if err := s.DB().QueryRowContext(t.Context(), "SELECT count(*)::VARCHAR FROM analytics.fact_reviews").Scan(&left); err != nil {
		t.Fatal(err)
	}
	if after := count(); after != before || left != before {
		t.Errorf("%s rows were there, after the rebuild %s of %s stored", before, after, left)
	}
}

// The source's own clock can be asked for alone.
func TestNow(t *testing.T) {
	got, err := read(t, connect(t, openServer(t, nil)), "SELECT DATE_PART(EPOCH_MILLISECOND, CURRENT_TIMESTAMP()) AS NOW_MS")
	if err != nil || got.err() != nil {
		t.Fatal(err, got.err())
	}
	if now := got.values(t, "NOW_MS"); len(now) != 1 || now[0] != fmt.Sprint(clock.UnixMilli()) {
		t.Errorf("got %v, want %d", now, clock.UnixMilli())
	}
}

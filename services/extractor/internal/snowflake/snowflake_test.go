package snowflake_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/deploy/local/warehouse"
	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/scope"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/extractor/internal/snowflake"
	"github.com/customer-exports/exports/services/extractor/internal/source"
)

var (
	created  = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	restated = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	clock    = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	asOf     = restated.Add(time.Hour)
)

const big = "FACT_TRANSACTIONS" // several chunks at the test's chunk size

// rig is a warehouse with chunks small enough that a table has several, and a reader of it.
type rig struct {
	warehouse *warehouse.Server
	source    *snowflake.Source
	tel       *obs.Telemetry
	progress  atomic.Int64
}

func newRig(t *testing.T, change func(*snowflake.Config)) *rig {
	t.Helper()
	return open(t, func(*warehouse.Config) {}, change)
}

func newRigOf(t *testing.T, change func(*warehouse.Config)) *rig {
	t.Helper()
	return open(t, change, nil)
}

func open(t *testing.T, there func(*warehouse.Config), change func(*snowflake.Config)) *rig {
	t.Helper()
	held := warehouse.Config{
		Scale: 0.002, Seed: 7, ChunkRows: 400, BatchRows: 100, InlineRows: 50, Spool: t.TempDir(),
		CreateTime: created, RestateTime: restated, Now: func() time.Time { return clock }, AnswerWithin: 200 * time.Millisecond,
	}
	there(&held)
	server, err := warehouse.Open(t.Context(), held)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	cfg := settings(t, server.Addr())
	if change != nil {
		change(&cfg)
	}
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "extractor"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := snowflake.Open(cfg, tel)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(reader.Close(), tel.Shutdown(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return &rig{warehouse: server, source: reader, tel: tel}
}

func settings(t *testing.T, addr string) snowflake.Config {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("local\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var cfg snowflake.Config
	cfg.Defaults()
	cfg.Protocol, cfg.Host, cfg.Port = "http", host, number
	cfg.Account, cfg.User, cfg.PasswordFile = "LOCAL", "EXPORTS", conf.Secret(password)
	return cfg
}

func (r *rig) attempt() source.Attempt {
	return source.Attempt{
		Run:    &taskv1.RunRef{RunId: "acme-daily-20261123-1", CustomerId: "acme", ExportId: "acme-daily", ExportDate: "2026-11-23"},
		Number: 2, Progress: func() { r.progress.Add(1) },
	}
}

func layout(t *testing.T, table string, columns ...string) *dictionary.Layout {
	t.Helper()
	l, err := dictionary.Standard().Layout(table, columns)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// everything is the scope of a customer who owns all brands and locations of the warehouse.
func (r *rig) everything(t *testing.T) *scope.Set {
	t.Helper()
	list := func(column string) []string {
		rows, err := r.warehouse.DB().QueryContext(t.Context(), "SELECT DISTINCT "+column+" FROM analytics.dim_locations WHERE "+column+" <> ''")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		var values []string
		for rows.Next() {
			var value string
			if err := rows.Scan(&value); err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return values
	}
	set, err := scope.New(list("brand"), list("location_id"))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// measured counts the rows of a table as a measure task would.
func (r *rig) measured(t *testing.T, set *scope.Set, table string) int64 {
	t.Helper()
	counts, err := r.source.Measure(t.Context(), r.attempt(), source.Survey{Layouts: []*dictionary.Layout{layout(t, table)}, Scope: set, AsOf: asOf})
	if err != nil {
		t.Fatal(err)
	}
	var rows int64
	for _, count := range counts {
		rows += count.Rows
	}
	return rows
}

func (r *rig) part(t *testing.T) source.Part {
	t.Helper()
	set := r.everything(t)
	return source.Part{Layout: layout(t, big), Scope: set, AsOf: asOf, Rows: r.measured(t, set, big)}
}

// keys reads a part and gives the values of its first column.
func (r *rig) keys(ctx context.Context, part source.Part) ([]string, error) {
	var keys []string
	rows, err := r.source.Read(ctx, r.attempt(), part, func(rec arrow.Record) error {
		if !rec.Schema().Equal(arrowschema.Of(part.Layout)) {
			return errors.New("a record has another schema")
		}
		for i := range int(rec.NumRows()) {
			keys = append(keys, strings.Clone(rec.Column(0).ValueStr(i)))
		}
		return nil
	})
	if err == nil && rows != int64(len(keys)) {
		return keys, errors.New("the number of rows returned is not that of the rows emitted")
	}
	return keys, err
}

// Every table of the dictionary can be measured and read whole, in parts that add up.
func TestStandardTables(t *testing.T) {
	r := newRig(t, nil)
	set := r.everything(t)
	survey := source.Survey{Scope: set, AsOf: asOf}
	for _, table := range dictionary.Standard().Tables {
		survey.Layouts = append(survey.Layouts, layout(t, table.Name))
	}
	counts, err := r.source.Measure(t.Context(), r.attempt(), survey)
	if err != nil {
		t.Fatal(err)
	}
	const border = "2026-06-01"
	for _, l := range survey.Layouts {
		var low, high int64
		for _, count := range counts {
			switch {
			case count.Table != l.Table.Name:
			case count.SplitDate < border:
				low += count.Rows
			default:
				high += count.Rows
			}
		}
		parts := []source.Part{{Layout: l, Scope: set, AsOf: asOf, Rows: low + high}}
		if l.Table.Split != "" {
			parts = []source.Part{
				{Layout: l, Scope: set, AsOf: asOf, Rows: low, Range: &source.Range{Until: border, WithNull: true}},
				{Layout: l, Scope: set, AsOf: asOf, Rows: high, Range: &source.Range{From: border}},
			}
		}
		for _, part := range parts {
			if _, err := r.keys(t.Context(), part); err != nil {
				t.Errorf("table %s, range %v: %v", l.Table.Name, part.Range, err)
			}
		}
	}
}

// Values arrive exactly: the sums and extremes of a whole table are those that the database computes.
func TestExactValues(t *testing.T) {
	r := newRig(t, nil)
	set := r.everything(t)
	l := layout(t, big, "transaction_id", "pos_number", "total_amount", "closed_at_datetime")
	var amounts, nulls, latest int64
	_, err := r.source.Read(t.Context(), r.attempt(), source.Part{Layout: l, Scope: set, AsOf: asOf, Rows: r.measured(t, set, big)},
		func(rec arrow.Record) error {
			money, closed := rec.Column(2).(*array.Decimal128), rec.Column(3).(*array.Timestamp)
			nulls += int64(money.NullN())
			for i := range money.Len() {
				if money.IsValid(i) {
					amounts += money.Value(i).BigInt().Int64()
				}
				if closed.IsValid(i) {
					latest = max(latest, int64(closed.Value(i)))
				}
			}
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	var want [3]int64
	row := r.warehouse.DB().QueryRowContext(t.Context(), `SELECT CAST(sum(total_amount) * 10000 AS BIGINT), count(*) - count(total_amount),
		epoch_us(max(closed_at_datetime)) FROM analytics.fact_transactions WHERE _valid_from <= ? AND _valid_to > ?
		AND brand IN (SELECT brand FROM analytics.dim_locations) AND location_id IN (SELECT location_id FROM analytics.dim_locations)`, asOf, asOf)
	if err := row.Scan(&want[0], &want[1], &want[2]); err != nil {
		t.Fatal(err)
	}
	if got := [3]int64{amounts, nulls, latest}; got != want {
		t.Errorf("sum, nulls and latest are %v, the database has %v", got, want)
	}
}

func TestScopeNarrows(t *testing.T) {
	r := newRig(t, nil)
	nobody, err := scope.New([]string{"No such brand"}, []string{"LOC-0001"})
	if err != nil {
		t.Fatal(err)
	}
	part := source.Part{Layout: layout(t, big), Scope: nobody, AsOf: asOf}
	if keys, err := r.keys(t.Context(), part); err != nil || len(keys) != 0 {
		t.Errorf("got %d rows, error %v; want an empty part", len(keys), err)
	}
}

// The same instant gives the same rows, and another instant others: history was restated between.
func TestAsOf(t *testing.T) {
	r := newRig(t, nil)
	part := r.part(t)
	first, err := r.keys(t.Context(), part)
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.keys(t.Context(), part)
	if diff := cmp.Diff(first, second); diff != "" || err != nil {
		t.Errorf("two reads at one instant differ, error %v:\n%s", err, diff)
	}
	part.AsOf = created.Add(-time.Hour)
	if _, err := r.keys(t.Context(), part); fault.ReasonOf(err) != fault.ReasonSourceAsOfGone || fault.Retryable(err) {
		t.Errorf("before the table existed: %v, want a final %s", err, fault.ReasonSourceAsOfGone)
	}
}

func TestRowsDifferFromMeasured(t *testing.T) {
	r := newRig(t, nil)
	part := r.part(t)
	part.Rows++
	if keys, err := r.keys(t.Context(), part); fault.ReasonOf(err) != fault.ReasonSourceTruncated || len(keys) != 0 {
		t.Errorf("got %d rows, error %v; want none and %s", len(keys), err, fault.ReasonSourceTruncated)
	}
}

// An error of emit ends the read and comes back as it is.
func TestEmitFails(t *testing.T) {
	r := newRig(t, nil)
	refusal := fault.New(fault.State, fault.ReasonScopeViolation, "a row is outside the scope")
	_, err := r.source.Read(t.Context(), r.attempt(), r.part(t), func(arrow.Record) error { return refusal })
	if !errors.Is(err, refusal) {
		t.Errorf("got %v, want %v", err, refusal)
	}
}

func TestCancel(t *testing.T) {
	r := newRig(t, nil)
	part := r.part(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := r.source.Read(ctx, r.attempt(), part, func(arrow.Record) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestQueryTag(t *testing.T) {
	r := newRig(t, nil)
	if _, err := r.keys(t.Context(), r.part(t)); err != nil {
		t.Fatal(err)
	}
	for _, query := range r.warehouse.Queries() {
		want := `{"trace_id":"`
		if !strings.HasPrefix(query.Tag, want) || !strings.HasSuffix(query.Tag, `","run_id":"acme-daily-20261123-1","attempt":2,"customer":"acme"}`) {
			t.Errorf("query tag is %s", query.Tag)
		}
	}
	if r.progress.Load() == 0 {
		t.Error("no progress was shown")
	}
}

func TestWrongPassword(t *testing.T) {
	wrong := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(wrong, []byte("guess"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(cfg *snowflake.Config) { cfg.PasswordFile = conf.Secret(wrong) })
	_, err := r.source.Measure(t.Context(), r.attempt(), source.Survey{Layouts: []*dictionary.Layout{layout(t, "DIM_DATES")}, AsOf: asOf})
	if fault.ReasonOf(err) != fault.ReasonSourceRefused || strings.Contains(err.Error(), "guess") {
		t.Errorf("got %v, want %s", err, fault.ReasonSourceRefused)
	}
}

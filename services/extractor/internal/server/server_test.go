package server_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/customer-exports/exports/deploy/local/warehouse"
	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/pkg/rpc"
	sourcev1 "github.com/customer-exports/exports/proto/exports/source/v1"
	"github.com/customer-exports/exports/services/extractor/internal/lookup"
	"github.com/customer-exports/exports/services/extractor/internal/server"
	"github.com/customer-exports/exports/services/extractor/internal/snowflake"
)

// log is what the service wrote.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// rig is the service behind real gRPC, in front of a warehouse.
type rig struct {
	client    sourcev1.SourceServiceClient
	warehouse *warehouse.Server
	log       *log
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{log: &log{}}
	tel, err := obs.Setup(t.Context(), obs.Config{Service: "extractor", LogLevel: "debug"}, r.log)
	if err != nil {
		t.Fatal(err)
	}
	r.warehouse, err = warehouse.Open(t.Context(), warehouse.Config{Scale: 0.001, ChunkRows: 100, BatchRows: 50, InlineRows: 10, Spool: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	source, err := snowflake.Open(settings(t, r.warehouse.Addr()), tel)
	if err != nil {
		t.Fatal(err)
	}
	s := rpc.NewServer(tel)
	sourcev1.RegisterSourceServiceServer(s.Registrar(), server.New(lookup.New(dictionary.Standard(), source), nil))
	addr, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, "") }()
	conn, err := rpc.Dial(addr, tel)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(conn.Close(), <-served, source.Close(), r.warehouse.Close(), tel.Shutdown(context.Background())); err != nil {
			t.Error(err)
		}
	})
	r.client = sourcev1.NewSourceServiceClient(conn)
	return r
}

func settings(t *testing.T, addr string) snowflake.Config {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("local"), 0o600); err != nil {
		t.Fatal(err)
	}
	var cfg snowflake.Config
	cfg.Defaults()
	cfg.Protocol, cfg.Host = "http", host
	if cfg.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	cfg.Account, cfg.User, cfg.PasswordFile = "LOCAL", "EXPORTS", conf.Secret(password)
	cfg.QueryTimeout = conf.Duration(2 * time.Second)
	return cfg
}

func TestCheckScope(t *testing.T) {
	r := newRig(t)
	got, err := r.client.CheckScope(t.Context(), &sourcev1.CheckScopeRequest{
		Brands:      []string{"Nowhere Cafe", "Bella Pizza", "bella pizza"},
		LocationIds: []string{"LOC-0001", "LOC-9999", "LOC-0000", "LOC-9998", "LOC-9999"},
	})
	want := &sourcev1.CheckScopeResponse{
		UnknownBrands:      []string{"Nowhere Cafe", "bella pizza"},
		UnknownLocationIds: []string{"LOC-9999", "LOC-9998"},
		ForeignLocationIds: []string{"LOC-0001"},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("error %v, answer (-want +got):\n%s", err, diff)
	}
}

func TestDescribeTables(t *testing.T) {
	r := newRig(t)
	got, err := r.client.DescribeTables(t.Context(), &sourcev1.DescribeTablesRequest{Tables: []string{"DIM_EMPLOYEES", "NOPE", "DIM_DATES"}})
	if err != nil || len(got.GetTables()) != 2 || got.GetTables()[1].GetTable() != "DIM_DATES" {
		t.Fatalf("got %v, %v; want DIM_EMPLOYEES and DIM_DATES", got, err)
	}
	columns := got.GetTables()[0].GetColumns()
	want := &sourcev1.SourceColumn{Column: "updated_at_datetime", Type: "TIMESTAMP_LTZ(6)", Nullable: true}
	if diff := cmp.Diff(want, columns[len(columns)-1], protocmp.Transform()); diff != "" || len(columns) != 13 {
		t.Errorf("%d columns, the last (-want +got):\n%s", len(columns), diff)
	}
	whole, err := r.client.DescribeTables(t.Context(), &sourcev1.DescribeTablesRequest{})
	if err != nil || len(whole.GetTables()) != len(dictionary.Standard().Tables) {
		t.Errorf("asked for none: %d tables, %v; want the whole dictionary", len(whole.GetTables()), err)
	}
}

func TestEarliestAsOf(t *testing.T) {
	r := newRig(t)
	before := time.Now()
	if err := r.warehouse.Rebuild(t.Context(), "FACT_TRANSACTIONS"); err != nil {
		t.Fatal(err)
	}
	got, err := r.client.EarliestAsOf(t.Context(), &sourcev1.EarliestAsOfRequest{Tables: []string{"FACT_TRANSACTION_ITEMS"}})
	if err != nil || !got.GetEarliestTime().AsTime().After(before) {
		t.Errorf("got %v, %v; want an instant after the rebuild of the table that says whose the items are", got, err)
	}
	got, err = r.client.EarliestAsOf(t.Context(), &sourcev1.EarliestAsOfRequest{Tables: []string{"FACT_REVIEWS"}})
	if err != nil || !got.GetEarliestTime().AsTime().Before(before) {
		t.Errorf("got %v, %v; want an instant before the rebuild of another table", got, err)
	}
}

// What the contract rules out does not reach the source.
func TestRequestsAreChecked(t *testing.T) {
	r := newRig(t)
	scope := func(brands, ids int) error {
		q := &sourcev1.CheckScopeRequest{Brands: make([]string, brands), LocationIds: make([]string, ids)}
		_, err := r.client.CheckScope(t.Context(), q)
		return err
	}
	_, describe := r.client.DescribeTables(t.Context(), &sourcev1.DescribeTablesRequest{Tables: []string{"A' OR 1=1"}})
	earliest := func(tables ...string) error {
		_, err := r.client.EarliestAsOf(t.Context(), &sourcev1.EarliestAsOfRequest{Tables: tables})
		return err
	}
	for name, err := range map[string]error{
		"no brand": scope(0, 1), "no location": scope(1, 0), "too many brands": scope(1001, 1), "too many locations": scope(1, 50_001),
		"not a table": describe, "not a table's history": earliest("A' OR 1=1"), "no table": earliest(),
	} {
		if fault.KindOf(err) != fault.Invalid || fault.ReasonOf(err) != fault.ReasonValidation {
			t.Errorf("%s: got %v, want %s", name, err, fault.ReasonValidation)
		}
	}
	if asked := r.warehouse.Queries(); len(asked) > 0 {
		t.Errorf("the source was asked: %v", asked)
	}
}

// A caller learns what went wrong by its reason; neither it nor the log learns what the source said or
// which names were asked for.
func TestFaults(t *testing.T) {
	r := newRig(t)
	const said, asked = "bound value 4711", "O'Brien's Diner"
	failed := func(code, state string) warehouse.Fault {
		return warehouse.Fault{Kind: warehouse.QueryError, Code: code, SQLState: state, Message: said}
	}
	for name, test := range map[string]struct {
		fault warehouse.Fault
		kind  fault.Kind
		want  fault.Reason
	}{
		"away":     {failed("000603", "XX000"), fault.Unavailable, fault.ReasonSourceUnavailable},
		"refused":  {failed("003001", "42501"), fault.State, fault.ReasonSourceRefused},
		"silent":   {warehouse.Fault{Kind: warehouse.SlowQuery, Delay: time.Minute}, fault.Unavailable, fault.ReasonSourceStalled},
		"not rows": {warehouse.Fault{Kind: warehouse.JSONResult}, fault.DataLoss, fault.ReasonSourceNotArrow},
	} {
		t.Run(name, func(t *testing.T) {
			if err := r.warehouse.Faults().Arm(test.fault); err != nil {
				t.Fatal(err)
			}
			_, err := r.client.CheckScope(t.Context(), &sourcev1.CheckScopeRequest{Brands: []string{asked}, LocationIds: []string{asked}})
			if fault.KindOf(err) != test.kind || fault.ReasonOf(err) != test.want || strings.Contains(err.Error(), said) || strings.Contains(err.Error(), asked) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
	if text := r.log.String(); !strings.Contains(text, "call refused") || strings.Contains(text, said) || strings.Contains(text, "Brien") {
		t.Errorf("the log must tell of the calls without the words of source and caller:\n%s", text)
	}
}

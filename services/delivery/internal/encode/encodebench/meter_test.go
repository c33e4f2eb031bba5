package encodebench

import (
	"database/sql"
	"fmt"
	"runtime"
	"syscall"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // registers the driver
)

// meter takes out of the account what is not the encoder's work.
type meter struct {
	elsewhere float64
	peak      int64 // of a process that worked for this one
}

func (m *meter) aside(work func()) {
	begin := cpu()
	work()
	m.elsewhere += cpu() - begin
}

func usage() syscall.Rusage {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // cannot fail with these arguments
	}
	return u
}

// cpu is what this process has used so far, in seconds.
func cpu() float64 {
	u := usage()
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// peakRSS is in bytes; macOS counts in bytes, Linux in KiB.
func peakRSS() int64 {
	if runtime.GOOS == "darwin" {
		return usage().Maxrss
	}
	return usage().Maxrss << 10
}

// digest says which rows a Parquet file holds, in whatever order and encoding.
func digest(t testing.TB, path string) string {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var rows int64
	var hash string
	statement := fmt.Sprintf("SELECT count(*), sum(hash(r)::HUGEINT)::VARCHAR FROM read_parquet('%s') r", path)
	if err := db.QueryRowContext(t.Context(), statement).Scan(&rows, &hash); err != nil {
		t.Fatalf("reading %s: %v", path, err)
	}
	return fmt.Sprintf("%d rows, %s", rows, hash)
}

package e2e

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/pkg/drop"
)

// TestCustomerTakesADropOver runs the statements that delivery's README gives to customers, word for word but for where the bucket
// lies, and twice, as on two days. The table that comes of them holds what the manifest says, and the contract lies beside it.
func TestCustomerTakesADropOver(t *testing.T) {
	s := stackFor(t, nil)
	results, _ := deliver(t, s, demo.Engagements()[0])
	bucket := filepath.Join(s.Dir, "s3", results[0].Engagement.Bucket())
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for range 2 {
		for _, statement := range statementsOf(t, bucket) {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
	var same, rows int64
	query := `SELECT count(*), (SELECT any_value(entry.row_count) FROM delivered WHERE entry."table" = 'FACT_REVIEWS') FROM reviews`
	if err := db.QueryRowContext(t.Context(), query).Scan(&same, &rows); err != nil || rows == 0 || same != rows {
		t.Errorf("the customer has %d reviews, %d were delivered: %v", same, rows, err)
	}
	contractOf(t, bucket, results[0].Engagement)
	checkByHand(t, bucket, results[0])
}

// scriptOf is the first block after a heading of delivery's README.
func scriptOf(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(checkout(), "services", "delivery", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "### "+heading+"\n")
	found := block.FindStringSubmatch(section)
	if found == nil {
		t.Fatalf("the README has no script under %q", heading)
	}
	return found[2]
}

// statementsOf are those of the README's section on DuckDB, without the credentials, for a bucket that is a folder.
func statementsOf(t *testing.T, bucket string) []string {
	t.Helper()
	var statements []string
	for statement := range strings.SplitSeq(strings.ReplaceAll(scriptOf(t, "DuckDB"), "s3://<bucket>", bucket), ";\n") {
		if !strings.HasPrefix(statement, "CREATE SECRET") && strings.TrimSpace(statement) != "" {
			statements = append(statements, statement)
		}
	}
	if len(statements) < 6 {
		t.Fatalf("the README has %d statements for DuckDB", len(statements))
	}
	return statements
}

// contractOf reads the data contract, which comes shortly after the drop.
func contractOf(t *testing.T, bucket string, e demo.Engagement) {
	t.Helper()
	path := filepath.Join(bucket, filepath.FromSlash(drop.ContractKey(e.ExportID())))
	var text []byte
	eventually(t, "the data contract lies beside the drop", func() bool {
		var err error
		text, err = os.ReadFile(path)
		return err == nil
	})
	if tables := strings.Count(string(text), "physicalType: file\n"); tables != len(e.Tables) || !strings.Contains(string(text), "\nstatus: active\n") {
		t.Errorf("the contract has %d tables, want %d, of an active export:\n%s", tables, len(e.Tables), text)
	}
}

// checkByHand checks the drop as the README says, and once more with a byte of a file turned.
func checkByHand(t *testing.T, bucket string, result demo.Result) {
	t.Helper()
	ref, dir := result.Run.GetRef(), t.TempDir()
	if err := os.Symlink(filepath.Join(os.Getenv("EXPORTS_BIN"), "gojq"), filepath.Join(dir, "jq")); err != nil {
		t.Fatal(err)
	}
	_, checks, _ := strings.Cut(scriptOf(t, "Checking a drop by hand"), "\n") // without the line of aws
	checks = strings.NewReplacer("2026-11-23", ref.GetExportDate(), "acme-daily-20261123-1", ref.GetRunId()).Replace(checks)
	run := func(script string) string {
		command := exec.CommandContext(t.Context(), "bash", "-c", script)
		command.Dir, command.Env = dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		out, _ := command.CombinedOutput() // what it says is what counts
		return string(out)
	}
	const whole = "the manifest is whole\nevery file is whole\n"
	if got := run("cp -r '" + bucket + "/analytics-export' .\n" + checks); got != whole {
		t.Errorf("checking the drop by hand says %q, want %q", got, whole)
	}
	turn := "printf X | dd of=$(ls analytics-export/FACT_REVIEWS/*/*/part-00000.parquet) bs=1 seek=100 conv=notrunc status=none\n"
	if got := run(turn + checks); !strings.HasPrefix(got, "the manifest is whole\n") || strings.Contains(got, "every file is whole") {
		t.Errorf("checking a damaged drop by hand says %q", got)
	}
}

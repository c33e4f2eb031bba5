package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/customer-exports/exports/pkg/drop"
)

// Report is what .local/demo.json holds.
type Report struct {
	Runs []RunReport `json:"runs"`
}

// RunReport is one delivered run; Seconds counts from StartRun to the verdict.
type RunReport struct {
	RunID      string        `json:"run_id"`
	CustomerID string        `json:"customer_id"`
	ExportDate string        `json:"export_date"`
	TraceID    string        `json:"trace_id"`
	Verdict    string        `json:"verdict"`
	Seconds    float64       `json:"seconds"`
	Tables     []TableReport `json:"tables"`
}

// TableReport is one table of a run; Files are paths relative to the bucket.
type TableReport struct {
	Table string   `json:"table"`
	Rows  int64    `json:"rows"`
	Bytes int64    `json:"bytes"`
	Files []string `json:"files"`
}

// Report reads the manifests from the buckets' folders, as a customer would
// find them, and puts them beside what was measured.
func (d *Demo) Report(results []Result) (*Report, error) {
	report := &Report{}
	for _, r := range results {
		m, err := d.manifest(r)
		if err != nil {
			return nil, err
		}
		run := RunReport{
			RunID: m.RunID, CustomerID: m.CustomerID, ExportDate: m.ExportDate, TraceID: m.TraceID,
			Verdict: word(r.Verdict.GetPunctuality().String(), "PUNCTUALITY_"), Seconds: r.Seconds,
		}
		for _, t := range m.Tables {
			run.Tables = append(run.Tables, tableReport(t))
		}
		report.Runs = append(report.Runs, run)
	}
	return report, nil
}

func (d *Demo) manifest(r Result) (*drop.Manifest, error) {
	path := filepath.Join(d.Stack.Dir, "s3", r.Engagement.Bucket(), filepath.FromSlash(r.Run.GetManifestKey()))
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	return drop.ParseManifest(data)
}

func tableReport(t drop.Table) TableReport {
	report := TableReport{Table: t.Table, Rows: t.RowCount}
	for _, f := range t.Files {
		report.Bytes += f.Bytes
		report.Files = append(report.Files, f.Key)
	}
	return report
}

// Save writes the report whole or not at all.
func (r *Report) Save(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the report: %w", err)
	}
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return os.Rename(path+".new", path)
}

// Print shows the tables and what to look at next.
func (d *Demo) Print(out io.Writer, report *Report, results []Result) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "\nCUSTOMER\tTABLE\tROWS\tMB\tFILES\t")
	for _, run := range report.Runs {
		for _, t := range run.Tables {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%.1f\t%d\t\n", run.CustomerID, t.Table, count(t.Rows), float64(t.Bytes)/1e6, len(t.Files))
		}
	}
	_ = w.Flush()
	for i, run := range report.Runs {
		r := results[i]
		_, _ = fmt.Fprintf(out, "\n%s: %s, %s in %.1f s\n", r.Engagement.Name, run.RunID, run.Verdict, run.Seconds)
		_, _ = fmt.Fprintf(out, "  files     %s\n", filepath.Join(d.Stack.Dir, "s3", r.Engagement.Bucket(), drop.Prefix))
		_, _ = fmt.Fprintf(out, "  manifest  %s\n", filepath.Join(d.Stack.Dir, "s3", r.Engagement.Bucket(), r.Run.GetManifestKey()))
		_, _ = fmt.Fprintf(out, "  trace     %s/trace/%s\n", strings.TrimSuffix(d.Stack.Traces.HTTPURL(), "/"), run.TraceID)
	}
	d.printCommands(out, results[0])
}

func (d *Demo) printCommands(out io.Writer, r Result) {
	p := d.Stack.Ports
	_, _ = fmt.Fprintf(out, "\nTry while `make up` serves (.bin/grpcurl comes with `make tools`):\n")
	for _, call := range []struct {
		data string
		port int
		rpc  string
	}{
		{fmt.Sprintf(`{"export_id":%q}`, r.Engagement.ExportID()), p.Config, "exports.config.v1.ConfigService/GetExport"},
		{fmt.Sprintf(`{"run_id":%q}`, r.Run.GetRef().GetRunId()), p.Planner, "exports.plan.v1.RunService/GetRun"},
		{`{}`, p.Monitor, "exports.sla.v1.SlaService/ListVerdicts"},
	} {
		_, _ = fmt.Fprintf(out, "  .bin/grpcurl -plaintext -d '%s' 127.0.0.1:%d %s\n", call.data, call.port, call.rpc)
	}
}

func word(enum, prefix string) string { return strings.ToLower(strings.TrimPrefix(enum, prefix)) }

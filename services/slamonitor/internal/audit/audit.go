// Package audit reads a drop the way the customer would and says what is wrong
// with it: manifest and _SUCCESS, then every file in full. It shares nothing
// with the code that wrote the drop, trusts only the bucket and the Data
// Dictionary, and refuses to judge lateness (package sla does). Start reading
// at Auditor.Audit.
package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/services/slamonitor/internal/bucket"
	"github.com/customer-exports/exports/services/slamonitor/internal/sla"
)

// maxControlBytes bounds manifest and marker, which are read into memory.
const maxControlBytes = 64 << 20

// Bucket is the customer's bucket, read-only.
type Bucket interface {
	List(ctx context.Context, prefix string) ([]string, error)
	Get(ctx context.Context, key string) (io.ReadCloser, error)
	Path(key string) string
}

// Selection is what a revision promises of one table; nil Columns means every
// column that is not personal.
type Selection struct {
	Table   string
	Columns []string
}

// Promise is what a drop must hold, from the approved revision alone.
type Promise struct {
	CustomerID, ExportID, ExportDate, ScopeDigest string
	Revision                                      int64
	Format                                        drop.Format
	Tables                                        []Selection
}

// Auditor reads drops. TempDir holds one file at a time.
type Auditor struct {
	Dictionary *dictionary.Dictionary
	TempDir    string
}

// Audit reads the newest complete drop of the promised date. An error means
// that the bucket could not be looked at; whatever is wrong with the drop
// itself comes back as findings.
func (a *Auditor) Audit(ctx context.Context, b Bucket, p Promise) (sla.Audit, error) {
	key, err := Newest(ctx, b, p.ExportDate)
	if err != nil {
		return sla.Audit{}, err
	}
	if key == "" {
		nothing := sla.Finding{Condition: sla.Missing, FilePath: b.Path(drop.DatePrefix(p.ExportDate)), Message: "no run of this date has a _SUCCESS marker"}
		return sla.Audit{Findings: []sla.Finding{nothing}}, nil
	}
	m, finding, err := readManifest(ctx, b, key)
	if err != nil {
		return sla.Audit{}, err
	}
	if finding != nil {
		return sla.Audit{ManifestKey: key, Findings: []sla.Finding{*finding}}, nil
	}
	return a.readDrop(ctx, b, p, key, m)
}

func (a *Auditor) readDrop(ctx context.Context, b Bucket, p Promise, key string, m *drop.Manifest) (sla.Audit, error) {
	audit := sla.Audit{RunID: m.RunID, TraceID: m.TraceID, Traceparent: m.Traceparent, ManifestKey: key, MadeBy: m.Revision}
	if m.Revision != p.Revision {
		other := fmt.Sprintf("the drop is made by revision %d, not by revision %d", m.Revision, p.Revision)
		audit.Findings = []sla.Finding{{Condition: sla.Mismatch, FilePath: b.Path(key), Message: other}}
		return audit, nil
	}
	audit.Findings = promised(b.Path(key), p, m)
	for _, t := range m.Tables {
		layout, err := a.Dictionary.Layout(t.Table, columnsOf(p, t.Table))
		if err != nil {
			audit.Findings = append(audit.Findings, sla.Finding{Condition: sla.Mismatch, Table: t.Table, FilePath: b.Path(key), Message: err.Error()})
			continue
		}
		table, findings, err := a.readTable(ctx, b, layout, m.Format, t)
		if err != nil {
			return sla.Audit{}, err
		}
		audit.Tables = append(audit.Tables, table)
		audit.Findings = append(audit.Findings, findings...)
	}
	return audit, nil
}

func (a *Auditor) readTable(ctx context.Context, b Bucket, layout *dictionary.Layout, format drop.Format, t drop.Table) (sla.TableAudit, []sla.Finding, error) {
	result := sla.TableAudit{Table: t.Table, Files: len(t.Files)}
	findings := sameColumns(layout, t)
	for _, f := range t.Files {
		rows, err := a.readFile(ctx, b, layout, format, f)
		if bad := (*fileError)(nil); errors.As(err, &bad) {
			findings = append(findings, sla.Finding{Condition: bad.condition, Table: t.Table, FilePath: b.Path(f.Key), Message: bad.message})
			continue
		}
		if err != nil {
			return result, nil, err
		}
		result.Rows, result.FileBytes = result.Rows+rows, result.FileBytes+f.Bytes
	}
	if len(findings) == 0 && result.Rows != t.RowCount {
		findings = append(findings, sla.Finding{
			Condition: sla.Mismatch, Table: t.Table,
			Message: fmt.Sprintf("files hold %d rows, the manifest says %d", result.Rows, t.RowCount),
		})
	}
	return result, findings, nil
}

// promised compares the manifest with the approved revision.
func promised(path string, p Promise, m *drop.Manifest) []sla.Finding {
	var findings []sla.Finding
	wrong := func(table, format string, args ...any) {
		findings = append(findings, sla.Finding{Condition: sla.Mismatch, Table: table, FilePath: path, Message: fmt.Sprintf(format, args...)})
	}
	if m.CustomerID != p.CustomerID || m.ExportID != p.ExportID || m.ExportDate != p.ExportDate {
		wrong("", "the manifest is of %s %s %s", m.CustomerID, m.ExportID, m.ExportDate)
	}
	if m.ScopeDigest != p.ScopeDigest {
		wrong("", "the scope digest is not that of the approved revision")
	}
	if m.Format != p.Format {
		wrong("", "the files are %s, the approved revision says %s", m.Format, p.Format)
	}
	for _, s := range p.Tables {
		if !slices.ContainsFunc(m.Tables, func(t drop.Table) bool { return t.Table == s.Table }) {
			findings = append(findings, sla.Finding{Condition: sla.Missing, Table: s.Table, FilePath: path, Message: "the manifest does not list the table"})
		}
	}
	for _, t := range m.Tables {
		if !slices.ContainsFunc(p.Tables, func(s Selection) bool { return s.Table == t.Table }) {
			wrong(t.Table, "the table is not part of the approved revision")
		}
	}
	return findings
}

func columnsOf(p Promise, table string) []string {
	for _, s := range p.Tables {
		if s.Table == table {
			return s.Columns
		}
	}
	return nil
}

// Newest returns the key of the manifest of the newest run folder of a date
// that has a _SUCCESS marker, or "" when none has.
func Newest(ctx context.Context, b Bucket, date string) (string, error) {
	keys, err := b.List(ctx, drop.DatePrefix(date))
	if err != nil {
		return "", err
	}
	newest := ""
	for _, key := range keys {
		folder, found := strings.CutSuffix(key, "/_SUCCESS")
		if found && (len(folder) > len(newest) || len(folder) == len(newest) && folder > newest) {
			newest = folder
		}
	}
	if newest == "" {
		return "", nil
	}
	return newest + "/manifest.json", nil
}

func readManifest(ctx context.Context, b Bucket, key string) (*drop.Manifest, *sla.Finding, error) {
	wrong := func(c sla.Condition, format string, args ...any) (*drop.Manifest, *sla.Finding, error) {
		return nil, &sla.Finding{Condition: c, FilePath: b.Path(key), Message: fmt.Sprintf(format, args...)}, nil
	}
	data, err := readSmall(ctx, b, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return wrong(sla.Missing, "_SUCCESS is there, the manifest is not")
	}
	if err != nil {
		return nil, nil, err
	}
	vouched, err := readSmall(ctx, b, strings.TrimSuffix(key, "manifest.json")+"_SUCCESS")
	if err != nil {
		return nil, nil, err
	}
	marker, err := drop.ParseSuccess(vouched)
	if err != nil {
		return wrong(sla.Unreadable, "%s", err)
	}
	if marker.Digest != drop.Digest(data) {
		return wrong(sla.Mismatch, "_SUCCESS does not hold the manifest's digest")
	}
	m, err := drop.ParseManifest(data)
	if err != nil {
		return wrong(sla.Unreadable, "%s", err)
	}
	return m, nil, nil
}

func readSmall(ctx context.Context, b Bucket, key string) ([]byte, error) {
	body, err := b.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	data, err := io.ReadAll(io.LimitReader(body, maxControlBytes))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", b.Path(key), err)
	}
	return data, nil
}

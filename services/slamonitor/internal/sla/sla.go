// Package sla is the monitor's judgement: what is owed, from config and calendar
// alone, and how a drop stands, from what the bucket shows and the clock. It is
// pure: no gRPC, no NATS, no S3. Start reading at Owed and Judge.
package sla

import (
	"slices"
	"time"

	"github.com/customer-exports/exports/pkg/term"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// Punctuality is how a drop stands against its deadline.
type Punctuality string

// The punctualities of the glossary.
const (
	Pending  Punctuality = "pending"
	OnTime   Punctuality = "on_time"
	AtRisk   Punctuality = "at_risk"
	Breached Punctuality = "breached"
	Late     Punctuality = "late"
)

// Condition is what the bucket shows.
type Condition string

// The conditions of the glossary, worst last.
const (
	Verified   Condition = "verified"
	Missing    Condition = "missing"
	Mismatch   Condition = "mismatch"
	Unreadable Condition = "unreadable"
)

// Expectation is one drop that is owed.
type Expectation struct {
	CustomerID, CustomerName string
	ExportID                 string
	Revision                 int64
	ExportDate               string
	Due, Deadline            time.Time
}

// Owed lists the expectations whose due time has come, oldest date first; package
// term decides. The revision is the one in force at the due time.
func Owed(export *configv1.Export, customerName string, now time.Time) ([]Expectation, error) {
	drops, err := term.Owed(export, now)
	if err != nil {
		return nil, err
	}
	slices.Reverse(drops)
	owed := make([]Expectation, len(drops))
	for i, drop := range drops {
		owed[i] = Expectation{
			CustomerID: export.GetCustomerId(), CustomerName: customerName, ExportID: export.GetExportId(),
			Revision: drop.Revision, ExportDate: drop.Date.String(), Due: drop.Due, Deadline: drop.Deadline,
		}
	}
	return owed, nil
}

// Finding is one thing that is wrong; FilePath is s3://bucket/key.
type Finding struct {
	Condition Condition
	Table     string
	FilePath  string
	Message   string
}

// Audit is what reading a drop showed.
type Audit struct {
	RunID, TraceID, Traceparent, ManifestKey string
	// MadeBy is the revision that the manifest names; zero without a manifest that can be read.
	MadeBy   int64
	Findings []Finding
	Tables   []TableAudit
}

// TableAudit is what was read of one table.
type TableAudit struct {
	Table           string
	Rows, FileBytes int64
	Files           int
}

// Condition is the worst of the findings, or Verified without any.
func (a Audit) Condition() Condition {
	rank := map[Condition]int{Verified: 0, Missing: 1, Mismatch: 2, Unreadable: 3}
	worst := Verified
	for _, f := range a.Findings {
		if rank[f.Condition] > rank[worst] {
			worst = f.Condition
		}
	}
	return worst
}

// Verdict is the judgement of one expectation. VerifyTime is zero until the
// drop was once found right; it never moves afterwards.
type Verdict struct {
	Expectation
	Audit
	Punctuality Punctuality
	State       Condition
	VerifyTime  time.Time
	JudgeTime   time.Time
}

// riskAt is the share of the time from due to deadline after which a drop that
// is not verified is at risk.
const riskAt = 0.75

// Judge combines an audit with the clock. before is the last verdict of the same
// expectation, or the zero Verdict.
func Judge(e Expectation, a Audit, before Verdict, now time.Time) Verdict {
	v := Verdict{Expectation: e, Audit: a, State: a.Condition(), VerifyTime: before.VerifyTime, JudgeTime: now}
	if v.State == Verified && v.VerifyTime.IsZero() {
		v.VerifyTime = now
	}
	v.Punctuality = punctuality(e, v.VerifyTime, now)
	return v
}

func punctuality(e Expectation, verified, now time.Time) Punctuality {
	risk := e.Due.Add(time.Duration(riskAt * float64(e.Deadline.Sub(e.Due))))
	switch {
	case !verified.IsZero() && verified.After(e.Deadline):
		return Late
	case !verified.IsZero():
		return OnTime
	case now.After(e.Deadline):
		return Breached
	case now.After(risk):
		return AtRisk
	default:
		return Pending
	}
}

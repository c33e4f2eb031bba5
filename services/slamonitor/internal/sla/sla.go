// Package sla is the monitor's judgement: what is owed, from config and calendar
// alone, and how a drop stands, from what the bucket shows and the clock. It is
// pure: no gRPC, no NATS, no S3. Start reading at Owed and Judge.
package sla

import (
	"time"

	"github.com/customer-exports/exports/pkg/calendar"
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

// Engagement is what expectations follow from.
type Engagement struct {
	CustomerID, CustomerName string
	ExportID                 string
	Revision                 int64
	Schedule                 calendar.Schedule
	Start                    calendar.Date // first date owed; the zero Date means the first due time after Approved
	Approved                 time.Time     // when a revision first came into force
	// Owes says whether the drop that falls due then is owed: not while the engagement was paused or had ended.
	Owes      func(due time.Time) bool
	Grace     time.Duration // from due time to deadline
	Retention time.Duration // drops older than this are no longer owed
}

// Owed lists the expectations whose due time has come, newest last, within
// retention, of an engagement that was approved at least once.
func Owed(e Engagement, now time.Time) []Expectation {
	var owed []Expectation
	date, due := e.Schedule.LatestDue(now)
	for !e.before(date, due) && due.After(now.Add(-e.Retention)) {
		if e.Owes(due) {
			owed = append(owed, e.expect(date, due))
		}
		date = date.Prev()
		due = e.Schedule.Due(date)
	}
	for i, j := 0, len(owed)-1; i < j; i, j = i+1, j-1 {
		owed[i], owed[j] = owed[j], owed[i]
	}
	return owed
}

func (e Engagement) before(date calendar.Date, due time.Time) bool {
	if e.Start != (calendar.Date{}) {
		return date.Before(e.Start)
	}
	return due.Before(e.Approved)
}

func (e Engagement) expect(date calendar.Date, due time.Time) Expectation {
	return Expectation{
		CustomerID: e.CustomerID, CustomerName: e.CustomerName, ExportID: e.ExportID, Revision: e.Revision,
		ExportDate: date.String(), Due: due, Deadline: due.Add(e.Grace),
	}
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
	Findings                                 []Finding
	Tables                                   []TableAudit
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

package watch

import (
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/drop"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	slav1 "github.com/customer-exports/exports/proto/exports/sla/v1"
	"github.com/customer-exports/exports/services/slamonitor/internal/audit"
	"github.com/customer-exports/exports/services/slamonitor/internal/sla"
)

func promiseOf(revision *configv1.Revision, expected sla.Expectation) audit.Promise {
	p := audit.Promise{
		CustomerID: expected.CustomerID, ExportID: expected.ExportID, ExportDate: expected.ExportDate,
		Revision: revision.GetRevision(), ScopeDigest: revision.GetScopeDigest(),
		Format: drop.FormatOf(revision.GetSpec().GetFormat()),
	}
	for _, t := range revision.GetSpec().GetTables() {
		p.Tables = append(p.Tables, audit.Selection{Table: t.GetTable(), Columns: t.GetColumns()})
	}
	return p
}

// verifiedBefore keeps what must outlive a new judgement.
func verifiedBefore(v *slav1.Verdict) sla.Verdict {
	if v.GetVerifyTime() == nil {
		return sla.Verdict{}
	}
	return sla.Verdict{VerifyTime: v.GetVerifyTime().AsTime()}
}

func toProto(v sla.Verdict) *slav1.Verdict {
	out := &slav1.Verdict{
		CustomerId: v.CustomerID, CustomerName: v.CustomerName, ExportId: v.ExportID, ExportDate: v.ExportDate,
		DueTime: timestamppb.New(v.Due), DeadlineTime: timestamppb.New(v.Deadline), JudgeTime: timestamppb.New(v.JudgeTime),
		Punctuality: slav1.Punctuality(slav1.Punctuality_value["PUNCTUALITY_"+strings.ToUpper(string(v.Punctuality))]),
		Condition:   conditionOf(v.State), RunId: v.RunID, TraceId: v.TraceID, ManifestKey: v.ManifestKey,
	}
	if !v.VerifyTime.IsZero() {
		out.VerifyTime = timestamppb.New(v.VerifyTime)
	}
	for _, f := range v.Findings {
		out.Findings = append(out.Findings, &slav1.Finding{Condition: conditionOf(f.Condition), Table: f.Table, FilePath: f.FilePath, Message: f.Message})
	}
	for _, t := range v.Tables {
		out.Tables = append(out.Tables, &slav1.TableAudit{Table: t.Table, RowCount: t.Rows, FileBytes: t.FileBytes, FileCount: int32(t.Files)}) //nolint:gosec // a table has far fewer than 2^31 files
	}
	return out
}

func conditionOf(c sla.Condition) slav1.Condition {
	return slav1.Condition(slav1.Condition_value["CONDITION_"+strings.ToUpper(string(c))])
}

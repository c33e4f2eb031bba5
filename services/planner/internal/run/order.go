package run

import (
	"cmp"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// NewestFirst orders run ids: by export date, newest first, then by export, then by extraction, newest first.
func NewestFirst(a, b string) int {
	return cmp.Or(strings.Compare(dateIn(b), dateIn(a)), strings.Compare(exportIn(a), exportIn(b)), cmp.Compare(extraction(b), extraction(a)))
}

// OnDate says whether a run id is of an export date, YYYY-MM-DD; an empty date is any.
func OnDate(id, date string) bool {
	return date == "" || dateIn(id) == strings.ReplaceAll(date, "-", "")
}

// Within says whether the export date of a run id lies between two dates, YYYY-MM-DD, both included; an empty one is open.
func Within(id, from, to string) bool {
	date := dateIn(id)
	return date >= strings.ReplaceAll(from, "-", "") && (to == "" || date <= strings.ReplaceAll(to, "-", ""))
}

// OfExport says whether a run id is one of an export; an empty export is any.
func OfExport(id, exportID string) bool { return exportID == "" || exportIn(id) == exportID }

// exportIn is the export in a run id.
func exportIn(id string) string {
	return strings.TrimSuffix(id, fmt.Sprintf("-%s-%d", dateIn(id), extraction(id)))
}

// Newest gives, by export date (YYYYMMDD), the run of an export with the highest extraction number.
func Newest(ids iter.Seq[string], exportID string) map[string]string {
	newest := map[string]string{}
	for id := range ids {
		if date := dateIn(id); OfExport(id, exportID) && extraction(id) > extraction(newest[date]) {
			newest[date] = id
		}
	}
	return newest
}

// dayIn is a run id without its extraction: what all runs of an export date have in common.
func dayIn(id string) string { return id[:max(strings.LastIndexByte(id, '-'), 0)] }

// NextID is the id of the run that follows: of the same export and date, with the next extraction number.
func NextID(id string) string {
	return fmt.Sprintf("%s-%d", dayIn(id), extraction(id)+1)
}

// extraction is the number at the end of a run id, or 0.
func extraction(id string) int {
	n, err := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
	if err != nil {
		return 0
	}
	return n
}

// IsID says whether a text has the form of a run id.
func IsID(id string) bool { return len(dateIn(id)) == len("YYYYMMDD") }

// dateIn is the export date in a run id, <export_id>-YYYYMMDD-<extraction>, or empty.
func dateIn(id string) string {
	rest := dayIn(id)
	return rest[strings.LastIndexByte(rest, '-')+1:]
}

// PartName names a part of a run.
type PartName struct {
	Table string
	Index int32
}

// Parts lists the parts by table in the revision's order, then by index.
func Parts(r *planv1.Run) []PartName {
	var names []PartName
	for _, t := range r.GetTables() {
		for _, p := range t.GetParts() {
			names = append(names, PartName{Table: t.GetTable(), Index: p.GetPartIndex()})
		}
	}
	return names
}

// CheckComplete refuses a run that has no full set of receipts to commit: State NOT_ACTIVE when it ended badly,
// Unavailable while parts are missing.
func CheckComplete(r *planv1.Run) error {
	if err := checkAlive(r); err != nil {
		return err
	}
	if !allReceived(r) {
		return fault.New(fault.Unavailable, fault.ReasonUnavailable, "run %s has parts without a receipt", r.GetRef().GetRunId())
	}
	return nil
}

package run

import (
	"slices"
	"time"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
)

// Outlook says what becomes of the drops of one export by an instant, newest first: by Overdue, so that a preview and what is
// then done cannot differ. Runs without a drop are passed over.
func Outlook(runs []*planv1.Run, archived bool, at time.Time) (drops []*planv1.DropOutlook) {
	var kept []Kept
	for _, r := range runs {
		if k, visible := KeptBy(r); visible {
			kept = append(kept, k)
		}
	}
	due := map[string]Due{}
	for _, d := range Overdue(kept, func(string) bool { return archived }, at) {
		due[d.RunID] = d
	}
	for _, r := range runs {
		if r.GetState() != Committed && r.GetState() != Expiring {
			continue
		}
		d, goes := due[r.GetRef().GetRunId()]
		drops = append(drops, outlook(r, fate(r, d.By, goes, at), d.By))
	}
	slices.SortFunc(drops, func(a, b *planv1.DropOutlook) int { return NewestFirst(a.GetRunId(), b.GetRunId()) })
	return drops
}

func fate(r *planv1.Run, by *taskv1.RunRef, goes bool, at time.Time) planv1.DropFate {
	kept, _ := KeptBy(r)
	switch {
	case r.GetState() == Expiring && refused(r, expireID(r)):
		return planv1.DropFate_DROP_FATE_WITHHELD
	case r.GetState() == Expiring:
		return planv1.DropFate_DROP_FATE_EXPIRING
	case by != nil:
		return planv1.DropFate_DROP_FATE_SUPERSEDED
	case goes:
		return planv1.DropFate_DROP_FATE_EXPIRES
	case kept.over(at):
		return planv1.DropFate_DROP_FATE_NEWEST
	default:
		return planv1.DropFate_DROP_FATE_RETAINED
	}
}

func outlook(r *planv1.Run, fate planv1.DropFate, by *taskv1.RunRef) *planv1.DropOutlook {
	if by == nil {
		by = r.GetSupersededBy() // of one that is on its way out
	}
	o := &planv1.DropOutlook{
		RunId: r.GetRef().GetRunId(), ExportDate: r.GetRef().GetExportDate(), ExpireTime: r.GetExpireTime(), Fate: fate, SupersededByRunId: by.GetRunId(),
	}
	for _, t := range r.GetTables() {
		for _, p := range t.GetParts() {
			o.FileCount, o.FileBytes = o.FileCount+1, o.FileBytes+p.GetFileBytes()
		}
	}
	return o
}

// Goes says whether a drop is deleted, or being deleted.
func Goes(o *planv1.DropOutlook) bool {
	switch o.GetFate() {
	case planv1.DropFate_DROP_FATE_EXPIRES, planv1.DropFate_DROP_FATE_SUPERSEDED, planv1.DropFate_DROP_FATE_EXPIRING:
		return true
	default:
		return false
	}
}

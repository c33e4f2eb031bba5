package term

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// What an export means that leaves these unset; the contract of exports.config.v1.ExportSpec.
const (
	standardDeadline      = 24 * time.Hour
	standardRetentionDays = 30
)

// span is a term that lasted.
type span struct {
	revision         int64
	from, until      time.Time // until is zero in the last one
	owed             bool
	schedule         calendar.Schedule
	start            calendar.Date // zero: none
	grace, retention time.Duration
}

// history is the spans of an export, oldest first, without a gap.
type history []span

func read(export *configv1.Export) (history, error) {
	var h history
	var last *configv1.Schedule // what the newest span keeps
	for _, m := range export.GetTerms() {
		m = complete(m, export.GetRevision().GetSpec())
		s := span{
			revision: m.GetRevision(), from: m.GetEffectiveTime().AsTime(), owed: m.GetOwed(),
			grace: m.GetDeadline().AsDuration(), retention: time.Duration(m.GetRetentionDays()) * 24 * time.Hour,
		}
		if err := s.plan(m, h, last); err != nil {
			return nil, fmt.Errorf("reading revision %d of export %s: %w", m.GetRevision(), export.GetExportId(), err)
		}
		if last = m.GetSchedule(); len(h) > 0 {
			h[len(h)-1].until = s.from
		}
		if len(h) > 0 && !h[len(h)-1].from.Before(s.from) {
			h = h[:len(h)-1] // replaced at once: nothing fell due in it
		}
		h = append(h, s)
	}
	return h, nil
}

// complete fills in what the contract says for unset fields, and for a term from before its schedule was kept.
func complete(m *configv1.Term, inForce *configv1.ExportSpec) *configv1.Term {
	full := &configv1.Term{
		Revision: m.GetRevision(), EffectiveTime: m.GetEffectiveTime(), Owed: m.GetOwed(),
		Schedule: m.GetSchedule(), Deadline: m.GetDeadline(), RetentionDays: m.GetRetentionDays(), StartDate: m.GetStartDate(),
	}
	if full.GetSchedule() == nil {
		full.Schedule, full.Deadline = inForce.GetSchedule(), inForce.GetDeadline()
		full.RetentionDays, full.StartDate = inForce.GetRetentionDays(), inForce.GetStartDate()
	}
	return full
}

// plan reads the schedule, unless it is that of the span before: zones are read from disk.
func (s *span) plan(m *configv1.Term, before history, last *configv1.Schedule) (err error) {
	if m.GetDeadline() == nil {
		s.grace = standardDeadline
	}
	if m.GetRetentionDays() == 0 {
		s.retention = standardRetentionDays * 24 * time.Hour
	}
	if m.GetStartDate() != "" {
		if s.start, err = calendar.ParseDate(m.GetStartDate()); err != nil {
			return err
		}
	}
	if len(before) > 0 && proto.Equal(last, m.GetSchedule()) {
		s.schedule = before[len(before)-1].schedule
		return nil
	}
	s.schedule, err = calendar.FromProto(m.GetSchedule())
	return err
}

// endsBy says that the span is over at that instant.
func (s span) endsBy(at time.Time) bool { return !s.until.IsZero() && !at.Before(s.until) }

// awaits says that d would fall due in the span's own time, were the span not over at that instant.
func (s span) awaits(d calendar.Date, at time.Time) bool {
	return !d.Before(s.start) && s.schedule.Scheduled(d) && !s.schedule.Due(d).Before(at)
}

// timely adds to why d is refused what the clock says.
func (s span) timely(due time.Time, refused fault.Reason, now time.Time) fault.Reason {
	switch {
	case refused == fault.ReasonBeforeStart:
		return refused
	case due.After(now):
		return fault.ReasonNotDue
	case refused == "" && !due.After(now.Add(-s.retention)):
		return fault.ReasonBeyondRetention
	default:
		return refused
	}
}

// oldest is the instant before which nothing is owed at now.
func (h history) oldest(now time.Time) time.Time {
	begins := h[0].from
	if start, _ := h[0].start.Anywhere(); h[0].start != (calendar.Date{}) && start.Before(begins) {
		begins = start
	}
	var longest time.Duration
	for _, s := range h {
		longest = max(longest, s.retention)
	}
	if kept := now.Add(-longest); kept.After(begins) {
		return kept
	}
	return begins
}

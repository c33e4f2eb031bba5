package export

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// Pin names a stored revision and the bytes that it must consist of.
type Pin struct {
	Number int64  `json:"number"`
	Pieces int    `json:"pieces"`
	SHA256 string `json:"sha256"`
}

// Standing is where a revision stands. The revision never changes; this does.
type Standing struct {
	Pin
	State      configv1.RevisionState `json:"state"`
	Author     string                 `json:"author"`
	CreateTime time.Time              `json:"create_time"`
	// RequestID and ApprovalRequestID are of the requests that made and judged it; empty when those had none.
	RequestID         string `json:"request_id,omitzero"`
	ApprovalRequestID string `json:"approval_request_id,omitzero"`
	// Timing says when drops are due while the revision is in force; nil in records from before it was kept.
	Timing *Timing `json:"timing,omitempty"`
	// Owed says that drops are owed which fall due while the revision is in force; Archived that none ever will be again.
	Owed     bool `json:"owed"`
	Archived bool `json:"archived,omitzero"`
	// Approver, ApprovalReason and ApprovalTime are of whoever approved or rejected it; empty when nobody had to.
	Approver       string    `json:"approver,omitzero"`
	ApprovalReason string    `json:"approval_reason,omitzero"`
	ApprovalTime   time.Time `json:"approval_time,omitzero"`
	// EffectiveTime is when it came into force, in UTC; zero when it never did.
	EffectiveTime time.Time `json:"effective_time,omitzero"`
}

// Timing is what of a specification planner and monitor must know long after another one is in force.
type Timing struct {
	Schedule      *configv1.Schedule `json:"schedule"`
	Deadline      time.Duration      `json:"deadline"`
	RetentionDays int32              `json:"retention_days"`
	StartDate     string             `json:"start_date,omitzero"`
}

func timing(spec *configv1.ExportSpec) *Timing {
	return &Timing{
		Schedule: spec.GetSchedule(), Deadline: spec.GetDeadline().AsDuration(),
		RetentionDays: spec.GetRetentionDays(), StartDate: spec.GetStartDate(),
	}
}

// Record is an export, and where each of its revisions stands, oldest first. What it does not list was never agreed,
// whatever else is stored. At most one revision is in force, and at most the newest one awaits approval.
type Record struct {
	ExportID   string     `json:"export_id"`
	CustomerID string     `json:"customer_id"`
	CreateTime time.Time  `json:"create_time"`
	UpdateTime time.Time  `json:"update_time"`
	Revisions  []Standing `json:"revisions"`
	// Etag changes with every write; empty before the first.
	Etag string `json:"-"`
}

func (r *Record) only(state configv1.RevisionState) *Standing {
	for i := len(r.Revisions) - 1; i >= 0; i-- {
		if r.Revisions[i].State == state {
			return &r.Revisions[i]
		}
	}
	return nil
}

func (r *Record) inForce() *Standing { return r.only(configv1.RevisionState_REVISION_STATE_IN_FORCE) }

func (r *Record) pending() *Standing { return r.only(configv1.RevisionState_REVISION_STATE_PENDING) }

// newest is what the next change starts from: what awaits approval, or is in force, or else the last one of all.
func (r *Record) newest() *Standing {
	if pending := r.pending(); pending != nil {
		return pending
	}
	if current := r.inForce(); current != nil {
		return current
	}
	return &r.Revisions[len(r.Revisions)-1]
}

// doneBy returns the revision that a request made or judged; nil when it did neither.
func (r *Record) doneBy(requestID string) *Standing {
	for i := range r.Revisions {
		if s := &r.Revisions[i]; requestID != "" && (s.RequestID == requestID || s.ApprovalRequestID == requestID) {
			return s
		}
	}
	return nil
}

// authors are those whose changes the pending revision may hold: its own, and those of the ones that it superseded.
func (r *Record) authors() []string {
	var all []string
	for i := len(r.Revisions) - 1; i >= 0; i-- {
		s := r.Revisions[i]
		if s.State != configv1.RevisionState_REVISION_STATE_PENDING && s.State != configv1.RevisionState_REVISION_STATE_SUPERSEDED {
			break
		}
		all = append(all, s.Author)
	}
	return all
}

func (r *Record) find(number int64) *Standing {
	for i := range r.Revisions {
		if r.Revisions[i].Number == number {
			return &r.Revisions[i]
		}
	}
	return nil
}

// next is the number from which the next revision is numbered.
func (r *Record) next() int64 {
	if len(r.Revisions) == 0 {
		return 1
	}
	return r.Revisions[len(r.Revisions)-1].Number + 1
}

// add lists a revision that awaits approval; an older one that still does is superseded.
func (r *Record) add(s Standing) {
	if before := r.pending(); before != nil {
		before.State = configv1.RevisionState_REVISION_STATE_SUPERSEDED
	}
	s.State = configv1.RevisionState_REVISION_STATE_PENDING
	r.Revisions = append(r.Revisions, s)
}

// enforce brings the pending revision into force. Terms never overlap: a clock that was set back does not count.
func (r *Record) enforce(now time.Time) {
	next := r.pending()
	if before := r.inForce(); before != nil {
		before.State = configv1.RevisionState_REVISION_STATE_REPLACED
		if now.Before(before.EffectiveTime) {
			now = before.EffectiveTime
		}
	}
	next.State, next.EffectiveTime = configv1.RevisionState_REVISION_STATE_IN_FORCE, now
}

func (r *Record) state() configv1.ExportState {
	current := r.inForce()
	switch {
	case current == nil:
		return configv1.ExportState_EXPORT_STATE_PENDING
	case current.Archived:
		return configv1.ExportState_EXPORT_STATE_ARCHIVED
	case !current.Owed:
		return configv1.ExportState_EXPORT_STATE_PAUSED
	default:
		return configv1.ExportState_EXPORT_STATE_ACTIVE
	}
}

func (r *Record) terms() []*configv1.Term {
	var terms []*configv1.Term
	for _, s := range r.Revisions {
		if !s.EffectiveTime.IsZero() {
			terms = append(terms, s.term())
		}
	}
	return terms
}

func (s *Standing) term() *configv1.Term {
	t := &configv1.Term{Revision: s.Number, EffectiveTime: timestamppb.New(s.EffectiveTime), Owed: s.Owed}
	if s.Timing != nil {
		t.Schedule, t.Deadline = s.Timing.Schedule, durationpb.New(s.Timing.Deadline)
		t.RetentionDays, t.StartDate = s.Timing.RetentionDays, s.Timing.StartDate
	}
	return t
}

// bare is the export without its revisions.
func (r *Record) bare() *configv1.Export {
	return &configv1.Export{
		ExportId: r.ExportID, CustomerId: r.CustomerID, Etag: r.Etag, State: r.state(), Terms: r.terms(),
		CreateTime: timestamppb.New(r.CreateTime), UpdateTime: timestamppb.New(r.UpdateTime),
	}
}

// describe says in the revision itself where it stands.
func (s *Standing) describe(revision *configv1.Revision) *configv1.Revision {
	revision.Revision, revision.State = s.Number, s.State
	revision.Approver, revision.ApprovalReason = s.Approver, s.ApprovalReason
	if !s.ApprovalTime.IsZero() {
		revision.ApprovalTime = timestamppb.New(s.ApprovalTime)
	}
	if !s.EffectiveTime.IsZero() {
		revision.EffectiveTime = timestamppb.New(s.EffectiveTime)
	}
	return revision
}

// Package approved owns what delivery believes about an export: the approved revision as the config
// service tells it, turned into layouts, scope and destination.
//
// It refuses a revision that is not and never was in force, or whose scope is not the one that was
// approved, and a run that the revision is not of: messages say which run is meant, never what may
// leave or whereto. Start at New.
package approved

import (
	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/scope"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/encode"
	"github.com/customer-exports/exports/services/delivery/internal/encode/flat"
)

// standardRetention in days stands for an unset retention.
const standardRetention = 30

// Revision is one approved revision of an export.
type Revision struct {
	CustomerID, CustomerName string
	Number                   int64
	// Scope is never nil; ScopeDigest is its digest.
	Scope       *scope.Set
	ScopeDigest string
	// Layouts has one entry a table, in the revision's order.
	Layouts     []*dictionary.Layout
	Destination bucket.Destination
	Format      drop.Format
	// Compression is that inside Parquet files, and Profile what their readers must know.
	Compression   encode.Compression
	Profile       flat.Profile
	RetentionDays int
}

// New judges what the config service answered against the Data Dictionary.
func New(answer *configv1.GetRevisionResponse, words *dictionary.Dictionary) (*Revision, error) {
	revision, customer := answer.GetRevision(), answer.GetCustomer()
	spec := revision.GetSpec()
	if !inForce(revision.GetState()) {
		return nil, fault.New(fault.State, fault.ReasonNotApproved, "revision %d is not in force and never was: %s", revision.GetRevision(), revision.GetState())
	}
	whereto, err := Destination(answer)
	if err != nil {
		return nil, err
	}
	set, err := scope.FromProto(spec.GetScope())
	if err != nil {
		return nil, err
	}
	if set.Digest() != revision.GetScopeDigest() {
		return nil, fault.New(fault.State, fault.ReasonValidation, "the scope of revision %d is not the one that its digest was taken of", revision.GetRevision())
	}
	r := &Revision{
		CustomerID: customer.GetCustomerId(), CustomerName: customer.GetDisplayName(), Number: revision.GetRevision(),
		Scope: set, ScopeDigest: set.Digest(), RetentionDays: int(spec.GetRetentionDays()),
		Destination: whereto, Format: drop.FormatOf(spec.GetFormat()), Compression: compression(spec.GetFormat().GetCompression()),
		Profile: profile(spec.GetFormat().GetParquetProfile()),
	}
	if err := r.Format.Validate(); err != nil {
		return nil, fault.Wrap(err, fault.State, fault.ReasonValidation, "revision %d cannot be written", r.Number)
	}
	if r.RetentionDays == 0 {
		r.RetentionDays = standardRetention
	}
	return r, r.lay(spec.GetTables(), words)
}

func (r *Revision) lay(tables []*configv1.TableSelection, words *dictionary.Dictionary) error {
	for _, t := range tables {
		columns := t.GetColumns()
		if len(columns) == 0 {
			columns = nil // every column that is not personal
		}
		layout, err := words.Layout(t.GetTable(), columns)
		if err != nil {
			return fault.Wrap(err, fault.State, fault.ReasonSchemaMismatch, "revision %d does not fit the Data Dictionary", r.Number)
		}
		r.Layouts = append(r.Layouts, layout)
	}
	if len(r.Layouts) == 0 {
		return fault.New(fault.State, fault.ReasonValidation, "revision %d has no tables", r.Number)
	}
	return nil
}

// inForce reports whether runs may use a revision: one that was replaced is still that of the runs
// that were due before.
func inForce(state configv1.RevisionState) bool {
	return state == configv1.RevisionState_REVISION_STATE_IN_FORCE || state == configv1.RevisionState_REVISION_STATE_REPLACED
}

func compression(c configv1.Compression) encode.Compression {
	switch c {
	case configv1.Compression_COMPRESSION_SNAPPY:
		return encode.Snappy
	case configv1.Compression_COMPRESSION_GZIP:
		return encode.Gzip
	case configv1.Compression_COMPRESSION_NONE:
		return encode.None
	default:
		return encode.Zstd
	}
}

func profile(p configv1.ParquetProfile) flat.Profile {
	switch p {
	case configv1.ParquetProfile_PARQUET_PROFILE_CONSERVATIVE:
		return flat.Conservative
	case configv1.ParquetProfile_PARQUET_PROFILE_NEWEST:
		return flat.Newest
	default:
		return flat.Current
	}
}

// Layout finds a table of the revision; fault UNKNOWN_TABLE when it is not part of it.
func (r *Revision) Layout(table string) (*dictionary.Layout, error) {
	for _, l := range r.Layouts {
		if l.Table.Name == table {
			return l, nil
		}
	}
	return nil, fault.New(fault.Invalid, fault.ReasonUnknownTable, "table %q is not part of revision %d", table, r.Number)
}

// Admit checks that a run is one of this revision, and that its names may be part of object keys.
func (r *Revision) Admit(run *taskv1.RunRef) error {
	if run.GetCustomerId() != r.CustomerID || run.GetRevision() != r.Number {
		return fault.New(fault.Invalid, fault.ReasonValidation, "run %q is not of customer %s and revision %d", run.GetRunId(), r.CustomerID, r.Number)
	}
	date, err := calendar.ParseDate(run.GetExportDate())
	if err != nil {
		return err
	}
	spelled, _, err := calendar.ParseRunID(run.GetExportId(), run.GetRunId())
	if err != nil {
		return err
	}
	if spelled != date {
		return fault.New(fault.Invalid, fault.ReasonValidation, "run id %q is not one of export %q on %s", run.GetRunId(), run.GetExportId(), date)
	}
	if !run.GetAsOfTime().IsValid() || !run.GetDueTime().IsValid() {
		return fault.New(fault.Invalid, fault.ReasonValidation, "run %q has no due time or no as-of time", run.GetRunId())
	}
	return nil
}

package export

import (
	"context"
	"fmt"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/scope"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// check returns one fault with every violation of the draft, whose defaults are set. Another kind of error means that
// the draft could not be judged.
func (r *Registry) check(ctx context.Context, d Draft) error {
	f := &faults{}
	f.text("export_id", idFault(d.ExportID))
	f.text("author", noteFault(d.Author))
	f.text("reason", noteFault(d.Reason))
	if err := r.checkCustomer(ctx, f, d.CustomerID); err != nil {
		return err
	}
	r.checkTables(f, d.Spec.GetTables())
	checkScope(f, d.Spec.GetScope())
	checkFormat(f, d.Spec.GetFormat())
	if err := checkTimes(f, d.Spec); err != nil {
		return err
	}
	if checkDestination(f, d.Spec.GetDestination()) {
		if err := r.checkBinding(ctx, f, d); err != nil {
			return err
		}
	}
	return f.err(d.ExportID)
}

func (r *Registry) checkCustomer(ctx context.Context, f *faults, id string) error {
	if problem := idFault(id); problem != "" {
		f.text("customer_id", problem)
		return nil
	}
	_, err := r.store.Customer(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		f.text("customer_id", fmt.Sprintf("there is no customer %q: create it first", id))
		return nil
	}
	return err
}

func (r *Registry) checkBinding(ctx context.Context, f *faults, d Draft) error {
	bound, err := r.store.Binding(ctx, d.Spec.GetDestination().GetBucket())
	if err != nil {
		return err
	}
	if bound != (Binding{}) && bound.CustomerID != d.CustomerID {
		f.taken(bound)
	}
	return nil
}

func checkScope(f *faults, s *commonv1.Scope) {
	empty := func(field string, values []string) {
		if len(values) == 0 {
			f.add(fault.ReasonEmptyScope, field, "is empty: list each one; there is no spelling for all")
		}
	}
	empty("spec.scope.brands", s.GetBrands())
	empty("spec.scope.location_ids", s.GetLocationIds())
	seen := map[string]bool{} // what the judge of rows refuses needs no second fault
	if refused, ok := fault.Of(scopeError(s)); ok {
		for _, v := range refused.Violations {
			f.text("spec."+v.Field, v.Description)
			seen["spec."+v.Field] = true
		}
	}
	names := func(field string, values []string) {
		for i, value := range values {
			if at := fmt.Sprintf("%s[%d]", field, i); !seen[at] {
				f.text(at, nameFault(value))
			}
		}
	}
	names("spec.scope.brands", s.GetBrands())
	names("spec.scope.location_ids", s.GetLocationIds())
}

func scopeError(s *commonv1.Scope) error {
	_, err := scope.FromProto(s)
	return err
}

func checkFormat(f *faults, format *configv1.Format) {
	if _, known := configv1.FileFormat_name[int32(format.GetFileFormat())]; !known {
		f.text("spec.format.file_format", "is not a known file format")
	}
	if _, known := configv1.Compression_name[int32(format.GetCompression())]; !known {
		f.text("spec.format.compression", "is not a known compression")
	}
}

// checkTimes judges schedule, start date, retention and deadline. An error means that this machine has no zone data.
func checkTimes(f *faults, spec *configv1.ExportSpec) error {
	if _, err := calendar.Parse(spec.GetSchedule().GetTimeOfDay(), "UTC"); err != nil {
		f.text("spec.schedule.time_of_day", err.Error())
	}
	zone := spec.GetSchedule().GetTimeZone()
	if _, err := calendar.Parse("00:00", zone); fault.KindOf(err) == fault.Invalid {
		f.add(fault.ReasonUnknownTimeZone, "spec.schedule.time_zone",
			"%q is not a known IANA zone: write Area/City, such as Europe/Berlin, or UTC", zone)
	} else if err != nil {
		return err
	}
	if date := spec.GetStartDate(); date != "" {
		if _, err := calendar.ParseDate(date); err != nil {
			f.text("spec.start_date", err.Error())
		}
	}
	if days := spec.GetRetentionDays(); days < 1 || days > maxRetentionDays {
		f.text("spec.retention_days", fmt.Sprintf("is not 1 to %d days", maxRetentionDays))
	}
	deadline := spec.GetDeadline()
	if !deadline.IsValid() || deadline.AsDuration() <= 0 || deadline.AsDuration() > standardDeadline {
		f.text("spec.deadline", fmt.Sprintf("is not above 0 and at most %s", standardDeadline))
	}
	return nil
}

package rules

import (
	"fmt"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// checkTimes judges schedule, start date, retention and deadline. An error means that this machine has no zone data.
func checkTimes(f *Faults, spec *configv1.ExportSpec) error {
	if err := checkSchedule(f, spec.GetSchedule()); err != nil {
		return err
	}
	if date := spec.GetStartDate(); date != "" {
		if _, err := calendar.ParseDate(date); err != nil {
			f.Text("spec.start_date", err.Error())
		}
	}
	if days := spec.GetRetentionDays(); days < 1 || days > maxRetentionDays {
		f.Text("spec.retention_days", fmt.Sprintf("is not 1 to %d days", maxRetentionDays))
	}
	deadline := spec.GetDeadline()
	if !deadline.IsValid() || deadline.AsDuration() <= 0 || deadline.AsDuration() > standardDeadline {
		f.Text("spec.deadline", fmt.Sprintf("is not above 0 and at most %s", standardDeadline))
	}
	return nil
}

func checkSchedule(f *Faults, schedule *configv1.Schedule) error {
	_, err := calendar.FromProto(schedule)
	refused, ok := fault.Of(err)
	if !ok || refused.Kind != fault.Invalid {
		return err
	}
	for _, v := range refused.Violations {
		reason := fault.ReasonValidation
		if v.Field == "time_zone" {
			reason = fault.ReasonUnknownTimeZone
		}
		f.Add(reason, "spec.schedule."+v.Field, "%s", v.Description)
	}
	return nil
}

package rules

import (
	"fmt"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

func checkFormat(f *Faults, format *configv1.Format) {
	if _, known := configv1.FileFormat_name[int32(format.GetFileFormat())]; !known {
		f.Text("spec.format.file_format", "is not a known file format")
	}
	if _, known := configv1.Compression_name[int32(format.GetCompression())]; !known {
		f.Text("spec.format.compression", "is not a known compression")
	}
}

// checkTimes judges schedule, start date, retention and deadline. An error means that this machine has no zone data.
func checkTimes(f *Faults, spec *configv1.ExportSpec) error {
	if _, err := calendar.Parse(spec.GetSchedule().GetTimeOfDay(), "UTC"); err != nil {
		f.Text("spec.schedule.time_of_day", err.Error())
	}
	zone := spec.GetSchedule().GetTimeZone()
	if _, err := calendar.Parse("00:00", zone); fault.KindOf(err) == fault.Invalid {
		f.Add(fault.ReasonUnknownTimeZone, "spec.schedule.time_zone",
			"%q is not a known IANA zone: write Area/City, such as Europe/Berlin, or UTC", zone)
	} else if err != nil {
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

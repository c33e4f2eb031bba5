package contract

import (
	"fmt"
	"strings"
	"time"

	"github.com/customer-exports/exports/pkg/drop"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// server is where drops land. The location matches files of every run, which is how the standard has it; which of them to read, a
// manifest says.
func (a agreed) server() server {
	d, format := a.spec.GetDestination(), drop.FormatOf(a.spec.GetFormat())
	s := server{
		Server: "customer", Type: "s3", Endpoint: d.GetEndpoint(), Format: "parquet",
		Location: "s3://" + d.GetBucket() + "/" + format.Pattern(),
		Custom:   []custom{{"region", d.GetRegion()}, {"latest", drop.LatestKey}, {"compression", word(a.spec.GetFormat().GetCompression(), "COMPRESSION_")}},
	}
	switch format.FileFormat {
	case drop.CSV:
		s.Format, s.Delimiter = "csv", format.CSV.Delimiter
		s.Custom = append(s.Custom, custom{"nullString", format.CSV.NullString})
	case drop.JSONLines:
		s.Format, s.Delimiter = "json", "new_line"
	}
	return s
}

// sla is when drops come, and how long they stay.
func (a agreed) sla() []promise {
	spec := a.spec
	cron, when := timetable(spec.GetSchedule())
	hours := spec.GetDeadline().AsDuration().Hours()
	return []promise{
		{Property: "frequency", Value: 1, Unit: "d", Scheduler: "cron", Schedule: cron, Description: "A drop is due " + when + ", in time zone " + spec.GetSchedule().GetTimeZone() + "."},
		{Property: "latency", Value: hours, Unit: "h", Description: "A drop is whole and readable at most this long after it is due, and holds the tables as they were when it was due."},
		{Property: "retention", Value: spec.GetRetentionDays(), Unit: "d", Description: "A drop is kept this long after its commit, then deleted by us where you let us."},
		{Property: "timeToNotify", Value: hours, Unit: "h", Description: "You are told at the latest this long after the due time when a drop is missing or cannot be read."},
	}
}

// timetable spells a schedule as cron does, and in words.
func timetable(s *configv1.Schedule) (cron, when string) {
	if s.GetCron() != "" {
		return s.GetCron(), "by the schedule"
	}
	at, err := time.Parse("15:04", s.GetTimeOfDay())
	if err != nil {
		return "", "at " + s.GetTimeOfDay()
	}
	var numbers, names []string
	for _, day := range s.GetWeekdays() {
		numbers, names = append(numbers, fmt.Sprint(int(day)%7)), append(names, word(day, "WEEKDAY_"))
	}
	days, on := "*", "every day"
	if len(names) > 0 {
		days, on = strings.Join(numbers, ","), "every "+strings.Join(names, ", ")
	}
	return fmt.Sprintf("%d %d * * %s", at.Minute(), at.Hour(), days), on + " at " + s.GetTimeOfDay()
}

// severity is the least of which a contact hears.
func severity(s commonv1.Severity) string {
	if s == commonv1.Severity_SEVERITY_UNSPECIFIED {
		s = commonv1.Severity_SEVERITY_CRITICAL
	}
	return word(s, "SEVERITY_")
}

// word is an enum's value as people write it.
func word(value fmt.Stringer, prefix string) string {
	return strings.ToLower(strings.TrimPrefix(value.String(), prefix))
}

package calendar

import (
	"fmt"
	"math/bits"
	"regexp"
	"strings"

	"github.com/netresearch/go-cron"
)

// field is one of the five of a cron expression.
type field struct {
	name, example string
	option        cron.ParseOption
	mask          func(*cron.SpecSchedule) uint64
}

func fields() []field {
	return []field{
		{"minute", "0 to 59", cron.Minute, func(s *cron.SpecSchedule) uint64 { return s.Minute }},
		{"hour", "0 to 23", cron.Hour, func(s *cron.SpecSchedule) uint64 { return s.Hour }},
		{"day of month", "1 to 31, such as 1,15 or *", cron.Dom, func(s *cron.SpecSchedule) uint64 { return s.Dom }},
		{"month", "1 to 12 or JAN to DEC, such as 1-6 or *", cron.Month, func(s *cron.SpecSchedule) uint64 { return s.Month }},
		{"day of week", "0 to 6 or SUN to SAT, such as MON-FRI or *", cron.Dow, func(s *cron.SpecSchedule) uint64 { return s.Dow }},
	}
}

// spelling keeps out what the parser drops without a word (the gap in 1,,2), and what only some cron programs know (?, L).
var spelling = regexp.MustCompile(`^(\*|\w+(-\w+)?)(/\d+)?(,(\*|\w+(-\w+)?)(/\d+)?)*$`)

// readCron takes five fields of which the first two are one value each, and says what is wrong otherwise. The parser reads
// them and no more: its own due times follow other rules at gaps and overlaps.
func (s *Schedule) readCron(text string) string {
	parts := strings.Fields(text)
	switch {
	case strings.HasPrefix(text, "@"):
		return fmt.Sprintf("%q is not taken: write five fields, such as 0 2 * * * for 02:00 on every date", text)
	case strings.Contains(text, "="):
		return "names a zone: it belongs into time_zone"
	case len(parts) != 5:
		return fmt.Sprintf("has %d fields: write minute, hour, day of month, month and day of week, without seconds or years, such as 0 2 * * MON-FRI", len(parts))
	}
	var masks [5]uint64
	for i, f := range fields() {
		var problem string
		if masks[i], problem = f.read(parts[i]); problem != "" {
			return problem
		}
	}
	s.minute, s.hour = bits.TrailingZeros64(masks[0]), bits.TrailingZeros64(masks[1])
	s.days = days{ofMonth: masks[2], months: masks[3], ofWeek: masks[4]}
	return s.days.problem()
}

func (f field) read(text string) (mask uint64, problem string) {
	// In lower case, because the parser takes the H of THU and MARCH for an operator.
	lower := strings.ToLower(text)
	parsed, err := cron.MustNewParser(f.option).Parse(lower)
	spec, known := parsed.(*cron.SpecSchedule)
	if err != nil || !known || !spelling.MatchString(lower) {
		return 0, fmt.Sprintf("has the %s %q: write %s", f.name, text, f.example)
	}
	mask = f.mask(spec) &^ (1 << 63) // the parser's mark of a star
	single := f.option == cron.Minute || f.option == cron.Hour
	if single && bits.OnesCount64(mask) != 1 {
		return 0, fmt.Sprintf("has the %s %q, which is several: a run is due once a date, so write one, %s", f.name, text, f.example)
	}
	return mask, ""
}

// problem is what is wrong with fields that are each well written.
func (s days) problem() string {
	switch {
	case s.ofMonth != everyDayOfMonth && s.ofWeek != everyDayOfWeek:
		return "names days of the month and days of the week, which some cron programs join by and, others by or: write * for one of them"
	case s.never():
		return "never comes: no year has such a date"
	default:
		return ""
	}
}

package calendar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// dates lists those with a run from 2028-02-26, a Saturday, on.
func dates(s Schedule, count int) []string {
	var all []string
	for d := (Date{2028, time.February, 26}); count > 0; d, count = d.Next(), count-1 {
		if s.Scheduled(d) {
			all = append(all, d.String()[5:])
		}
	}
	return all
}

func TestFewerDates(t *testing.T) {
	cron := func(text string) *configv1.Schedule { return &configv1.Schedule{Cron: text, TimeZone: "Europe/Berlin"} }
	for _, test := range []struct {
		name     string
		schedule *configv1.Schedule
		want     []string
		due      string // local time of each
	}{
		{"every day", cron("30 2 * * *"), []string{"02-26", "02-27", "02-28", "02-29", "03-01"}, "02:30"},
		{"working days", cron("0 22 * * MON-FRI"), []string{"02-28", "02-29", "03-01"}, "22:00"},
		{"round the end of the week", cron("0 0 * * fri-sun"), []string{"02-26", "02-27"}, "00:00"},
		{"Sunday is 7 too", cron("5 6 * * 7"), []string{"02-27"}, "06:05"},
		{"Thursday's H", cron("5 6 * * TUE,THU"), []string{"02-29"}, "06:05"},
		{"days of the month", cron("59 23 1,28 * *"), []string{"02-28", "03-01"}, "23:59"},
		{"every other day", cron("0 12 */2 * *"), []string{"02-27", "02-29", "03-01"}, "12:00"},
		{"a leap day", cron("0 12 29 FEB *"), []string{"02-29"}, "12:00"},
		{"March's H", cron("0 12 * MARCH *"), nil, ""},
		{"blanks", cron("  0\t12 *  3 * "), []string{"03-01"}, "12:00"},
		{
			"weekdays",
			&configv1.Schedule{TimeOfDay: "02:00", TimeZone: "Europe/Berlin", Weekdays: []configv1.Weekday{
				configv1.Weekday_WEEKDAY_SUNDAY, configv1.Weekday_WEEKDAY_TUESDAY,
			}},
			[]string{"02-27", "02-29"},
			"02:00",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := FromProto(test.schedule)
			if test.want == nil {
				if fault.KindOf(err) != fault.Invalid {
					t.Fatalf("FromProto = %v, want a refusal", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, dates(s, 5)); diff != "" {
				t.Errorf("dates (-want +got):\n%s", diff)
			}
			d := mustDate(t, "2028-"+test.want[0])
			if got := s.Due(d).In(s.Zone).Format("2006-01-02 15:04"); got != d.String()+" "+test.due {
				t.Errorf("due %s, want %s %s", got, d, test.due)
			}
		})
	}
}

func TestCronRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"@every 1h":        "five fields",
		"@daily":           "five fields",
		"0 0 2 * * *":      "6 fields",
		"0 2 * *":          "4 fields",
		"TZ=UTC 0 2 * * *": "time_zone",
		"*/15 2 * * *":     `the minute "*/15", which is several`,
		"0,30 2 * * *":     "write one",
		"* 2 * * *":        "write one",
		"0 2,14 * * *":     `the hour "2,14", which is several`,
		"0 2-3 * * *":      "write one",
		"60 2 * * *":       `the minute "60"`,
		"0 24 * * *":       `the hour "24"`,
		"0 2 0 * *":        `the day of month "0"`,
		"0 2 32 * *":       `the day of month "32"`,
		"0 2 L * *":        `the day of month "L"`,
		"0 2 1,,2 * *":     `the day of month "1,,2"`,
		"0 2 ? * *":        `the day of month "?"`,
		"0 2 * 13 *":       `the month "13"`,
		"0 2 * Brumaire *": `the month "Brumaire"`,
		"0 2 * * 8":        `the day of week "8"`,
		"0 2 * * MON#1":    `the day of week "MON#1"`,
		"H 2 * * *":        `the minute "H"`,
		"0 2 30 2 *":       "never comes",
		"0 2 31 4,6,9 *":   "never comes",
		"0 2 1-7 * MON":    "write * for one of them",
	} {
		_, err := FromProto(&configv1.Schedule{Cron: text, TimeZone: "UTC"})
		refused, ok := fault.Of(err)
		if !ok || refused.Kind != fault.Invalid || len(refused.Violations) != 1 || refused.Violations[0].Field != "cron" ||
			!strings.Contains(refused.Violations[0].Description, says) {
			t.Errorf("%q = %v, want it refused, saying %s", text, err, says)
		}
	}
}

// TestCronIsWhatItSays draws the values first, and spells them afterwards.
func TestCronIsWhatItSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spell := func(name string, low, high int) ([]int, string) {
			values := rapid.SliceOfNDistinct(rapid.IntRange(low, high), 0, 5, rapid.ID[int]).Draw(t, name)
			if len(values) == 0 {
				return values, "*"
			}
			texts := make([]string, len(values))
			for i, value := range values {
				texts[i] = strconv.Itoa(value)
			}
			return values, strings.Join(texts, ",")
		}
		months, month := spell("months", 1, 12)
		var ofMonth, ofWeek []int
		day, weekday := "*", "*"
		if rapid.Bool().Draw(t, "by weekday") {
			ofWeek, weekday = spell("days of week", 0, 6)
		} else {
			ofMonth, day = spell("days of month", 1, 28)
		}
		s, err := FromProto(&configv1.Schedule{Cron: fmt.Sprintf("30 4 %s %s %s", day, month, weekday), TimeZone: "UTC"})
		if err != nil {
			t.Fatal(err)
		}
		says := func(values []int, value int) bool { return len(values) == 0 || slices.Contains(values, value) }
		d := drawDate(t)
		want := says(ofMonth, d.day) && says(months, int(d.month)) && says(ofWeek, int(d.midnight().Weekday()))
		if got := s.Scheduled(d); got != want {
			t.Fatalf("30 4 %s %s %s on %s = %t, want %t", day, month, weekday, d, got, want)
		}
	})
}

// TestRarestDate bounds the search: 2100 is no leap year.
func TestRarestDate(t *testing.T) {
	s := mustRead(t, &configv1.Schedule{Cron: "0 2 29 2 *", TimeZone: "Europe/Berlin"})
	if d, _ := s.LatestDue(time.Date(2104, 2, 28, 0, 0, 0, 0, time.UTC)); d.String() != "2096-02-29" {
		t.Errorf("LatestDue = %s, want 2096-02-29", d)
	}
}

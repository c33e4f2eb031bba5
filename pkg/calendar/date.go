package calendar

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
)

// Date is a calendar date without a zone. Dates compare with ==; the zero Date means none.
type Date struct {
	year  int
	month time.Month
	day   int
}

// ParseDate reads YYYY-MM-DD; anything else, and days that no month has, is a fault of kind Invalid.
func ParseDate(text string) (Date, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1 {
		return Date{}, fault.New(fault.Invalid, fault.ReasonValidation, "%q is not a date: write it YYYY-MM-DD, such as 2026-11-23", text)
	}
	return LocalDate(t), nil
}

// LocalDate is the date that t shows in its own zone.
func LocalDate(t time.Time) Date {
	year, month, day := t.Date()
	return Date{year, month, day}
}

// String spells the date YYYY-MM-DD; the zero Date is "".
func (d Date) String() string {
	if d == (Date{}) {
		return ""
	}
	return d.midnight().Format(time.DateOnly)
}

// Compact spells the date YYYYMMDD.
func (d Date) Compact() string { return d.midnight().Format("20060102") }

// Next is the day after d.
func (d Date) Next() Date { return LocalDate(d.midnight().AddDate(0, 0, 1)) }

// Prev is the day before d.
func (d Date) Prev() Date { return LocalDate(d.midnight().AddDate(0, 0, -1)) }

// Before reports whether d is an earlier date than other.
func (d Date) Before(other Date) bool { return d.midnight().Before(other.midnight()) }

// midnight is d in UTC: dates are compared there, where no hour is missing.
func (d Date) midnight() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC) }

// farthest is more than any zone's clock ever was ahead of UTC or behind it.
const farthest = 26 * time.Hour

// Anywhere gives the instants between which d falls due, whatever the schedule.
func (d Date) Anywhere() (from, until time.Time) {
	return d.midnight().Add(-farthest), d.midnight().Add(24*time.Hour + farthest)
}

// RunID names the run of an export on a date, such as acme-daily-20261123-1. It is a pure function: whoever computes it
// again finds the same run. extraction counts from 1 and grows only when a date is re-extracted.
func RunID(exportID string, d Date, extraction int) string {
	return fmt.Sprintf("%s-%s-%d", exportID, d.Compact(), extraction)
}

// ParseRunID is the way back from RunID: the date and the extraction of a run of an export. Anything that RunID would not spell
// is an error of kind Invalid, so that nothing else gets into an object key.
func ParseRunID(exportID, runID string) (Date, int, error) {
	var extraction int
	compact, rest, _ := strings.Cut(strings.TrimPrefix(runID, exportID+"-"), "-")
	day, err := time.Parse("20060102", compact)
	if err == nil {
		extraction, err = strconv.Atoi(rest)
	}
	if d := LocalDate(day); err == nil && extraction > 0 && RunID(exportID, d, extraction) == runID {
		return d, extraction, nil
	}
	return Date{}, 0, fault.New(fault.Invalid, fault.ReasonValidation, "run id %q is not one of export %q", runID, exportID)
}

package calendar

import (
	"slices"
	"strings"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
)

// loader is time.LoadLocation.
type loader func(name string) (*time.Location, error)

// reference is a zone that every copy of the zone data holds.
const reference = "Europe/Berlin"

// CheckZones fails on a machine without time zone data. Services that compute due times call it at start, so that a bare
// container refuses to run instead of refusing every export.
func CheckZones() error { return checkZones(time.LoadLocation) }

func checkZones(load loader) error {
	if _, err := load(reference); err != nil {
		return fault.Wrap(err, fault.State, fault.ReasonUnknownTimeZone, "this machine has no time zone data: install tzdata")
	}
	return nil
}

// loadZone takes geographic names and UTC only. Abbreviations and fixed offsets do not follow the clock that people live
// by, and "Local" means another zone on another machine.
func loadZone(name string, load loader) (*time.Location, error) {
	if name == "UTC" {
		return time.UTC, nil
	}
	area, city, _ := strings.Cut(name, "/")
	if city == "" || !slices.Contains(areas(), area) {
		return nil, fault.New(fault.Invalid, fault.ReasonUnknownTimeZone,
			"time zone %q is not an IANA zone of a place: write Area/City, such as Europe/Berlin, or UTC", name)
	}
	location, err := load(name)
	if err == nil {
		return location, nil
	}
	if err := checkZones(load); err != nil {
		return nil, err
	}
	return nil, fault.Wrap(err, fault.Invalid, fault.ReasonUnknownTimeZone,
		"time zone %q is not a known IANA zone: write Area/City, such as Europe/Berlin, or UTC", name)
}

// areas are the geographic areas of the IANA database; Etc holds fixed offsets, US and the like are aliases.
func areas() []string {
	return []string{
		"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
	}
}

package app

import (
	"errors"
	"fmt"

	"github.com/customer-exports/exports/services/planner/internal/dispatch"
)

// Caps bound the tasks that are queued or under way.
type Caps struct {
	Statements            int `yaml:"statements"`
	StatementsPerCustomer int `yaml:"statements_per_customer"`
	Commits               int `yaml:"commits"`
	Expiries              int `yaml:"expiries"`
}

// Sizes say from which number of measured rows a run is medium or large.
type Sizes struct {
	MediumRows int64 `yaml:"medium_rows"`
	LargeRows  int64 `yaml:"large_rows"`
}

// Shares divide the statements among sizes while runs of each wait.
type Shares struct {
	Small  int `yaml:"small"`
	Medium int `yaml:"medium"`
	Large  int `yaml:"large"`
}

func (c *Config) rules() dispatch.Rules {
	return dispatch.Rules{Caps: dispatch.Caps(c.Caps), Sizes: dispatch.Sizes(c.Sizes), Shares: dispatch.Shares(c.Shares)}
}

// checkRules returns every fault of the parts, caps, sizes and shares.
func (c *Config) checkRules() (faults []error) {
	for _, s := range []struct {
		name  string
		value int64
	}{
		{"part_target_rows", c.PartTargetRows},
		{"part_target_bytes", c.PartTargetBytes},
		{"part_max_rows", c.PartMaxRows},
		{"caps.statements", int64(c.Caps.Statements)},
		{"caps.statements_per_customer", int64(c.Caps.StatementsPerCustomer)},
		{"caps.commits", int64(c.Caps.Commits)},
		{"caps.expiries", int64(c.Caps.Expiries)},
		{"sizes.medium_rows", c.Sizes.MediumRows},
		{"shares.small", int64(c.Shares.Small)},
		{"shares.medium", int64(c.Shares.Medium)},
		{"shares.large", int64(c.Shares.Large)},
	} {
		if s.value <= 0 {
			faults = append(faults, fmt.Errorf("%s must be above 0", s.name))
		}
	}
	if c.Sizes.LargeRows <= c.Sizes.MediumRows {
		faults = append(faults, errors.New("sizes.large_rows must be above sizes.medium_rows"))
	}
	return faults
}

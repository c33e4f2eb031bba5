package app

import (
	"errors"
	"fmt"
	"time"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/obs"
)

// Config is the service's config file; example.yaml explains every setting.
type Config struct {
	Listen         string        `yaml:"listen"`
	ConfigAddress  string        `yaml:"config_address"`
	DictionaryFile string        `yaml:"dictionary_file"`
	Tick           conf.Duration `yaml:"tick"`
	ResumeAfter    conf.Duration `yaml:"resume_after"`
	PartTargetRows int64         `yaml:"part_target_rows"`
	NATS           bus.Config    `yaml:"nats"`
	Telemetry      obs.Config    `yaml:"telemetry"`
}

// Defaults sets what an empty file means.
func (c *Config) Defaults() {
	c.Listen = "127.0.0.1:7402"
	c.ConfigAddress = "127.0.0.1:7401"
	c.Tick = conf.Duration(15 * time.Second)
	c.ResumeAfter = conf.Duration(2 * time.Minute)
	c.PartTargetRows = 2_000_000
	c.NATS.URL = "nats://127.0.0.1:7422"
	c.Telemetry.LogLevel, c.Telemetry.LogFormat = "info", "json"
}

// Validate returns every fault at once.
func (c *Config) Validate() error {
	var faults []error
	for _, s := range []struct{ name, value string }{
		{"listen", c.Listen}, {"config_address", c.ConfigAddress}, {"nats.url", c.NATS.URL},
	} {
		if s.value == "" {
			faults = append(faults, fmt.Errorf("%s is missing: set it in the config file", s.name))
		}
	}
	if c.Tick <= 0 || c.ResumeAfter <= 0 {
		faults = append(faults, errors.New("tick and resume_after must be above 0, such as 15s"))
	}
	if c.PartTargetRows <= 0 {
		faults = append(faults, errors.New("part_target_rows must be above 0, such as 2000000"))
	}
	return errors.Join(faults...)
}

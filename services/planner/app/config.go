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
	Listen           string        `yaml:"listen"`
	ConfigAddress    string        `yaml:"config_address"`
	ExtractorAddress string        `yaml:"extractor_address"`
	DictionaryFile   string        `yaml:"dictionary_file"`
	Tick             conf.Duration `yaml:"tick"`
	SettleDelay      conf.Duration `yaml:"settle_delay"`
	PartTargetRows   int64         `yaml:"part_target_rows"`
	PartTargetBytes  int64         `yaml:"part_target_bytes"`
	PartMaxRows      int64         `yaml:"part_max_rows"`
	Caps             Caps          `yaml:"caps"`
	Sizes            Sizes         `yaml:"sizes"`
	Shares           Shares        `yaml:"shares"`
	NATS             bus.Config    `yaml:"nats"`
	Telemetry        obs.Config    `yaml:"telemetry"`
}

// Defaults sets what an empty file means.
func (c *Config) Defaults() {
	c.Listen = "127.0.0.1:7402"
	c.ConfigAddress, c.ExtractorAddress = "127.0.0.1:7401", "127.0.0.1:7403"
	c.Tick = conf.Duration(15 * time.Second)
	c.PartTargetRows, c.PartTargetBytes, c.PartMaxRows = 2_000_000, 256<<20, 5_000_000
	// 8 is Snowflake's MAX_CONCURRENCY_LEVEL: beyond it, a warehouse queues by itself, first come first served.
	c.Caps = Caps{Statements: 8, StatementsPerCustomer: 3, Commits: 8, Expiries: 2}
	c.Sizes = Sizes{MediumRows: 2_000_000, LargeRows: 50_000_000}
	c.Shares = Shares{Small: 4, Medium: 3, Large: 1}
	c.NATS.URL = "nats://127.0.0.1:7422"
	c.Telemetry.LogLevel, c.Telemetry.LogFormat = "info", "json"
}

// Validate returns every fault at once.
func (c *Config) Validate() error {
	var faults []error
	for _, s := range []struct{ name, value string }{
		{"listen", c.Listen}, {"config_address", c.ConfigAddress}, {"extractor_address", c.ExtractorAddress}, {"nats.url", c.NATS.URL},
	} {
		if s.value == "" {
			faults = append(faults, fmt.Errorf("%s is missing: set it in the config file", s.name))
		}
	}
	if c.Tick <= 0 {
		faults = append(faults, errors.New("tick must be above 0, such as 15s"))
	}
	if c.SettleDelay < 0 {
		faults = append(faults, errors.New("settle_delay must not be below 0"))
	}
	return errors.Join(append(faults, c.checkRules()...)...)
}

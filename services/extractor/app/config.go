package app

import (
	"errors"
	"fmt"
	"time"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/obs"
	"github.com/customer-exports/exports/services/extractor/internal/snowflake"
)

// Config is the extractor's settings; example.yaml shows each with its default.
type Config struct {
	// Listen is where the SourceService and health are served.
	Listen    string     `yaml:"listen"`
	NATS      bus.Config `yaml:"nats"`
	Telemetry obs.Config `yaml:"telemetry"`
	// DictionaryFile replaces the standard Data Dictionary; empty keeps it.
	DictionaryFile  string `yaml:"dictionary_file"`
	ConfigAddress   string `yaml:"config_address"`
	PlannerAddress  string `yaml:"planner_address"`
	DeliveryAddress string `yaml:"delivery_address"`
	// Concurrency is how many tasks are handled at once.
	Concurrency int `yaml:"concurrency"`
	// AckWait is how long a task may show no progress before the queue gives it to somebody else.
	AckWait conf.Duration `yaml:"ack_wait"`
	// RunCheck is how often an attempt asks whether its run goes on.
	RunCheck conf.Duration `yaml:"run_check"`
	// AttemptTimeout bounds one attempt as a whole; MaxAttempts how often a task is tried.
	AttemptTimeout conf.Duration `yaml:"attempt_timeout"`
	MaxAttempts    int           `yaml:"max_attempts"`
	// MemoryLimitBytes is from where on memory is collected more often; see conf.LimitMemory.
	MemoryLimitBytes int64            `yaml:"memory_limit_bytes"`
	Source           snowflake.Config `yaml:"source"`
}

// Defaults fills in what has a sensible default.
func (c *Config) Defaults() {
	c.Listen = "127.0.0.1:7403"
	c.NATS.URL = "nats://127.0.0.1:7422"
	c.ConfigAddress, c.PlannerAddress, c.DeliveryAddress = "127.0.0.1:7401", "127.0.0.1:7402", "127.0.0.1:7404"
	c.Concurrency = 2
	// A running statement shows life every 45 s, and the queue hears of it within a third of this.
	c.AckWait = conf.Duration(2 * time.Minute)
	// What a cancelled run holds is free within 5 s.
	c.RunCheck = conf.Duration(2 * time.Second)
	c.AttemptTimeout = conf.Duration(2 * time.Hour)
	c.MaxAttempts = 5
	c.MemoryLimitBytes = 200 << 20
	c.Telemetry.LogLevel, c.Telemetry.LogFormat = "info", "json"
	c.Source.Defaults()
}

// minMemory is what a process without work may take already.
const minMemory = 64 << 20

// Validate returns every fault at once.
func (c *Config) Validate() error {
	faults := []error{c.Source.Validate()}
	for name, value := range map[string]string{
		"listen": c.Listen, "nats.url": c.NATS.URL, "config_address": c.ConfigAddress,
		"planner_address": c.PlannerAddress, "delivery_address": c.DeliveryAddress,
	} {
		if value == "" {
			faults = append(faults, fmt.Errorf("%s is missing", name))
		}
	}
	if c.Concurrency < 1 || c.Concurrency > 64 {
		faults = append(faults, fmt.Errorf("concurrency %d must be 1 to 64", c.Concurrency))
	}
	if c.MaxAttempts < 1 {
		faults = append(faults, fmt.Errorf("max_attempts %d must be at least 1", c.MaxAttempts))
	}
	if c.MemoryLimitBytes < minMemory {
		faults = append(faults, fmt.Errorf("memory_limit_bytes %d must be at least %d", c.MemoryLimitBytes, minMemory))
	}
	if c.AckWait.D() < time.Second || c.AttemptTimeout.D() < c.AckWait.D() {
		faults = append(faults, errors.New("ack_wait must be at least 1s and at most attempt_timeout"))
	}
	if c.RunCheck.D() <= 0 {
		faults = append(faults, errors.New("run_check must be above 0, such as 2s"))
	}
	return errors.Join(faults...)
}

package app

import (
	"errors"
	"fmt"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/obs"
)

// Config is the service's config file; example.yaml explains every setting.
type Config struct {
	Listen           string     `yaml:"listen"`
	DictionaryFile   string     `yaml:"dictionary_file"`
	ExtractorAddress string     `yaml:"extractor_address"`
	DeliveryAddress  string     `yaml:"delivery_address"`
	NATS             bus.Config `yaml:"nats"`
	Telemetry        obs.Config `yaml:"telemetry"`
}

// Defaults sets what an empty file means.
func (c *Config) Defaults() {
	c.Listen = "127.0.0.1:7401"
	c.ExtractorAddress, c.DeliveryAddress = "127.0.0.1:7403", "127.0.0.1:7404"
	c.NATS.URL = "nats://127.0.0.1:7422"
	c.NATS.Replicas = 1
	c.Telemetry.LogLevel, c.Telemetry.LogFormat = "info", "json"
}

// Validate returns every fault at once.
func (c *Config) Validate() error {
	var faults []error
	for _, setting := range []struct{ name, value string }{
		{"listen", c.Listen}, {"extractor_address", c.ExtractorAddress}, {"delivery_address", c.DeliveryAddress}, {"nats.url", c.NATS.URL},
	} {
		if setting.value == "" {
			faults = append(faults, fmt.Errorf("%s is missing: set it in the config file", setting.name))
		}
	}
	if c.NATS.Replicas < 0 || c.NATS.Replicas > 5 {
		faults = append(faults, errors.New("nats.replicas must be 1 to 5, or 0 for 1"))
	}
	return errors.Join(faults...)
}

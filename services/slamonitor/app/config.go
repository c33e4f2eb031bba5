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
	AuditTimeout   conf.Duration `yaml:"audit_timeout"`
	TempDir        string        `yaml:"temp_dir"`
	S3             S3            `yaml:"s3"`
	NATS           bus.Config    `yaml:"nats"`
	Telemetry      obs.Config    `yaml:"telemetry"`
}

// S3 names the files that hold the monitor's read-only key, and where the roles
// of customers are assumed with it.
type S3 struct {
	AccessKeyFile conf.Secret `yaml:"access_key_file"`
	SecretKeyFile conf.Secret `yaml:"secret_key_file"`
	STSEndpoint   string      `yaml:"sts_endpoint"`
	STSRegion     string      `yaml:"sts_region"`
	CAFile        conf.CAFile `yaml:"ca_file"`
}

// Defaults sets what an empty file means.
func (c *Config) Defaults() {
	c.Listen = "127.0.0.1:7405"
	c.ConfigAddress = "127.0.0.1:7401"
	c.Tick = conf.Duration(30 * time.Second)
	c.AuditTimeout = conf.Duration(time.Hour)
	c.S3.STSRegion = "us-east-1"
	c.NATS.URL = "nats://127.0.0.1:7422"
	c.Telemetry.LogLevel, c.Telemetry.LogFormat = "info", "json"
}

// Validate returns every fault at once.
func (c *Config) Validate() error {
	var faults []error
	for name, value := range map[string]string{
		"listen": c.Listen, "config_address": c.ConfigAddress, "nats.url": c.NATS.URL,
		"s3.access_key_file": string(c.S3.AccessKeyFile), "s3.secret_key_file": string(c.S3.SecretKeyFile),
		"s3.sts_region": c.S3.STSRegion,
	} {
		if value == "" {
			faults = append(faults, fmt.Errorf("%s is missing: set it in the config file", name))
		}
	}
	if c.Tick <= 0 || c.AuditTimeout <= 0 {
		faults = append(faults, errors.New("tick and audit_timeout must be above 0, such as 30s"))
	}
	return errors.Join(faults...)
}

package app

import (
	"errors"
	"fmt"
	"time"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/conf"
	"github.com/customer-exports/exports/pkg/obs"
)

// minAckWait is above the longest single call to a bucket, so that a slow answer is not taken for a
// dead worker.
const minAckWait = 100 * time.Second

// Config is the service's config file; example.yaml explains every setting.
type Config struct {
	Listen           string     `yaml:"listen"`
	ConfigAddress    string     `yaml:"config_address"`
	PlannerAddress   string     `yaml:"planner_address"`
	DictionaryFile   string     `yaml:"dictionary_file"`
	Commit           Commit     `yaml:"commit"`
	Encode           Encode     `yaml:"encode"`
	MemoryLimitBytes int64      `yaml:"memory_limit_bytes"`
	S3               S3         `yaml:"s3"`
	NATS             bus.Config `yaml:"nats"`
	Telemetry        obs.Config `yaml:"telemetry"`
}

// Commit bounds the work on commit tasks.
type Commit struct {
	AckWait     conf.Duration `yaml:"ack_wait"`
	Deadline    conf.Duration `yaml:"deadline"`
	Attempts    int           `yaml:"attempts"`
	Concurrency int           `yaml:"concurrency"`
}

// Encode says who writes Parquet.
type Encode struct {
	// ByLibrary has Arrow's library do it, several times slower: a way back.
	ByLibrary bool `yaml:"by_library"`
	// Workers is how many pages are finished at once beside the parts' own work; 0 means one less than there are cores.
	Workers int `yaml:"workers"`
}

// minMemory is what a process without work may take already.
const minMemory = 64 << 20

// S3 names the files that hold delivery's key, both empty meaning the default chain of the AWS SDK,
// where the roles of customers are assumed with it, and who may sign for buckets beside the system's authorities.
type S3 struct {
	AccessKeyFile conf.Secret `yaml:"access_key_file"`
	SecretKeyFile conf.Secret `yaml:"secret_key_file"`
	STSEndpoint   string      `yaml:"sts_endpoint"`
	STSRegion     string      `yaml:"sts_region"`
	CAFile        conf.CAFile `yaml:"ca_file"`
}

// Defaults sets what an empty file means.
func (c *Config) Defaults() {
	c.Listen = "127.0.0.1:7404"
	c.ConfigAddress = "127.0.0.1:7401"
	c.PlannerAddress = "127.0.0.1:7402"
	c.Commit = Commit{AckWait: conf.Duration(2 * time.Minute), Deadline: conf.Duration(time.Hour), Attempts: 12, Concurrency: 2}
	c.MemoryLimitBytes = 256 << 20
	c.S3.STSRegion = "us-east-1"
	c.NATS.URL = "nats://127.0.0.1:7422"
	c.Telemetry.LogLevel, c.Telemetry.LogFormat = "info", "json"
}

// Validate returns every fault at once.
func (c *Config) Validate() error {
	var faults []error
	for _, setting := range []struct{ name, value string }{
		{"listen", c.Listen}, {"config_address", c.ConfigAddress}, {"planner_address", c.PlannerAddress}, {"nats.url", c.NATS.URL},
	} {
		if setting.value == "" {
			faults = append(faults, fmt.Errorf("%s is missing: set it in the config file", setting.name))
		}
	}
	if (c.S3.AccessKeyFile == "") != (c.S3.SecretKeyFile == "") {
		faults = append(faults, errors.New("s3.access_key_file and s3.secret_key_file belong together: set both or neither"))
	}
	if c.S3.STSRegion == "" {
		faults = append(faults, errors.New("s3.sts_region is missing: set the region whose token service is near, such as us-east-1"))
	}
	if c.Commit.AckWait.D() < minAckWait || c.Commit.Deadline.D() < c.Commit.AckWait.D() {
		faults = append(faults, fmt.Errorf("commit.ack_wait must be at least %s and commit.deadline no less", minAckWait))
	}
	if c.MemoryLimitBytes < minMemory {
		faults = append(faults, fmt.Errorf("memory_limit_bytes %d must be at least %d", c.MemoryLimitBytes, minMemory))
	}
	if c.Commit.Attempts < 1 || c.Commit.Concurrency < 1 {
		faults = append(faults, errors.New("commit.attempts and commit.concurrency must be at least 1"))
	}
	if c.Encode.Workers < 0 {
		faults = append(faults, fmt.Errorf("encode.workers %d must not be below 0", c.Encode.Workers))
	}
	return errors.Join(faults...)
}

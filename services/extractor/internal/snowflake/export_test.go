package snowflake

import (
	"time"

	"github.com/customer-exports/exports/pkg/arrowmem"
)

// SpoilRecords has whoever reads a record of the source that is over read nonsense.
func SpoilRecords() { records = arrowmem.Spoiling() }

// LookupTimeout is how long a question may take with these settings.
func (c *Config) LookupTimeout() time.Duration { return c.lookupTimeout() }

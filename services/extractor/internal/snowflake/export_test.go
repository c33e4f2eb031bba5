package snowflake

import "time"

// LookupTimeout is how long a question may take with these settings.
func (c *Config) LookupTimeout() time.Duration { return c.lookupTimeout() }

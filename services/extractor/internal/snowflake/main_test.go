package snowflake_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/customer-exports/exports/services/extractor/internal/snowflake"
)

// TestMain proves that abandoned statements and stalled chunks leave no goroutine behind, and that nobody reads a record that
// is over.
func TestMain(m *testing.M) {
	snowflake.SpoilRecords()
	goleak.VerifyTestMain(m)
}

// The driver has read these by the time main starts, so they must be there before it is initialised.
func TestDriverIsQuiet(t *testing.T) {
	for _, name := range []string{"SF_DISABLE_MINICORE", "SNOWFLAKE_DISABLE_PLATFORM_DETECTION"} {
		if os.Getenv(name) != "true" {
			t.Errorf("%s is %q", name, os.Getenv(name))
		}
	}
}

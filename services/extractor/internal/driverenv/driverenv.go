// Package driverenv switches off what the source driver does on its own account: it loads a bundled
// native library when it is imported, and asks cloud metadata services where it runs at its first
// connection. Both read the environment only, the first before main starts.
//
// It refuses to overrule an operator who has set the variables. Start at Settle.
package driverenv

import "os"

// settled is computed while packages are initialised, which is the one exception to the rule against
// it: Go initialises packages in the order of their paths as soon as their imports are ready, so this
// one, which imports nothing but os, comes before the driver.
var settled = settle()

// Settle returns the error met, if any. Its call keeps this package linked in front of the driver.
func Settle() error { return settled }

func settle() error {
	for _, name := range []string{"SF_DISABLE_MINICORE", "SNOWFLAKE_DISABLE_PLATFORM_DETECTION"} {
		if _, set := os.LookupEnv(name); set {
			continue
		}
		if err := os.Setenv(name, "true"); err != nil {
			return err
		}
	}
	return nil
}

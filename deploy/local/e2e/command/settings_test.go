package command

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestMisspeltSetting gives each service a config file with a key that no setting has.
func TestMisspeltSetting(t *testing.T) {
	for _, name := range []string{"configd", "plannerd", "extractord", "deliveryd", "slamonitord"} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "settings.yaml")
			if err := os.WriteFile(file, []byte("listen: 127.0.0.1:0\ntelemetri: {log_level: info}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, command(t, binary(t, name), "-config", file)).refuses(t, 1,
				fmt.Sprintf("%s: reading config file %s: line 2: unknown key \"telemetri\", known here: ", name, file), ", telemetry")
		})
	}
}

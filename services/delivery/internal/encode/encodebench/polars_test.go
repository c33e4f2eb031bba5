package encodebench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// polars has Polars write in a process of node's. It reads the whole input first, which its memory shows, and chooses the level of
// zstd itself.
func polars(t testing.TB, j job, m *meter) error {
	if _, err := os.Stat(filepath.Join("polars", "node_modules")); err != nil {
		return fmt.Errorf("polars is not installed: run make peers: %w", err)
	}
	codec := map[string]string{"snappy": "snappy", "zstd-1": "zstd"}[j.Codec]
	command := exec.CommandContext(t.Context(), "node", filepath.Join("polars", "write.mjs"), j.pointed().In, j.Out, codec)
	command.Env, command.Stderr = append(os.Environ(), "POLARS_MAX_THREADS=1"), os.Stderr
	var text []byte
	var err error
	m.aside(func() { text, err = command.Output() })
	if err != nil {
		return fmt.Errorf("running polars: %w", err)
	}
	var took struct {
		Seconds float64
		PeakRSS int64
	}
	if err := json.Unmarshal(text, &took); err != nil {
		return fmt.Errorf("polars said %q: %w", text, err)
	}
	m.elsewhere, m.peak = m.elsewhere-took.Seconds, took.PeakRSS
	return nil
}

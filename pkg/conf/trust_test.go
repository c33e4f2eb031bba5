package conf

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTrust calls a server whose certificate nobody but the file knows.
func TestTrust(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	dir := t.TempDir()
	known, other := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "none.pem")
	write(t, known, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	write(t, other, []byte("no certificate"))
	for file, want := range map[CAFile]string{"": "unknown authority", CAFile(known): ""} {
		transport := &http.Transport{}
		if err := file.Trust(transport); err != nil {
			t.Fatal(err)
		}
		answer, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err == nil {
			_ = answer.Body.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("trusting %q: got %v, want %q", file, err, want)
		}
		transport.CloseIdleConnections()
	}
	for _, file := range []CAFile{CAFile(other), "/nowhere.pem"} {
		if err := file.Trust(&http.Transport{}); err == nil || !strings.Contains(err.Error(), string(file)) {
			t.Errorf("trusting %s: got %v, want an error that names it", file, err)
		}
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

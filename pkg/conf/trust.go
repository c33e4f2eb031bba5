package conf

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
)

// CAFile is the path of a PEM file with authorities that are trusted beside the system's, for servers that are not of the public
// internet. Empty means the system's alone.
type CAFile string

// Trust has a transport trust them. The error names the file only.
func (f CAFile) Trust(t *http.Transport) error {
	if f == "" {
		return nil
	}
	pem, err := os.ReadFile(string(f))
	if err != nil {
		return fmt.Errorf("reading certificate authorities: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return fmt.Errorf("reading the system's certificate authorities: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("reading certificate authorities: %s holds no certificate in PEM form", string(f))
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return nil
}

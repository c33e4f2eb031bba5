package stack

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
)

// BucketOwner is the account that owns every local bucket.
const BucketOwner = "111122223333"

const (
	// WriterKey is the access key of the delivery service.
	WriterKey = "deliverykey"
	// ReaderKey is the access key of the SLA monitor.
	ReaderKey  = "monitorkey"
	sourceUser = "EXPORTER"
)

// Credentials are made anew for every start; each service sees only the files
// that its config names.
type Credentials struct {
	AdminSecret, WriterSecret, ReaderSecret, SourcePassword string
}

func (s *Stack) writeCredentials(context.Context) error {
	s.Creds = Credentials{AdminSecret: rand.Text(), WriterSecret: rand.Text(), ReaderSecret: rand.Text(), SourcePassword: rand.Text()}
	for name, secret := range map[string]string{
		"writer_key": WriterKey, "writer_secret": s.Creds.WriterSecret,
		"reader_key": ReaderKey, "reader_secret": s.Creds.ReaderSecret,
		"source_password": s.Creds.SourcePassword,
	} {
		if err := s.writeSecret(name, secret); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stack) secretPath(name string) string { return filepath.Join(s.Dir, "secrets", name) }

func (s *Stack) writeSecret(name, secret string) error {
	path := s.secretPath(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the folder of secrets: %w", err)
	}
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		return fmt.Errorf("writing secret %s: %w", name, err)
	}
	return nil
}

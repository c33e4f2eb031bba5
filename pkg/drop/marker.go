package drop

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Success is the content of _SUCCESS: whoever sees it knows which manifest it vouches for.
type Success struct {
	// Digest is Digest of the manifest's bytes.
	Digest string `json:"digest"`
}

// Latest is the content of latest.json.
type Latest struct {
	RunID          string `json:"run_id"`
	ExportDate     string `json:"export_date"`
	ManifestKey    string `json:"manifest_key"`
	ManifestSHA256 string `json:"manifest_sha256"`
}

// Expiring is the content of what stands in a manifest's place while its drop is deleted.
type Expiring struct {
	// Latest says that latest.json named the drop when the deletion began, and goes with it.
	Latest   bool      `json:"latest"`
	Manifest *Manifest `json:"manifest"`
}

// Encode writes the marker; it refuses a digest that is none.
func (s Success) Encode() ([]byte, error) {
	if err := errors.Join(hexFault("digest", s.Digest)...); err != nil {
		return nil, fmt.Errorf("encoding _SUCCESS: %w", err)
	}
	return encode(s)
}

// ParseSuccess reads a _SUCCESS marker strictly.
func ParseSuccess(data []byte) (*Success, error) {
	s, err := decode[Success](data)
	if err != nil {
		return nil, fmt.Errorf("parsing _SUCCESS: %w", err)
	}
	if err := errors.Join(hexFault("digest", s.Digest)...); err != nil {
		return nil, fmt.Errorf("parsing _SUCCESS: %w", err)
	}
	return s, nil
}

// Encode writes the pointer; it refuses one that does not name its own run's manifest.
func (l Latest) Encode() ([]byte, error) {
	if err := l.validate(); err != nil {
		return nil, fmt.Errorf("encoding latest.json: %w", err)
	}
	return encode(l)
}

// ParseLatest reads latest.json strictly.
func ParseLatest(data []byte) (*Latest, error) {
	l, err := decode[Latest](data)
	if err != nil {
		return nil, fmt.Errorf("parsing latest.json: %w", err)
	}
	if err := l.validate(); err != nil {
		return nil, fmt.Errorf("parsing latest.json: %w", err)
	}
	return l, nil
}

// Encode writes the record; it refuses one without a manifest.
func (e Expiring) Encode() ([]byte, error) {
	if err := e.validate(); err != nil {
		return nil, fmt.Errorf("encoding the record of a deletion: %w", err)
	}
	return encode(e)
}

// ParseExpiring reads the record of a deletion as strictly as its manifest.
func ParseExpiring(data []byte) (*Expiring, error) {
	e, err := decode[Expiring](data)
	if err != nil {
		return nil, fmt.Errorf("parsing the record of a deletion: %w", err)
	}
	if err := e.validate(); err != nil {
		return nil, fmt.Errorf("parsing the record of a deletion: %w", err)
	}
	return e, nil
}

func (e Expiring) validate() error {
	if e.Manifest == nil {
		return errors.New("manifest is missing")
	}
	return e.Manifest.Validate()
}

func (l Latest) validate() error {
	if l.RunID == "" || l.ManifestKey != ManifestKey(l.ExportDate, l.RunID) {
		return fmt.Errorf("manifest_key %q is not that of run %q on %q", l.ManifestKey, l.RunID, l.ExportDate)
	}
	return errors.Join(hexFault("manifest_sha256", l.ManifestSHA256)...)
}

func encode(value any) ([]byte, error) {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

func decode[T any](data []byte) (*T, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	value := new(T)
	if err := decoder.Decode(value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return value, nil
}

package drop

import (
	_ "embed" // the published schema
	"errors"
	"fmt"
	"time"
)

// ContractVersion is the version of the manifest's form that this package writes and reads.
const ContractVersion = "1"

//go:embed manifest.schema.json
var schema string

// Schema is the JSON Schema of the manifest, as published to customers.
func Schema() []byte { return []byte(schema) }

// Manifest lists a drop, whole: what is not in it was not delivered. All times are UTC.
type Manifest struct {
	ContractVersion string `json:"contract_version"`
	CustomerID      string `json:"customer_id"`
	CustomerName    string `json:"customer_name"`
	ExportID        string `json:"export_id"`
	Revision        int64  `json:"revision"`
	RunID           string `json:"run_id"`
	// ResendsRunID is the run that wrote these files first, byte for byte; their metadata names it. It is left out when this
	// run wrote them.
	ResendsRunID string `json:"resends_run_id,omitempty"`
	// ScopeDigest is scope.Set.Digest of the revision.
	ScopeDigest string `json:"scope_digest"`
	// ExportDate is YYYY-MM-DD, local to the export's zone.
	ExportDate string    `json:"export_date"`
	DueTime    time.Time `json:"due_time"`
	AsOfTime   time.Time `json:"as_of_time"`
	// AsOfReplanned says that AsOfTime is not DueTime because the source no longer held that instant. It is left out when
	// false, so that a manifest of before reads and writes the same.
	AsOfReplanned bool      `json:"as_of_replanned,omitempty"`
	CommitTime    time.Time `json:"commit_time"`
	// ExpireTime is when retention may delete the drop.
	ExpireTime      time.Time `json:"expire_time"`
	ProducerVersion string    `json:"producer_version"`
	// TraceID (32 hex digits) and Traceparent (W3C) lead to the run's trace.
	TraceID     string `json:"trace_id"`
	Traceparent string `json:"traceparent"`
	// Format is left out for Parquet, so that a manifest of before reads and writes the same.
	Format Format  `json:"format,omitzero"`
	Tables []Table `json:"tables"`
}

// Table is one table of a drop. A table without rows has one file, with its schema.
type Table struct {
	Table      string   `json:"table"`
	Definition string   `json:"definition"`
	PrimaryKey []string `json:"primary_key"`
	RowCount   int64    `json:"row_count"`
	Schema     []Column `json:"schema"`
	// Totals has one entry a column, in file order. It is left out where nobody counted, so that a manifest of before reads and
	// writes the same.
	Totals []Total `json:"totals,omitempty"`
	Files  []File  `json:"files"`
}

// Total is what all files of a table hold in one column.
type Total struct {
	Column    string `json:"column"`
	NullCount int64  `json:"null_count"`
	// Sum is that of a NUMBER, exact and with all digits of its scale; empty for other types, and then left out.
	Sum string `json:"sum,omitempty"`
}

// Column is one column, in file order. Type is the Data Dictionary's, such as NUMBER(12,2).
type Column struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Nullable   bool   `json:"nullable"`
	Definition string `json:"definition"`
}

// File is one object. CRC64NVME is base64 as S3 spells it, SHA256 is hex; both are of the whole object.
type File struct {
	Key       string `json:"key"`
	Bytes     int64  `json:"bytes"`
	Rows      int64  `json:"rows"`
	CRC64NVME string `json:"crc64nvme"`
	SHA256    string `json:"sha256"`
}

// Encode validates the manifest and writes it with sorted meaning: the same manifest gives the same bytes. An unset
// ContractVersion is filled in, in m too, and times are turned to UTC.
func (m *Manifest) Encode() ([]byte, error) {
	if m.ContractVersion == "" {
		m.ContractVersion = ContractVersion
	}
	for _, t := range []*time.Time{&m.DueTime, &m.AsOfTime, &m.CommitTime, &m.ExpireTime} {
		*t = t.UTC()
	}
	if err := m.Validate(); err != nil {
		return nil, fmt.Errorf("encoding the manifest of %s: %w", m.RunID, err)
	}
	return encode(m)
}

// ParseManifest reads a manifest strictly: unknown keys, text behind it and everything that Validate refuses are errors.
func ParseManifest(data []byte) (*Manifest, error) {
	m, err := decode[Manifest](data)
	if err != nil {
		return nil, fmt.Errorf("parsing the manifest: %w", err)
	}
	if err := m.Validate(); err != nil {
		return nil, fmt.Errorf("parsing the manifest: %w", err)
	}
	return m, nil
}

// Validate returns all faults at once: missing values, objects outside the run's own folders, tables, columns or files
// named twice, and counts that do not add up.
func (m *Manifest) Validate() error {
	faults := append(m.identityFaults(), m.timeFaults()...)
	if err := m.Format.Validate(); err != nil {
		faults = append(faults, err)
	}
	if len(m.Tables) == 0 {
		faults = append(faults, errors.New("tables is empty"))
	}
	seen := map[string]bool{}
	for _, t := range m.Tables {
		if seen[t.Table] {
			faults = append(faults, fmt.Errorf("table %q is listed twice", t.Table))
		}
		seen[t.Table] = true
		faults = append(faults, t.faults(m)...)
	}
	return errors.Join(faults...)
}

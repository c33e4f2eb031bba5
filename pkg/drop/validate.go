package drop

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

func (m *Manifest) identityFaults() []error {
	var faults []error
	if m.ContractVersion != ContractVersion {
		faults = append(faults, fmt.Errorf("contract_version is %q, this reader knows %q", m.ContractVersion, ContractVersion))
	}
	for _, v := range []struct{ name, value string }{
		{"customer_id", m.CustomerID},
		{"customer_name", m.CustomerName},
		{"export_id", m.ExportID},
		{"run_id", m.RunID},
		{"producer_version", m.ProducerVersion},
	} {
		if v.value == "" {
			faults = append(faults, fmt.Errorf("%s is missing", v.name))
		}
	}
	if strings.ContainsAny(m.RunID, "/=") {
		faults = append(faults, fmt.Errorf("run_id %q cannot be part of a key", m.RunID))
	}
	if m.ResendsRunID != "" && (m.ResendsRunID == m.RunID || strings.ContainsAny(m.ResendsRunID, "/=")) {
		faults = append(faults, fmt.Errorf("resends_run_id %q is not another run", m.ResendsRunID))
	}
	if m.Revision < 1 {
		faults = append(faults, errors.New("revision is below 1"))
	}
	return append(faults, hexFault("scope_digest", m.ScopeDigest)...)
}

func (m *Manifest) timeFaults() []error {
	var faults []error
	if t, err := time.Parse(time.DateOnly, m.ExportDate); err != nil || t.Format(time.DateOnly) != m.ExportDate {
		faults = append(faults, fmt.Errorf("export_date %q is not YYYY-MM-DD", m.ExportDate))
	}
	for _, v := range []struct {
		name  string
		value time.Time
	}{
		{"due_time", m.DueTime},
		{"as_of_time", m.AsOfTime},
		{"commit_time", m.CommitTime},
		{"expire_time", m.ExpireTime},
	} {
		if v.value.IsZero() {
			faults = append(faults, fmt.Errorf("%s is missing", v.name))
		} else if _, offset := v.value.Zone(); offset != 0 {
			faults = append(faults, fmt.Errorf("%s is not UTC", v.name))
		}
	}
	if m.AsOfReplanned && m.AsOfTime.Equal(m.DueTime) {
		faults = append(faults, errors.New("as_of_replanned is set although as_of_time is due_time"))
	}
	if m.CommitTime.Before(m.AsOfTime) {
		faults = append(faults, errors.New("commit_time is before as_of_time"))
	}
	return faults
}

func (t Table) faults(m *Manifest) []error {
	var faults []error
	add := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("table %s: "+format, append([]any{t.Table}, args...)...))
	}
	if !tableName(t.Table) {
		add("the name is not an upper-case identifier")
	}
	if len(t.Files) == 0 {
		add("files is empty; a table without rows has one file")
	}
	for _, problem := range slices.Concat(t.columnFaults(), t.totalFaults()) {
		add("%w", problem)
	}
	rows, keys := int64(0), map[string]bool{}
	for _, f := range t.Files {
		if !m.Format.isPart(f.Key, t.Table, m.ExportDate, m.RunID) {
			add("file %q is outside %s, or no %s", f.Key, TablePrefix(t.Table, m.ExportDate, m.RunID), m.Format.ending())
		}
		if keys[f.Key] {
			add("file %q is listed twice", f.Key)
		}
		for _, problem := range f.faults(m.Format) {
			add("file %q: %w", f.Key, problem)
		}
		rows, keys[f.Key] = rows+f.Rows, true
	}
	if rows != t.RowCount {
		add("files hold %d rows, row_count is %d", rows, t.RowCount)
	}
	return faults
}

func (t Table) columnFaults() []error {
	var faults []error
	var names []string
	for _, c := range t.Schema {
		if c.Name == "" || c.Type == "" || slices.Contains(names, c.Name) {
			faults = append(faults, fmt.Errorf("column %q has no name, no type, or is listed twice", c.Name))
		}
		names = append(names, c.Name)
	}
	if len(names) == 0 {
		faults = append(faults, errors.New("schema is empty"))
	}
	if len(t.PrimaryKey) == 0 {
		faults = append(faults, errors.New("primary_key is empty"))
	}
	for _, key := range t.PrimaryKey {
		if !slices.Contains(names, key) {
			faults = append(faults, fmt.Errorf("primary-key column %q is not in the schema", key))
		}
	}
	return faults
}

var number = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

func (t Table) totalFaults() []error {
	if len(t.Totals) == 0 {
		return nil
	}
	if len(t.Totals) != len(t.Schema) {
		return []error{fmt.Errorf("totals has %d columns, schema has %d", len(t.Totals), len(t.Schema))}
	}
	var faults []error
	for i, total := range t.Totals {
		c := t.Schema[i]
		if total.Column != c.Name || total.NullCount < 0 || total.NullCount > t.RowCount || total.NullCount > 0 && !c.Nullable {
			faults = append(faults, fmt.Errorf("totals: %q with null_count %d is not what column %q may hold", total.Column, total.NullCount, c.Name))
		}
		if total.Sum != "" && !number.MatchString(total.Sum) {
			faults = append(faults, fmt.Errorf("totals: the sum %q of column %q is no number", total.Sum, c.Name))
		}
	}
	return faults
}

func (f File) faults(format Format) []error {
	var faults []error
	if f.Bytes < 1 && !format.empty(f.Rows) || f.Bytes < 0 || f.Rows < 0 {
		faults = append(faults, fmt.Errorf("%d bytes and %d rows are not a file", f.Bytes, f.Rows))
	}
	if sum, err := base64.StdEncoding.DecodeString(f.CRC64NVME); err != nil || len(sum) != 8 {
		faults = append(faults, fmt.Errorf("crc64nvme %q is not 8 bytes in base64", f.CRC64NVME))
	}
	return append(faults, hexFault("sha256", f.SHA256)...)
}

// hexFault refuses everything but a hex SHA-256 in lower case.
func hexFault(name, value string) []error {
	if len(value) == 64 && strings.Trim(value, "0123456789abcdef") == "" {
		return nil
	}
	return []error{fmt.Errorf("%s %q is not a SHA-256 in lower-case hex", name, value)}
}

// tableName keeps dots and slashes out of keys.
func tableName(name string) bool { return regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`).MatchString(name) }

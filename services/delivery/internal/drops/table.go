package drops

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/services/delivery/internal/readback"
)

// table is what a manifest says of one, and what was found of it.
type table struct {
	name     string
	manifest string // its key
	files    []readback.File
	columns  []readback.Column
	want     []drop.Total

	found   *readback.Totals
	unread  int
	partial bool // whether a file could not be counted
}

// landed are the tables that a manifest lists. A type that cannot be read here is an error of reason READ_BACK_MISMATCH: the
// manifest says nothing of its files then.
func landed(m *drop.Manifest, key string) (all []*table, err error) {
	for _, t := range m.Tables {
		columns, err := columnsOf(t)
		if err != nil {
			return nil, err
		}
		next := &table{name: t.Table, manifest: key, columns: columns, want: t.Totals, found: readback.NewTotals(columns), unread: len(t.Files)}
		for _, f := range t.Files {
			next.files = append(next.files, readback.File{
				Key: f.Key, Bytes: f.Bytes, CRC64NVME: f.CRC64NVME, SHA256: f.SHA256, Rows: f.Rows, Format: m.Format, Columns: columns,
				RunID: cmp.Or(m.ResendsRunID, m.RunID),
			})
		}
		all = append(all, next)
	}
	return all, nil
}

func columnsOf(t drop.Table) ([]readback.Column, error) {
	columns := make([]readback.Column, 0, len(t.Schema))
	for _, c := range t.Schema {
		spelled, err := dictionary.ParseType(c.Type)
		if err != nil {
			return nil, mismatch("the manifest has column %s of table %s as %q, which is no type", c.Name, t.Table, c.Type)
		}
		columns = append(columns, readback.Column{Name: c.Name, Type: spelled, Nullable: c.Nullable})
	}
	return columns, nil
}

func weight(tables []*table) (bytes int64) {
	for _, t := range tables {
		for _, f := range t.files {
			bytes += f.Bytes
		}
	}
	return bytes
}

// read takes what was found of a file and, after the last one, says what is wrong with the totals. Files that are
// damaged cannot be counted.
func (t *table) read(whole bool, counts []readback.Count) error {
	t.found.Add(counts)
	t.partial = t.partial || !whole || counts == nil
	if t.unread--; t.unread > 0 || t.partial || len(t.want) == 0 {
		return nil
	}
	var wrong []string
	for i, want := range t.want {
		switch nulls, sum := t.found.Of(i); {
		case nulls != readback.Untold && nulls != want.NullCount:
			wrong = append(wrong, fmt.Sprintf("%d nulls in column %s, its files have %d", want.NullCount, want.Column, nulls))
		case sum != want.Sum:
			wrong = append(wrong, fmt.Sprintf("another sum of column %s than its files have", want.Column))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return mismatch("the totals of %s say %s", t.name, strings.Join(wrong, "; "))
}

package pages

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/format"
)

// Per chunk a footer has a few short lists: encodings, a path, counts of pages.
const itemsPerChunk = 16

// screenFooter refuses a footer that would take more memory than Chunks allows.
func screenFooter(footer []byte, limits Limits) error {
	w := walker{data: footer, mostStructs: 2 * limits.Chunks, mostItems: itemsPerChunk * limits.Chunks}
	if err := w.structure(0); err != nil {
		return err
	}
	if w.at != len(footer) {
		return fmt.Errorf("%d bytes follow it", len(footer)-w.at)
	}
	return nil
}

// flat refuses nested columns, encryption, files of several parts, and row groups that do not have every column once, or
// whose rows do not add up.
func (f *File) flat() error {
	schema := f.meta.Schema
	if len(schema) < 2 || int(schema[0].NumChildren.V) != len(schema)-1 {
		return errors.New("the schema is not one of flat columns")
	}
	for _, leaf := range schema[1:] {
		if leaf.NumChildren.V != 0 || leaf.RepetitionType.V == format.Repeated || !leaf.Type.Valid {
			return fmt.Errorf("column %q is nested or repeated", leaf.Name)
		}
	}
	if f.meta.EncryptionAlgorithm.Value != nil {
		return errors.New("the file is encrypted")
	}
	return f.grouped(len(schema) - 1)
}

func (f *File) grouped(columns int) error {
	rows := int64(0)
	for i, group := range f.meta.RowGroups {
		if len(group.Columns) != columns || group.NumRows < 0 {
			return fmt.Errorf("row group %d has %d columns and %d rows", i, len(group.Columns), group.NumRows)
		}
		for j := range group.Columns {
			if chunk := &group.Columns[j]; chunk.FilePath != "" || chunk.MetaData.NumValues != group.NumRows || chunk.CryptoMetadata.Value != nil {
				return fmt.Errorf("row group %d: column %d is in another file, encrypted, or of other rows", i, j)
			}
		}
		if rows += group.NumRows; rows < 0 {
			return errors.New("the rows of the row groups are no number")
		}
	}
	if rows != f.meta.NumRows {
		return fmt.Errorf("the row groups have %d rows, the footer says %d", rows, f.meta.NumRows)
	}
	return nil
}

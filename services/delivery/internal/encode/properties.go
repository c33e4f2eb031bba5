package encode

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/parquet"
	keyvalue "github.com/apache/arrow/go/v17/parquet/metadata"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// Keys of a file's own metadata.
const (
	MetaRunID   = "exports.run_id"
	MetaTable   = "exports.table"
	MetaAsOf    = "exports.as_of_time"
	MetaColumns = "exports.columns"
	// MetaPrimaryKey lists the names of the primary key's columns, as JSON.
	MetaPrimaryKey = "exports.primary_key"
)

// createdBy names the writer; readers know old faults of writers by it.
const createdBy = "customer-exports delivery (arrow-go 17)"

const (
	// pageBytes bounds a page before compression.
	pageBytes = 1 << 20
	// writeRows is how many rows the library takes at once.
	writeRows = 64 << 10
)

// properties are decided from the first row group, which may have no rows. What depends on the rows is only how values are
// packed, never the schema.
func properties(c Compression, schema *arrow.Schema, first []arrow.Record) (*parquet.WriterProperties, error) {
	chosen, err := codec(c)
	if err != nil {
		return nil, err
	}
	if err := registerCodecs(); err != nil {
		return nil, err
	}
	options := []parquet.WriterProperty{
		parquet.WithCompression(chosen),
		parquet.WithStats(false), // ours are better: see bounds
		parquet.WithStoreDecimalAsInteger(true),
		parquet.WithMaxRowGroupLength(groupRows),
		parquet.WithDataPageSize(pageBytes),
		parquet.WithBatchSize(writeRows),
		parquet.WithDictionaryPageSizeLimit(dictionaryBytes),
		parquet.WithCreatedBy(createdBy),
		parquet.WithRootRepetition(parquet.Repetitions.Required),
	}
	for i, field := range schema.Fields() {
		options = append(options, parquet.WithDictionaryFor(field.Name, repeats(first, i)))
	}
	return parquet.NewWriterProperties(options...), nil
}

// column is one entry of the exports.columns metadata.
type column struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Nullable   bool   `json:"nullable"`
	Definition string `json:"definition"`
}

func describe(f File) (keyvalue.KeyValueMetadata, error) {
	columns, err := json.Marshal(definitions(f.Layout))
	if err != nil {
		return nil, fmt.Errorf("spelling column definitions: %w", err)
	}
	key, err := json.Marshal(f.Layout.Table.PrimaryKey)
	if err != nil {
		return nil, fmt.Errorf("spelling the primary key: %w", err)
	}
	meta := keyvalue.NewKeyValueMetadata()
	for _, pair := range [][2]string{
		{MetaRunID, f.RunID},
		{MetaTable, f.Layout.Table.Name},
		{MetaAsOf, f.AsOf.UTC().Format(time.RFC3339Nano)},
		{MetaPrimaryKey, string(key)},
		{MetaColumns, string(columns)},
	} {
		if err := meta.Append(pair[0], pair[1]); err != nil {
			return nil, fmt.Errorf("adding %s: %w", pair[0], err)
		}
	}
	return meta, nil
}

func definitions(l *dictionary.Layout) []column {
	columns := make([]column, 0, l.Exported)
	for _, f := range l.Fields[:l.Exported] {
		columns = append(columns, column{f.Name, f.Column.Type.String(), f.Column.Nullable, f.Column.Definition})
	}
	return columns
}

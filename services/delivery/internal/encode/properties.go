package encode

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// Keys of a file's own metadata.
const (
	MetaRunID   = "exports.run_id"
	MetaTable   = "exports.table"
	MetaAsOf    = "exports.as_of_time"
	MetaColumns = "exports.columns"
)

const (
	// sampleRows is how many leading values decide whether a column gets a dictionary.
	sampleRows = 4096
	// zstdLevel is the fastest one: the higher ones cost 40 % more CPU for 2 % fewer bytes.
	zstdLevel = 1
	createdBy = "customer-exports delivery (arrow-go 17)"
)

func codec(c Compression) (compress.Compression, error) {
	switch c {
	case Zstd:
		return compress.Codecs.Zstd, nil
	case Snappy:
		return compress.Codecs.Snappy, nil
	case Gzip:
		return compress.Codecs.Gzip, nil
	case None:
		return compress.Codecs.Uncompressed, nil
	}
	return compress.Codecs.Uncompressed, fmt.Errorf("choosing a codec: unknown compression %d", c)
}

// properties are decided from the first rows, nil for a file without any. What depends on the rows
// is only how values are packed, never the schema.
func properties(c Compression, first arrow.Record) (*parquet.WriterProperties, error) {
	chosen, err := codec(c)
	if err != nil {
		return nil, err
	}
	options := []parquet.WriterProperty{
		parquet.WithCompression(chosen),
		parquet.WithStats(true),
		parquet.WithStoreDecimalAsInteger(true),
		parquet.WithMaxRowGroupLength(2 * groupRows),
		parquet.WithCreatedBy(createdBy),
		parquet.WithRootRepetition(parquet.Repetitions.Required),
	}
	if c == Zstd {
		options = append(options, parquet.WithCompressionLevel(zstdLevel))
	}
	if first != nil {
		for i, column := range first.Columns() {
			options = append(options, parquet.WithDictionaryFor(first.ColumnName(i), repeats(column)))
		}
	}
	return parquet.NewWriterProperties(options...), nil
}

// repeats reports whether at most half of the leading values are distinct: a dictionary of ids or
// free text is built and hashed in every row group only to be thrown away.
func repeats(column arrow.Array) bool {
	count := min(column.Len(), sampleRows)
	seen := make(map[string]struct{}, count)
	values := 0
	for i := range count {
		if column.IsNull(i) {
			continue
		}
		values++
		seen[column.ValueStr(i)] = struct{}{}
	}
	return 2*len(seen) <= values
}

// column is one entry of the exports.columns metadata.
type column struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Nullable   bool   `json:"nullable"`
	Definition string `json:"definition"`
}

func metadata(f File) (arrow.Metadata, error) {
	columns, err := json.Marshal(definitions(f.Layout))
	if err != nil {
		return arrow.Metadata{}, fmt.Errorf("spelling column definitions: %w", err)
	}
	return arrow.NewMetadata(
		[]string{MetaRunID, MetaTable, MetaAsOf, MetaColumns},
		[]string{f.RunID, f.Layout.Table.Name, f.AsOf.UTC().Format(time.RFC3339Nano), string(columns)},
	), nil
}

func definitions(l *dictionary.Layout) []column {
	columns := make([]column, 0, l.Exported)
	for _, f := range l.Fields[:l.Exported] {
		columns = append(columns, column{f.Name, f.Column.Type.String(), f.Column.Nullable, f.Column.Definition})
	}
	return columns
}

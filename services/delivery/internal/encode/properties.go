package encode

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/parquet"
)

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
		parquet.WithCreatedBy(createdBy + " (arrow-go 17)"),
		parquet.WithRootRepetition(parquet.Repetitions.Required),
	}
	for i, field := range schema.Fields() {
		options = append(options, parquet.WithDictionaryFor(field.Name, repeats(first, i)))
	}
	return parquet.NewWriterProperties(options...), nil
}

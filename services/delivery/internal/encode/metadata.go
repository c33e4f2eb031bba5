package encode

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/services/delivery/internal/encode/flat"
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
const createdBy = "customer-exports delivery"

// column is one entry of the exports.columns metadata.
type column struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Nullable   bool   `json:"nullable"`
	Definition string `json:"definition"`
}

func describe(f File) ([]flat.KeyValue, error) {
	columns, err := json.Marshal(definitions(f.Layout))
	if err != nil {
		return nil, fmt.Errorf("spelling column definitions: %w", err)
	}
	key, err := json.Marshal(f.Layout.Table.PrimaryKey)
	if err != nil {
		return nil, fmt.Errorf("spelling the primary key: %w", err)
	}
	return []flat.KeyValue{
		{Key: MetaRunID, Value: f.RunID},
		{Key: MetaTable, Value: f.Layout.Table.Name},
		{Key: MetaAsOf, Value: f.AsOf.UTC().Format(time.RFC3339Nano)},
		{Key: MetaPrimaryKey, Value: string(key)},
		{Key: MetaColumns, Value: string(columns)},
	}, nil
}

func definitions(l *dictionary.Layout) []column {
	columns := make([]column, 0, l.Exported)
	for _, f := range l.Fields[:l.Exported] {
		columns = append(columns, column{f.Name, f.Column.Type.String(), f.Column.Nullable, f.Column.Definition})
	}
	return columns
}

package warehouse

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// column is a result column or a table column with its declared type.
type column struct {
	Name     string // upper case
	Type     dictionary.Type
	Nullable bool
}

var (
	typeText    = dictionary.Type{Kind: dictionary.KindString}
	typeCount   = dictionary.Type{Kind: dictionary.KindNumber, Precision: 18}
	typeInstant = dictionary.Type{Kind: dictionary.KindTimestampLTZ, Scale: 9}
)

// catalogue maps upper-case table names to their columns. It comes from the table
// warehouse.catalogue, so that a test can alter a table and its declaration together.
type catalogue map[string]map[string]column

func loadCatalogue(ctx context.Context, db *sql.DB) (catalogue, error) {
	// A type of the source that has neither precision nor scale to tell carries nulls.
	rows, err := db.QueryContext(ctx, `SELECT table_name, column_name, type, COALESCE(number_precision, 0), COALESCE(scale, 0), nullable
		FROM warehouse.catalogue`)
	if err != nil {
		return nil, fmt.Errorf("reading catalogue: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := catalogue{informationColumns: informationSchema(), informationTables: tableSchema()}
	for rows.Next() {
		var table, kind string
		var c column
		if err := rows.Scan(&table, &c.Name, &kind, &c.Type.Precision, &c.Type.Scale, &c.Nullable); err != nil {
			return nil, fmt.Errorf("reading catalogue: %w", err)
		}
		c.Type.Kind = dictionary.Kind(kind)
		if all[table] == nil {
			all[table] = map[string]column{}
		}
		all[table][c.Name] = c
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading catalogue: %w", err)
	}
	return all, nil
}

// informationColumns stands for INFORMATION_SCHEMA.COLUMNS among the tables.
const informationColumns = "INFORMATION_SCHEMA.COLUMNS"

// informationView computes INFORMATION_SCHEMA.COLUMNS; %s is the database name as a literal.
const informationView = `(SELECT %s AS "TABLE_CATALOG", 'ANALYTICS' AS "TABLE_SCHEMA", table_name AS "TABLE_NAME",
	column_name AS "COLUMN_NAME", CAST(ordinal AS DECIMAL(18, 0)) AS "ORDINAL_POSITION",
	CASE WHEN nullable THEN 'YES' ELSE 'NO' END AS "IS_NULLABLE", CASE WHEN type = 'STRING' THEN 'TEXT' ELSE type END AS "DATA_TYPE",
	CASE WHEN type = 'NUMBER' THEN CAST(number_precision AS DECIMAL(18, 0)) END AS "NUMERIC_PRECISION",
	CASE WHEN type = 'NUMBER' THEN CAST(scale AS DECIMAL(18, 0)) END AS "NUMERIC_SCALE",
	CASE WHEN type LIKE 'TIME%%' THEN CAST(scale AS DECIMAL(18, 0)) END AS "DATETIME_PRECISION" FROM warehouse.catalogue)`

func informationSchema() map[string]column {
	all := map[string]column{}
	for _, text := range []string{"TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "IS_NULLABLE", "DATA_TYPE"} {
		all[text] = column{Name: text, Type: typeText}
	}
	all["ORDINAL_POSITION"] = column{Name: "ORDINAL_POSITION", Type: typeCount}
	for _, number := range []string{"NUMERIC_PRECISION", "NUMERIC_SCALE", "DATETIME_PRECISION"} {
		all[number] = column{Name: number, Type: typeCount, Nullable: true}
	}
	return all
}

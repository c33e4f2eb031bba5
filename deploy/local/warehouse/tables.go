package warehouse

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/customer-exports/exports/deploy/local/warehouse/data"
)

// informationTables stands for INFORMATION_SCHEMA.TABLES among the tables.
const informationTables = "INFORMATION_SCHEMA.TABLES"

// tablesView computes INFORMATION_SCHEMA.TABLES from the database name as a literal, the creation of all tables and the
// days that their history is kept.
const tablesView = `(SELECT %s AS "TABLE_CATALOG", 'ANALYTICS' AS "TABLE_SCHEMA", table_name AS "TABLE_NAME",
	COALESCE(created, %s) AS "CREATED", CAST(%d AS DECIMAL(18, 0)) AS "RETENTION_TIME"
	FROM (SELECT DISTINCT table_name FROM warehouse.catalogue) LEFT JOIN warehouse.rebuilt USING (table_name))`

func tableSchema() map[string]column {
	all := map[string]column{}
	for _, text := range []string{"TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME"} {
		all[text] = column{Name: text, Type: typeText}
	}
	all["CREATED"] = column{Name: "CREATED", Type: typeInstant}
	all["RETENTION_TIME"] = column{Name: "RETENTION_TIME", Type: typeCount}
	return all
}

// unlimitedDays are told of a history that is kept for good.
const unlimitedDays = 36_500

// retentionDays is never more than what is kept.
func (h history) retentionDays() int {
	if h.horizon.IsZero() {
		return unlimitedDays
	}
	return int(h.now.Sub(h.horizon) / (24 * time.Hour))
}

// holds says whether a table can be read as it was at an instant.
func (h history) holds(table string, at time.Time) bool {
	created := h.created
	if rebuilt, found := h.rebuilt[table]; found {
		created = rebuilt
	}
	return !at.Before(created) && !at.Before(h.horizon)
}

// Rebuild does what CREATE OR REPLACE TABLE does to a table of the ANALYTICS schema: the rows of now are all that is left,
// and time travel reaches no further back than now.
func (s *Server) Rebuild(ctx context.Context, table string) error {
	now := duckInstant(s.cfg.Now())
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("rebuilding table %s: %w", table, err)
	}
	defer func() { _ = tx.Rollback() }() // nothing is left to roll back after the commit
	for _, text := range []string{
		fmt.Sprintf("DELETE FROM analytics.%s WHERE %s > %s OR %s <= %s", name(table), data.ValidFrom, now, data.ValidTo, now),
		fmt.Sprintf("UPDATE analytics.%s SET %s = %s", name(table), data.ValidFrom, now),
		fmt.Sprintf("INSERT OR REPLACE INTO warehouse.rebuilt VALUES (%s, %s)", quote(table), now),
	} {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("rebuilding table %s: %w", table, err)
		}
	}
	return tx.Commit()
}

// loadRebuilt reads when tables were rebuilt.
func loadRebuilt(ctx context.Context, db *sql.DB) (map[string]time.Time, error) {
	rows, err := db.QueryContext(ctx, "SELECT table_name, created FROM warehouse.rebuilt")
	if err != nil {
		return nil, fmt.Errorf("reading rebuilt tables: %w", err)
	}
	defer func() { _ = rows.Close() }()
	rebuilt := map[string]time.Time{}
	for rows.Next() {
		var table string
		var created time.Time
		if err := rows.Scan(&table, &created); err != nil {
			return nil, fmt.Errorf("reading rebuilt tables: %w", err)
		}
		rebuilt[table] = created
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading rebuilt tables: %w", err)
	}
	return rebuilt, nil
}

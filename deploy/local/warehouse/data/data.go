// Package data fills the local warehouse: every table of the standard Data Dictionary, with history
// rows for time travel and the awkward values that real sources hold. The data is a function of
// Settings alone. It knows nothing of the Snowflake protocol. Start at Ensure.
package data

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/customer-exports/exports/pkg/dictionary"
)

//go:embed *.sql
var files embed.FS

// Columns of the history that every physical table has besides those of the dictionary. A row holds
// at the instant T when ValidFrom <= T < ValidTo.
const (
	ValidFrom = "_valid_from"
	ValidTo   = "_valid_to"
)

// instantForm is DuckDB's text form of a UTC timestamp with microseconds.
const instantForm = "2006-01-02 15:04:05.000000"

// Settings decide the data. CreateTime is when all tables came into being; at RestateTime (zero:
// never) some rows change, some vanish and some appear. Scale 1 is about a million transactions. Large
// names the only table that the scale is for; empty means all.
type Settings struct {
	Scale                   float64
	Large                   string
	Seed                    uint64
	CreateTime, RestateTime time.Time
}

// fingerprint identifies the data that the settings give. The leading version counts changes of the
// generator itself.
func (s Settings) fingerprint() string {
	return fmt.Sprintf("v2 dictionary=%s scale=%g large=%s seed=%d create=%s restate=%s", dictionary.Standard().Version,
		s.Scale, s.Large, s.Seed, s.CreateTime.UTC().Format(time.RFC3339Nano), s.RestateTime.UTC().Format(time.RFC3339Nano))
}

// Ensure generates the data unless the database already holds exactly what the settings give.
func Ensure(ctx context.Context, db *sql.DB, s Settings, log *slog.Logger) error {
	var have string
	err := db.QueryRowContext(ctx, "SELECT value FROM warehouse.settings WHERE name = 'data'").Scan(&have)
	if err == nil && have == s.fingerprint() {
		return nil
	}
	// Any error means that the settings table is not there yet, so there is no data either.
	start := time.Now()
	if err := generate(ctx, db, s); err != nil {
		return fmt.Errorf("generating warehouse data: %w", err)
	}
	log.InfoContext(ctx, "generated warehouse data", "scale", s.Scale, "seed", s.Seed, "seconds", time.Since(start).Seconds())
	return nil
}

// generate uses one connection, since the macros are temporary, and records the fingerprint last, so
// that an interrupted generation starts over.
func generate(ctx context.Context, db *sql.DB, s Settings) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("opening connection: %w", err)
	}
	defer func() { _ = conn.Close() }()
	statements, err := s.statements()
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("running %.200q: %w", statement, err)
		}
	}
	return nil
}

func (s Settings) statements() ([]string, error) {
	macros, err := files.ReadFile("macros.sql")
	if err != nil {
		return nil, fmt.Errorf("reading macros: %w", err)
	}
	all := []string{
		"DROP SCHEMA IF EXISTS analytics CASCADE", "DROP SCHEMA IF EXISTS warehouse CASCADE",
		"CREATE SCHEMA analytics", "CREATE SCHEMA warehouse", s.constants(), string(macros),
	}
	for i := range dictionary.Standard().Tables {
		statements, err := s.table(&dictionary.Standard().Tables[i])
		if err != nil {
			return nil, err
		}
		all = append(all, statements...)
	}
	all = append(all, catalogue(dictionary.Standard())...)
	return append(all,
		// Tables that were rebuilt came into being later than the others.
		"CREATE TABLE warehouse.rebuilt (table_name VARCHAR PRIMARY KEY, created TIMESTAMP NOT NULL)",
		"CREATE TABLE warehouse.settings (name VARCHAR PRIMARY KEY, value VARCHAR)",
		"INSERT INTO warehouse.settings VALUES ('data', "+quote(s.fingerprint())+")",
		"CHECKPOINT"), nil
}

// fewest keeps every awkward case, every brand and every restated row in the smallest data set.
const fewest = 600

// constants defines the row counts and the seed as macros, so that the table files stay plain SQL.
func (s Settings) constants() string {
	scaled := func(table string, rows float64) int64 {
		if s.Large != "" && s.Large != table {
			return fewest
		}
		return max(fewest, int64(rows*s.Scale))
	}
	counts := []struct {
		name string
		rows int64
	}{
		{"n_transactions", scaled("FACT_TRANSACTIONS", 1_000_000)},
		{"n_items", 2 * scaled("FACT_TRANSACTION_ITEMS", 1_000_000)},
		{"n_interactions", scaled("FACT_INTERACTIONS", 200_000)},
		{"n_messages", scaled("FACT_MESSAGES", 500_000)},
		{"n_reviews", scaled("FACT_REVIEWS", 150_000)},
		{"n_mentions", scaled("FACT_EMPLOYEE_MENTIONS", 80_000)},
		{"n_saved", scaled("FACT_CUSTOMERS_SAVED", 30_000)},
		{"n_stats", min(60*1096, scaled("FACT_LOCATION_DAILY_STATS", 60*1096))},
	}
	var b strings.Builder
	for _, c := range counts {
		fmt.Fprintf(&b, "CREATE OR REPLACE TEMP MACRO %s() AS %d::BIGINT;\n", c.name, c.rows)
	}
	fmt.Fprintf(&b, "CREATE OR REPLACE TEMP MACRO seed_value() AS %d::UBIGINT;\n", s.Seed)
	fmt.Fprintf(&b, "CREATE OR REPLACE TEMP MACRO is_restated() AS %t;\n", !s.RestateTime.IsZero())
	return b.String()
}

// catalogue records the declared types, which DuckDB's own catalogue cannot tell.
func catalogue(d *dictionary.Dictionary) []string {
	statements := []string{`CREATE TABLE warehouse.catalogue (table_name VARCHAR, column_name VARCHAR, ordinal INTEGER,
		type VARCHAR, number_precision INTEGER, scale INTEGER, nullable BOOLEAN)`}
	for _, t := range d.Tables {
		for i, c := range t.Columns {
			statements = append(statements, fmt.Sprintf("INSERT INTO warehouse.catalogue VALUES (%s, %s, %d, %s, %d, %d, %t)",
				quote(t.Name), quote(strings.ToUpper(c.Name)), i+1, quote(string(c.Type.Kind)), c.Type.Precision, c.Type.Scale, c.Nullable))
		}
	}
	return statements
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

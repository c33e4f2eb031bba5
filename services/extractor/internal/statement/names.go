package statement

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// Values of KIND in the result of Names.
const (
	KindBrand    = "BRAND"
	KindLocation = "LOCATION"
	// KindOwn is a location of one of the brands.
	KindOwn = "OWN"
)

// scopeLists are the two lists of names as common table expressions.
const scopeLists = "WITH scope_brands AS (SELECT value::STRING AS brand FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?)))), " +
	"scope_locations AS (SELECT value::STRING AS location_id FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))))\n"

// bindLists writes both lists. Each is bound as one JSON array because the source caps an IN list at
// 16,384 items.
func (s *Statement) bindLists(brands, locations []string) error {
	for _, list := range [][]string{brands, locations} {
		text, err := json.Marshal(list)
		if err != nil {
			return fmt.Errorf("writing names as JSON: %w", err)
		}
		s.Args = append(s.Args, string(text))
	}
	s.SQL = scopeLists
	return nil
}

// Names returns the statement that finds, of the names given, those that table t has as it is now. Its
// columns are KIND and NAME, and a name comes at most once in each kind. It answers with what exists
// rather than with what does not, so that an answer cut short can only make a name look unknown.
func (b Builder) Names(t *dictionary.Table, brands, locations []string) (Statement, error) {
	var s Statement
	if err := s.bindLists(brands, locations); err != nil {
		return Statement{}, err
	}
	brand, location := "t."+upper(t.Scope.Brand), "t."+upper(t.Scope.Location)
	brandListed := brand + " IN (SELECT brand FROM scope_brands)"
	locationListed := location + " IN (SELECT location_id FROM scope_locations)"
	s.SQL += strings.Join([]string{
		b.found(t, KindBrand, brand, brandListed),
		b.found(t, KindLocation, location, locationListed),
		b.found(t, KindOwn, location, brandListed+" AND "+locationListed),
	}, "\nUNION ALL\n")
	return s, nil
}

func (b Builder) found(t *dictionary.Table, kind, name, where string) string {
	return fmt.Sprintf("SELECT '%s' AS KIND, %s AS NAME\nFROM %s.%s.%s AS t\nWHERE %s\nGROUP BY 2", kind, name, b.database, b.schema, t.Name, where)
}

// Columns returns the statement that lists the columns of tables, of which there is at least one, in the
// source's order. The names are single binds, unlike those of a scope: the source finds columns of
// constant names without going through every table it has.
func (b Builder) Columns(tables []string) Statement {
	return Statement{
		SQL: "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION, IS_NULLABLE\n" +
			"FROM " + b.database + ".INFORMATION_SCHEMA.COLUMNS\n" +
			b.named(tables) + "ORDER BY TABLE_NAME, ORDINAL_POSITION",
		Args: append([]string{b.schema}, tables...),
	}
}

func (b Builder) named(tables []string) string {
	return "WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN (?" + strings.Repeat(", ?", len(tables)-1) + ")\n"
}

// Histories returns the statement that tells when tables were made and for how many days their history is kept, beside the
// source's clock: CREATED_MS and NOW_MS are milliseconds since 1970. CREATE OR REPLACE makes a table anew.
func (b Builder) Histories(tables []string) Statement {
	return Statement{
		SQL: "SELECT TABLE_NAME, DATE_PART(EPOCH_MILLISECOND, CREATED) AS CREATED_MS, RETENTION_TIME, " + nowMS + "\n" +
			"FROM " + b.database + ".INFORMATION_SCHEMA.TABLES\n" +
			b.named(tables) + "ORDER BY TABLE_NAME",
		Args: append([]string{b.schema}, tables...),
	}
}

const nowMS = "DATE_PART(EPOCH_MILLISECOND, CURRENT_TIMESTAMP()) AS NOW_MS"

// Now returns the statement that asks for the source's clock, as NOW_MS.
func Now() Statement { return Statement{SQL: "SELECT " + nowMS} }

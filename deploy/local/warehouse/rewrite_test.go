package warehouse

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTimeTravelUnavailable(t *testing.T) {
	s := openServer(t, func(c *Config) { c.Retention = 7 * 24 * time.Hour })
	db := connect(t, s)
	for title, instant := range map[string]string{
		"before creation":  at(created.Add(-time.Second)),
		"beyond retention": at(clock.Add(-8 * 24 * time.Hour)),
		"uncast":           "AT(TIMESTAMP => '2026-11-23 00:00:00.000 +0000')",
		"session type":     "AT(TIMESTAMP => '2026-11-23 00:00:00.000 +0000'::TIMESTAMP)",
	} {
		t.Run(title, func(t *testing.T) {
			_, err := read(t, db, "SELECT t.DATE_ID AS DATE_ID FROM EXPORTS.ANALYTICS.DIM_DATES "+instant+" AS t")
			wantCode(t, err, 707, "02000")
		})
	}
}

func TestRefusals(t *testing.T) {
	db := connect(t, openServer(t, nil))
	dates := "FROM EXPORTS.ANALYTICS.DIM_DATES " + at(after) + " AS t"
	tests := map[string]struct {
		text  string
		code  int
		state string
	}{
		"star":        {"SELECT * " + dates, 1003, "42000"},
		"no as-of":    {"SELECT t.DATE_ID AS DATE_ID FROM EXPORTS.ANALYTICS.DIM_DATES AS t", 1003, "42000"},
		"counted now": {"SELECT 'T' AS A, t.YEAR AS B, COUNT(*) AS C FROM EXPORTS.ANALYTICS.DIM_DATES AS t GROUP BY 2", 1003, "42000"},
		"half as-of": {
			"SELECT t.ITEM_ID AS I FROM EXPORTS.ANALYTICS.FACT_TRANSACTION_ITEMS " + at(after) +
				" AS t JOIN EXPORTS.ANALYTICS.FACT_TRANSACTIONS AS p ON p.TRANSACTION_ID = t.TRANSACTION_ID", 1003, "42000",
		},
		"no table":         {"SELECT t.X AS X FROM EXPORTS.ANALYTICS.NOPE " + at(after) + " AS t", 2003, "42S02"},
		"other schema":     {"SELECT t.NAME AS N FROM EXPORTS.WAREHOUSE.SETTINGS " + at(after) + " AS t", 2003, "42S02"},
		"no column":        {"SELECT t.NOPE AS NOPE " + dates, 904, "42000"},
		"history column":   {"SELECT t._VALID_FROM AS V " + dates, 904, "42000"},
		"no alias":         {"SELECT x.DATE_ID AS D " + dates, 904, "42000"},
		"bare variant":     {"SELECT t.ATTRIBUTES AS A FROM EXPORTS.ANALYTICS.DIM_LOCATIONS " + at(after) + " AS t", 1003, "42000"},
		"function":         {"SELECT UPPER(t.DAY_NAME) AS D " + dates, 1003, "42000"},
		"update":           {"UPDATE EXPORTS.ANALYTICS.DIM_DATES SET YEAR = 1", 1003, "42000"},
		"comment":          {"SELECT 1 -- one", 1003, "42000"},
		"two statements":   {"SELECT 1; SELECT 2", 1003, "42000"},
		"limit":            {"SELECT t.DATE_ID AS D " + dates + " LIMIT 1", 1003, "42000"},
		"missing bind":     {"SELECT t.DATE_ID AS D " + dates + " WHERE t.DATE_ID >= ?::DATE", 1003, "42000"},
		"unknown CTE":      {"SELECT t.DATE_ID AS D " + dates + " WHERE t.DAY_NAME IN (SELECT brand FROM scope_brands)", 1003, "42000"},
		"long IN list":     {"SELECT t.DATE_ID AS D " + dates + " WHERE t.YEAR IN (1" + strings.Repeat(",1", maxListItems) + ")", 1795, "42601"},
		"unterminated":     {"SELECT 'x", 1003, "42000"},
		"DuckDB extension": {"SELECT 1 FROM read_csv('/etc/passwd')", 1003, "42000"},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			_, err := read(t, db, test.text)
			wantCode(t, err, test.code, test.state)
		})
	}
}

// Each kind of JSON has its own way of being written, and no other.
func TestJSONIsWrittenByKind(t *testing.T) {
	s := openServer(t, nil)
	for _, text := range []string{
		"CREATE TABLE analytics.ODD (PLACE VARCHAR, TASTE VARCHAR, BAG VARCHAR, _valid_from TIMESTAMP, _valid_to TIMESTAMP)",
		`INSERT INTO analytics.ODD VALUES ('{"type":"Point"}', '[1.5,2]', '{}', TIMESTAMP '2026-11-01', TIMESTAMP '9999-12-31')`,
		`INSERT INTO warehouse.catalogue VALUES ('ODD', 'PLACE', 1, 'GEOGRAPHY', 0, 0, TRUE), ('ODD', 'TASTE', 2, 'VECTOR', 0, 0, TRUE),
			('ODD', 'BAG', 3, 'OBJECT', 0, 0, TRUE)`,
	} {
		if _, err := s.DB().ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	db := connect(t, s)
	from := " AS C FROM EXPORTS.ANALYTICS.ODD " + at(after) + " AS t"
	for text, want := range map[string]string{
		"TO_JSON(ST_ASGEOJSON(t.PLACE))": `{"type":"Point"}`, "TO_JSON(t.TASTE::ARRAY)": "[1.5,2]", "TO_JSON(t.BAG)": "{}",
	} {
		got, err := read(t, db, "SELECT "+text+from)
		if err != nil || got.err() != nil {
			t.Fatal(text, err, got.err())
		}
		if diff := cmp.Diff([]string{want}, got.values(t, "C")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{"t.PLACE", "t.TASTE", "TO_JSON(t.PLACE)", "TO_JSON(t.TASTE)", "TO_JSON(ST_ASGEOJSON(t.BAG))", "TO_JSON(t.BAG::ARRAY)"} {
		_, err := read(t, db, "SELECT "+text+from)
		wantCode(t, err, 1003, "42000")
	}
}

// Names are looked up as they are now, and each comes once.
func TestCurrentState(t *testing.T) {
	s := openServer(t, nil)
	_, err := s.DB().ExecContext(t.Context(), `INSERT INTO analytics.dim_locations SELECT * REPLACE ('GONE' AS brand, TIMESTAMP '2026-11-20' AS _valid_to)
		FROM analytics.dim_locations LIMIT 1`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := read(t, connect(t, s), ctes+`SELECT 'BRAND' AS KIND, t.BRAND AS NAME FROM EXPORTS.ANALYTICS.DIM_LOCATIONS AS t
		WHERE t.BRAND IN (SELECT brand FROM scope_brands) GROUP BY 2
		UNION ALL SELECT 'LOCATION' AS KIND, t.LOCATION_ID AS NAME FROM EXPORTS.ANALYTICS.DIM_LOCATIONS AS t
		WHERE t.LOCATION_ID IN (SELECT location_id FROM scope_locations) GROUP BY 2`, `["GONE","Bella Pizza","none"]`, `["LOC-0002","LOC-9999"]`)
	if err != nil || got.err() != nil {
		t.Fatal(err, got.err())
	}
	names := got.values(t, "NAME")
	slices.Sort(names)
	if diff := cmp.Diff([]string{"Bella Pizza", "LOC-0002"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// The session's warehouse is the one of its login.
func TestWarehouseIsRecorded(t *testing.T) {
	s := openServer(t, nil)
	for _, want := range []string{"EXPORT_WH", ""} {
		db := connectTo(t, s, want)
		if _, err := read(t, db, "SELECT 1"); err != nil {
			t.Fatal(err)
		}
		all := s.Queries()
		if got := all[len(all)-1].Warehouse; got != want {
			t.Errorf("got warehouse %q, want %q", got, want)
		}
	}
}

func TestInformationSchema(t *testing.T) {
	got, err := read(t, connect(t, openServer(t, nil)), `SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE, IS_NULLABLE
		FROM EXPORTS.INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = 'ANALYTICS' AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`, "FACT_TRANSACTIONS")
	if err != nil || got.err() != nil {
		t.Fatal(err, got.err())
	}
	columns, types := got.values(t, "COLUMN_NAME"), got.values(t, "DATA_TYPE")
	at := slices.Index(columns, "TOTAL_AMOUNT")
	if len(columns) != 18 || at < 0 || types[at] != "NUMBER" || got.values(t, "NUMERIC_SCALE")[at] != "4" {
		t.Errorf("got %v %v", columns, types)
	}
}

// Types are told in the source's words: text is TEXT, and digits belong to the types that have them.
func TestInformationSchemaTypes(t *testing.T) {
	got, err := read(t, connect(t, openServer(t, nil)), `SELECT COLUMN_NAME, DATA_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION, IS_NULLABLE
		FROM EXPORTS.INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN (?, ?) ORDER BY TABLE_NAME, ORDINAL_POSITION`,
		"ANALYTICS", "FACT_MESSAGES", "FACT_REVIEWS")
	if err != nil || got.err() != nil {
		t.Fatal(err, got.err())
	}
	var columns []string
	for i, name := range got.values(t, "COLUMN_NAME") {
		text := name
		for _, title := range []string{"DATA_TYPE", "NUMERIC_PRECISION", "NUMERIC_SCALE", "DATETIME_PRECISION", "IS_NULLABLE"} {
			text += " " + got.values(t, title)[i]
		}
		columns = append(columns, text)
	}
	for _, want := range []string{
		"MESSAGE_ID TEXT (null) (null) (null) NO", "SEQUENCE_NUMBER NUMBER 38 0 (null) YES", "CONTENT_DIGEST BINARY (null) (null) (null) YES",
		"IS_AUTOMATED BOOLEAN (null) (null) (null) YES", "SENTIMENT_SCORE FLOAT (null) (null) (null) YES", "RATING NUMBER 2 1 (null) YES",
		"PAYLOAD VARIANT (null) (null) (null) YES", "CREATED_AT_DATE DATE (null) (null) (null) YES", "CREATED_AT_DATETIME TIMESTAMP_NTZ (null) (null) 6 YES",
	} {
		if !slices.Contains(columns, want) {
			t.Errorf("no column %q in %q", want, columns)
		}
	}
}

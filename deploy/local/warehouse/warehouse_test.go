package warehouse

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestMultiChunkWidths(t *testing.T) {
	s := openServer(t, nil)
	db := connect(t, s)
	got, err := read(t, db, transactions(after, "POS_NUMBER", "TOTAL_AMOUNT", "CLOSED_AT_DATETIME"), allBrands, allLocations())
	if err != nil || got.err() != nil {
		t.Fatal(err, got.err())
	}
	if len(got.batches) < 3 || got.rows() != got.total || got.format != "arrow" {
		t.Fatalf("got %d batches, %d of %d rows, format %s", len(got.batches), got.rows(), got.total, got.format)
	}
	widths := map[string]bool{}
	for _, batch := range got.batches {
		widths[batch[0].Column(1).DataType().String()] = true
		widths[batch[0].Column(3).DataType().Name()] = true
	}
	if len(widths) < 4 {
		t.Errorf("physical types do not vary: %v", widths)
	}
	for i, batch := range got.batches[1:] {
		if len(batch) < 2 {
			t.Errorf("chunk %d has %d record batches, want several", i, len(batch))
		}
	}
}

func TestInlineAndEmptyResults(t *testing.T) {
	db := connect(t, openServer(t, nil))
	got, err := read(t, db, transactions(after), `["Orphan Brand"]`, `["LOC-0000"]`)
	if err != nil || got.total != 0 || len(got.batches) != 0 {
		t.Errorf("empty scope: got %+v, %v", got, err)
	}
	var one int
	if err := db.QueryRowContext(t.Context(), "SELECT 1").Scan(&one); err != nil || one != 1 {
		t.Errorf("SELECT 1 = %d, %v", one, err)
	}
	var now time.Time
	if err := db.QueryRowContext(t.Context(), "select current_timestamp()").Scan(&now); err != nil || !now.Equal(clock) {
		t.Errorf("CURRENT_TIMESTAMP() = %v, %v; want %v", now, err, clock)
	}
	if _, err := db.ExecContext(t.Context(), "ALTER SESSION SET TIMEZONE = 'UTC'"); err != nil {
		t.Error(err)
	}
}

func TestParentJoin(t *testing.T) {
	s := openServer(t, nil)
	text := ctes + `SELECT t.ITEM_ID AS ITEM_ID, TO_JSON(t.PAYLOAD) AS PAYLOAD, p.BRAND AS __GUARD_BRAND, p.LOCATION_ID AS __GUARD_LOCATION_ID
		FROM EXPORTS.ANALYTICS.FACT_TRANSACTION_ITEMS ` + at(after) + ` AS t
		JOIN EXPORTS.ANALYTICS.FACT_TRANSACTIONS ` + at(after) + ` AS p ON p.TRANSACTION_ID = t.TRANSACTION_ID
		WHERE p.BRAND IN (SELECT brand FROM scope_brands) AND p.LOCATION_ID IN (SELECT location_id FROM scope_locations)
		AND (t.CREATED_AT_DATE >= ?::DATE AND t.CREATED_AT_DATE < ?::DATE OR t.CREATED_AT_DATE IS NULL)`
	got, err := read(t, connect(t, s), text, `["Nova Fitness"]`, `["LOC-0001","LOC-0004"]`, "2024-06-01", "2025-06-01")
	if err != nil || got.err() != nil {
		t.Fatal(err, got.err())
	}
	if got.rows() == 0 || got.rows() != got.total {
		t.Fatalf("got %d of %d rows", got.rows(), got.total)
	}
	seen := map[string]bool{}
	for i, brand := range got.values(t, "__GUARD_BRAND") {
		seen[brand+" "+got.values(t, "__GUARD_LOCATION_ID")[i]] = true
	}
	if len(seen) != 2 || !seen["Nova Fitness LOC-0001"] || !seen["Nova Fitness LOC-0004"] {
		t.Errorf("got scope %v", seen)
	}
}

func TestMeasureMatchesExtract(t *testing.T) {
	db := connect(t, openServer(t, nil))
	scope := " AS t WHERE t.BRAND IN (SELECT brand FROM scope_brands) AND t.LOCATION_ID IN (SELECT location_id FROM scope_locations) GROUP BY 2"
	branch := "SELECT '%s' AS TABLE_NAME, TO_VARCHAR(t.CREATED_AT_DATE, 'YYYY-MM-DD') AS SPLIT_VALUE, COUNT(*) AS ROW_COUNT FROM EXPORTS.ANALYTICS.%s "
	text := ctes + fmt.Sprintf(branch, "FACT_TRANSACTIONS", "FACT_TRANSACTIONS") + at(after) + scope + " UNION ALL " +
		fmt.Sprintf(branch, "FACT_REVIEWS", "FACT_REVIEWS") + at(after) + scope +
		" UNION ALL SELECT 'DIM_DATES' AS TABLE_NAME, NULL::VARCHAR AS SPLIT_VALUE, COUNT(*) AS ROW_COUNT FROM EXPORTS.ANALYTICS.DIM_DATES " + at(after) + " AS t"
	measured, err := read(t, db, text, allBrands, allLocations())
	if err != nil || measured.err() != nil {
		t.Fatal(err, measured.err())
	}
	counts, splits := map[string]int64{}, measured.values(t, "SPLIT_VALUE")
	numbers := measured.values(t, "ROW_COUNT")
	for i, table := range measured.values(t, "TABLE_NAME") {
		n, err := strconv.ParseInt(numbers[i], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		counts[table] += n
		if table == "FACT_TRANSACTIONS" && (splits[i] == "0001-01-01" || splits[i] == "9999-12-31" || splits[i] == "(null)") {
			counts["edges"]++
		}
	}
	extracted, err := read(t, db, transactions(after), allBrands, allLocations())
	if err != nil {
		t.Fatal(err)
	}
	if counts["FACT_TRANSACTIONS"] != extracted.total || counts["DIM_DATES"] != 1096 || counts["FACT_REVIEWS"] == 0 || counts["edges"] != 3 {
		t.Errorf("got counts %v, extracted %d", counts, extracted.total)
	}
}

func TestTimeTravel(t *testing.T) {
	db := connect(t, openServer(t, nil))
	old := keyed(t, db, before)
	renewed := keyed(t, db, after)
	removed, changed, added := 0, 0, 0
	for id, amount := range old {
		switch now, still := renewed[id]; {
		case !still:
			removed++
		case now != amount:
			changed++
		}
	}
	for id := range renewed {
		if _, was := old[id]; !was {
			added++
		}
	}
	if removed == 0 || changed == 0 || added == 0 {
		t.Errorf("removed %d, changed %d, added %d; want some of each", removed, changed, added)
	}
	if again := keyed(t, db, before); len(again) != len(old) {
		t.Errorf("the same instant read twice gives %d and %d rows", len(old), len(again))
	}
}

func keyed(t *testing.T, db *sql.DB, instant time.Time) map[string]string {
	t.Helper()
	got, err := read(t, db, transactions(instant, "TOTAL_AMOUNT"), allBrands, allLocations())
	if err != nil || got.err() != nil {
		t.Fatal(err, got.err())
	}
	amounts := map[string]string{}
	values := got.values(t, "TOTAL_AMOUNT")
	for i, id := range got.values(t, "TRANSACTION_ID") {
		amounts[id] = values[i]
	}
	if int64(len(amounts)) != got.total {
		t.Errorf("%d keys in %d rows", len(amounts), got.total)
	}
	return amounts
}

func TestLoginRefused(t *testing.T) {
	s := openServer(t, nil)
	body := strings.NewReader(`{"data":{"ACCOUNT_NAME":"LOCAL","LOGIN_NAME":"EXPORTS","PASSWORD":"wrong"}}`)
	response, err := http.Post("http://"+s.Addr()+"/session/v1/login-request", "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || !bytes.Contains(text, []byte(codeBadLogin)) {
		t.Errorf("got %s, %v", text, err)
	}
}

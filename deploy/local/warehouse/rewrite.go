package warehouse

import (
	"fmt"
	"strings"
	"time"

	"github.com/customer-exports/exports/deploy/local/warehouse/data"
	"github.com/customer-exports/exports/pkg/dictionary"
)

// The accepted SQL, and nothing else (whitespace is free, names may be double-quoted):
//
//	[WITH c AS (SELECT value::STRING AS n FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?)))) {, ...}]
//	SELECT item {, item}
//	FROM db.ANALYTICS.t AT(TIMESTAMP => '...'::TIMESTAMP_TZ) AS a
//	[JOIN db.ANALYTICS.p AT(...) AS b ON b.K = a.K {AND ...}] [WHERE condition] [GROUP BY n]
//	{UNION ALL SELECT ...}
//	SELECT item {, item} FROM db.ANALYTICS.t AS a [WHERE condition] GROUP BY n {UNION ALL SELECT ...}
//	SELECT item {, item} FROM [db.]INFORMATION_SCHEMA.{COLUMNS | TABLES} [WHERE condition] [ORDER BY name {, name}]
//	SELECT 1 | SELECT CURRENT_TIMESTAMP() | SELECT SYSDATE() | SELECT SYSTEM$CANCEL_QUERY(?) | ALTER SESSION SET p = v
//	SELECT DATE_PART(EPOCH_MILLISECOND, CURRENT_TIMESTAMP()) AS n
//
// An item is a.COL, TO_JSON(a.COL), TO_JSON(ST_ASGEOJSON(a.PLACE)), TO_JSON(a.VECTOR::ARRAY),
// TO_VARCHAR(a.DATE, 'YYYY-MM-DD'), COUNT(*), 'text', NULL::VARCHAR or DATE_PART(EPOCH_MILLISECOND, x) of an
// instant or of CURRENT_TIMESTAMP(), named by AS. A condition joins, by AND, OR and parentheses, comparisons,
// IS [NOT] NULL and IN over a CTE or a list. Without AT a table is read as it is now, which is for
// looking names up: such a SELECT is grouped and counts nothing.

// statement is a statement in DuckDB's words.
type statement struct {
	columns []column
	// head and tail enclose the place where a slice of the scanned table may be named; sliced is
	// that table, or empty when the statement must run in one go.
	head, tail, sliced string
	// binds is how many values the statement takes.
	binds int
	// cancel says that the first bind names a query to cancel.
	cancel bool
}

// sliceMark stands in the written text where a slice of the first table can be named. No statement
// holds it: the tokenizer refuses NUL.
const sliceMark = "\x00"

// text is the DuckDB SQL for the rows in [from, to) of the sliced table.
func (s statement) text(from, to int64) string {
	if s.sliced == "" {
		return s.head + s.tail
	}
	return fmt.Sprintf("%s AND rowid >= %d AND rowid < %d%s", s.head, from, to, s.tail)
}

// history is what time travel can reach.
type history struct {
	database         string
	created, horizon time.Time
	rebuilt          map[string]time.Time // when a table was created after the others
	now              time.Time
}

// rewriter parses one statement and writes DuckDB's. The first error sticks and ends the parse.
type rewriter struct {
	tokens  []lexeme
	at      int
	history history
	tables  catalogue
	ctes    map[string]string // CTE name to its only column
	aliases map[string]string // alias to table, of the current SELECT
	out     *strings.Builder
	scanned string // the first table that is read
	selects int
	binds   int
	whole   bool // counting, grouping and ordering cannot run in slices
	current bool // the current SELECT reads a table as it is now
	err     *sqlError
}

func rewrite(sql string, tables catalogue, h history) (statement, *sqlError) {
	lexemes, err := tokenize(sql)
	if err != nil {
		return statement{}, err
	}
	r := &rewriter{tokens: lexemes, history: h, tables: tables, ctes: map[string]string{}, out: &strings.Builder{}}
	s := r.statement()
	if r.err == nil && r.peek().kind != tokenEnd {
		r.unexpected()
	}
	if r.err != nil {
		return statement{}, r.err
	}
	s.binds = r.binds
	return s, nil
}

func (r *rewriter) statement() statement {
	if r.accept("ALTER") {
		return r.alterSession()
	}
	r.with()
	r.expect("SELECT")
	if s, ok := r.constant(); ok {
		return s
	}
	columns := r.selection()
	for r.accept("UNION") {
		r.expect("ALL")
		r.expect("SELECT")
		r.emit(" UNION ALL ")
		if more := r.selection(); len(more) != len(columns) {
			r.fail(syntaxError("UNION ALL of %d and %d columns", len(columns), len(more)))
		}
	}
	head, tail, found := strings.Cut(r.out.String(), sliceMark)
	if !found || r.whole || r.selects > 1 {
		return statement{columns: columns, head: strings.ReplaceAll(r.out.String(), sliceMark, "")}
	}
	return statement{columns: columns, head: head, tail: tail, sliced: r.scanned}
}

func (r *rewriter) alterSession() statement {
	r.expect("SESSION", "SET")
	for {
		r.word()
		r.expect("=")
		if value := r.next(); value.kind != tokenString && value.kind != tokenNumber && value.kind != tokenWord {
			r.fail(syntaxError("ALTER SESSION SET needs a value"))
		}
		if r.err != nil || r.peek().kind == tokenEnd {
			break
		}
		r.accept(",")
	}
	return statement{columns: []column{{Name: "status", Type: typeText}}, head: "SELECT 'Statement executed successfully.'"}
}

// constant handles the SELECTs that read no table.
func (r *rewriter) constant() (statement, bool) {
	now := "SELECT " + duckInstant(r.history.now)
	switch {
	case r.accept("CURRENT_TIMESTAMP"):
		r.expect("(", ")")
		return single("CURRENT_TIMESTAMP()", dictionary.Type{Kind: dictionary.KindTimestampLTZ, Scale: 9}, now), true
	case r.accept("SYSDATE"):
		r.expect("(", ")")
		return single("SYSDATE()", dictionary.Type{Kind: dictionary.KindTimestampNTZ, Scale: 9}, now), true
	case r.accept("DATE_PART"):
		r.expect("(", "EPOCH_MILLISECOND", ",", "CURRENT_TIMESTAMP", "(", ")", ")", "AS")
		return single(r.word(), typeCount, "SELECT "+r.epochNow()), true
	case r.accept("SYSTEM$CANCEL_QUERY"):
		r.expect("(", "?", ")")
		s := single("SYSTEM$CANCEL_QUERY", typeText, "SELECT 'query [' || ? || '] terminated.'")
		s.cancel = true
		return s, true
	case r.peek().kind == tokenNumber:
		number := r.next().text
		digits := dictionary.Type{Kind: dictionary.KindNumber, Precision: len(number)}
		return single(number, digits, fmt.Sprintf("SELECT %s::DECIMAL(%d, 0)", number, len(number))), true
	}
	return statement{}, false
}

func single(title string, t dictionary.Type, sql string) statement {
	return statement{columns: []column{{Name: title, Type: t}}, head: sql}
}

func (r *rewriter) with() {
	if !r.accept("WITH") {
		return
	}
	r.emit("WITH ")
	for more := true; more && r.err == nil; more = r.accept(",") {
		cte := r.word()
		r.expect("AS", "(", "SELECT", "VALUE", "::", "STRING", "AS")
		only := r.word()
		r.expect("FROM", "TABLE", "(", "FLATTEN", "(", "INPUT", "=>", "PARSE_JSON", "(", "?", ")", ")", ")", ")")
		if len(r.ctes) > 0 {
			r.emit(", ")
		}
		r.ctes[cte] = only
		r.emit("%s AS (SELECT unnest(from_json(?, '[\"VARCHAR\"]')) AS %s)", name(cte), name(only))
	}
	r.emit(" ")
}

// table writes a table reference as the rows of it that hold at the as-of time, and notes its alias.
func (r *rewriter) table() {
	table := r.tableName()
	if r.err != nil {
		return
	}
	switch table {
	case informationColumns:
		r.emit(informationView, quote(r.history.database))
	case informationTables:
		r.emit(tablesView, quote(r.history.database), duckInstant(r.history.created), r.history.retentionDays())
	default:
		at := r.asOf(table)
		r.emit("(SELECT * FROM analytics.%s WHERE %s <= %s AND %s > %s", name(table), data.ValidFrom, at, data.ValidTo, at)
		if r.scanned == "" {
			r.scanned = table
			r.emit(sliceMark)
		}
		r.emit(")")
	}
	alias := table
	if r.accept("AS") {
		alias = r.word()
	}
	r.aliases[alias] = table
	r.emit(" AS %s", name(alias))
}

func (r *rewriter) tableName() string {
	parts := []string{r.word()}
	for r.accept(".") {
		parts = append(parts, r.word())
	}
	full := strings.Join(parts, ".")
	table, inAnalytics := strings.CutPrefix(full, strings.ToUpper(r.history.database)+".ANALYTICS.")
	switch local := strings.TrimPrefix(full, strings.ToUpper(r.history.database)+"."); {
	case local == informationColumns, local == informationTables:
		return local
	case !inAnalytics || r.tables[table] == nil:
		r.fail(&sqlError{
			Code: codeUnknownObject, State: "42S02",
			Message: fmt.Sprintf("SQL compilation error: Object '%s' does not exist or not authorized.", full),
		})
	}
	return table
}

// atLayouts are the accepted forms of an as-of literal. All carry an offset.
var atLayouts = []string{"2006-01-02 15:04:05.999999999 -0700", "2006-01-02 15:04:05.999999999 -07:00", time.RFC3339Nano}

// asOf reads AT(TIMESTAMP => '...'::TIMESTAMP_TZ), or nothing for now, and returns the instant as a
// DuckDB literal. A literal without the cast would be read in the session's zone, so it counts as
// unavailable.
func (r *rewriter) asOf(table string) string {
	if !r.accept("AT") {
		r.current = true
		return duckInstant(r.history.now)
	}
	r.expect("(", "TIMESTAMP", "=>")
	literal := r.next()
	cast := r.accept("::") && r.word() == "TIMESTAMP_TZ"
	r.expect(")")
	if literal.kind != tokenString || !cast {
		r.fail(r.unavailable(table, "the as-of time must be a constant cast to TIMESTAMP_TZ"))
		return ""
	}
	at, ok := parseInstant(literal.text)
	switch {
	case !ok:
		r.fail(syntaxError("as-of time %q is not a timestamp with offset", literal.text))
	case !r.history.holds(table, at):
		r.fail(r.unavailable(table, "the requested time is either beyond the allowed time travel period or before the object creation time"))
	}
	return duckInstant(at)
}

// epochNow is the source's clock as the number of milliseconds that DATE_PART gives.
func (r *rewriter) epochNow() string {
	return fmt.Sprintf("CAST(%d AS DECIMAL(18, 0))", r.history.now.UnixMilli())
}

func duckInstant(at time.Time) string {
	return "TIMESTAMP '" + at.UTC().Format("2006-01-02 15:04:05.000000") + "'"
}

func parseInstant(text string) (time.Time, bool) {
	for _, layout := range atLayouts {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

func (r *rewriter) unavailable(table, why string) *sqlError {
	return &sqlError{Code: codeTimeTravel, State: "02000", Message: fmt.Sprintf("Time travel data is not available for table %s: %s.", table, why)}
}

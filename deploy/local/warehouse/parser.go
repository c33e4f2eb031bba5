package warehouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// This file holds the rewriter's reading of one SELECT; rewrite.go has the grammar.

// item is one entry of a SELECT list before its tables are known.
type item struct {
	function, alias, column, literal, title string
}

// selection reads one SELECT after its keyword and returns its columns.
func (r *rewriter) selection() []column {
	var items []item
	for more := true; more && r.err == nil; more = r.accept(",") {
		items = append(items, r.item())
	}
	r.expect("FROM")
	r.selects++
	r.aliases, r.current = map[string]string{}, false
	// The tables come after the list in the text but give it its meaning, so they are read first.
	written := r.out
	r.out = &strings.Builder{}
	r.from()
	from := r.out
	r.out = written
	columns := r.list(items)
	r.emit("%s", from.String())
	grouped := r.rest()
	if r.current && (!grouped || slices.ContainsFunc(items, func(i item) bool { return i.function == "count" })) {
		r.fail(syntaxError("rows are read and counted at one instant: AT(TIMESTAMP => ...)"))
	}
	return columns
}

// from reads the FROM and JOIN clauses.
func (r *rewriter) from() {
	r.emit(" FROM ")
	r.table()
	for r.accept("JOIN") {
		r.emit(" JOIN ")
		r.table()
		r.expect("ON")
		r.emit(" ON ")
		r.condition()
	}
}

// rest reads what follows the tables, and reports whether it groups.
func (r *rewriter) rest() (grouped bool) {
	if r.accept("WHERE") {
		r.emit(" WHERE ")
		r.condition()
	}
	if r.accept("GROUP") {
		r.expect("BY")
		r.whole, grouped = true, true
		r.emit(" GROUP BY %s", r.number())
	}
	if r.accept("ORDER") {
		r.expect("BY")
		r.emit(" ORDER BY ")
		r.commaSeparated(func() { r.emit("%s", r.reference(r.operandName())) })
		r.whole = true
	}
	return grouped
}

func (r *rewriter) commaSeparated(one func()) {
	for first := true; r.err == nil && (first || r.accept(",")); first = false {
		if !first {
			r.emit(", ")
		}
		one()
	}
}

func (r *rewriter) item() item {
	var i item
	switch next := r.peek(); {
	case next.kind == tokenString:
		i = item{function: "literal", literal: r.next().text}
	case r.accept("NULL"):
		r.expect("::", "VARCHAR")
		i = item{function: "null"}
	case r.accept("COUNT"):
		r.expect("(", "*", ")")
		i = item{function: "count"}
	case r.accept("TO_JSON"):
		r.expect("(")
		i = r.jsonOperand()
		r.expect(")")
	case r.accept("DATE_PART"):
		r.expect("(", "EPOCH_MILLISECOND", ",")
		if i = (item{function: "now"}); r.accept("CURRENT_TIMESTAMP") {
			r.expect("(", ")")
		} else {
			i = r.operandName()
			i.function = "epoch"
		}
		r.expect(")")
	case r.accept("TO_VARCHAR"):
		r.expect("(")
		i = r.operandName()
		i.function = "date"
		r.expect(",")
		if format := r.next(); format.kind != tokenString || format.text != "YYYY-MM-DD" {
			r.fail(syntaxError("TO_VARCHAR understands the format 'YYYY-MM-DD' only"))
		}
		r.expect(")")
	default:
		i = r.operandName()
	}
	i.title = i.column
	if r.accept("AS") {
		i.title = r.word()
	} else if i.title == "" {
		r.fail(syntaxError("an expression needs a name: AS name"))
	}
	return i
}

// jsonOperand reads what TO_JSON takes: a column that is semi-structured, or is made so.
func (r *rewriter) jsonOperand() item {
	if r.accept("ST_ASGEOJSON") {
		r.expect("(")
		i := r.operandName()
		i.function = "geojson"
		r.expect(")")
		return i
	}
	i := r.operandName()
	i.function = "json"
	if r.accept("::") {
		r.expect("ARRAY")
		i.function = "vector"
	}
	return i
}

// jsonKinds are the kinds that each way of writing JSON applies to.
var jsonKinds = map[string][]dictionary.Kind{
	"json":    {dictionary.KindVariant, dictionary.KindObject, dictionary.KindArray},
	"geojson": {dictionary.KindGeography},
	"vector":  {dictionary.KindVector},
}

// operandName reads alias.COL or COL.
func (r *rewriter) operandName() item {
	first := r.word()
	if r.accept(".") {
		return item{alias: first, column: r.word()}
	}
	return item{column: first}
}

// list writes the SELECT list, now that the tables are known.
func (r *rewriter) list(items []item) []column {
	r.emit("SELECT ")
	columns := make([]column, 0, len(items))
	for n, i := range items {
		if n > 0 {
			r.emit(", ")
		}
		expression, c := r.expression(i)
		c.Name = i.title
		columns = append(columns, c)
		r.emit("%s AS %s", expression, name(i.title))
	}
	return columns
}

// expression gives the DuckDB form of an item and its declared type.
func (r *rewriter) expression(i item) (string, column) {
	switch i.function {
	case "literal":
		return quote(i.literal), column{Type: typeText}
	case "null":
		return "NULL::VARCHAR", column{Type: typeText, Nullable: true}
	case "now":
		return r.epochNow(), column{Type: typeCount}
	case "count":
		r.whole = true
		return "CAST(count(*) AS DECIMAL(18, 0))", column{Type: typeCount}
	}
	reference, c := r.reference(i), r.column(i)
	kind := c.Type.Kind
	switch {
	case slices.Contains(jsonKinds[i.function], kind):
		return reference, column{Type: typeText, Nullable: c.Nullable}
	case i.function == "date" && kind == dictionary.KindDate:
		return "CAST(" + reference + " AS VARCHAR)", column{Type: typeText, Nullable: c.Nullable}
	case i.function == "epoch" && kind == dictionary.KindTimestampLTZ:
		return "CAST(epoch_ms(" + reference + ") AS DECIMAL(18, 0))", column{Type: typeCount, Nullable: c.Nullable}
	case i.function != "":
		r.fail(syntaxError("%s does not apply to %s of type %s", i.function, i.column, c.Type))
	case kind.Semistructured():
		r.fail(syntaxError("%s of type %s must be read by TO_JSON: its own form is not always JSON", i.column, c.Type))
	}
	return reference, c
}

func (r *rewriter) reference(i item) string {
	r.column(i)
	if i.alias == "" {
		return name(i.column)
	}
	return name(i.alias) + "." + name(i.column)
}

// column finds the declaration of a reference. Without an alias there must be one table only.
func (r *rewriter) column(i item) column {
	table, ok := r.aliases[i.alias]
	if i.alias == "" && len(r.aliases) == 1 {
		for _, only := range r.aliases {
			table, ok = only, true
		}
	}
	c, found := r.tables[table][i.column]
	if !ok || !found {
		identifier := strings.TrimPrefix(i.alias+"."+i.column, ".")
		r.fail(&sqlError{Code: codeInvalidColumn, State: "42000", Message: fmt.Sprintf("SQL compilation error: invalid identifier '%s'", identifier)})
	}
	return c
}

// condition writes a chain of AND and OR as it stands; both languages bind AND tighter.
func (r *rewriter) condition() {
	for {
		r.predicate()
		switch {
		case r.accept("AND"):
			r.emit(" AND ")
		case r.accept("OR"):
			r.emit(" OR ")
		default:
			return
		}
	}
}

func (r *rewriter) predicate() {
	if r.accept("(") {
		r.emit("(")
		r.condition()
		r.expect(")")
		r.emit(")")
		return
	}
	r.operand()
	switch {
	case r.accept("IS"):
		if r.accept("NOT") {
			r.expect("NULL")
			r.emit(" IS NOT NULL")
			return
		}
		r.expect("NULL")
		r.emit(" IS NULL")
	case r.accept("IN"):
		r.expect("(")
		r.members()
		r.expect(")")
	default:
		r.comparison()
	}
}

func (r *rewriter) comparison() {
	operator := r.next()
	switch operator.text {
	case "=", "<", ">", "<=", ">=", "<>", "!=":
		r.emit(" %s ", operator.text)
		r.operand()
	default:
		r.at--
		r.unexpected()
	}
}

// maxListItems is the source's limit of an IN list.
const maxListItems = 16384

func (r *rewriter) members() {
	if r.accept("SELECT") {
		only := r.word()
		r.expect("FROM")
		cte := r.word()
		if r.err == nil && r.ctes[cte] != only {
			r.fail(syntaxError("no CTE %s with column %s", cte, only))
		}
		r.emit(" IN (SELECT %s FROM %s)", name(only), name(cte))
		return
	}
	r.emit(" IN (")
	count := 0
	r.commaSeparated(func() { count++; r.operand() })
	r.emit(")")
	if count > maxListItems {
		r.fail(&sqlError{Code: codeTooManyItems, State: "42601", Message: "SQL compilation error: maximum number of expressions in a list exceeded, expected at most 16,384"})
	}
}

// operand is a reference, a bind or a literal, the last two optionally cast.
func (r *rewriter) operand() {
	text := ""
	switch next := r.peek(); {
	case r.accept("?"):
		text = "?"
	case next.kind == tokenString:
		text = quote(r.next().text)
	case next.kind == tokenNumber:
		text = r.next().text
	default:
		r.emit("%s", r.reference(r.operandName()))
		return
	}
	if r.accept("::") {
		kind := r.word()
		if kind != "DATE" && kind != "VARCHAR" && kind != "STRING" {
			r.fail(syntaxError("cast to %s is not supported", kind))
		}
		text = "CAST(" + text + " AS " + strings.Replace(kind, "STRING", "VARCHAR", 1) + ")"
	}
	r.emit("%s", text)
}

func (r *rewriter) peek() lexeme { return r.tokens[min(r.at, len(r.tokens)-1)] }

func (r *rewriter) next() lexeme {
	t := r.peek()
	r.at++
	return t
}

// accept consumes the next token when it is the given word or symbol.
func (r *rewriter) accept(text string) bool {
	if next := r.peek(); r.err != nil || next.text != text || next.kind == tokenEnd || next.kind == tokenString {
		return false
	}
	r.at++
	if text == "?" {
		r.binds++
	}
	return true
}

func (r *rewriter) expect(texts ...string) {
	for _, text := range texts {
		if !r.accept(text) {
			r.unexpected()
			return
		}
	}
}

func (r *rewriter) word() string {
	if r.peek().kind != tokenWord {
		r.unexpected()
		return ""
	}
	return r.next().text
}

func (r *rewriter) number() string {
	if r.peek().kind != tokenNumber {
		r.unexpected()
		return ""
	}
	return r.next().text
}

func (r *rewriter) unexpected() { r.fail(syntaxError("unexpected '%s'", r.peek().text)) }

func (r *rewriter) fail(err *sqlError) {
	if r.err == nil {
		r.err = err
	}
}

func (r *rewriter) emit(format string, args ...any) { fmt.Fprintf(r.out, format, args...) }

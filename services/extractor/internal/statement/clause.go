package statement

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/extractor/internal/source"
)

// asOfLayout is a constant with an offset and a cast: an uncast text would be read in a zone that
// the session decides. The source resolves milliseconds.
const asOfLayout = "2006-01-02 15:04:05.000 -0700"

func columns(l *dictionary.Layout) []string {
	list := make([]string, 0, len(l.Fields))
	for _, f := range l.Fields {
		owner := "t."
		if f.FromParent {
			owner = "p."
		}
		list = append(list, asRead(f.Column.Type.Kind, owner+upper(f.Column.Name))+" AS "+upper(f.Name))
	}
	return list
}

// asRead is how a column is read. The source's own text form of the semi-structured kinds is not always
// JSON: gaps in arrays become `undefined`, a setting of the session decides how a place is spelled, and
// a vector travels in a form that its driver does not know.
func asRead(kind dictionary.Kind, reference string) string {
	switch {
	case kind == dictionary.KindGeography:
		return "TO_JSON(ST_ASGEOJSON(" + reference + "))"
	case kind == dictionary.KindVector:
		return "TO_JSON(" + reference + "::ARRAY)"
	case kind.Semistructured():
		return "TO_JSON(" + reference + ")"
	}
	return reference
}

func (b Builder) from(l *dictionary.Layout, asOf time.Time) (string, error) {
	if asOf.IsZero() || asOf.Unix() == 0 {
		return "", fault.New(fault.Invalid, fault.ReasonValidation, "reading %s without an as-of time", l.Table.Name)
	}
	if needsScope(l) && l.Parent == nil && (l.Table.Scope.Brand == "" || l.Table.Scope.Location == "") {
		return "", fault.New(fault.Invalid, fault.ReasonValidation, "table %s has no scope rule", l.Table.Name)
	}
	text := "FROM " + b.table(l.Table, asOf) + " AS t"
	if l.Parent != nil {
		text += "\nJOIN " + b.table(l.Parent, asOf) + " AS p ON " + join(l.Table.Scope.Parent.Columns)
	}
	return text, nil
}

func (b Builder) table(t *dictionary.Table, asOf time.Time) string {
	return b.database + "." + b.schema + "." + t.Name + " AT(TIMESTAMP => '" + asOf.UTC().Format(asOfLayout) + "'::TIMESTAMP_TZ)"
}

func join(pairs map[string]string) string {
	list := make([]string, 0, len(pairs))
	for _, child := range slices.Sorted(maps.Keys(pairs)) {
		list = append(list, "p."+upper(pairs[child])+" = t."+upper(child))
	}
	return strings.Join(list, " AND ")
}

// conditions writes the WHERE clause of a table: its scope, then the range when there is one.
func conditions(l *dictionary.Layout, within string) string {
	var list []string
	if needsScope(l) {
		owner, rule := "t.", l.Table.Scope
		if l.Parent != nil {
			owner, rule = "p.", l.Parent.Scope
		}
		list = append(list,
			owner+upper(rule.Brand)+" IN (SELECT brand FROM scope_brands)",
			owner+upper(rule.Location)+" IN (SELECT location_id FROM scope_locations)")
	}
	if within != "" {
		list = append(list, within)
	}
	if len(list) == 0 {
		return ""
	}
	return "\nWHERE " + strings.Join(list, " AND ")
}

// rangeCondition writes a range of the split column; the ranges of a table's parts are disjoint and
// together cover it, so every combination of sides must mean exactly what it says.
func rangeCondition(t *dictionary.Table, r *source.Range) (string, []string, error) {
	if r == nil {
		return "", nil, nil
	}
	if t.Split == "" {
		return "", nil, fault.New(fault.Invalid, fault.ReasonValidation, "table %s has no split column to read a range of", t.Name)
	}
	column := "t." + upper(t.Split)
	var sides, args []string
	for _, side := range []struct{ operator, date string }{{" >= ", r.From}, {" < ", r.Until}} {
		if side.date == "" {
			continue
		}
		if _, err := time.Parse(time.DateOnly, side.date); err != nil {
			return "", nil, fault.New(fault.Invalid, fault.ReasonValidation, "range of table %s: %q is not a date", t.Name, side.date)
		}
		sides, args = append(sides, column+side.operator+"?::DATE"), append(args, side.date)
	}
	switch {
	case len(sides) == 0 && r.WithNull:
		return "", nil, nil
	case len(sides) == 0:
		return "(" + column + " IS NOT NULL)", nil, nil
	case r.WithNull:
		return "(" + strings.Join(sides, " AND ") + " OR " + column + " IS NULL)", args, nil
	}
	return "(" + strings.Join(sides, " AND ") + ")", args, nil
}

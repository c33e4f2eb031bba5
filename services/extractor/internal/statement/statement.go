// Package statement writes the SQL that the extractor sends. It is pure: a survey, a part or names go
// in, text and bound values come out, the same every time.
//
// It refuses an unvalidated identifier and a scoped table without a scope. Only identifiers of the
// Data Dictionary and of the validated config, and the as-of time, are written as text; every other
// value is bound. Start at Builder.
package statement

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/pkg/scope"
	"github.com/customer-exports/exports/services/extractor/internal/source"
)

// Statement is one query: its text, and the values of its question marks in order.
type Statement struct {
	SQL  string
	Args []string
}

// Builder writes statements for one schema of the source.
type Builder struct{ database, schema string }

var identifier = regexp.MustCompile(`^[A-Z_][A-Z0-9_$]{0,254}$`)

// New returns a builder for the tables of database.schema; both are unquoted upper-case identifiers.
func New(database, schema string) (Builder, error) {
	for _, name := range []string{database, schema} {
		if !identifier.MatchString(name) {
			return Builder{}, fmt.Errorf("identifier %q must be upper-case letters, digits, underscores and dollar signs", name)
		}
	}
	return Builder{database: database, schema: schema}, nil
}

// Extract returns the statement that reads one part, columns in the order of its layout's fields.
func (b Builder) Extract(p source.Part) (Statement, error) {
	var s Statement
	if err := s.scoped([]*dictionary.Layout{p.Layout}, p.Scope); err != nil {
		return Statement{}, err
	}
	where, args, err := rangeCondition(p.Layout.Table, p.Range)
	if err != nil {
		return Statement{}, err
	}
	from, err := b.from(p.Layout, p.AsOf)
	if err != nil {
		return Statement{}, err
	}
	s.SQL += "SELECT " + strings.Join(columns(p.Layout), ", ") + "\n" + from + conditions(p.Layout, where)
	s.Args = append(s.Args, args...)
	return s, nil
}

// Measure returns the statement that counts the rows of every table by split date. Its columns are
// TABLE_NAME, SPLIT_VALUE and ROW_COUNT.
func (b Builder) Measure(v source.Survey) (Statement, error) {
	var s Statement
	if len(v.Layouts) == 0 {
		return s, fault.New(fault.Invalid, fault.ReasonValidation, "measuring no table")
	}
	if err := s.scoped(v.Layouts, v.Scope); err != nil {
		return Statement{}, err
	}
	branches := make([]string, 0, len(v.Layouts))
	for _, layout := range v.Layouts {
		branch, err := b.count(layout, v.AsOf)
		if err != nil {
			return Statement{}, err
		}
		branches = append(branches, branch)
	}
	s.SQL += strings.Join(branches, "\nUNION ALL\n")
	return s, nil
}

func (b Builder) count(l *dictionary.Layout, asOf time.Time) (string, error) {
	from, err := b.from(l, asOf)
	if err != nil {
		return "", err
	}
	value, group := "NULL::VARCHAR", ""
	if l.Table.Split != "" {
		value, group = "TO_VARCHAR(t."+upper(l.Table.Split)+", 'YYYY-MM-DD')", "\nGROUP BY 2"
	}
	return fmt.Sprintf("SELECT '%s' AS TABLE_NAME, %s AS SPLIT_VALUE, COUNT(*) AS ROW_COUNT\n%s%s%s",
		l.Table.Name, value, from, conditions(l, ""), group), nil
}

// scoped writes the scope as two common table expressions when one of the layouts needs it.
func (s *Statement) scoped(layouts []*dictionary.Layout, set *scope.Set) error {
	if !slices.ContainsFunc(layouts, needsScope) {
		return nil
	}
	if set == nil || len(set.Brands()) == 0 || len(set.Locations()) == 0 {
		return fault.New(fault.Invalid, fault.ReasonEmptyScope, "a scoped table cannot be read without brands and locations")
	}
	return s.bindLists(set.Brands(), set.Locations())
}

// needsScope trusts the table's rule alone: everything that is not shared is narrowed.
func needsScope(l *dictionary.Layout) bool { return !l.Table.Scope.Shared }

func upper(name string) string { return strings.ToUpper(name) }

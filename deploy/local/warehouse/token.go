package warehouse

import (
	"regexp"
	"strings"
)

// tokens cuts a statement. Comments are not part of the accepted SQL.
var tokens = regexp.MustCompile(`^\s*(?:('(?:[^']|'')*')|("(?:[^"])+")|([A-Za-z_][A-Za-z0-9_$]*)|([0-9]+)|(::|=>|>=|<=|<>|!=|[(),.?=<>*]))`)

type tokenKind int

const (
	tokenString tokenKind = iota
	tokenQuoted
	tokenWord
	tokenNumber
	tokenSymbol
	tokenEnd
)

// lexeme is one token. Words are upper case, strings and quoted names without their quotes.
type lexeme struct {
	kind tokenKind
	text string
}

func tokenize(sql string) ([]lexeme, *sqlError) {
	if strings.ContainsRune(sql, 0) {
		return nil, syntaxError("unexpected NUL")
	}
	var all []lexeme
	rest := strings.TrimRight(sql, " \t\r\n;")
	for strings.TrimSpace(rest) != "" {
		match := tokens.FindStringSubmatchIndex(rest)
		if match == nil {
			return nil, syntaxError("unexpected text at %.40q", strings.TrimSpace(rest))
		}
		for kind := tokenString; kind < tokenEnd; kind++ {
			from, to := match[2+2*kind], match[3+2*kind]
			if from >= 0 {
				all = append(all, newLexeme(kind, rest[from:to]))
			}
		}
		rest = rest[match[1]:]
	}
	return append(all, lexeme{kind: tokenEnd}), nil
}

func newLexeme(kind tokenKind, text string) lexeme {
	switch kind {
	case tokenString:
		return lexeme{kind, strings.ReplaceAll(text[1:len(text)-1], "''", "'")}
	case tokenQuoted:
		return lexeme{tokenWord, text[1 : len(text)-1]}
	case tokenWord:
		return lexeme{kind, strings.ToUpper(text)}
	default:
		return lexeme{kind, text}
	}
}

// quote writes a string literal, name an identifier.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
func name(text string) string  { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }

package rules

import (
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestEndpoints(t *testing.T) {
	for endpoint, accepted := range map[string]bool{
		"":                              true,
		"https://s3.example.com":        true,
		"https://s3.example.com:9000/":  true,
		"http://127.0.0.1:7070":         true,
		"http://[::1]:7070":             true,
		"http://localhost:7070":         true,
		"http://s3.example.com":         false,
		"http://127.0.0.1.example.com":  false,
		"http://localhost.example.com":  false,
		"ftp://127.0.0.1":               false,
		"s3.example.com":                false,
		"https://":                      false,
		"https://u:p@s3.example.com":    false,
		"https://s3.example.com/prefix": false,
		"https://s3.example.com?x=1":    false,
		"https://s3.example.com/#x":     false,
		"https://s3 example.com":        false,
	} {
		if problem := endpointFault(endpoint); (problem == "") != accepted {
			t.Errorf("endpointFault(%q) = %q, want accepted %t", endpoint, problem, accepted)
		}
	}
}

func TestAcceptedNamesAreClean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := []rune(rapid.String().Draw(t, "name"))
		for i, r := range name {
			inWord := r == '\'' && i > 0 && i+1 < len(name) && unicode.IsLetter(name[i-1]) && unicode.IsLetter(name[i+1])
			if (r < ' ' || r == '\'' && !inWord || r == '"') && NameFault(string(name)) == "" {
				t.Fatalf("%q is accepted", string(name))
			}
		}
	})
}

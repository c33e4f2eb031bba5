package nearest

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestName(t *testing.T) {
	known := []string{"FACT_REVIEWS", "FACT_REVIEW_VERSIONS", "DIM_DATES"}
	for name, want := range map[string]string{
		"FACT_REVIEW": "FACT_REVIEWS", "DIM_DATE": "DIM_DATES", "FACT_REVIEW_VERSION": "FACT_REVIEW_VERSIONS",
		"SALARIES": "", "": "", strings.Repeat("FACT_REVIEWS", 1<<16): "",
	} {
		if got := Name(name, known); got != want {
			t.Errorf("Name(%.30q) = %q, want %q", name, got, want)
		}
	}
}

func TestEditsIsAMetric(t *testing.T) {
	const far = 100
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[A-C_]{0,8}`)
		a, b, c := word.Draw(t, "a"), word.Draw(t, "b"), word.Draw(t, "c")
		d := edits(a, b, far)
		if edits(a, a, far) != 0 || d != edits(b, a, far) || edits(a, c, far) > d+edits(b, c, far) || a != b && d == 0 {
			t.Fatalf("edits(%q, %q) = %d is no distance", a, b, d)
		}
		enough := rapid.IntRange(1, 10).Draw(t, "enough")
		if got := edits(a, b, enough); got != min(d, enough) {
			t.Fatalf("edits(%q, %q) up to %d = %d, want %d", a, b, enough, got, min(d, enough))
		}
	})
}

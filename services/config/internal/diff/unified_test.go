package diff_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/services/config/internal/diff"
)

func TestUnified(t *testing.T) {
	t.Parallel()
	before := "export_id: acme-daily\nspec:\n  a: 1\n  b: 2\n  c: 3\n  retention_days: 30\n"
	after := strings.Replace(before, "days: 30", "days: 31", 1)
	const want = `--- in force
+++ file
@@ -3,4 +3,4 @@
   a: 1
   b: 2
   c: 3
-  retention_days: 30
+  retention_days: 31
`
	if diff := cmp.Diff(want, diff.Unified(before, after, "in force", "file")); diff != "" {
		t.Errorf("unified diff differs (-want +got):\n%s", diff)
	}
	if got := diff.Unified(after, after, "in force", "file"); got != "" {
		t.Errorf("diff of equal texts = %q, want nothing", got)
	}
}

func TestUnifiedIsShortAlsoForLongLists(t *testing.T) {
	t.Parallel()
	var before, after strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&before, "- location-%d\n", i)
		if i%10 == 0 {
			continue
		}
		fmt.Fprintf(&after, "- location-%d\n", i)
	}
	got := diff.Unified(before.String(), after.String(), "a", "b")
	if n := strings.Count(got, "\n-"); n != 5000 {
		t.Errorf("%d lines went, want the 5000 that did", n)
	}
	if strings.Contains(got, "\n+-") {
		t.Error("a line came, want none")
	}
}

func TestUnifiedIsCut(t *testing.T) {
	t.Parallel()
	text := func(prefix string) string {
		return strings.Repeat(prefix+strings.Repeat("x", 89)+"\n", 10_000)
	}
	got := diff.Unified(text("a"), text("b"), "a", "b")
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	told := lines[len(lines)-1]
	if len(got) > 1<<20+100 || len(got) < 1<<20-100 {
		t.Errorf("the diff has %d bytes, want about 1 MiB", len(got))
	}
	if want := fmt.Sprintf("\\ %d more lines", 2*10_000+3-(len(lines)-1)); told != want {
		t.Errorf("last line %q, want %q", told, want)
	}
}

package encode

import (
	"errors"
	"io"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// TestMaker cannot use a table with a type that flat does not know: the Data Dictionary has none.
func TestMaker(t *testing.T) {
	layout, err := dictionary.Standard().Layout("FACT_REVIEWS", nil)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	tell := func(table string, cause error) { told = append(told, table+": "+cause.Error()) }
	unknown := func(*arrow.Schema) error { return errors.New("column x: no way to write list") }
	for name, c := range map[string]struct {
		maker   Maker
		library bool
		told    int
	}{
		"own":       {Maker{FellBack: tell}, false, 0},
		"library":   {Maker{ByLibrary: true, FellBack: tell}, true, 0},
		"fell back": {Maker{FellBack: tell, supports: unknown}, true, 1},
		"unheard":   {Maker{supports: unknown}, true, 0},
	} {
		told = nil
		e, err := c.maker.New(io.Discard, File{Layout: layout})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, library := e.(*Library); library != c.library || len(told) != c.told {
			t.Errorf("%s: got %T and told %q", name, e, told)
		}
	}
}

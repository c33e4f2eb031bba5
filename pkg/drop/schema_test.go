package drop

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// published compiles the schema as a customer would, formats of dates and times included.
func published(t testing.TB) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("manifest.schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("manifest.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// TestSchemaTakesEveryManifest of every format, with whatever may be left out.
func TestSchemaTakesEveryManifest(t *testing.T) {
	s := published(t)
	rapid.Check(t, func(t *rapid.T) {
		m := manifestIn(rapid.SampledFrom(formats()).Draw(t, "format"), rapid.SliceOfN(rapid.Int64Range(0, 1e9), 1, 5).Draw(t, "rows")...)
		if m.Tables[0].RowCount > 1 && rapid.Bool().Draw(t, "counted") {
			m = counted(m)
		}
		m.ResendsRunID = rapid.SampledFrom([]string{"", "acme-daily-20261123-0"}).Draw(t, "resends")
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(document); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSchemaRefusesDamage leaves out what must be there, adds what nobody knows, and turns values into others, one at a time
// and at every depth.
func TestSchemaRefusesDamage(t *testing.T) {
	s, refused := published(t), 0
	whole := func() map[string]any {
		m := counted(manifestIn(csv(Gzip), 5, 7))
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		var document map[string]any
		if err := json.Unmarshal(data, &document); err != nil {
			t.Fatal(err)
		}
		return document
	}
	optional := map[string]bool{"format": true, "csv": true, "totals": true, "sum": true, "as_of_replanned": true, "resends_run_id": true}
	for i := range places(whole()) {
		for name := range places(whole())[i] {
			for what, spoil := range map[string]func(object map[string]any){
				"left out":      func(object map[string]any) { delete(object, name) },
				"of other type": func(object map[string]any) { object[name] = map[string]any{"surprise": []any{}} },
				"renamed":       func(object map[string]any) { object[name+"_"] = object[name] },
			} {
				document := whole()
				spoil(places(document)[i])
				if what == "left out" && optional[name] {
					continue
				}
				if err := s.Validate(document); err == nil {
					t.Errorf("%s %s: taken", name, what)
				}
				refused++
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d kinds of damage", refused)
	}
}

// places are all objects of a document, in an order that is always the same.
func places(value any) (all []map[string]any) {
	switch value := value.(type) {
	case map[string]any:
		all = append(all, value)
		for _, name := range slices.Sorted(maps.Keys(value)) {
			all = append(all, places(value[name])...)
		}
	case []any:
		for _, v := range value {
			all = append(all, places(v)...)
		}
	}
	return all
}

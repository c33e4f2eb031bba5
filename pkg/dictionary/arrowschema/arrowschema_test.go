package arrowschema

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/dictionary"
)

func TestType(t *testing.T) {
	tests := map[string]string{
		"NUMBER(18,0)": "int64", "NUMBER(1,0)": "int64", "NUMBER(19,0)": "decimal(19, 0)", "NUMBER(18,1)": "int64", "NUMBER(19,1)": "decimal(19, 1)",
		"NUMBER(38,10)": "decimal(38, 10)", "FLOAT": "float64", "BOOLEAN": "bool", "DATE": "date32", "TIME(6)": "time64[us]",
		"TIMESTAMP_NTZ(6)": "timestamp[us, tz=UTC]", "TIMESTAMP_LTZ(9)": "timestamp[us, tz=UTC]",
		"TIMESTAMP_TZ(0)": "timestamp[us, tz=UTC]", "STRING": "utf8", "VARIANT": "utf8", "OBJECT": "utf8", "ARRAY": "utf8",
		"GEOGRAPHY": "utf8", "VECTOR": "utf8", "BINARY": "binary",
	}
	for text, want := range tests {
		parsed, err := dictionary.ParseType(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Type(parsed).String(); got != want {
			t.Errorf("Type(%s) = %s, want %s", text, got, want)
		}
	}
}

func TestSchemas(t *testing.T) {
	layout, err := dictionary.Standard().Layout("FACT_MESSAGES", []string{"message_id", "cost"})
	if err != nil {
		t.Fatal(err)
	}
	all, exported := Of(layout), Exported(layout)
	if all.NumFields() != 4 || exported.NumFields() != 2 {
		t.Fatalf("got %d and %d fields, want 4 and 2", all.NumFields(), exported.NumFields())
	}
	if f := exported.Field(0); f.Nullable || f.Name != "message_id" {
		t.Errorf("got key field %v", f)
	}
	if f := exported.Field(1); !f.Nullable || f.Type != arrow.PrimitiveTypes.Int64 {
		t.Errorf("got cost field %v", f)
	}
	if d, ok := Decimal(exported.Field(1)); !ok || d.Precision != 18 || d.Scale != 6 {
		t.Errorf("got decimal %v, %t", d, ok)
	}
	if d, ok := Decimal(exported.Field(0)); ok {
		t.Errorf("got decimal %v of a text", d)
	}
	if f := all.Field(3); !f.Nullable || f.Name != dictionary.GuardLocation {
		t.Errorf("got guard field %v", f)
	}
	if text, ok := exported.Field(1).Metadata.GetValue(DefinitionKey); !ok || text == "" {
		t.Error("the definition is not in the field metadata")
	}
}

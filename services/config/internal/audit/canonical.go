package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// Hash is the hex SHA-256 of the event's canonical form without its hash.
func Hash(e *configv1.AuditEvent) (string, error) {
	fields, err := fieldsOf(e)
	if err != nil {
		return "", err
	}
	delete(fields, "hash")
	sum := sha256.Sum256(appendValue(nil, fields))
	return hex.EncodeToString(sum[:]), nil
}

// Encode returns the canonical form of the whole event: its ProtoJSON, canonicalised by RFC 8785. Neither protobuf nor
// Go's JSON promises the same bytes tomorrow.
func Encode(e *configv1.AuditEvent) ([]byte, error) {
	fields, err := fieldsOf(e)
	if err != nil {
		return nil, err
	}
	return appendValue(nil, fields), nil
}

// Decode reads what Encode wrote. A field that it does not know is an error, because no hash would cover it.
func Decode(data []byte) (*configv1.AuditEvent, error) {
	e := &configv1.AuditEvent{}
	if err := protojson.Unmarshal(data, e); err != nil {
		return nil, fmt.Errorf("decoding an audit event: %w", err)
	}
	return e, nil
}

func fieldsOf(m proto.Message) (map[string]any, error) {
	text, err := protojson.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encoding an audit event: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return nil, fmt.Errorf("encoding an audit event: %w", err)
	}
	return fields, nil
}

// appendValue writes what ProtoJSON holds of an event: objects, lists, texts and 32-bit integers. Names are ASCII, so
// that their byte order is the UTF-16 order of the RFC.
func appendValue(b []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		return appendText(b, v)
	case []any:
		b = append(b, '[')
		for i, item := range v {
			b = appendValue(comma(b, i), item)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			b = append(appendText(comma(b, i), name), ':')
			b = appendValue(b, v[name])
		}
		return append(b, '}')
	default:
		return fmt.Append(b, v)
	}
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

// appendText escapes what JSON demands and nothing else; encoding/json also escapes U+2028 and U+2029.
func appendText(b []byte, s string) []byte {
	const short, letters = "\"\\\b\t\n\f\r", `"\btnfr`
	b = append(b, '"')
	for i := range len(s) {
		switch at := strings.IndexByte(short, s[i]); {
		case at >= 0:
			b = append(b, '\\', letters[at])
		case s[i] < ' ':
			b = fmt.Appendf(b, `\u%04x`, s[i])
		default:
			b = append(b, s[i])
		}
	}
	return append(b, '"')
}

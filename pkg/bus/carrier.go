package bus

import (
	"strings"

	"github.com/nats-io/nats.go"
)

// carrier takes trace context in NATS headers under its exact lower-case names. OpenTelemetry's carrier for HTTP headers
// writes Traceparent, which another language's client does not find: NATS header names are case-sensitive.
type carrier nats.Header

// Get returns the value of a header, or "".
func (c carrier) Get(key string) string {
	if values := c[key]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Set replaces a header.
func (c carrier) Set(key, value string) { c[key] = []string{value} }

// Keys lists the headers.
func (c carrier) Keys() []string {
	keys := make([]string, 0, len(c))
	for key := range c {
		keys = append(keys, key)
	}
	return keys
}

// kept is what of a message's headers goes with it to another place: not those that told the server how to store it, which
// would be obeyed there once more.
func kept(header nats.Header) nats.Header {
	kept := nats.Header{}
	for key, values := range header {
		if !strings.HasPrefix(key, "Nats-") {
			kept[key] = values
		}
	}
	return kept
}

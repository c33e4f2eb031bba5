package audit

import (
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/protobuf/proto"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

const (
	// MaxBytes bounds an encoded event, well below the 1 MiB that a NATS server takes by default: nine texts, of which
	// each byte may need six, and the changes.
	MaxBytes = 512 << 10
	// maxText bounds a text in bytes; validated requests stay far below.
	maxText = 4 << 10
	// maxChanges bounds the changes as encoded; some 500 of the usual size fit.
	maxChanges = 256 << 10
)

// LeftOut is the path of the change that stands for those that did not fit.
const LeftOut = "(left out)"

// fit keeps an event within MaxBytes and says what it cut. It also makes it encodable: a refused request may hold anything.
func fit(e *configv1.AuditEvent) {
	for _, id := range []*string{&e.CustomerId, &e.ExportId} {
		if !isID(*id) {
			*id = ""
		}
	}
	for _, text := range []*string{
		&e.Actor, &e.Method, &e.Reason, &e.FaultReason, &e.FaultMessage, &e.BeforeSha256, &e.AfterSha256, &e.RequestId, &e.TraceId,
	} {
		*text = clip(*text)
	}
	e.Changes = fitting(e.GetChanges())
}

// fitting returns the first changes that fit, and one that counts the others.
func fitting(all []*configv1.FieldChange) []*configv1.FieldChange {
	var kept []*configv1.FieldChange
	bytes := 0
	for i, change := range all {
		change = clipped(change)
		if bytes += encodedBytes(change); bytes > maxChanges {
			return append(kept, &configv1.FieldChange{
				Path: LeftOut, After: fmt.Sprintf(`"%d of %d changes, which would make the event too big"`, len(all)-i, len(all)),
			})
		}
		kept = append(kept, change)
	}
	return kept
}

// clipped returns a copy, because the caller may answer with the original.
func clipped(change *configv1.FieldChange) *configv1.FieldChange {
	change = proto.CloneOf(change)
	for _, text := range []*string{&change.Path, &change.Before, &change.After} {
		*text = clip(*text)
	}
	for _, items := range [][]string{change.GetAdded(), change.GetRemoved()} {
		for i := range items {
			items[i] = clip(items[i])
		}
	}
	return change
}

func encodedBytes(change *configv1.FieldChange) int {
	fields, err := fieldsOf(change)
	if err != nil {
		return maxChanges + 1 // left out; clipped texts are always encodable
	}
	return len(appendValue(nil, fields)) + len(",")
}

func clip(text string) string {
	if len(text) <= maxText {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	return strings.ToValidUTF8(text[:maxText], "") + fmt.Sprintf(" (cut, %d bytes in all)", len(text))
}

func isID(id string) bool {
	return regexp.MustCompile(`^[a-z][a-z0-9-]{1,38}[a-z0-9]$`).MatchString(id)
}

package audit

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

const (
	standardPageSize = 50
	maxPageSize      = 200
	// pageBytes ends a page early; one message holds 8 MiB and one event at most MaxBytes.
	pageBytes = 4 << 20
	// maxWindow bounds what one look at the log spans, and so what a rare filter makes it read in vain.
	maxWindow = 16 << 10
	// maxRead ends a page that found little in so many events. The token goes on from there.
	maxRead = 32 << 10
)

// Query asks for a page of events, newest first. Empty fields narrow nothing.
type Query struct {
	// Size is at most this many; 0 means 50. A page may be shorter, even empty, and have a next page.
	Size int
	// Token is the next page token of the page before.
	Token                       string
	CustomerID, ExportID, Actor string
	// Refused leaves out what was accepted.
	Refused bool
}

// List returns a page and the next page's token, or "" when there is nothing more. What is added meanwhile is on no later
// page. An event that cannot be read is left out; Verify tells of it.
func (c *Chain) List(ctx context.Context, q Query) ([]*configv1.AuditEvent, string, error) {
	before, size, err := q.read()
	if err != nil {
		return nil, "", err
	}
	head, err := c.log.Head(ctx)
	if err != nil {
		return nil, "", err
	}
	to := head.Sequence
	if before > 0 {
		to = min(to, before-1) // somebody may have written the token
	}
	found, rest, err := c.search(ctx, q, to, size)
	if err != nil {
		return nil, "", err
	}
	page, next := cut(found, size, rest)
	return page, next, nil
}

// search walks back from an event in windows, each twice as wide, until it has one match more than asked for. It returns
// the matches, newest first, and the sequence up to which it did not look, 0 when it saw everything.
func (c *Chain) search(ctx context.Context, q Query, to int64, size int) (found []Entry, rest int64, err error) {
	read := 0
	for width := int64(size) + 1; to > 0 && len(found) <= size && read < maxRead; width = min(2*width, maxWindow) {
		from := max(to-width+1, 1)
		newest, n, err := c.newest(ctx, q, from, to, size+1-len(found))
		if err != nil {
			return nil, 0, err
		}
		found, read, to = append(found, newest...), read+n, from-1
	}
	return found, to, nil
}

// newest returns the last matches of a window, newest first, and how many events it read. It holds no more than it returns.
func (c *Chain) newest(ctx context.Context, q Query, from, to int64, wanted int) (matches []Entry, read int, err error) {
	for entry, err := range c.log.Read(ctx, Range{From: from, To: to, CustomerID: q.CustomerID, ExportID: q.ExportID}) {
		if err != nil {
			return nil, 0, err
		}
		read++
		if !q.matches(entry.Event) {
			continue
		}
		if len(matches) == wanted {
			matches = slices.Delete(matches, 0, 1)
		}
		matches = append(matches, entry)
	}
	slices.Reverse(matches)
	return matches, read, nil
}

func (q Query) matches(e *configv1.AuditEvent) bool {
	return e != nil && (q.CustomerID == "" || e.GetCustomerId() == q.CustomerID) && (q.ExportID == "" || e.GetExportId() == q.ExportID) &&
		(q.Actor == "" || e.GetActor() == q.Actor) && (!q.Refused || e.GetOutcome() == configv1.AuditOutcome_AUDIT_OUTCOME_REFUSED)
}

// cut ends the page where it is full. A token names the place before which the next page starts.
func cut(found []Entry, size int, rest int64) (page []*configv1.AuditEvent, next string) {
	bytes := 0
	for i, entry := range found {
		bytes += proto.Size(entry.Event)
		if i == size || i > 0 && bytes > pageBytes {
			return page, token(found[i-1].Sequence)
		}
		page = append(page, entry.Event)
	}
	if rest > 0 {
		return page, token(rest + 1)
	}
	return page, ""
}

func token(before int64) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, before, 10))
}

// place is 0 for a text that is no token, in the one spelling that token writes.
func place(text string) int64 {
	decoded, _ := base64.RawURLEncoding.DecodeString(text)
	before, _ := strconv.ParseInt(string(decoded), 10, 64)
	if before < 1 || token(before) != text {
		return 0
	}
	return before
}

func (q Query) read() (before int64, size int, err error) {
	refused := fault.New(fault.Invalid, fault.ReasonValidation, "the page is refused")
	if before = place(q.Token); before == 0 && q.Token != "" {
		refused.Violations = append(refused.Violations, fault.Violation{Field: "page_token", Description: "is not a token that this service gave out"})
	}
	if q.Size < 0 || q.Size > maxPageSize {
		refused.Violations = append(refused.Violations, fault.Violation{Field: "page_size", Description: fmt.Sprintf("is not 0 to %d", maxPageSize)})
	}
	if len(refused.Violations) > 0 {
		return 0, 0, refused
	}
	return before, cmp.Or(q.Size, standardPageSize), nil
}

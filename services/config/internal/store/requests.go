package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/services/config/internal/once"
)

// RequestsBucket is the name of the key-value bucket of requests; its entries live for RequestsFor, as the contract of
// exports.config.v1.ConfigService says.
const (
	RequestsBucket = "CONFIG_REQUESTS"
	RequestsFor    = 24 * time.Hour
)

// Requests implements once.Memory. Keys: <id>, and <id>.<piece> for the answer, which exceeds one message when it holds
// 50,000 locations.
type Requests struct{ kv jetstream.KeyValue }

// NewRequests keeps requests in kv, the bucket called RequestsBucket.
func NewRequests(kv jetstream.KeyValue) *Requests { return &Requests{kv: patient{kv}} }

// request is the value of <id>.
type request struct {
	once.Entry
	Pieces int `json:"pieces"`
}

// Claim is part of once.Memory.
func (r *Requests) Claim(ctx context.Context, id string, e once.Entry) (once.Entry, string, error) {
	data, err := json.Marshal(request{Entry: e})
	if err != nil {
		return e, "", fmt.Errorf("encoding request %s: %w", id, err)
	}
	revision, err := r.kv.Create(ctx, id, data)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return r.read(ctx, id)
	}
	if err != nil {
		return e, "", away(err, "claiming request %s", id)
	}
	return e, etag(revision), nil
}

func (r *Requests) read(ctx context.Context, id string) (once.Entry, string, error) {
	entry, err := r.kv.Get(ctx, id)
	if err != nil {
		return once.Entry{}, "", away(err, "reading request %s", id)
	}
	var q request
	if err := json.Unmarshal(entry.Value(), &q); err != nil {
		return once.Entry{}, "", fmt.Errorf("decoding request %s: %w", id, err)
	}
	for i := range q.Pieces {
		piece, err := r.kv.Get(ctx, fmt.Sprintf("%s.%d", id, i))
		if err != nil {
			return once.Entry{}, "", away(err, "reading the answer to request %s", id)
		}
		q.Answer = append(q.Answer, piece.Value()...)
	}
	return q.Entry, etag(entry.Revision()), nil
}

// Replace is part of once.Memory. The pieces come first: an entry that is answered has its answer.
func (r *Requests) Replace(ctx context.Context, id, version string, e once.Entry) (string, error) {
	q := request{Entry: e}
	if e.Answered {
		for i, piece := range split(e.Answer) {
			if _, err := r.kv.Put(ctx, fmt.Sprintf("%s.%d", id, i), piece); err != nil {
				return "", away(err, "storing the answer to request %s", id)
			}
			q.Pieces = i + 1
		}
	}
	data, err := json.Marshal(q)
	if err != nil {
		return "", fmt.Errorf("encoding request %s: %w", id, err)
	}
	return swap(ctx, r.kv, "request "+id, id, version, data)
}

// Forget is part of once.Memory.
func (r *Requests) Forget(ctx context.Context, id string) error {
	if err := r.kv.Delete(ctx, id); err != nil {
		return away(err, "forgetting request %s", id)
	}
	return nil
}

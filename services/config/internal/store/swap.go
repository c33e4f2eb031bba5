package store

import (
	"context"
	"errors"
	"regexp"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/customer-exports/exports/pkg/fault"
)

// number keeps etags in the one spelling that this package writes.
var number = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)

// swap stores data under key: as a new key when the etag is empty, else only in place of what the etag was taken of. It
// returns the new etag; errors call the thing what.
func swap(ctx context.Context, kv jetstream.KeyValue, what, key, before string, data []byte) (string, error) {
	var revision uint64
	var err error
	if before == "" {
		revision, err = kv.Create(ctx, key, data)
	} else {
		revision, err = update(ctx, kv, key, before, data)
	}
	switch {
	case err == nil:
		return etag(revision), nil
	case errors.Is(err, jetstream.ErrKeyRevisionMismatch):
		return before, fault.New(fault.State, fault.ReasonStaleEtag, "%s changed meanwhile: get it and send its new etag", what)
	case errors.Is(err, jetstream.ErrKeyExists):
		return before, fault.New(fault.Exists, fault.ReasonAlreadyExists, "%s exists already", what)
	default:
		return before, away(err, "storing %s", what)
	}
}

func update(ctx context.Context, kv jetstream.KeyValue, key, before string, data []byte) (uint64, error) {
	at, err := strconv.ParseUint(before, 10, 64)
	if err != nil || !number.MatchString(before) {
		return 0, jetstream.ErrKeyRevisionMismatch
	}
	return kv.Update(ctx, key, data, at)
}

func (s *Store) get(ctx context.Context, kind, id string) (jetstream.KeyValueEntry, error) {
	entry, err := s.kv.Get(ctx, kind+"."+id)
	if missing(err) {
		return nil, fault.New(fault.NotFound, fault.ReasonNotFound, "there is no %s %q", kind, id)
	}
	if err != nil {
		return nil, away(err, "reading %s %s", kind, id)
	}
	return entry, nil
}

func etag(revision uint64) string { return strconv.FormatUint(revision, 10) }

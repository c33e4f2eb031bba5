package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/export"
)

const (
	// pieceBytes stays well below the 1 MiB that a NATS server takes by default; 50,000 locations need several.
	pieceBytes = 512 << 10
	// maxSkips bounds the numbers that crashed or losing writers may have used up.
	maxSkips = 1000
	// seenBytes bounds what is kept of revisions that were read.
	seenBytes = 64 << 20
)

func revisionKey(exportID string, number int64) string {
	return fmt.Sprintf("revision.%s.%d", exportID, number)
}

func pieceKey(exportID string, number int64, piece int) string {
	if piece == 0 {
		return revisionKey(exportID, number)
	}
	return fmt.Sprintf("%s.%d", revisionKey(exportID, number), piece)
}

// Stage stores r under the first free number from number on and sets that number in r. A number that is used up
// but not listed belongs to a writer that crashed, or that is about to lose or win the record: it is never touched.
func (s *Store) Stage(ctx context.Context, exportID string, r *configv1.Revision, from int64) (export.Pin, error) {
	number := from
	for last := number + maxSkips; number < last; number++ {
		r.Revision = number
		data, err := marshal(r)
		if err != nil {
			return export.Pin{}, err
		}
		pieces := split(data)
		_, err = s.kv.Create(ctx, revisionKey(exportID, number), pieces[0])
		if errors.Is(err, jetstream.ErrKeyExists) {
			continue
		}
		if err == nil {
			err = s.putPieces(ctx, exportID, number, pieces)
		}
		if err != nil {
			return export.Pin{}, away(err, "storing revision %d of export %s", number, exportID)
		}
		return export.Pin{Number: number, Pieces: len(pieces), SHA256: digest(data)}, nil
	}
	return export.Pin{}, fault.New(fault.Exhausted, fault.ReasonExhausted, "export %s has too many abandoned revisions", exportID)
}

// putPieces needs no compare-and-set: the number is ours since its first piece was created.
func (s *Store) putPieces(ctx context.Context, exportID string, number int64, pieces [][]byte) error {
	for i := 1; i < len(pieces); i++ {
		if _, err := s.kv.Put(ctx, pieceKey(exportID, number, i), pieces[i]); err != nil {
			return err
		}
	}
	return nil
}

// Revision reads what a pin was taken of.
func (s *Store) Revision(ctx context.Context, exportID string, p export.Pin) (*configv1.Revision, error) {
	data := s.seen.get(p.SHA256)
	if data == nil {
		var err error
		if data, err = s.getPieces(ctx, exportID, p); err != nil {
			return nil, err
		}
		s.seen.put(p.SHA256, data)
	}
	r := &configv1.Revision{}
	if err := proto.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("decoding revision %d of export %s: %w", p.Number, exportID, err)
	}
	return r, nil
}

func (s *Store) getPieces(ctx context.Context, exportID string, p export.Pin) ([]byte, error) {
	var data []byte
	for i := range p.Pieces {
		entry, err := s.kv.Get(ctx, pieceKey(exportID, p.Number, i))
		if err != nil {
			// A replica may lag behind the record that names the revision.
			return nil, away(err, "reading revision %d of export %s", p.Number, exportID)
		}
		data = append(data, entry.Value()...)
	}
	if digest(data) != p.SHA256 {
		return nil, fault.New(fault.DataLoss, fault.ReasonInternal, "revision %d of export %s is not what was approved", p.Number, exportID)
	}
	return data, nil
}

// seen keeps revisions by their digest, which never changes: a list of a thousand exports would read each anew.
type seen struct {
	mu    sync.Mutex
	data  map[string][]byte
	bytes int
}

func (c *seen) get(digest string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.data[digest]
}

func (c *seen) put(digest string, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.data[digest] != nil {
		return
	}
	if c.data == nil || c.bytes+len(data) > seenBytes {
		c.data, c.bytes = map[string][]byte{}, 0
	}
	c.data[digest], c.bytes = data, c.bytes+len(data)
}

func marshal(r *configv1.Revision) ([]byte, error) {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding a revision: %w", err)
	}
	return data, nil
}

// split cuts data into pieces, at least one.
func split(data []byte) [][]byte {
	var pieces [][]byte
	for len(data) > pieceBytes {
		pieces, data = append(pieces, data[:pieceBytes]), data[pieceBytes:]
	}
	return append(pieces, data)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

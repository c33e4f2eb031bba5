package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

const (
	// pieceBytes stays well below the 1 MiB that a NATS server takes by default; 50,000 locations need several.
	pieceBytes = 512 << 10
	// maxSkips bounds the numbers that crashed or losing writers may have used up.
	maxSkips = 1000
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

// putRevision stores r under the first free number from number on and sets that number in r. A number that is used up
// but not listed belongs to a writer that crashed, or that is about to lose or win the record: it is never touched.
func (s *Store) putRevision(ctx context.Context, exportID string, r *configv1.Revision, number int64) (pin, error) {
	for last := number + maxSkips; number < last; number++ {
		r.Revision = number
		data, err := marshal(r)
		if err != nil {
			return pin{}, err
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
			return pin{}, away(err, "storing revision %d of export %s", number, exportID)
		}
		return pin{Number: number, Pieces: len(pieces), SHA256: digest(data)}, nil
	}
	return pin{}, fault.New(fault.Exhausted, fault.ReasonExhausted, "export %s has too many abandoned revisions", exportID)
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

func (s *Store) getRevision(ctx context.Context, exportID string, p pin) (*configv1.Revision, error) {
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
	r := &configv1.Revision{}
	if err := proto.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("decoding revision %d of export %s: %w", p.Number, exportID, err)
	}
	return r, nil
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

package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
)

func receiptKey(runID, table string, index int32) string {
	return fmt.Sprintf("receipt.%s.%s.%d", runID, table, index)
}

// Accept stores the receipt unless the part has one, and returns the one that stands.
func (s *Store) Accept(ctx context.Context, runID string, r *deliveryv1.Receipt) (*deliveryv1.Receipt, error) {
	data, err := proto.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding a receipt of run %s: %w", runID, err)
	}
	_, err = s.kv.Create(ctx, receiptKey(runID, r.GetTable(), r.GetPartIndex()), data)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return s.Receipt(ctx, runID, r.GetTable(), r.GetPartIndex())
	}
	if err != nil {
		return nil, away(err, "storing the receipt of part %d of %s, run %s", r.GetPartIndex(), r.GetTable(), runID)
	}
	return r, nil
}

// Receipt reads the receipt that stands. Unavailable when it is not there to be read yet: it is asked for only where one
// was accepted, and a replica may lag behind.
func (s *Store) Receipt(ctx context.Context, runID, table string, index int32) (*deliveryv1.Receipt, error) {
	r := &deliveryv1.Receipt{}
	if _, err := s.get(ctx, receiptKey(runID, table, index), r); err != nil {
		return nil, away(err, "reading the receipt of part %d of %s, run %s", index, table, runID)
	}
	return r, nil
}

package commit

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/customer-exports/exports/pkg/drop"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/part"
)

// Contracts is where it is told what was agreed about an export.
type Contracts interface {
	// Contract is that of the revision in force, and the number of that revision.
	Contract(ctx context.Context, exportID string) (text []byte, revision int64, err error)
}

// Placer keeps the data contract of an export beside its drops. It is safe for concurrent use, also by several processes.
type Placer struct {
	Contracts Contracts
	Revisions part.Revisions
	Buckets   part.Buckets
}

// Place writes the contract into the bucket that a run was delivered to, where it is not there already. A run of a revision that is
// no longer in force leaves it as it is: its drop may lie elsewhere, and the contract is not the run's.
func (p *Placer) Place(ctx context.Context, run *taskv1.RunRef) error {
	text, revision, err := p.Contracts.Contract(ctx, run.GetExportId())
	if err != nil {
		return fmt.Errorf("reading the data contract of export %s: %w", run.GetExportId(), err)
	}
	if revision != run.GetRevision() {
		return nil
	}
	agreed, err := p.Revisions.Revision(ctx, run.GetExportId(), revision)
	if err != nil {
		return fmt.Errorf("reading revision %d of %s: %w", revision, run.GetExportId(), err)
	}
	if err := place(ctx, p.Buckets.Open(agreed.Destination), drop.ContractKey(run.GetExportId()), text); err != nil {
		return fmt.Errorf("placing the data contract of export %s: %w", run.GetExportId(), err)
	}
	return nil
}

// place does nothing where somebody else placed meanwhile: the next drop looks again.
func place(ctx context.Context, store bucket.Controls, key string, text []byte) error {
	have, etag, err := store.Get(ctx, key)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		err = store.PutNew(ctx, key, text)
	case err == nil && !bytes.Equal(have, text):
		err = store.Replace(ctx, key, text, etag)
	}
	if errors.Is(err, bucket.ErrExists) || errors.Is(err, bucket.ErrStale) {
		return nil
	}
	return err
}

package commit

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// latestTries bounds the race of runs of different dates for the one pointer.
const latestTries = 8

// moveLatest points latest.json at this drop unless it points at a newer export date, or at a later
// extraction of the same date, already.
func moveLatest(ctx context.Context, d *pending, done committed) error {
	mine := drop.Latest{RunID: d.run.GetRunId(), ExportDate: d.run.GetExportDate(), ManifestKey: done.key, ManifestSHA256: done.digest}
	data, err := mine.Encode()
	if err != nil {
		return err
	}
	for range latestTries {
		err := tryLatest(ctx, d.bucket, mine, data)
		if !errors.Is(err, bucket.ErrStale) && !errors.Is(err, bucket.ErrExists) {
			return err
		}
	}
	return fault.New(fault.Unavailable, fault.ReasonBucketUnavailable, "moving latest.json: others moved it %d times meanwhile", latestTries)
}

func tryLatest(ctx context.Context, store bucket.Controls, mine drop.Latest, data []byte) error {
	have, etag, err := store.Get(ctx, drop.LatestKey)
	if errors.Is(err, bucket.ErrNotFound) {
		return store.PutNew(ctx, drop.LatestKey, data)
	}
	if err != nil {
		return fmt.Errorf("reading latest.json: %w", err)
	}
	if bytes.Equal(have, data) || !supersedes(mine, have) {
		return nil
	}
	return store.Replace(ctx, drop.LatestKey, data, etag)
}

// supersedes reports whether mine is the newer drop. A pointer that cannot be read points nowhere.
func supersedes(mine drop.Latest, data []byte) bool {
	have, err := drop.ParseLatest(data)
	if err != nil {
		return true
	}
	if have.ExportDate != mine.ExportDate {
		return have.ExportDate < mine.ExportDate
	}
	// Run ids of one export and date differ in the extraction number only.
	return len(have.RunID) < len(mine.RunID) || len(have.RunID) == len(mine.RunID) && have.RunID < mine.RunID
}

package commit_test

import (
	"context"
	"errors"
	"testing"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/commit"
)

// agreed is a config service whose export has this contract, of this revision.
type agreed struct {
	text     string
	revision int64
	err      error
}

func (a agreed) Contract(context.Context, string) ([]byte, int64, error) {
	return []byte(a.text), a.revision, a.err
}

// TestContractIsPlaced places a contract, once more, another one, and one that is not the run's.
func TestContractIsPlaced(t *testing.T) {
	f := newFixture(t)
	key, p := drop.ContractKey(f.run.GetExportId()), &commit.Placer{Revisions: f.aborter.Revisions, Buckets: f.aborter.Buckets}
	place := func(of agreed) (text, etag string, err error) {
		t.Helper()
		p.Contracts = of
		err = p.Place(t.Context(), f.run)
		data, etag, gone := f.bucket.Get(t.Context(), key)
		if gone != nil && !errors.Is(gone, bucket.ErrNotFound) {
			t.Fatal(gone)
		}
		return string(data), etag, err
	}
	now, before := f.run.GetRevision(), ""
	for _, step := range []struct {
		name  string
		of    agreed
		want  string
		fails bool
	}{
		{"of a later revision", agreed{text: "later", revision: now + 1}, "", false},
		{"the first", agreed{text: "first", revision: now}, "first", false},
		{"the same", agreed{text: "first", revision: now}, "first", false},
		{"another", agreed{text: "second", revision: now}, "second", false},
		{"while nobody tells", agreed{text: "third", revision: now, err: errors.New("away")}, "second", true},
	} {
		got, etag, err := place(step.of)
		if got != step.want || (err != nil) != step.fails {
			t.Errorf("%s: got %q, %v, want %q and an error: %t", step.name, got, err, step.want, step.fails)
		}
		if step.name == "the same" && etag != before {
			t.Error("the same contract is written again")
		}
		before = etag
	}
}

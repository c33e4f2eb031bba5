package part_test

import (
	"context"
	"errors"
	"testing"

	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/parttest"
)

// answers is a planner that says one thing after the other.
type answers struct{ left []error }

func (a *answers) Wanted(context.Context, string) error {
	said := a.left[0]
	a.left = a.left[1:]
	return said
}

// endedRuns sends whole parts of runs that nobody waits for, and of one while the planner does not answer.
func endedRuns(t *testing.T, f *fixture) {
	ended := fault.New(fault.State, fault.ReasonNotActive, "the run is cancelled")
	unknown := fault.New(fault.NotFound, fault.ReasonNotFound, "there is no such run")
	for name, c := range map[string]struct {
		said []error
		want fault.Reason
	}{
		"ended":             {[]error{ended}, fault.ReasonNotActive},
		"unknown":           {[]error{unknown}, fault.ReasonNotFound},
		"ended meanwhile":   {[]error{nil, ended}, fault.ReasonNotActive},
		"forgotten":         {[]error{nil, unknown}, fault.ReasonNotFound},
		"planner is away":   {[]error{errors.New("away"), errors.New("away")}, ""},
		"ended while away":  {[]error{errors.New("away"), ended}, fault.ReasonNotActive},
		"away at its end":   {[]error{nil, errors.New("away")}, ""},
		"waits all the way": {[]error{nil, nil}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f.uploader.Runs = &answers{c.said}
			stream := parttest.Rows{Table: messages, Count: 3000, PerBatch: 1000, Foreign: -1}.Stream(t)
			receipt, err := f.upload(stream, messages)
			if fault.ReasonOf(err) != c.want || err != nil && fault.Retryable(err) || (err == nil) != (receipt != nil) {
				t.Errorf("got %v, want %q, never retried", err, c.want)
			}
			if err != nil {
				f.nothingLeft(t)
				return
			}
			f.discard(t)
		})
	}
	f.uploader.Runs = parttest.Runs{}
}

// discard aborts what a whole part has left.
func (f *fixture) discard(t *testing.T) {
	t.Helper()
	left, err := f.bucket.ListUploads(t.Context(), drop.Prefix)
	if err != nil || len(left) != 1 {
		t.Errorf("uploads left: %v, %v, want one", left, err)
	}
	for _, u := range left {
		if err := f.bucket.AbortUpload(t.Context(), u.Upload); err != nil {
			t.Error(err)
		}
	}
}

// sentAgain sends a part wrongly in every way that a trailer tells, and then as it is.
func sentAgain(t *testing.T, f *fixture) {
	rows := parttest.Rows{Table: messages, Count: 3000, PerBatch: 1000, Foreign: -1}
	other := parttest.Rows{Table: messages, Count: 3000, PerBatch: 1000, Foreign: -1, Width: 20}.Stream(t)
	for name, c := range map[string]struct {
		damage func(*parttest.Stream)
		want   fault.Reason
	}{
		"batches":     {func(s *parttest.Stream) { s.Trailer.Batches-- }, fault.ReasonTrailerMismatch},
		"rows":        {func(s *parttest.Stream) { s.Trailer.Rows++ }, fault.ReasonTrailerMismatch},
		"crc64_nvme":  {func(s *parttest.Stream) { s.Trailer.CRC ^= 1 }, fault.ReasonTrailerMismatch},
		"other bytes": {func(s *parttest.Stream) { s.Batches[1] = other.Batches[1] }, fault.ReasonTrailerMismatch},
		"other order": {func(s *parttest.Stream) { s.Batches[0], s.Batches[1] = s.Batches[1], s.Batches[0] }, fault.ReasonTrailerMismatch},
		"schema":      {func(s *parttest.Stream) { s.Schema = parttest.Rows{Table: "DIM_DATES", Foreign: -1}.Stream(t).Schema }, fault.ReasonSchemaMismatch},
		"no trailer":  {func(s *parttest.Stream) { s.NoTrailer = true }, fault.ReasonTrailerMissing},
	} {
		t.Run(name, func(t *testing.T) {
			stream := rows.Stream(t)
			stream.Trailer = stream.Right()
			c.damage(stream)
			if _, err := f.upload(stream, messages); fault.ReasonOf(err) != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
			f.nothingLeft(t)
			receipt, err := f.upload(rows.Stream(t), messages)
			if err != nil || receipt.GetRowCount() != 3000 {
				t.Errorf("sent again: got %v, %v", receipt, err)
			}
			f.discard(t)
		})
	}
}

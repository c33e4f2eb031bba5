package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// record is the value of export.<id>: the export without its revision, and every revision that was ever in force, the
// newest last. What it does not list was never approved, whatever lies under revision.<id>.
type record struct {
	Export    json.RawMessage `json:"export"`
	Revisions []pin           `json:"revisions"`
}

// pin names a revision and the bytes it must consist of.
type pin struct {
	Number int64  `json:"number"`
	Pieces int    `json:"pieces"`
	SHA256 string `json:"sha256"`
}

func (r record) newest() pin {
	if len(r.Revisions) == 0 {
		return pin{}
	}
	return r.Revisions[len(r.Revisions)-1]
}

// AddExport stores the first revision, then the record that brings it into force.
func (s *Store) AddExport(ctx context.Context, e *configv1.Export) error {
	exists := fault.New(fault.Exists, fault.ReasonAlreadyExists, "export %q exists already", e.GetExportId())
	if _, err := s.kv.Get(ctx, "export."+e.GetExportId()); err == nil {
		return exists // writes no revision in vain; Create below decides
	} else if !missing(err) {
		return away(err, "looking for export %s", e.GetExportId())
	}
	data, err := s.advance(ctx, e, record{})
	if err != nil {
		return err
	}
	revision, err := s.kv.Create(ctx, "export."+e.GetExportId(), data)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return exists
	}
	if err != nil {
		return away(err, "storing export %s", e.GetExportId())
	}
	e.Etag = etag(revision)
	return nil
}

// ReplaceExport stores the newest revision, then swaps the record if nobody else did since e's etag was read.
func (s *Store) ReplaceExport(ctx context.Context, e *configv1.Export) error {
	stale := fault.New(fault.State, fault.ReasonStaleEtag, "export %s changed meanwhile: get it and send its new etag", e.GetExportId())
	before, at, err := s.record(ctx, e.GetExportId())
	if err != nil {
		return err
	}
	if !isNumber(e.GetEtag()) || etag(at) != e.GetEtag() {
		return stale
	}
	data, err := s.advance(ctx, e, before)
	if err != nil {
		return err
	}
	revision, err := s.kv.Update(ctx, "export."+e.GetExportId(), data, at)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return stale
	}
	if err != nil {
		return away(err, "storing export %s", e.GetExportId())
	}
	e.Etag = etag(revision)
	return nil
}

// advance stores e's revision behind those of before, numbers it, and returns the record to be swapped in.
func (s *Store) advance(ctx context.Context, e *configv1.Export, before record) ([]byte, error) {
	added, err := s.putRevision(ctx, e.GetExportId(), e.GetRevision(), before.newest().Number+1)
	if err != nil {
		return nil, err
	}
	bare := proto.CloneOf(e)
	bare.Revision, bare.Etag = nil, ""
	text, err := protojson.Marshal(bare)
	if err != nil {
		return nil, fmt.Errorf("encoding export %s: %w", e.GetExportId(), err)
	}
	return json.Marshal(record{Export: text, Revisions: append(before.Revisions, added)})
}

func (s *Store) record(ctx context.Context, exportID string) (record, uint64, error) {
	var r record
	entry, err := s.kv.Get(ctx, "export."+exportID)
	if missing(err) {
		return r, 0, fault.New(fault.NotFound, fault.ReasonNotFound, "there is no export %q", exportID)
	}
	if err != nil {
		return r, 0, away(err, "reading export %s", exportID)
	}
	if err := json.Unmarshal(entry.Value(), &r); err != nil {
		return r, 0, fmt.Errorf("decoding export %s: %w", exportID, err)
	}
	return r, entry.Revision(), nil
}

// Export reads an export with its revision in force.
func (s *Store) Export(ctx context.Context, id string) (*configv1.Export, error) {
	r, at, err := s.record(ctx, id)
	if err != nil {
		return nil, err
	}
	e, err := r.bare(id)
	if err != nil {
		return nil, err
	}
	e.Etag = etag(at)
	e.Revision, err = s.getRevision(ctx, id, r.newest())
	return e, err
}

// Revision reads a revision that is or was in force, and its customer's id.
func (s *Store) Revision(ctx context.Context, exportID string, number int64) (*configv1.Revision, string, error) {
	r, _, err := s.record(ctx, exportID)
	if err != nil {
		return nil, "", err
	}
	e, err := r.bare(exportID)
	if err != nil {
		return nil, "", err
	}
	for _, p := range r.Revisions {
		if p.Number == number {
			revision, err := s.getRevision(ctx, exportID, p)
			return revision, e.GetCustomerId(), err
		}
	}
	return nil, "", fault.New(fault.NotFound, fault.ReasonNotFound,
		"export %s has no revision %s; the one in force is %d", exportID, strconv.FormatInt(number, 10), r.newest().Number)
}

func (r record) bare(id string) (*configv1.Export, error) {
	e := &configv1.Export{}
	if err := protojson.Unmarshal(r.Export, e); err != nil {
		return nil, fmt.Errorf("decoding export %s: %w", id, err)
	}
	return e, nil
}

package commit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// committed is a manifest that stands in the bucket.
type committed struct {
	key, digest string
	at, expires time.Time
}

// publish writes manifest, _SUCCESS and latest.json, each only after the one before stands.
func (c *Committer) publish(ctx context.Context, d *pending) (committed, error) {
	done, err := c.writeManifest(ctx, d)
	if err != nil {
		return committed{}, err
	}
	if err := writeSuccess(ctx, d, done); err != nil {
		return committed{}, err
	}
	return done, moveLatest(ctx, d, done)
}

// writeManifest is the fence: whoever comes second finds the manifest of the first, and goes on only
// if it says the same.
func (c *Committer) writeManifest(ctx context.Context, d *pending) (committed, error) {
	key := drop.ManifestKey(d.run.GetExportDate(), d.run.GetRunId())
	m := c.manifest(d, c.Now(), c.Producer)
	data, err := m.Encode()
	if err != nil {
		return committed{}, fault.Wrap(err, fault.Internal, fault.ReasonInternal, "writing the manifest of run %s", d.run.GetRunId())
	}
	err = d.bucket.PutNew(ctx, key, data)
	if errors.Is(err, bucket.ErrExists) {
		return c.adopt(ctx, d, key)
	}
	if err != nil {
		return committed{}, fmt.Errorf("writing the manifest of run %s: %w", d.run.GetRunId(), err)
	}
	return committed{key, drop.Digest(data), m.CommitTime, m.ExpireTime}, nil
}

// adopt goes on with a manifest that stands already, if it is byte for byte the one that we would
// have written at its commit time and with its producer.
func (c *Committer) adopt(ctx context.Context, d *pending, key string) (committed, error) {
	have, err := d.standing(ctx, key)
	if err != nil {
		return committed{}, fmt.Errorf("reading the manifest of run %s: %w", d.run.GetRunId(), err)
	}
	first, err := drop.ParseManifest(have)
	if err != nil {
		return committed{}, fenced(d, "manifest.json is not a manifest")
	}
	again := c.manifest(d, first.CommitTime, first.ProducerVersion)
	for i := range again.Tables {
		if uncounted(first) { // by a server of before
			again.Tables[i].Totals = nil
		}
	}
	mine, err := again.Encode()
	if err != nil || !bytes.Equal(mine, have) {
		return committed{}, fenced(d, "another manifest was committed")
	}
	return committed{key, drop.Digest(have), first.CommitTime, first.ExpireTime}, nil
}

func uncounted(m *drop.Manifest) bool {
	return !slices.ContainsFunc(m.Tables, func(t drop.Table) bool { return len(t.Totals) > 0 })
}

// standing reads what the bucket would not have us write because it is there.
func (d *pending) standing(ctx context.Context, key string) ([]byte, error) {
	data, _, err := d.bucket.Get(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, fault.New(fault.Unavailable, fault.ReasonBucketUnavailable, "the bucket says that %s is there, and then that it is not", key)
	}
	return data, err
}

func fenced(d *pending, why string) error {
	return fault.New(fault.State, fault.ReasonCommitFenced, "run %s: %s", d.run.GetRunId(), why)
}

// manifest lists the drop. Nothing in it but the two arguments may change between attempts.
func (c *Committer) manifest(d *pending, at time.Time, producer string) *drop.Manifest {
	at = at.UTC().Truncate(time.Millisecond)
	return &drop.Manifest{
		CustomerID: d.run.GetCustomerId(), CustomerName: d.revision.CustomerName, ExportID: d.run.GetExportId(),
		Revision: d.run.GetRevision(), RunID: d.run.GetRunId(), ResendsRunID: d.plan.Run.GetResendsRunId(), ScopeDigest: d.revision.ScopeDigest,
		ExportDate: d.run.GetExportDate(), DueTime: d.run.GetDueTime().AsTime(), AsOfTime: d.run.GetAsOfTime().AsTime(), AsOfReplanned: d.plan.Run.GetAsOfReplanned(),
		CommitTime: at, ExpireTime: at.AddDate(0, 0, d.revision.RetentionDays), ProducerVersion: producer,
		TraceID: d.plan.Run.GetTraceId(), Traceparent: d.plan.Run.GetTraceparent(), Format: d.revision.Format, Tables: d.tables(),
	}
}

func (d *pending) tables() []drop.Table {
	tables := make([]drop.Table, 0, len(d.revision.Layouts))
	for _, layout := range d.revision.Layouts {
		t := drop.Table{
			Table: layout.Table.Name, Definition: layout.Table.Definition, PrimaryKey: layout.Table.PrimaryKey, Schema: columns(layout),
			Totals: d.totals[layout],
		}
		for _, f := range d.files {
			if f.layout == layout {
				t.RowCount += f.receipt.GetRowCount()
				t.Files = append(t.Files, drop.File{
					Key: f.receipt.GetKey(), Bytes: f.receipt.GetFileBytes(), Rows: f.receipt.GetRowCount(),
					CRC64NVME: f.receipt.GetCrc64Nvme(), SHA256: f.receipt.GetSha256(),
				})
			}
		}
		tables = append(tables, t)
	}
	return tables
}

func columns(layout *dictionary.Layout) []drop.Column {
	columns := make([]drop.Column, 0, layout.Exported)
	for _, f := range layout.Fields[:layout.Exported] {
		columns = append(columns, drop.Column{Name: f.Name, Type: f.Column.Type.String(), Nullable: f.Column.Nullable, Definition: f.Column.Definition})
	}
	return columns
}

func writeSuccess(ctx context.Context, d *pending, done committed) error {
	data, err := drop.Success{Digest: done.digest}.Encode()
	if err != nil {
		return err
	}
	key := drop.SuccessKey(d.run.GetExportDate(), d.run.GetRunId())
	err = d.bucket.PutNew(ctx, key, data)
	if !errors.Is(err, bucket.ErrExists) {
		return err
	}
	have, err := d.standing(ctx, key)
	if err != nil {
		return fmt.Errorf("reading _SUCCESS of run %s: %w", d.run.GetRunId(), err)
	}
	if !bytes.Equal(have, data) {
		return fenced(d, "_SUCCESS vouches for another manifest")
	}
	return nil
}

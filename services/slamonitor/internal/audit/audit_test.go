package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/parquet-go/parquet-go"

	"github.com/customer-exports/exports/deploy/local/objectstore"
	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/services/slamonitor/internal/bucket"
	"github.com/customer-exports/exports/services/slamonitor/internal/sla"
)

const (
	owner = "111122223333"
	date  = "2026-11-23"
	runID = "acme-daily-20261123-1"
)

// calendarDay is DIM_DATES as it lands, spelled by hand and not by the Data Dictionary.
type calendarDay struct {
	DateID         int32   `parquet:"date_id,date"`
	Year           int64   `parquet:"year"`
	Quarter        int64   `parquet:"quarter"`
	Month          int64   `parquet:"month"`
	Day            int64   `parquet:"day"`
	Week           int64   `parquet:"week"`
	DayNameShort   string  `parquet:"day_name_short"`
	DayName        string  `parquet:"day_name"`
	MonthNameShort string  `parquet:"month_name_short"`
	MonthName      string  `parquet:"month_name"`
	IsWeekend      bool    `parquet:"is_weekend"`
	HolidayName    *string `parquet:"holiday_name,optional"`
}

// place is one S3 server with a bucket, and a drop of DIM_DATES to be damaged.
type place struct {
	writer *s3.Client
	reader *bucket.Reader
	file   []byte
	m      drop.Manifest
	// promised is the format of the approved revision.
	promised drop.Format
}

func newPlace(t *testing.T) *place {
	t.Helper()
	server, err := objectstore.Start(t.Context(), objectstore.Config{
		Root: t.TempDir(), Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Admin: objectstore.Account{AccessKey: owner, SecretKey: "admin-secret", Owner: owner},
		Users: []objectstore.User{{AccessKey: "writer", SecretKey: "writer-secret"}, {AccessKey: "reader", SecretKey: "reader-secret"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("closing the S3 server: %v", err)
		}
	})
	if err := server.CreateBucket(t.Context(), "acme-data", []objectstore.Grant{{AccessKey: "writer", Write: true}, {AccessKey: "reader"}}); err != nil {
		t.Fatal(err)
	}
	opener, err := bucket.NewOpener(bucket.Keys{AccessKey: "reader", SecretKey: "reader-secret"}, bucket.STS{})
	if err != nil {
		t.Fatal(err)
	}
	p := &place{
		writer: s3.New(s3.Options{
			Region: "us-east-1", BaseEndpoint: aws.String(server.Endpoint()), UsePathStyle: true,
			Credentials: credentials.NewStaticCredentialsProvider("writer", "writer-secret", ""),
		}),
		reader: opener.Open(bucket.Place{Bucket: "acme-data", Region: "us-east-1", Endpoint: server.Endpoint(), Owner: owner}),
	}
	p.file = encode(t, 1000)
	p.m = manifestOf(t, p.file, 1000)
	return p
}

func encode(t *testing.T, rows int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := parquet.NewGenericWriter[calendarDay](&out)
	holiday := "New Year"
	for i := range rows {
		day := calendarDay{DateID: int32(i), Year: 1970, DayName: strings.Repeat("x", i%50)} //nolint:gosec // small
		if i%7 == 0 {
			day.HolidayName = &holiday
		}
		if _, err := w.Write([]calendarDay{day}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func manifestOf(t *testing.T, file []byte, rows int64) drop.Manifest {
	t.Helper()
	layout, err := dictionary.Standard().Layout("DIM_DATES", nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(file)
	due := time.Date(2026, 11, 23, 23, 59, 0, 0, time.UTC)
	table := drop.Table{
		Table: "DIM_DATES", Definition: layout.Table.Definition, PrimaryKey: layout.Table.PrimaryKey, RowCount: rows,
		Files: []drop.File{{Key: drop.Format{}.PartKey("DIM_DATES", date, runID, 0), Bytes: int64(len(file)), Rows: rows, CRC64NVME: "AAAAAAAAAAA=", SHA256: hex.EncodeToString(sum[:])}},
	}
	for _, f := range layout.Fields[:layout.Exported] {
		table.Schema = append(table.Schema, drop.Column{Name: f.Name, Type: f.Column.Type.String(), Nullable: f.Column.Nullable, Definition: f.Column.Definition})
	}
	return drop.Manifest{
		ContractVersion: "1", CustomerID: "acme", CustomerName: "Acme", ExportID: "acme-daily", Revision: 1, RunID: runID, ScopeDigest: strings.Repeat("ab", 32),
		ExportDate: date, DueTime: due, AsOfTime: due, CommitTime: due.Add(time.Minute), ExpireTime: due.AddDate(0, 0, 30), ProducerVersion: "test",
		TraceID: strings.Repeat("1", 32), Traceparent: "00-" + strings.Repeat("1", 32) + "-" + strings.Repeat("2", 16) + "-01", Tables: []drop.Table{table},
	}
}

func (p *place) put(t *testing.T, key string, data []byte) {
	t.Helper()
	_, err := p.writer.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("acme-data"), Key: &key, Body: bytes.NewReader(data), ExpectedBucketOwner: aws.String(owner)})
	if err != nil {
		t.Fatal(err)
	}
}

// commit writes the drop as delivery does: file, manifest, marker.
func (p *place) commit(t *testing.T) {
	t.Helper()
	p.put(t, p.m.Tables[0].Files[0].Key, p.file)
	data, err := p.m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	p.put(t, drop.ManifestKey(date, runID), data)
	p.mark(t, drop.Digest(data))
}

func (p *place) mark(t *testing.T, digest string) {
	t.Helper()
	marker, err := drop.Success{Digest: digest}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	p.put(t, drop.SuccessKey(date, runID), marker)
}

func (p *place) audit(t *testing.T) sla.Audit {
	t.Helper()
	a := &Auditor{Dictionary: dictionary.Standard(), TempDir: t.TempDir()}
	found, err := a.Audit(context.WithoutCancel(t.Context()), p.reader, Promise{
		CustomerID: "acme", ExportID: "acme-daily", ExportDate: date, Revision: 1, ScopeDigest: strings.Repeat("ab", 32), Format: p.promised, Tables: []Selection{{Table: "DIM_DATES"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// rehash makes the manifest agree with damaged bytes, so that only decoding can tell.
func (p *place) rehash() {
	sum := sha256.Sum256(p.file)
	f := &p.m.Tables[0].Files[0]
	f.Bytes, f.SHA256 = int64(len(p.file)), hex.EncodeToString(sum[:])
}

func TestAudit(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, p *place)
		want   sla.Condition
	}{
		{"whole", func(t *testing.T, p *place) { p.commit(t) }, sla.Verified},
		{"nothing there", func(*testing.T, *place) {}, sla.Missing},
		{"file gone", func(t *testing.T, p *place) {
			p.commit(t)
			_, err := p.writer.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("acme-data"), Key: &p.m.Tables[0].Files[0].Key})
			if err != nil {
				t.Fatal(err)
			}
		}, sla.Missing},
		{"file empty", func(t *testing.T, p *place) { p.file = nil; p.commit(t) }, sla.Unreadable},
		{"one bit flipped", func(t *testing.T, p *place) { p.file[len(p.file)/2] ^= 1; p.commit(t) }, sla.Unreadable},
		{"footer damaged, manifest agrees", func(t *testing.T, p *place) {
			p.file[len(p.file)-1] = 'X'
			p.rehash()
			p.commit(t)
		}, sla.Unreadable},
		{"pages damaged, manifest agrees", func(t *testing.T, p *place) {
			for i := 4; i < 200; i++ {
				p.file[i] = 0xff
			}
			p.rehash()
			p.commit(t)
		}, sla.Unreadable},
		{"rows differ", func(t *testing.T, p *place) {
			p.m.Tables[0].Files[0].Rows = 999
			p.m.Tables[0].RowCount = 999
			p.commit(t)
		}, sla.Mismatch},
		{"other customer's manifest", func(t *testing.T, p *place) { p.m.CustomerID = "other"; p.commit(t) }, sla.Mismatch},
		{"other scope", func(t *testing.T, p *place) { p.m.ScopeDigest = strings.Repeat("cd", 32); p.commit(t) }, sla.Mismatch},
		{"other revision", func(t *testing.T, p *place) { p.m.Revision = 2; p.commit(t) }, sla.Mismatch},
		{"marker of another manifest", func(t *testing.T, p *place) {
			p.commit(t)
			p.mark(t, strings.Repeat("0", 64))
		}, sla.Mismatch},
		{"type changed in the manifest", func(t *testing.T, p *place) { p.m.Tables[0].Schema[1].Type = "FLOAT"; p.commit(t) }, sla.Mismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t)
			tt.damage(t, p)
			found := p.audit(t)
			if got := found.Condition(); got != tt.want {
				t.Errorf("condition = %s, want %s; findings %+v", got, tt.want, found.Findings)
			}
			for _, f := range found.Findings {
				if f.Message == "" || !strings.HasPrefix(f.FilePath, "s3://acme-data/") && f.FilePath != "" {
					t.Errorf("finding %+v does not say what and where", f)
				}
			}
		})
	}
}

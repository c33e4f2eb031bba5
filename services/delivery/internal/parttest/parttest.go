// Package parttest makes revisions, rows and streams for the tests of part, commit and app: what an
// extractor would send, whole or damaged. It imports no server. Start at Revision and Rows.Stream.
package parttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/minio/crc64nvme"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/customer-exports/exports/pkg/dictionary"
	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/scope"
	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	taskv1 "github.com/customer-exports/exports/proto/exports/task/v1"
	"github.com/customer-exports/exports/services/delivery/internal/approved"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/part"
)

// What the one export of these tests is.
const (
	Customer = "acme"
	Export   = "acme-daily"
	Owner    = "111122223333"
	Brand    = "corner bistro"
	Location = "loc-1"
)

// Tables of the revision: shared, scoped directly, and scoped by a parent.
var tables = []string{"DIM_DATES", "DIM_LOCATIONS", "FACT_MESSAGES"}

// Run is the export's run on a date.
func Run(date string) *taskv1.RunRef {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		panic(err) // a wrong constant in a test
	}
	due := timestamppb.New(day.Add(5 * time.Hour))
	return &taskv1.RunRef{
		RunId: Export + "-" + day.Format("20060102") + "-1", CustomerId: Customer, ExportId: Export,
		Revision: 1, ExportDate: date, DueTime: due, AsOfTime: due,
	}
}

// Runs is a planner to which every run is as Err says; nil means that it waits for its parts.
type Runs struct{ Err error }

// Wanted implements part.Runs.
func (r Runs) Wanted(context.Context, string) error { return r.Err }

// Answer is what the config service says of the revision.
func Answer(t testing.TB, d bucket.Destination) *configv1.GetRevisionResponse {
	t.Helper()
	allowed := &commonv1.Scope{Brands: []string{Brand}, LocationIds: []string{Location, "loc-2"}}
	set, err := scope.FromProto(allowed)
	if err != nil {
		t.Fatal(err)
	}
	spec := &configv1.ExportSpec{
		Scope: allowed,
		Destination: &configv1.Destination{
			Bucket: d.Bucket, Region: d.Region, Endpoint: d.Endpoint, ExpectedBucketOwner: d.Owner,
			RoleArn: d.Role, ExternalId: d.ExternalID, KmsKeyArn: d.KMSKey,
		},
	}
	for _, table := range tables {
		spec.Tables = append(spec.Tables, &configv1.TableSelection{Table: table})
	}
	return &configv1.GetRevisionResponse{
		Revision: &configv1.Revision{
			Revision: 1, Spec: spec, ScopeDigest: set.Digest(), State: configv1.RevisionState_REVISION_STATE_IN_FORCE,
		},
		Customer: &configv1.Customer{CustomerId: Customer, DisplayName: "Acme Restaurants"},
	}
}

// Revision is Answer as delivery understands it.
func Revision(t testing.TB, d bucket.Destination) *approved.Revision {
	t.Helper()
	return RevisionIn(t, d, nil)
}

// RevisionIn is Revision with files of another format.
func RevisionIn(t testing.TB, d bucket.Destination, format *configv1.Format) *approved.Revision {
	t.Helper()
	answer := Answer(t, d)
	answer.Revision.Spec.Format = format
	revision, err := approved.New(answer, dictionary.Standard())
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// Rows describes the rows of one part.
type Rows struct {
	Table    string
	Count    int
	PerBatch int // 0 means all in one
	// Foreign is the index of one row outside the scope; below 0 none is.
	Foreign int
	// Null names a column whose first value is null; "" none.
	Null string
	// Width is the length of free text, to make files large.
	Width int
}

// Layout is that of the rows' table.
func (r Rows) Layout(t testing.TB) *dictionary.Layout {
	t.Helper()
	layout, err := dictionary.Standard().Layout(r.Table, nil)
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

// Stream encodes the rows as an extractor does.
func (r Rows) Stream(t testing.TB) *Stream {
	t.Helper()
	layout := r.Layout(t)
	sent := &messages{}
	writer := ipc.NewWriterWithPayloadWriter(sent, ipc.WithSchema(arrowschema.Of(layout)))
	perBatch := r.PerBatch
	if perBatch == 0 {
		perBatch = max(r.Count, 1)
	}
	for from := 0; from < r.Count; from += perBatch {
		batch := r.batch(layout, from, min(from+perBatch, r.Count))
		if err := writer.Write(batch); err != nil {
			t.Fatal(err)
		}
		batch.Release()
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return &Stream{Schema: sent.all[0], Batches: sent.all[1:], Rows: int64(r.Count)}
}

// Header is the header of part index of a run.
func (s *Stream) Header(run *taskv1.RunRef, table string, index int32) part.Header {
	return part.Header{Run: run, Table: table, Index: index, Attempt: 1, Schema: s.Schema}
}

// Stream is a part.Stream; tests damage its fields before they use it.
type Stream struct {
	Schema  []byte
	Batches [][]byte
	Rows    int64
	// Trailer replaces the right one; NoTrailer leaves it out.
	Trailer   *part.Trailer
	NoTrailer bool
	// After comes behind the trailer. Err ends the stream instead of an orderly end.
	After []byte
	Err   error

	next int
	lent []byte
}

// Right is the trailer that belongs to the batches.
func (s *Stream) Right() *part.Trailer {
	crc := crc64nvme.New()
	for _, b := range s.Batches {
		crc.Write(b)
	}
	return &part.Trailer{Batches: int64(len(s.Batches)), Rows: s.Rows, CRC: crc.Sum64()}
}

// Next gives the next message.
func (s *Stream) Next() ([]byte, *part.Trailer, error) {
	at := s.next - len(s.Batches)
	s.next++
	switch {
	case at < 0:
		return s.lend(s.Batches[s.next-1]), nil, nil
	case at == 0 && !s.NoTrailer:
		if s.Trailer == nil {
			s.Trailer = s.Right()
		}
		return nil, s.Trailer, nil
	case at == 1 && s.After != nil:
		return s.After, nil, nil
	case s.Err != nil:
		return nil, nil, s.Err
	}
	return nil, nil, io.EOF
}

// lend gives a message as far from alignment as gRPC does, and has whoever still reads the one before read nonsense.
func (s *Stream) lend(message []byte) []byte {
	for i := range s.lent {
		s.lent[i] = 0xEE
	}
	s.lent = append(make([]byte, 4, 4+len(message)), message...)[4:]
	return s.lent
}

// messages collects what an Arrow writer sends, one message each.
type messages struct{ all [][]byte }

func (m *messages) Start() error { return nil }
func (m *messages) Close() error { return nil }

func (m *messages) WritePayload(p ipc.Payload) error {
	meta := p.Meta()
	defer meta.Release()
	padding := (8 - meta.Len()%8) % 8
	head := binary.LittleEndian.AppendUint32([]byte{255, 255, 255, 255}, uint32(meta.Len()+padding))
	message := bytes.NewBuffer(append(append(head, meta.Bytes()...), make([]byte, padding)...))
	if err := p.SerializeBody(message); err != nil {
		return err
	}
	m.all = append(m.all, message.Bytes())
	return nil
}

// documents are the kinds whose text is JSON.
var documents = map[dictionary.Kind]bool{dictionary.KindVariant: true, dictionary.KindObject: true, dictionary.KindArray: true}

func (r Rows) batch(layout *dictionary.Layout, from, until int) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrowschema.Of(layout))
	defer b.Release()
	for column, builder := range b.Fields() {
		for i := from; i < until; i++ {
			switch {
			case column == layout.BrandField:
				builder.(*array.StringBuilder).Append(Brand)
			case column == layout.LocationField && i == r.Foreign:
				builder.(*array.StringBuilder).Append("loc-9")
			case column == layout.LocationField:
				builder.(*array.StringBuilder).Append(Location)
			case i == 0 && layout.Fields[column].Name == r.Null:
				builder.AppendNull()
			case documents[layout.Fields[column].Column.Type.Kind]:
				builder.(*array.StringBuilder).Append(`{"text":"` + r.text(i) + `"}`)
			default:
				r.fill(builder, i)
			}
		}
	}
	return b.NewRecord()
}

func (r Rows) fill(builder array.Builder, i int) {
	switch b := builder.(type) {
	case *array.StringBuilder:
		b.Append(r.text(i))
	case *array.Int64Builder:
		b.Append(int64(i))
	case *array.Decimal128Builder:
		b.Append(decimal128.FromI64(int64(i)))
	case *array.BooleanBuilder:
		b.Append(i%2 == 0)
	case *array.Date32Builder:
		b.Append(arrow.Date32(20_000 + i%1000))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(1_700_000_000_000_000 + int64(i)))
	case *array.Float64Builder:
		b.Append(float64(i))
	default:
		b.AppendNull()
	}
}

// text cannot be compressed, so that its width is what it costs.
func (r Rows) text(i int) string {
	text := fmt.Sprintf("text-%d", i)
	for len(text) < r.Width {
		text += fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	}
	return text
}

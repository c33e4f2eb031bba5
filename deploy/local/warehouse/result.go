package warehouse

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/duckdb/duckdb-go/v2"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// result is the outcome of a statement: its first rows inline, the others as chunk files.
type result struct {
	columns    []column
	key        string // what clients must send back to fetch a chunk
	inline     []byte
	inlineRows int64
	chunks     []chunkFile
	total      int64
	bytes      int64
	gone       bool // the chunks were removed
}

// chunkFile is a spooled chunk: a gzip Arrow IPC stream.
type chunkFile struct {
	path                     string
	rows                     int64
	compressed, uncompressed int64
}

// remove deletes the chunk files; their addresses answer 403 from then on.
func (r *result) remove() {
	if r == nil {
		return
	}
	for _, c := range r.chunks {
		_ = os.Remove(c.path) // a file that is gone is what was wanted
	}
	r.bytes, r.gone = 0, true
}

// sliceRows is how many stored rows one DuckDB query scans: DuckDB holds the whole outcome of a query
// in memory, so a large scan runs as several.
const sliceRows = 1 << 18

// produce runs a statement and spools what it gives.
func (s *Server) produce(ctx context.Context, id string, st statement, binds []any) (*result, error) {
	stored := int64(1)
	if st.sliced != "" {
		if err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM analytics."+name(st.sliced)).Scan(&stored); err != nil {
			return nil, fmt.Errorf("counting %s: %w", st.sliced, err)
		}
	}
	w := newSpooler(s, id, st.columns)
	defer w.release()
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening connection: %w", err)
	}
	defer func() { _ = conn.Close() }()
	for from := int64(0); from < stored; from += sliceRows {
		if err := scan(ctx, conn, st.text(from, from+sliceRows), binds, w.add); err != nil {
			return nil, err
		}
	}
	return w.finish()
}

// scan passes the record batches of one DuckDB query on. They are released afterwards.
func scan(ctx context.Context, conn *sql.Conn, text string, binds []any, yield func(arrow.RecordBatch) error) error {
	err := conn.Raw(func(driverConn any) error {
		connection, ok := driverConn.(*duckdb.Conn)
		if !ok {
			return fmt.Errorf("unexpected connection %T", driverConn)
		}
		reader, err := duckdb.NewArrowFromConn(connection)
		if err != nil {
			return fmt.Errorf("opening Arrow interface: %w", err)
		}
		batches, err := reader.QueryContext(ctx, text, binds...)
		if err != nil {
			return fmt.Errorf("querying: %w", err)
		}
		defer batches.Release()
		for batches.Next() {
			if err := yield(batches.RecordBatch()); err != nil {
				return err
			}
		}
		return batches.Err()
	})
	if err != nil {
		return fmt.Errorf("scanning: %w", err)
	}
	return nil
}

type rowType struct {
	Name       string `json:"name"`
	Database   string `json:"database"`
	Schema     string `json:"schema"`
	Table      string `json:"table"`
	Type       string `json:"type"`
	Precision  *int   `json:"precision"`
	Scale      *int   `json:"scale"`
	Length     *int   `json:"length"`
	ByteLength *int   `json:"byteLength"`
	Nullable   bool   `json:"nullable"`
}

// Lengths that the source announces for unbounded text and bytes.
const (
	textLength   = 16 << 20
	binaryLength = 8 << 20
)

func (c column) rowType() rowType {
	t := rowType{Name: c.Name, Type: wireName(c.Type.Kind), Nullable: c.Nullable}
	switch {
	case c.Type.Kind == dictionary.KindNumber:
		t.Precision, t.Scale = new(c.Type.Precision), new(c.Type.Scale)
	case c.Type.Kind.Timestamp() || c.Type.Kind == dictionary.KindTime:
		t.Precision, t.Scale = new(0), new(c.Type.Scale)
	case c.Type.Kind == dictionary.KindString:
		t.Length, t.ByteLength = new(textLength), new(textLength)
	case c.Type.Kind == dictionary.KindBinary:
		t.Length, t.ByteLength = new(binaryLength), new(binaryLength)
	}
	return t
}

// wireName is the protocol's lower-case name of a kind.
func wireName(k dictionary.Kind) string {
	names := map[dictionary.Kind]string{
		dictionary.KindNumber: "fixed", dictionary.KindFloat: "real", dictionary.KindString: "text",
		dictionary.KindBoolean: "boolean", dictionary.KindDate: "date", dictionary.KindTime: "time",
		dictionary.KindTimestampNTZ: "timestamp_ntz", dictionary.KindTimestampLTZ: "timestamp_ltz",
		dictionary.KindTimestampTZ: "timestamp_tz", dictionary.KindVariant: "variant",
		dictionary.KindObject: "object", dictionary.KindArray: "array", dictionary.KindBinary: "binary",
		dictionary.KindGeography: "geography", dictionary.KindVector: "vector",
	}
	return names[k]
}

type chunkEntry struct {
	URL              string `json:"url"`
	RowCount         int64  `json:"rowCount"`
	UncompressedSize int64  `json:"uncompressedSize"`
	CompressedSize   int64  `json:"compressedSize"`
}

// selectStatement is the statement type of a SELECT.
const selectStatement = 4096

// keyHeader is the header that a client must send back with every chunk request.
const keyHeader = "X-Chunk-Key"

// answerResult writes the result document, bent by the faults of results.
func (s *Server) answerResult(w http.ResponseWriter, request *http.Request, q *query) {
	if q.err != nil {
		refuse(w, q.err, q.info.ID)
		return
	}
	r := q.result
	rowTypes := make([]rowType, 0, len(r.columns))
	for _, c := range r.columns {
		rowTypes = append(rowTypes, c.rowType())
	}
	document := map[string]any{
		"parameters": parameters(q.session), "rowtype": rowTypes, "queryId": q.info.ID,
		"statementTypeId": selectStatement, "queryResultFormat": "arrow", "version": 1,
		"rowsetBase64": base64.StdEncoding.EncodeToString(r.inline),
		"total":        r.total, "returned": r.total,
	}
	entries := s.chunkEntries(q)
	s.bend(q.info.SQL, document, entries, r)
	if len(entries) > 0 && document["queryResultFormat"] == "arrow" {
		document["chunks"] = entries
		document["chunkHeaders"] = map[string]string{keyHeader: r.key}
	}
	if f, ok := s.faults.take(q.info.SQL, anyChunk, AnswerStall, AnswerLost); ok {
		// What cannot be written is an answer that is lost altogether.
		text, _ := json.Marshal(envelope{Data: document, Success: true})
		half(w, request, text, f.Kind == AnswerStall)
	}
	answer(w, document)
}

func (s *Server) chunkEntries(q *query) []chunkEntry {
	entries := make([]chunkEntry, 0, len(q.result.chunks))
	for i, c := range q.result.chunks {
		entries = append(entries, chunkEntry{
			URL:      fmt.Sprintf("http://%s/chunks/%s/%d", s.Addr(), q.info.ID, i),
			RowCount: c.rows, UncompressedSize: c.uncompressed, CompressedSize: c.compressed,
		})
	}
	return entries
}

func (s *Server) bend(sql string, document map[string]any, entries []chunkEntry, r *result) {
	if _, ok := s.faults.take(sql, anyChunk, WrongTotal); ok {
		document["total"] = r.total + 1
	}
	if len(entries) > 0 {
		if f, ok := s.faults.take(sql, anyChunk, WrongChunkCount); ok {
			chunk := 0
			if f.Chunk != nil {
				chunk = min(*f.Chunk, len(entries)-1)
			}
			entries[chunk].RowCount++
			document["total"] = r.total + 1
		}
	}
	if _, ok := s.faults.take(sql, anyChunk, JSONResult); ok {
		document["queryResultFormat"], document["rowset"] = "json", [][]string{}
		delete(document, "rowsetBase64")
	}
}

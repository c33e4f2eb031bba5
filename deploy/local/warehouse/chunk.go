package warehouse

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/klauspost/compress/gzip"
)

// chunk serves a chunk file to whoever holds its address and the result's key, as object stores do.
func (s *Server) chunk(w http.ResponseWriter, r *http.Request) {
	index, err := strconv.Atoi(r.PathValue("index"))
	q := s.queries.find(r.PathValue("id"))
	if err != nil || q == nil || !s.mayFetch(q, index, r.Header.Get(keyHeader)) {
		http.Error(w, "Request has expired", http.StatusForbidden)
		return
	}
	fault, struck := s.faults.take(q.info.SQL, index, ChunkForbidden, ChunkUnavailable, ChunkStall, ChunkLost, CutMidMessage, CutAtBoundary)
	body, err := os.ReadFile(q.result.chunks[index].path)
	if err == nil && struck {
		body, err = damage(fault.Kind, body)
	}
	switch {
	case err != nil || fault.Kind == ChunkForbidden:
		http.Error(w, "Request has expired", http.StatusForbidden)
	case fault.Kind == ChunkUnavailable:
		http.Error(w, "Slow down", http.StatusServiceUnavailable)
	case fault.Kind == ChunkStall || fault.Kind == ChunkLost:
		w.Header().Set("Content-Encoding", "gzip")
		half(w, r, body, fault.Kind == ChunkStall)
	default:
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // a client that left cannot be told
	}
}

// mayFetch reports whether the chunk exists and the key is the result's.
func (s *Server) mayFetch(q *query, index int, key string) bool {
	select {
	case <-q.done:
	default:
		return false
	}
	return q.result != nil && key == q.result.key && index >= 0 && index < len(q.result.chunks)
}

// half sends half the body and then breaks the connection off, or sends nothing until the client leaves or
// the server closes.
func half(w http.ResponseWriter, r *http.Request, body []byte, stay bool) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	if stay {
		<-r.Context().Done()
	}
	panic(http.ErrAbortHandler) // which closes the connection, and is not reported
}

// damage shortens a chunk so that transport and compression still end cleanly.
func damage(kind FaultKind, body []byte) ([]byte, error) {
	if kind != CutMidMessage && kind != CutAtBoundary {
		return body, nil
	}
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("unpacking chunk: %w", err)
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		return nil, fmt.Errorf("unpacking chunk: %w", err)
	}
	if kind == CutMidMessage {
		// Messages end at multiples of eight, so an odd length is inside of one.
		return pack(plain[:len(plain)*2/3|1])
	}
	plain, err = firstBatch(plain)
	if err != nil {
		return nil, err
	}
	return pack(plain)
}

// firstBatch keeps the schema and, when there are several, the first record batch, without the
// end-of-stream mark.
func firstBatch(plain []byte) ([]byte, error) {
	reader, err := ipc.NewReader(bytes.NewReader(plain))
	if err != nil {
		return nil, fmt.Errorf("reading chunk: %w", err)
	}
	defer reader.Release()
	var kept bytes.Buffer
	writer := ipc.NewWriter(&kept, ipc.WithSchema(reader.Schema()))
	first := true
	for reader.Next() {
		batch := reader.RecordBatch()
		if !first {
			return kept.Bytes(), nil
		}
		if err := writer.Write(batch); err != nil {
			return nil, fmt.Errorf("writing record batch: %w", err)
		}
		first = false
	}
	// There is one batch only: cut before it, after the schema.
	only := ipc.NewWriter(&kept, ipc.WithSchema(reader.Schema()))
	kept.Reset()
	if err := only.Close(); err != nil {
		return nil, fmt.Errorf("writing schema: %w", err)
	}
	return kept.Bytes()[:kept.Len()-endOfStream], nil
}

// endOfStream is the length of the mark that ends an IPC stream.
const endOfStream = 8

func pack(plain []byte) ([]byte, error) {
	var packed bytes.Buffer
	compressor := gzip.NewWriter(&packed)
	if _, err := compressor.Write(plain); err != nil {
		return nil, fmt.Errorf("packing chunk: %w", err)
	}
	if err := compressor.Close(); err != nil {
		return nil, fmt.Errorf("packing chunk: %w", err)
	}
	return packed.Bytes(), nil
}

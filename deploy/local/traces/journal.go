package traces

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

const (
	currentFile  = "spans.jsonl"
	previousFile = "spans.previous.jsonl"
)

// journal is the copy of the spans on disk: one JSON object a line, in two files
// of which the older one is overwritten when the newer one is full.
type journal struct {
	dir string
	max int64

	mu   sync.Mutex
	file *os.File
	size int64
}

// openJournal returns also the spans that are there already, oldest first.
func openJournal(dir string, maxBytes int64) (*journal, []Span, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, nil, fmt.Errorf("making the folder of traces: %w", err)
	}
	var spans []Span
	for _, name := range []string{previousFile, currentFile} {
		more, err := readSpans(filepath.Join(dir, name))
		if err != nil {
			return nil, nil, fmt.Errorf("reading %s: %w", name, err)
		}
		spans = append(spans, more...)
	}
	j := &journal{dir: dir, max: maxBytes}
	return j, spans, j.open()
}

// readSpans skips what is no span: a process that was killed leaves half a line.
func readSpans(path string) ([]Span, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var spans []Span
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxMessage)
	for lines.Scan() {
		var span Span
		if json.Unmarshal(lines.Bytes(), &span) == nil && span.TraceID != "" {
			spans = append(spans, span)
		}
	}
	return spans, lines.Err()
}

func (j *journal) open() error {
	f, err := os.OpenFile(filepath.Join(j.dir, currentFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the file of spans: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("measuring the file of spans: %w", err), f.Close())
	}
	j.file, j.size = f, info.Size()
	return nil
}

func (j *journal) append(spans []Span) error {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, span := range spans {
		if err := encoder.Encode(span); err != nil {
			return fmt.Errorf("encoding span %s: %w", span.SpanID, err)
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.size > 0 && j.size+int64(lines.Len()) > j.max {
		if err := j.turn(); err != nil {
			return err
		}
	}
	n, err := j.file.Write(lines.Bytes())
	j.size += int64(n)
	if err != nil {
		return fmt.Errorf("appending spans: %w", err)
	}
	return nil
}

// turn starts a new file and keeps the full one in place of the one before.
func (j *journal) turn() error {
	if err := os.Rename(filepath.Join(j.dir, currentFile), filepath.Join(j.dir, previousFile)); err != nil {
		return fmt.Errorf("setting the full file of spans aside: %w", err)
	}
	if err := j.file.Close(); err != nil {
		return fmt.Errorf("closing the full file of spans: %w", err)
	}
	return j.open()
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.file.Close()
}

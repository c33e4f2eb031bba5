package encodetest

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/customer-exports/exports/pkg/dictionary"
)

// wasm reads with parquet-wasm, the Rust library compiled for the browser, and apache-arrow for JavaScript, as a customer's
// web page would. It is one process of node for all files: paths go in, values come out, a line each.
type wasm struct {
	in  io.Writer
	out *bufio.Reader
}

func startWasm(t *testing.T) wasm {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	folder := filepath.Join(filepath.Dir(here), "wasm")
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal("parquet-wasm is not installed: run make readers, which needs node and npm")
	}
	command := exec.Command("node", filepath.Join(folder, "read.mjs"))
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("starting node: %v", err)
	}
	t.Cleanup(func() {
		_ = in.Close() // ends it
		if err := command.Wait(); err != nil {
			t.Errorf("node ended: %v", err)
		}
	})
	return wasm{in, bufio.NewReader(out)}
}

func (w wasm) read(t testing.TB, path string, layout *dictionary.Layout) values {
	t.Helper()
	if _, err := fmt.Fprintln(w.in, path); err != nil {
		t.Fatalf("asking node: %v", err)
	}
	line, err := w.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("parquet-wasm reads %s: %v", path, err)
	}
	var answer struct {
		Error   string
		Columns [][]*string
	}
	if err := json.Unmarshal(line, &answer); err != nil || answer.Error != "" {
		t.Fatalf("parquet-wasm reads %s: %s %v", path, answer.Error, err)
	}
	columns := make(values, len(answer.Columns))
	for i, column := range answer.Columns {
		columns[i] = make([]string, len(column))
		for row, raw := range column {
			columns[i][row] = ofWasm(raw, layout.Fields[i].Column.Type)
		}
	}
	return columns
}

// ofWasm spells a raw value: integers in digits, doubles as their bits, texts and bytes in hex.
func ofWasm(raw *string, t dictionary.Type) string {
	if raw == nil {
		return null
	}
	switch {
	case t.Kind == dictionary.KindNumber:
		n, ok := new(big.Int).SetString(*raw, 10)
		if !ok {
			return *raw
		}
		return point(n, t.Scale)
	case t.Kind == dictionary.KindFloat:
		bits, err := strconv.ParseUint(*raw, 16, 64)
		if err != nil {
			return *raw
		}
		return float(math.Float64frombits(bits))
	case t.Kind == dictionary.KindString, t.Kind.Semistructured():
		text, err := hex.DecodeString(*raw)
		if err != nil {
			return *raw
		}
		return strconv.Quote(string(text))
	}
	return *raw
}

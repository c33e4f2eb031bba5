package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/customer-exports/exports/deploy/local/demo"
	"github.com/customer-exports/exports/deploy/local/stack"
)

// saved is demo.json as a script reads it: field by field, knowing nothing of the code that wrote it.
type saved struct {
	Runs []struct {
		RunID      *string  `json:"run_id"`
		CustomerID *string  `json:"customer_id"`
		ExportDate *string  `json:"export_date"`
		TraceID    *string  `json:"trace_id"`
		Verdict    *string  `json:"verdict"`
		Seconds    *float64 `json:"seconds"`
		Tables     []struct {
			Table *string  `json:"table"`
			Rows  *int64   `json:"rows"`
			Bytes *int64   `json:"bytes"`
			Files []string `json:"files"`
		} `json:"tables"`
	} `json:"runs"`
}

// checkReport asserts that demo.json tells the truth about a delivery, and so does what is printed.
func checkReport(t *testing.T, s *stack.Stack, results []demo.Result, report *demo.Report) {
	t.Helper()
	got := reread(t, report)
	if len(got.Runs) != len(results) {
		t.Fatalf("%d of %d runs are in the report", len(got.Runs), len(results))
	}
	for i, run := range got.Runs {
		r, ref := results[i], results[i].Run.GetRef()
		punctuality := strings.ToLower(strings.TrimPrefix(r.Verdict.GetPunctuality().String(), "PUNCTUALITY_"))
		want := []string{ref.GetRunId(), ref.GetCustomerId(), ref.GetExportDate(), r.Run.GetTraceId(), punctuality}
		if got := []string{*run.RunID, *run.CustomerID, *run.ExportDate, *run.TraceID, *run.Verdict}; !slices.Equal(got, want) || *run.Seconds <= 0 {
			t.Errorf("run, customer, date, trace and verdict are %q after %f s, want %q", got, *run.Seconds, want)
		}
		if len(run.Tables) != len(r.Run.GetTables()) {
			t.Fatalf("%d of %d tables of %s are in the report", len(run.Tables), len(r.Run.GetTables()), *run.RunID)
		}
		for j, table := range run.Tables {
			measured, bytes := r.Run.GetTables()[j], sizeOf(t, paths(s, r.Engagement, demo.TableReport{Files: table.Files}))
			if *table.Table != measured.GetTable() || *table.Rows != measured.GetMeasuredRowCount() || *table.Bytes != bytes || bytes == 0 {
				t.Errorf("%s has %d rows and %d bytes, want %s with %d rows and the %d bytes of its files",
					*table.Table, *table.Rows, *table.Bytes, measured.GetTable(), measured.GetMeasuredRowCount(), bytes)
			}
		}
	}
	checkPrinted(t, s, results, report)
}

// reread saves a report and reads the file.
func reread(t *testing.T, report *demo.Report) (got saved) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "demo.json")
	if err := report.Save(file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func sizeOf(t *testing.T, files []string) (bytes int64) {
	t.Helper()
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	return bytes
}

// What a person is told to look at next.
var (
	printedPlace   = regexp.MustCompile(`(?m)^  (files|manifest) +(/\S+)$`)
	printedTrace   = regexp.MustCompile(`(?m)^  trace +(http://\S+)$`)
	printedCommand = regexp.MustCompile(`(?m)^  \.bin/grpcurl -plaintext -d '(.*)' 127\.0\.0\.1:(\d+) (\S+)/(\w+)$`)
)

// checkPrinted follows everything that a person is told after a delivery.
func checkPrinted(t *testing.T, s *stack.Stack, results []demo.Result, report *demo.Report) {
	t.Helper()
	var out strings.Builder
	(&demo.Demo{Stack: s}).Print(&out, report, results)
	for _, run := range report.Runs {
		for _, table := range run.Tables {
			if !regexp.MustCompile(run.CustomerID + ` +` + table.Table + ` +[\d,]+ +[\d.]+ +\d+`).MatchString(out.String()) {
				t.Errorf("%s of %s is not in the printed table", table.Table, run.CustomerID)
			}
		}
	}
	places, pages := printedPlace.FindAllStringSubmatch(out.String(), -1), printedTrace.FindAllStringSubmatch(out.String(), -1)
	commands := printedCommand.FindAllStringSubmatch(out.String(), -1)
	if len(places) != 2*len(results) || len(pages) != len(results) || len(commands) != 3 {
		t.Fatalf("%d places, %d trace pages and %d commands are printed:\n%s", len(places), len(pages), len(commands), out.String())
	}
	for _, place := range places {
		if _, err := os.Stat(place[2]); err != nil {
			t.Errorf("the %s are not where it says: %v", place[1], err)
		}
	}
	for i, page := range pages {
		if text := fetch(t, page[1]); !strings.Contains(text, report.Runs[i].RunID) {
			t.Errorf("%s does not show %s", page[1], report.Runs[i].RunID)
		}
	}
	for _, c := range commands {
		invoke(t, c[1], c[2], protoreflect.FullName(c[3]), protoreflect.Name(c[4]))
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("%s answers %s, %v", url, answer.Status, err)
	}
	return string(text)
}

// invoke does what grpcurl does with a printed command.
func invoke(t *testing.T, data, port string, service protoreflect.FullName, method protoreflect.Name) {
	t.Helper()
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(service.Append(method))
	if err != nil {
		t.Fatal(err)
	}
	rpc := found.(protoreflect.MethodDescriptor)
	ask, answer := dynamicpb.NewMessage(rpc.Input()), dynamicpb.NewMessage(rpc.Output())
	if err := protojson.Unmarshal([]byte(data), ask); err != nil {
		t.Fatalf("%s does not fit %s: %v", data, method, err)
	}
	if err := dial(t, number).Invoke(t.Context(), fmt.Sprintf("/%s/%s", service, method), ask, answer); err != nil || proto.Size(answer) == 0 {
		t.Errorf("%s %s answers %v, %v", method, data, answer, err)
	}
}

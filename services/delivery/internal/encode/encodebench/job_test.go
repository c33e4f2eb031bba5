package encodebench

import (
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
)

// job is what one process does; a contender's name is its Work.
type job struct {
	Work, Table, Codec string
	Rows, Batch        int
	ArrowBytes         int64
	In, Out, Profile   string
	Compare            bool // say the digest of the rows in Out
}

// drawing is the Work that writes the input to Out.
const drawing = "drawing"

// outcome is what it took and what came of it.
type outcome struct {
	Seconds    float64 // of CPU, without what was done aside
	PeakRSS    int64   // bytes
	OutBytes   int64
	ArrowBytes int64
	Digest     string
}

const jobVariable = "EXPORTS_ENCODE_JOB"

func runJob(b *testing.B, j job) outcome {
	b.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		b.Fatal(err)
	}
	command := exec.Command(os.Args[0], "-test.run=^TestJob$")
	command.Env = append(os.Environ(), jobVariable+"="+string(text), "GOMAXPROCS=1")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		b.Fatalf("%s: %v\n%s", j.Work, err, out)
	}
	var o outcome
	line, _, _ := strings.Cut(string(out), "\n")
	if err := json.Unmarshal([]byte(line), &o); err != nil {
		b.Fatalf("%s said %q: %v", j.Work, out, err)
	}
	return o
}

// TestJob does the job that the benchmark gave this process. Without one it has every contender write a few rows.
func TestJob(t *testing.T) {
	if text := os.Getenv(jobVariable); text != "" {
		var j job
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			t.Fatal(err)
		}
		if err := json.NewEncoder(os.Stdout).Encode(j.do(t)); err != nil {
			t.Fatal(err)
		}
		return
	}
	in := filepath.Join(t.TempDir(), "in.arrows")
	for _, table := range []string{"FACT_TRANSACTIONS", "FACT_REVIEWS"} {
		drawn := job{Work: drawing, Table: table, Rows: 1000, Batch: 300, Out: in}.do(t)
		if drawn.ArrowBytes == 0 {
			t.Errorf("%s: got no rows", table)
		}
		digests := map[string]string{}
		for _, c := range slices.Concat(encoders, stages) {
			for _, codec := range []string{"snappy", "zstd-1"} {
				o := job{Work: c.name, Table: table, Codec: codec, In: in, Out: filepath.Join(t.TempDir(), "out"), Compare: true}.do(t)
				if o.OutBytes == 0 || o.Seconds <= 0 || o.PeakRSS == 0 {
					t.Errorf("%s: got %+v", c.name, o)
				}
				digests[o.Digest] = c.name
			}
		}
		if len(digests) != 1 {
			t.Errorf("%s: encoders wrote different rows: %v", table, digests)
		}
	}
}

func (j job) do(t testing.TB) outcome {
	t.Helper()
	if j.Work == drawing {
		return outcome{ArrowBytes: j.draw(t)}
	}
	all := slices.Concat(encoders, peers, stages)
	chosen := all[slices.IndexFunc(all, func(c contender) bool { return c.name == j.Work })]
	stop := j.profile(t)
	m := &meter{}
	begin := cpu()
	if err := chosen.write(t, j, m); err != nil {
		t.Fatalf("%s: %v", j.Work, err)
	}
	o := outcome{Seconds: cpu() - begin - m.elsewhere, PeakRSS: cmp.Or(m.peak, peakRSS())}
	stop()
	info, err := os.Stat(j.Out)
	if err != nil {
		t.Fatal(err)
	}
	o.OutBytes = info.Size()
	if j.Compare {
		o.Digest = digest(t, j.Out)
	}
	return o
}

func (j job) draw(t testing.TB) int64 {
	t.Helper()
	j.In = j.Out
	var files [2]*os.File
	for i, name := range []string{j.In, j.pointed().In} {
		var err error
		if files[i], err = os.Create(name); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = files[i].Close() }()
	}
	return writeRows(t, files[0], files[1], layoutOf(t, j.Table), j.Rows, j.Batch)
}

// profile begins a CPU profile when the job names a file for it.
func (j job) profile(t testing.TB) (stop func()) {
	t.Helper()
	if j.Profile == "" {
		return func() {}
	}
	file, err := os.Create(j.Profile)
	if err != nil {
		t.Fatal(err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		t.Fatal(err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close()
	}
}

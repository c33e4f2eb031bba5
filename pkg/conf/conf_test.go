package conf_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/customer-exports/exports/pkg/conf"
)

type base struct {
	Listen string `yaml:"listen"`
}

type settings struct {
	base  `yaml:",inline"`
	Base  base          `yaml:"base"`
	Tick  conf.Duration `yaml:"tick"`
	Rows  int64         `yaml:"target_rows"`
	Names []string      `yaml:"names"`
	Key   conf.Secret   `yaml:"key_file"`
	Name  string        `yaml:"-"`
	Peers []base        `yaml:"peers"`
	Bound struct {
		Deep bool `yaml:"deep"`
	} `yaml:"bound"`
}

func (s *settings) Defaults() {
	s.Tick, s.Rows, s.Name = conf.Duration(30*time.Second), 2_000_000, "set by code"
}

func (s *settings) Validate() error {
	var faults []error
	if s.Tick <= 0 {
		faults = append(faults, errors.New("tick must be above 0"))
	}
	if s.Rows <= 0 {
		faults = append(faults, errors.New("target_rows must be above 0"))
	}
	return errors.Join(faults...)
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, text string) (settings, error) {
	t.Helper()
	return conf.Load[settings](write(t, text), "EXPORTS_TEST")
}

func TestFileOverridesDefaults(t *testing.T) {
	t.Parallel()
	got, err := load(t, "target_rows: 5\nbase: {listen: 'a:1'}\nnames: [x, y]\nkey_file: /run/key\nbound: {deep: true}\npeers: [{listen: b}]\n")
	if err != nil {
		t.Fatal(err)
	}
	want := settings{Tick: conf.Duration(30 * time.Second), Rows: 5, Base: base{"a:1"}, Names: []string{"x", "y"}, Key: "/run/key", Name: "set by code", Peers: []base{{"b"}}}
	want.Bound.Deep = true
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(settings{}, base{})); diff != "" {
		t.Errorf("settings differ (-want +got):\n%s", diff)
	}
}

func TestEmptyFileAndNoFileMeanDefaults(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", write(t, ""), write(t, "# nothing set\n")} {
		got, err := conf.Load[settings](path, "EXPORTS_TEST")
		if err != nil || got.Rows != 2_000_000 {
			t.Errorf("Load(%q) = %+v, %v, want the defaults", path, got, err)
		}
	}
}

func TestEnvironmentOverridesFile(t *testing.T) {
	t.Setenv("EXPORTS_ENV_TICK", "1m")
	t.Setenv("EXPORTS_ENV_TARGET_ROWS", "7")
	t.Setenv("EXPORTS_ENV_BOUND_DEEP", "true")
	t.Setenv("EXPORTS_ENV_NAMES", "[a, b]")
	t.Setenv("EXPORTS_ENV_BASE_LISTEN", "0123")
	t.Setenv("EXPORTS_ENV_SERVICE_HOST", "added by the scheduler, not a setting")
	got, err := conf.Load[settings](write(t, "tick: 5s\nbase: {listen: x}"), "EXPORTS_ENV")
	if err != nil {
		t.Fatal(err)
	}
	if got.Tick.D() != time.Minute || got.Rows != 7 || !got.Bound.Deep || got.Base.Listen != "0123" || !cmp.Equal(got.Names, []string{"a", "b"}) {
		t.Errorf("settings = %+v, want those of the environment", got)
	}
}

func TestBadEnvironmentNamesTheVariable(t *testing.T) {
	t.Setenv("EXPORTS_BAD_TICK", "30")
	_, err := conf.Load[settings]("", "EXPORTS_BAD")
	if err == nil || !strings.Contains(err.Error(), "EXPORTS_BAD_TICK") {
		t.Errorf("Load = %v, want an error that names EXPORTS_BAD_TICK", err)
	}
}

func TestFaultsAreOneClearLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"unknown key", "tick: 5s\ntik: 5s\n", []string{`line 2: unknown key "tik"`, "base, bound, key_file, listen, names, peers, target_rows, tick"}},
		{"unknown nested key", "bound:\n  deep: true\n  wide: 1\n", []string{`line 3: unknown key "bound.wide", known here: deep`}},
		{"unknown key in a list", "peers:\n  - listen: a\n    port: 1\n", []string{`line 3: unknown key "peers.port"`}},
		{"wrong type", "tick: 5s\ntarget_rows: many\n", []string{"line 2", "many"}},
		{"duration without unit", "tick: 30\n", []string{"line 1", `"30" is not a duration such as 30s`}},
		{"key twice", "tick: 5s\ntick: 6s\n", []string{"tick", "already defined at line 1"}},
		{"not YAML", "tick: [\n", []string{"line"}},
		{"two documents", "tick: 5s\n---\ntick: 6s\n", []string{"more than one YAML document"}},
		{"all faults of Validate", "tick: 0s\ntarget_rows: 0\n", []string{"tick must be above 0; target_rows must be above 0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, test.text)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(test.want, "config.yaml") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q has more than one line", err)
			}
		})
	}
}

func TestMissingFileNamesThePathOnce(t *testing.T) {
	t.Parallel()
	_, err := conf.Load[settings]("/nowhere/config.yaml", "EXPORTS_TEST")
	if err == nil || strings.Count(err.Error(), "/nowhere/config.yaml") != 1 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load = %v, want an error that names the path once", err)
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	if got, err := conf.Secret(write(t, "s3cret\n")).Read(); got != "s3cret" || err != nil {
		t.Errorf("Read() = %q, %v, want the content without its line break", got, err)
	}
	for _, s := range []conf.Secret{"", "/nowhere/key", conf.Secret(write(t, "\n"))} {
		if got, err := s.Read(); err == nil {
			t.Errorf("Secret(%q).Read() = %q, want an error", string(s), got)
		}
	}
}

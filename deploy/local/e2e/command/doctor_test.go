package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// needed is all that the doctor, and the compilers that it tries, look up in PATH.
func needed() []string { return []string{"bash", "env", "git", "go", "gcc", "g++", "as", "ld"} }

// TestDoctorNamesWhatIsMissing runs the check of the machine with a PATH that lacks one program.
func TestDoctorNamesWhatIsMissing(t *testing.T) {
	for _, test := range []struct {
		missing string
		says    []string
	}{
		{"git", []string{"cannot build: git is missing", "apt-get install git"}},
		{"go", []string{"cannot build: Go 1.26 or newer is missing", "https://go.dev/dl"}},
		{"gcc", []string{"cannot build: a C compiler is missing", "apt-get install gcc g++"}},
		{"g++", []string{"cannot build: a C++ compiler with its standard library is missing", "apt-get install g++"}},
	} {
		t.Run(test.missing, func(t *testing.T) {
			run(t, doctor(t, pathWithout(t, test.missing))).refuses(t, 2, test.says...)
		})
	}
	t.Run("nothing", func(t *testing.T) {
		if got := run(t, doctor(t, pathWithout(t, "nothing"))); got != (outcome{}) {
			t.Errorf("with all it needs it ended with code %d and said %q", got.code, got.stdout+got.stderr)
		}
	})
}

// pathWithout makes a folder of links to the needed programs but one.
func pathWithout(t *testing.T, missing string) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range needed() {
		if name == missing {
			continue
		}
		program, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(program, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func doctor(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	script, err := filepath.Abs("../../../../.ci/doctor")
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(t, script)
	cmd.Dir = filepath.Dir(filepath.Dir(script)) // Go answers for the workspace
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return name == "PATH" || name == "CC" || name == "CXX"
	}), "PATH="+path)
	return cmd
}

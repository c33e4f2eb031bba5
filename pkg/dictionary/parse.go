package dictionary

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed analytics.yaml
var analytics []byte

var standard = sync.OnceValue(func() *Dictionary {
	d, err := Parse(analytics)
	if err != nil {
		// The embedded file is proven valid by a test, so this is only ever an empty dictionary
		// (which exports nothing) in a build that skipped the tests.
		return &Dictionary{Version: "invalid"}
	}
	return d
})

// Standard returns the dictionary that ships with the project. Callers must not change it.
func Standard() *Dictionary { return standard() }

// Load reads and validates the dictionary in a YAML file.
func Load(path string) (*Dictionary, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading dictionary: %w", err)
	}
	d, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading dictionary %s: %w", path, err)
	}
	return d, nil
}

// Parse reads a dictionary from YAML. An unknown key is an error, and so is a second document; the
// rules of the content are checked together, and all faults are returned joined.
func Parse(data []byte) (*Dictionary, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	var file fileDictionary
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("parsing dictionary: %w", err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("parsing dictionary: more than one YAML document")
	}
	d := file.dictionary()
	if err := d.validate(); err != nil {
		return nil, fmt.Errorf("validating dictionary: %w", err)
	}
	return d, nil
}

// The file types mirror the YAML and nothing else, so that the exported types stay free of tags.
type fileDictionary struct {
	Version string      `yaml:"version"`
	Tables  []fileTable `yaml:"tables"`
}

type fileTable struct {
	Name       string       `yaml:"name"`
	Definition string       `yaml:"definition"`
	PrimaryKey []string     `yaml:"primary_key"`
	Split      string       `yaml:"split"`
	Scope      fileScope    `yaml:"scope"`
	Columns    []fileColumn `yaml:"columns"`
}

type fileScope struct {
	Shared   bool        `yaml:"shared"`
	Brand    string      `yaml:"brand"`
	Location string      `yaml:"location"`
	Parent   *fileParent `yaml:"parent"`
}

type fileParent struct {
	Table   string            `yaml:"table"`
	Columns map[string]string `yaml:"columns"`
}

type fileColumn struct {
	Name       string `yaml:"name"`
	Definition string `yaml:"definition"`
	Type       Type   `yaml:"type"`
	Nullable   bool   `yaml:"nullable"`
	Personal   bool   `yaml:"personal"`
}

func (f fileDictionary) dictionary() *Dictionary {
	d := &Dictionary{Version: f.Version}
	for _, table := range f.Tables {
		d.Tables = append(d.Tables, table.table())
	}
	return d
}

func (f fileTable) table() Table {
	t := Table{Name: f.Name, Definition: f.Definition, PrimaryKey: f.PrimaryKey, Split: f.Split}
	t.Scope = ScopeRule{Shared: f.Scope.Shared, Brand: f.Scope.Brand, Location: f.Scope.Location}
	if f.Scope.Parent != nil {
		t.Scope.Parent = &Parent{Table: f.Scope.Parent.Table, Columns: f.Scope.Parent.Columns}
	}
	for _, column := range f.Columns {
		t.Columns = append(t.Columns, Column(column))
	}
	return t
}

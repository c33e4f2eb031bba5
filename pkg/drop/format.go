package drop

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// FileFormat names a file format as the manifest does.
type FileFormat string

// The file formats. Parquet is what a manifest without a format means.
const (
	Parquet   FileFormat = ""
	CSV       FileFormat = "csv"
	JSONLines FileFormat = "json_lines"
)

// Compression names what the whole of a text file went through.
type Compression string

// The compressions of text files. That of Parquet is inside the files, which say it themselves.
const (
	Zstd Compression = "zstd"
	Gzip Compression = "gzip"
	None Compression = "none"
)

// Format is how all files of a drop are written. The zero value is Parquet, which a manifest leaves out.
type Format struct {
	FileFormat  FileFormat  `json:"file_format"`
	Compression Compression `json:"compression"`
	// CSV is set for that format only.
	CSV CSVOptions `json:"csv,omitzero"`
}

// CSVOptions is what customers choose of CSV; the rest is RFC 4180 with a header.
type CSVOptions struct {
	// Delimiter is one ASCII character.
	Delimiter string `json:"delimiter"`
	// NullString is NULL when it is not quoted; equal text is quoted, and so is every empty text.
	NullString string `json:"null_string"`
}

// FormatOf is what a revision says, with the standard where it says nothing. What it does not know, Validate refuses.
func FormatOf(f *configv1.Format) Format {
	switch f.GetFileFormat() {
	case configv1.FileFormat_FILE_FORMAT_UNSPECIFIED, configv1.FileFormat_FILE_FORMAT_PARQUET:
		return Format{}
	case configv1.FileFormat_FILE_FORMAT_CSV:
		options := CSVOptions{Delimiter: cmp.Or(f.GetCsv().GetDelimiter(), ","), NullString: f.GetCsv().GetNullString()}
		return Format{FileFormat: CSV, Compression: compressionOf(f.GetCompression()), CSV: options}
	case configv1.FileFormat_FILE_FORMAT_JSON_LINES:
		return Format{FileFormat: JSONLines, Compression: compressionOf(f.GetCompression())}
	default:
		return Format{FileFormat: FileFormat(f.GetFileFormat().String())}
	}
}

func compressionOf(c configv1.Compression) Compression {
	switch c {
	case configv1.Compression_COMPRESSION_UNSPECIFIED, configv1.Compression_COMPRESSION_ZSTD:
		return Zstd
	case configv1.Compression_COMPRESSION_GZIP:
		return Gzip
	case configv1.Compression_COMPRESSION_NONE:
		return None
	default:
		return Compression(c.String())
	}
}

// delimiters are what readers of CSV take: one byte that does not mean something else.
var delimiters = regexp.MustCompile(`^[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x7f]$`)

// PartKey is the key of one file: part index, from 0, of a table on an export date (YYYY-MM-DD).
func (f Format) PartKey(table, date, runID string, index int) string {
	return fmt.Sprintf("%spart-%05d%s", TablePrefix(table, date, runID), index, f.ending())
}

// Pattern matches the files of every run, as shells have it.
func (f Format) Pattern() string { return Prefix + "*/" + runFolder("*", "*") + "part-*" + f.ending() }

// String names it for people.
func (f Format) String() string {
	name := cmp.Or(strings.TrimPrefix(f.ending(), "."), fmt.Sprintf("unknown (%s, %s)", f.FileFormat, f.Compression))
	if f.FileFormat != CSV {
		return name
	}
	return fmt.Sprintf("%s with delimiter %q and %q for null", name, f.CSV.Delimiter, f.CSV.NullString)
}

// ending is empty for what is no format.
func (f Format) ending() string {
	switch kind := (Format{FileFormat: f.FileFormat, Compression: f.Compression}); kind {
	case Format{}:
		return ".parquet"
	case Format{FileFormat: CSV, Compression: Zstd}:
		return ".csv.zst"
	case Format{FileFormat: CSV, Compression: Gzip}:
		return ".csv.gz"
	case Format{FileFormat: CSV, Compression: None}:
		return ".csv"
	case Format{FileFormat: JSONLines, Compression: Zstd}:
		return ".jsonl.zst"
	case Format{FileFormat: JSONLines, Compression: Gzip}:
		return ".jsonl.gz"
	case Format{FileFormat: JSONLines, Compression: None}:
		return ".jsonl"
	default:
		return ""
	}
}

// isPart reports whether key is a PartKey of this table and run.
func (f Format) isPart(key, table, date, runID string) bool {
	name, inside := strings.CutPrefix(key, TablePrefix(table, date, runID))
	var index int
	if _, err := fmt.Sscanf(name, "part-%d", &index); !inside || err != nil || index < 0 {
		return false
	}
	return key == f.PartKey(table, date, runID, index)
}

// empty reports whether a file of so many rows has no bytes: what says nothing of its columns says nothing without rows.
func (f Format) empty(rows int64) bool {
	return rows == 0 && f.FileFormat == JSONLines && f.Compression == None
}

// Validate returns all faults at once.
func (f Format) Validate() error {
	if f.ending() == "" {
		return fmt.Errorf("format: file_format %q with compression %q is not one that this reader knows", f.FileFormat, f.Compression)
	}
	if f.FileFormat != CSV {
		if f.CSV != (CSVOptions{}) {
			return fmt.Errorf("format: csv is set although file_format is %q", f.FileFormat)
		}
		return nil
	}
	return errors.Join(f.CSV.faults()...)
}

func (o CSVOptions) faults() []error {
	var faults []error
	if !delimiters.MatchString(o.Delimiter) {
		faults = append(faults, fmt.Errorf("format: csv.delimiter %q is not one ASCII character other than a quote, a line end or NUL", o.Delimiter))
	}
	if strings.ContainsAny(o.NullString, o.Delimiter+"\"\r\n\x00") {
		faults = append(faults, fmt.Errorf("format: csv.null_string %q holds the delimiter, a quote, a line end or NUL", o.NullString))
	}
	return faults
}

package rules

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// maxNullString is in characters.
const maxNullString = 32

// delimiters are what readers of CSV take: one byte that does not mean something else.
var delimiters = regexp.MustCompile(`^[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x7f]$`)

func checkFormat(f *Faults, format *configv1.Format) {
	kind, codec := format.GetFileFormat(), format.GetCompression()
	_, known := configv1.FileFormat_name[int32(kind)]
	if !known {
		f.Text("spec.format.file_format", "is not a known file format")
	}
	switch _, spelled := configv1.Compression_name[int32(codec)]; {
	case !spelled:
		f.Text("spec.format.compression", "is not a known compression")
	case codec == configv1.Compression_COMPRESSION_SNAPPY && kind != configv1.FileFormat_FILE_FORMAT_PARQUET:
		f.Text("spec.format.compression", "is snappy, which is for Parquet only: choose zstd, gzip or none")
	}
	checkProfile(f, format)
	switch {
	case kind == configv1.FileFormat_FILE_FORMAT_CSV:
		f.Text("spec.format.csv.delimiter", delimiterFault(format.GetCsv().GetDelimiter()))
		f.Text("spec.format.csv.null_string", nullStringFault(format.GetCsv()))
	case format.GetCsv() != nil && known:
		f.Text("spec.format.csv", "means nothing to files that are not CSV: remove it, or choose that format")
	}
}

func checkProfile(f *Faults, format *configv1.Format) {
	profile := format.GetParquetProfile()
	switch _, known := configv1.ParquetProfile_name[int32(profile)]; {
	case !known:
		f.Text("spec.format.parquet_profile", "is not a known profile")
	case profile != 0 && format.GetFileFormat() != configv1.FileFormat_FILE_FORMAT_PARQUET:
		f.Text("spec.format.parquet_profile", "means nothing to files that are not Parquet: remove it, or choose that format")
	}
}

func delimiterFault(delimiter string) string {
	if delimiters.MatchString(delimiter) {
		return ""
	}
	return "is not one ASCII character other than a quote, a line end or NUL"
}

// nullStringFault keeps what stands for NULL readable without quotes, in which it would be text.
func nullStringFault(options *configv1.CsvOptions) string {
	null := options.GetNullString()
	switch {
	case utf8.RuneCountInString(null) > maxNullString:
		return fmt.Sprintf("is longer than %d characters", maxNullString)
	case strings.ContainsAny(null, "\"\r\n\x00"):
		return "holds a quote, a line end or NUL"
	case options.GetDelimiter() != "" && strings.Contains(null, options.GetDelimiter()):
		return fmt.Sprintf("holds the delimiter %q", options.GetDelimiter())
	default:
		return ""
	}
}

package rules

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// The contract's standard values and bounds.
const (
	standardRetentionDays = 30
	maxRetentionDays      = 400
	standardDeadline      = 24 * time.Hour
	standardDelimiter     = ","
)

// Complete returns a copy of spec that says what holds where spec says nothing, so that a later change of a default does
// not change what was agreed. externalID is the customer's.
func Complete(spec *configv1.ExportSpec, externalID string) *configv1.ExportSpec {
	full := &configv1.ExportSpec{}
	if spec != nil {
		full = proto.CloneOf(spec)
	}
	if full.GetFormat() == nil {
		full.Format = &configv1.Format{}
	}
	orElse(&full.Format.FileFormat, configv1.FileFormat_FILE_FORMAT_PARQUET)
	orElse(&full.Format.Compression, configv1.Compression_COMPRESSION_ZSTD)
	if full.GetFormat().GetFileFormat() == configv1.FileFormat_FILE_FORMAT_PARQUET {
		orElse(&full.Format.ParquetProfile, configv1.ParquetProfile_PARQUET_PROFILE_CURRENT)
	}
	if full.GetFormat().GetFileFormat() == configv1.FileFormat_FILE_FORMAT_CSV {
		if full.GetFormat().GetCsv() == nil {
			full.Format.Csv = &configv1.CsvOptions{}
		}
		orElse(&full.Format.Csv.Delimiter, standardDelimiter)
	}
	orElse(&full.WarehouseClass, configv1.WarehouseClass_WAREHOUSE_CLASS_STANDARD)
	orElse(&full.RetentionDays, standardRetentionDays)
	if full.GetDeadline() == nil {
		full.Deadline = durationpb.New(standardDeadline)
	}
	if full.GetDestination().GetRoleArn() != "" {
		orElse(&full.Destination.ExternalId, externalID)
	}
	return full
}

func orElse[T comparable](value *T, standard T) {
	var unset T
	if *value == unset {
		*value = standard
	}
}

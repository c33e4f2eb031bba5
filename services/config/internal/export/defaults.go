package export

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// The contract's standard values and bounds.
const (
	standardRetentionDays = 30
	maxRetentionDays      = 400
	standardDeadline      = 24 * time.Hour
)

// setDefaults makes the revision say what holds, so that a later change of a default does not change what was agreed.
func setDefaults(spec *configv1.ExportSpec) {
	if spec.GetFormat() == nil {
		spec.Format = &configv1.Format{}
	}
	if spec.GetFormat().GetFileFormat() == configv1.FileFormat_FILE_FORMAT_UNSPECIFIED {
		spec.Format.FileFormat = configv1.FileFormat_FILE_FORMAT_PARQUET
	}
	if spec.GetFormat().GetCompression() == configv1.Compression_COMPRESSION_UNSPECIFIED {
		spec.Format.Compression = configv1.Compression_COMPRESSION_ZSTD
	}
	if spec.GetRetentionDays() == 0 {
		spec.RetentionDays = standardRetentionDays
	}
	if spec.GetDeadline() == nil {
		spec.Deadline = durationpb.New(standardDeadline)
	}
}

package bucket

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/minio/crc64nvme"
)

// Checksum computes the CRC-64/NVME of data as S3 spells it.
func Checksum(data []byte) string { return SpellChecksum(crc64nvme.Checksum(data)) }

// SpellChecksum spells a CRC-64/NVME as S3 does: base64 of its eight bytes, highest first.
func SpellChecksum(sum uint64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, sum))
}

// Package drop owns the layout of what lands in a customer's bucket: object keys, the manifest and the two markers. It is
// pure, shared by delivery, which writes it, and the SLA monitor, which reads it; it refuses manifests that name objects
// outside their own run. Start at Format.PartKey for keys and at Manifest for content.
package drop

import (
	"crypto/sha256"
	"encoding/hex"
)

// Prefix is where everything lives; the contract with the customer fixes it.
const Prefix = "analytics-export/"

// LatestKey is the pointer to the newest drop. It and the contract alone are ever overwritten.
const LatestKey = manifests + "latest.json"

// ContractKey is the key of what was agreed about an export, in the words of the Open Data Contract Standard.
func ContractKey(exportID string) string { return Prefix + "_contract/" + exportID + ".odcs.yaml" }

// manifests starts with an underscore so that Athena, Spark and Trino skip it.
const manifests = Prefix + "_manifests/"

// TablePrefix holds the files of one table of a run.
func TablePrefix(table, date, runID string) string {
	return Prefix + table + "/" + runFolder(date, runID)
}

// DatePrefix holds the control objects of every run of an export date.
func DatePrefix(date string) string { return manifests + "export_date=" + date + "/" }

// RunPrefix holds the control objects of one run. Its files are under TablePrefix, one for each table.
func RunPrefix(date, runID string) string { return manifests + runFolder(date, runID) }

// ManifestKey is the key of a run's manifest.
func ManifestKey(date, runID string) string { return RunPrefix(date, runID) + "manifest.json" }

// SuccessKey is the key of the marker that is written after the manifest.
func SuccessKey(date, runID string) string { return RunPrefix(date, runID) + "_SUCCESS" }

// StartedKey is the key of the marker that is written before anything else.
func StartedKey(date, runID string) string { return RunPrefix(date, runID) + "_started" }

// ExpiringKey is the key of what stands in a manifest's place while its drop is deleted.
func ExpiringKey(date, runID string) string { return RunPrefix(date, runID) + "_expiring" }

// Digest is the hex SHA-256 of an object's bytes.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func runFolder(date, runID string) string { return "export_date=" + date + "/run=" + runID + "/" }

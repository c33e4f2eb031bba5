package part

import "github.com/customer-exports/exports/pkg/arrowmem"

// SpoilBatches has whoever reads a batch that is over read nonsense.
func SpoilBatches() { batches = arrowmem.Spoiling() }

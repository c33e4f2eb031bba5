package file

import (
	"fmt"
	"slices"
	"strings"

	"github.com/customer-exports/exports/services/config/internal/nearest"
)

// suggest ends a message with the known name that was most likely meant, or with all of them.
func suggest(name string, known []string) string {
	if best := nearest.Name(name, known); best != "" {
		return fmt.Sprintf(": did you mean %s?", best)
	}
	return ": known here are " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}

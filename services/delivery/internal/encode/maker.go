package encode

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/customer-exports/exports/pkg/dictionary/arrowschema"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/services/delivery/internal/encode/flat"
)

// Maker makes the encoders of a delivery server. The zero value works with what each caller has.
type Maker struct {
	// ByLibrary has Parquet written by Arrow's library, several times slower: a way back.
	ByLibrary bool
	Parquet   Options
	// FellBack, which may be nil, hears of a table that only Arrow's library can write, and why.
	FellBack func(table string, cause error)

	supports func(*arrow.Schema) error // flat.Supports, but in a test
}

// New makes the encoder of one file in the file's format.
func (m Maker) New(to io.Writer, file File) (Encoder, error) {
	switch file.Format.FileFormat {
	case drop.Parquet:
		return m.parquet(to, file)
	case drop.CSV:
		return NewCSV(to, file)
	case drop.JSONLines:
		return NewJSONLines(to, file)
	default:
		return nil, fmt.Errorf("choosing an encoder: unknown format %s", file.Format)
	}
}

func (m Maker) parquet(to io.Writer, file File) (Encoder, error) {
	if m.ByLibrary {
		return NewLibrary(to, file)
	}
	supports := flat.Supports
	if m.supports != nil {
		supports = m.supports
	}
	if err := supports(arrowschema.Exported(file.Layout)); err != nil {
		if m.FellBack != nil {
			m.FellBack(file.Layout.Table.Name, err)
		}
		return NewLibrary(to, file)
	}
	return NewParquet(to, file, m.Parquet)
}

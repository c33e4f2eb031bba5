package flat

import "cmp"

// The numbers of parquet.thrift at parquet-format 2.11.

var magic = []byte("PAR1")

type physical int32

const (
	typeBoolean   physical = 0
	typeInt32     physical = 1
	typeInt64     physical = 2
	typeDouble    physical = 5
	typeByteArray physical = 6
	typeFixed     physical = 7
)

type encoding int32

const (
	plain           encoding = 0
	dictionaryPlain encoding = 2 // what old readers call dictionaryIndex
	rle             encoding = 3
	deltaPacked     encoding = 5
	deltaLength     encoding = 6
	deltaBytes      encoding = 7
	dictionaryIndex encoding = 8
	splitStream     encoding = 9
)

type pageType int32

const (
	dataPage       pageType = 0
	dictionaryPage pageType = 2
	dataPageV2     pageType = 3
)

// Converted types, which old readers know; logical types are told beside them.
const (
	convertedUTF8            = 0
	convertedDecimal         = 5
	convertedDate            = 6
	convertedTimeMicros      = 8
	convertedTimestampMicros = 10
	convertedInt64           = 18
)

// Repetition of a column.
const (
	required = 0
	optional = 1
)

// Bounds are those of pages, of dictionaries and of what columns are judged by; zero means the standard one.
type Bounds struct {
	// PageRows is the most rows of a page.
	PageRows int
	// PageBytes is the most bytes of texts in a page before compression, which one text may pass.
	PageBytes int
	// SampleRows is how many rows of a row group a column is judged by.
	SampleRows int
	// DictionaryBytes is the size from which on a dictionary takes no further page.
	DictionaryBytes int
}

// standard has few enough rows in a page for the page index to spare a reader something.
var standard = Bounds{PageRows: 32 << 10, PageBytes: 1 << 20, SampleRows: 2048, DictionaryBytes: 1 << 20}

func (b Bounds) orStandard() Bounds {
	return Bounds{
		PageRows: cmp.Or(b.PageRows, standard.PageRows), PageBytes: cmp.Or(b.PageBytes, standard.PageBytes),
		SampleRows: cmp.Or(b.SampleRows, standard.SampleRows), DictionaryBytes: cmp.Or(b.DictionaryBytes, standard.DictionaryBytes),
	}
}

package encode

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/parquet/metadata"
)

// group is what the footer says of a row group beside what the library knows.
type group struct {
	bounds []bounds
	sorted []int
}

// sink never fails, because the library panics when its first write does and drops the errors of later ones. It can hold
// back what is written.
type sink struct {
	to   io.Writer
	err  error
	hold bool
	held []byte
}

func (s *sink) Write(data []byte) (int, error) {
	switch {
	case s.hold:
		s.held = append(s.held, data...)
	case s.err == nil:
		_, s.err = s.to.Write(data)
	}
	return len(data), nil
}

// finish has the library spell the footer, completes it and writes it. The library can neither be given statistics nor a
// sort order, and says of every column that it has no distinct value.
func (p *Library) finish() error {
	const tail = 8 // the footer's length and the magic
	p.sink.hold = true
	err := p.writer.Close()
	p.sink.hold = false
	if err != nil {
		return err
	}
	if len(p.sink.held) <= tail {
		return errors.New("the library wrote none")
	}
	footer, err := metadata.NewFileMetaData(p.sink.held[:len(p.sink.held)-tail], nil)
	if err != nil {
		return err
	}
	p.complete(footer)
	size, err := footer.WriteTo(p.sink, nil)
	if err != nil {
		return err
	}
	_, _ = p.sink.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(size)), "PAR1"...))
	return nil
}

func (p *Library) complete(footer *metadata.FileMetaData) {
	for i, g := range p.groups {
		rows := footer.RowGroups[i]
		for j, b := range g.bounds {
			stats := fresh(&rows.Columns[j].MetaData.Statistics)
			stats.NullCount, stats.MinValue, stats.MaxValue = &b.nulls, b.min, b.max
		}
		for _, column := range g.sorted {
			added := extend(&rows.SortingColumns)
			added.ColumnIdx = int32(column)
		}
	}
}

// fresh and extend make values of types that the library keeps to itself.
func fresh[T any](at **T) *T {
	*at = new(T)
	return *at
}

func extend[T any](list *[]*T) *T {
	*list = append(*list, new(T))
	return (*list)[len(*list)-1]
}

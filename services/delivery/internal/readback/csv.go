package readback

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
)

func (r *rowReader) csv(delimiter string, names []string) error {
	decoder := csv.NewReader(r)
	decoder.Comma, decoder.FieldsPerRecord, decoder.ReuseRecord = rune(delimiter[0]), len(names), true
	header, err := decoder.Read()
	if err != nil || !slices.Equal(header, names) {
		return errors.Join(errors.New("the header is not the columns"), err)
	}
	for {
		if _, err := decoder.Read(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := r.row(); err != nil {
			return err
		}
	}
}

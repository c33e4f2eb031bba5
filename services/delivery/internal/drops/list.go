package drops

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/customer-exports/exports/pkg/calendar"
	"github.com/customer-exports/exports/pkg/drop"
	"github.com/customer-exports/exports/pkg/fault"
	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// Query says whose drops are listed: those of an export, in the bucket of a revision or, when it is zero, of the one in force;
// or else those of all exports of a customer.
type Query struct {
	ExportID   string
	Revision   int64
	CustomerID string
}

// Range is some dates, both ends among them.
type Range struct{ From, To calendar.Date }

// List looks at so many dates of a range, the newest first, and returns their drops: of one date by export, and the newest
// extraction first. next is the date to go on with, or none.
func (r *Reader) List(ctx context.Context, q Query, dates Range, most int) (all []Drop, next calendar.Date, err error) {
	if dates.To.Before(dates.From) {
		return nil, next, fault.New(fault.Invalid, fault.ReasonValidation, "to_date %s lies before from_date %s", dates.To, dates.From)
	}
	stores, err := r.stores(ctx, q)
	if err != nil {
		return nil, next, err
	}
	date := dates.To
	for ; most > 0 && !date.Before(dates.From); most-- {
		for _, s := range stores {
			found, err := s.of(ctx, date)
			if err != nil {
				return nil, next, err
			}
			all = append(all, found...)
		}
		date = date.Prev()
	}
	if date.Before(dates.From) {
		return all, next, nil
	}
	return all, date, nil
}

// store is the bucket of one export.
type store struct {
	bucket.Bucket
	exportID string
}

func (r *Reader) stores(ctx context.Context, q Query) ([]store, error) {
	exports := []string{q.ExportID}
	if q.ExportID == "" {
		var err error
		if exports, err = r.Places.Exports(ctx, q.CustomerID); err != nil {
			return nil, err
		}
	}
	all := make([]store, len(exports))
	for i, id := range exports {
		opened, err := r.open(ctx, id, q.Revision)
		if err != nil {
			return nil, err
		}
		all[i] = store{opened, id}
	}
	return all, nil
}

// of reads the drops of one date.
func (s store) of(ctx context.Context, date calendar.Date) ([]Drop, error) {
	keys, err := s.List(ctx, drop.DatePrefix(date.String()))
	if err != nil {
		return nil, err
	}
	var all []Drop
	for _, runID := range runs(s.exportID, date, keys) {
		d, err := look(ctx, s, s.exportID, runID, date, keys)
		if fault.KindOf(err) == fault.NotFound || errors.Is(err, bucket.ErrNotFound) {
			continue // it went while we looked
		}
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// runs are those of one export that have left a key; a bucket may hold drops of several.
func runs(exportID string, date calendar.Date, keys []string) []string {
	extractions := map[int]string{}
	for _, key := range keys {
		runID, _, _ := strings.Cut(strings.TrimPrefix(key, drop.DatePrefix(date.String())+"run="), "/")
		if of, extraction, err := calendar.ParseRunID(exportID, runID); err == nil && of == date {
			extractions[extraction] = runID
		}
	}
	var order []int
	for extraction := range extractions {
		order = append(order, extraction)
	}
	slices.Sort(order)
	slices.Reverse(order)
	all := make([]string, 0, len(order))
	for _, extraction := range order {
		all = append(all, extractions[extraction])
	}
	return all
}

package flat

import (
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// numbers is the filler of integers, dates, times, instants and decimals of up to 18 digits.
type numbers[T integer] struct {
	most         int // bytes of a dictionary
	conservative bool
	page         *numberPage[T]
	dictionaryOf *numberDictionary[T]
	indexes      *indexPage // not nil while the dictionary is in use
	pages        *pool[numberPage[T]]
}

func newNumbers[T integer](o Options) *numbers[T] {
	n := &numbers[T]{most: o.Bounds.DictionaryBytes, conservative: o.Profile == Conservative, pages: new(pool[numberPage[T]]), dictionaryOf: new(numberDictionary[T])}
	n.page = n.fresh()
	return n
}

func (n *numbers[T]) fresh() *numberPage[T] {
	p := n.pages.get()
	p.conservative, p.pages = n.conservative, n.pages
	return p
}

func (n *numbers[T]) fits(_ arrow.Array, _, until int) int { return until }

func (n *numbers[T]) take(a arrow.Array, rows stretch) {
	if long, ok := a.(*array.Int64); ok && short[T]() {
		n.narrow(long.Int64Values(), rows)
	} else {
		all := words[T](a)
		rows.each(func(from, until int) { n.page.values = append(n.page.values, all[from:until]...) })
	}
	if n.indexes != nil {
		n.index()
	}
}

// narrow takes numbers whose digits fit into half of their bytes.
func (n *numbers[T]) narrow(all []int64, rows stretch) {
	rows.each(func(from, until int) {
		for _, v := range all[from:until] {
			n.page.values = append(n.page.values, T(v))
		}
	})
}

func short[T integer]() bool {
	_, is := any(T(0)).(int32)
	return is
}

// words is the memory of an array of fixed width.
func words[T integer](a arrow.Array) []T {
	raw, from := a.Data().Buffers()[1], a.Data().Offset()
	if raw == nil {
		return nil
	}
	if short[T]() {
		return any(arrow.Int32Traits.CastFromBytes(raw.Bytes())[from : from+a.Len()]).([]T)
	}
	return any(arrow.Int64Traits.CastFromBytes(raw.Bytes())[from : from+a.Len()]).([]T)
}

// index replaces what was taken by indexes.
func (n *numbers[T]) index() {
	n.indexes.values = n.dictionaryOf.index(n.indexes.values, n.page.values)
	n.page.values = n.page.values[:0]
}

// judge begins a dictionary where it is clearly smaller than what else there is.
func (n *numbers[T]) judge() {
	count := len(n.page.values)
	distinct := n.dictionaryOf.count(n.page.values)
	if count == 0 || 2*distinct > count {
		return
	}
	if packed := 8 * len(delta(nil, n.page.values)); !n.conservative && 4*count*(bits.Len(uint(distinct))+1) > 3*packed {
		return
	}
	n.dictionaryOf.begin()
	n.indexes = newIndexPage(n.conservative)
	n.index()
}

func (n *numbers[T]) full() bool {
	return n.indexes != nil && n.dictionaryOf.size() > n.most
}

func (n *numbers[T]) cut() content {
	if n.indexes == nil {
		cut := n.page
		n.page = n.fresh()
		return cut
	}
	cut := n.indexes
	cut.width, cut.known = widthOf(uint32(len(n.dictionaryOf.keys)-1)), n.dictionaryOf.bounds()
	n.indexes = nil
	if n.dictionaryOf.size() <= n.most {
		n.indexes = newIndexPage(n.conservative)
	}
	return cut
}

func (n *numbers[T]) dictionary() ([]byte, int) {
	n.indexes.free()
	n.indexes = nil
	values, count := plainNumbers(nil, n.dictionaryOf.keys), len(n.dictionaryOf.keys)
	n.dictionaryOf.keys = n.dictionaryOf.keys[:0]
	return values, count
}

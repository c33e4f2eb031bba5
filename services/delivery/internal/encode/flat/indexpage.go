package flat

// indexPage holds indexes into the row group's dictionary.
type indexPage struct {
	values       []uint32
	width        int // bits of an index
	known        bounds
	conservative bool
}

var indexPages pool[indexPage]

func newIndexPage(conservative bool) *indexPage {
	p := indexPages.get()
	p.conservative = conservative
	return p
}

func (p *indexPage) encoding() encoding { return indexEncoding(p.conservative) }

// indexEncoding is spelled in two ways.
func indexEncoding(conservative bool) encoding {
	if conservative {
		return dictionaryPlain
	}
	return dictionaryIndex
}

func (p *indexPage) encode(dst []byte) []byte {
	return hybrid(append(dst, byte(p.width)), p.values, p.width)
}

func (p *indexPage) bounds() bounds { return p.known }

func (p *indexPage) free() {
	if p == nil {
		return
	}
	p.values = p.values[:0]
	indexPages.put(p)
}

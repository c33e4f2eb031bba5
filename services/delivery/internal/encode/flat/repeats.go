package flat

// slots is an open-addressing hash table of positions, one above so that zero is free.
type slots struct {
	table []uint32
	used  int
}

func (s *slots) begin() {
	if s.table == nil {
		s.table = make([]uint32, 1<<12)
	}
	clear(s.table)
	s.used = 0
}

// crowded reports whether the table should grow; a third is kept free.
func (s *slots) crowded() bool { return 3*s.used >= 2*len(s.table) }

func (s *slots) grow(count int, hash func(i int) uint64) {
	s.table = make([]uint32, 2*len(s.table))
	mask := uint64(len(s.table) - 1)
	for i := range count {
		at := hash(i) & mask
		for s.table[at] != 0 {
			at = (at + 1) & mask
		}
		s.table[at] = uint32(i + 1)
	}
}

// marks know which entries of a dictionary the page in the making has, and by that the page's bounds.
type marks struct {
	seen      []uint32 // the last page with this entry, from 1
	page      uint32
	low, high uint32
	any       bool
}

func (m *marks) begin() { *m = marks{seen: m.seen[:0], page: 1} }

// next begins another page.
func (m *marks) next() { m.page, m.any = m.page+1, false }

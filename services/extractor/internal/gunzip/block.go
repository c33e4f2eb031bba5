package gunzip

// The kinds of block (RFC 1951, section 3.2.3).
const (
	storedBlock = iota
	fixedBlock
	dynamicBlock
)

// block reads the head of the next block.
func (r *Reader) block() error {
	if r.final {
		r.final, r.state = false, atTrailer
		return nil
	}
	head, err := r.in.take(3)
	if err != nil {
		return err
	}
	r.final = head&1 != 0
	switch head >> 1 {
	case storedBlock:
		return r.storedHead()
	case fixedBlock:
		r.state = inSymbols
		return r.codes.fixed()
	case dynamicBlock:
		r.state = inSymbols
		return r.codes.dynamic(&r.in)
	}
	return damaged("kind of a block")
}

// storedHead reads the length of a block that is not compressed, which stands there twice.
func (r *Reader) storedHead() error {
	r.in.align()
	length, err := r.in.take(16)
	if err != nil {
		return err
	}
	again, err := r.in.take(16)
	if err != nil {
		return err
	}
	if length != again^0xffff {
		return damaged("length of a stored block")
	}
	r.in.align()
	r.state, r.left = inStored, int(length)
	return nil
}

// stored copies what is there of a block that is not compressed.
func (r *Reader) stored() error {
	if r.left == 0 {
		r.state = atBlock
		return nil
	}
	here, err := r.in.bytes(min(r.left, outputSize-r.end))
	if err != nil {
		return err
	}
	r.end += copy(r.out[r.end:], here)
	r.left -= len(here)
	return nil
}

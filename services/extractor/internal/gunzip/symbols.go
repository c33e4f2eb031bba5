package gunzip

import "encoding/binary"

// symbols decodes literals and repetitions until the block ends or out is full.
func (r *Reader) symbols() error {
	for r.end <= outputSize-reserve {
		if err := r.in.fill(); err != nil {
			return err
		}
		done, err := r.turns()
		if cut := r.in.overrun(); cut != nil { // the fault lies in zeros that are not the stream's
			return cut
		}
		if err != nil {
			return err
		}
		if done {
			r.state = atBlock
			return nil
		}
	}
	return nil
}

// turns runs the hot loop as long as input and out allow, and says whether the block ended. This is where
// unpacking spends its time: each turn loads 56 bits and decodes up to three look-ups of literals, or up to
// two and one repetition.
//
//nolint:funlen // one function keeps bits and places in registers, where calls would spill them.
func (r *Reader) turns() (done bool, err error) {
	in, out, c := &r.in, &r.out, &r.codes
	next, bits, count, n := in.next, in.bits, in.count, r.end
	last := in.end - ahead
	for next <= last && n <= outputSize-reserve {
		bits |= binary.LittleEndian.Uint64(in.buffer[next:]) << (count & 63)
		next += int((63 - count) >> 3)
		count |= 56

		e := c.literals[bits&(1<<literalBits-1)]
		if e&literal != 0 {
			binary.LittleEndian.PutUint16(out[n:], uint16(e>>baseShift))
			n += 1 + int(e>>twoShift&1)
			bits >>= e & useMask
			count -= uint(e & useMask)
			e = c.literals[bits&(1<<literalBits-1)]
			if e&literal != 0 {
				binary.LittleEndian.PutUint16(out[n:], uint16(e>>baseShift))
				n += 1 + int(e>>twoShift&1)
				bits >>= e & useMask
				count -= uint(e & useMask)
				e = c.literals[bits&(1<<literalBits-1)]
				if e&literal != 0 {
					binary.LittleEndian.PutUint16(out[n:], uint16(e>>baseShift))
					n += 1 + int(e>>twoShift&1)
					bits >>= e & useMask
					count -= uint(e & useMask)
					continue
				}
			}
			bits |= binary.LittleEndian.Uint64(in.buffer[next:]) << (count & 63)
			next += int((63 - count) >> 3)
			count |= 56
		}

		if e&other != 0 {
			if e&(endOfBlock|noCode) == other { // a longer code
				bits >>= e & useMask
				count -= uint(e & useMask)
				e = c.longLiterals[int(e>>baseShift)+int(bits&(1<<(e>>codeShift&codeMask)-1))]
			}
			switch {
			case e&literal != 0:
				out[n] = byte(e >> baseShift)
				n++
				bits >>= e & useMask
				count -= uint(e & useMask)
				continue
			case e&endOfBlock == endOfBlock:
				bits >>= e & useMask
				count -= uint(e & useMask)
				done = true
			case e&other != 0:
				err = damaged("code of a literal")
			}
			if done || err != nil {
				break
			}
		}
		length := int(e>>baseShift) + int(bits&(1<<(e&useMask)-1)>>(e>>codeShift&codeMask))
		bits >>= e & useMask
		count -= uint(e & useMask)

		e = c.distances[bits&(1<<distanceBits-1)]
		if e&other != 0 {
			if e&noCode == noCode {
				err = damaged("code of a distance")
				break
			}
			bits >>= e & useMask
			count -= uint(e & useMask)
			e = c.longDistances[int(e>>baseShift)+int(bits&(1<<(e>>codeShift&codeMask)-1))]
			if e&other != 0 {
				err = damaged("code of a distance")
				break
			}
		}
		distance := int(e>>baseShift) + int(bits&(1<<(e&useMask)-1)>>(e>>codeShift&codeMask))
		bits >>= e & useMask
		count -= uint(e & useMask)

		from := n - distance
		if from < r.start {
			err = damaged("distance beyond what was decoded")
			break
		}
		if distance >= 16 && length <= 32 {
			*(*[16]byte)(out[n:]) = *(*[16]byte)(out[from:])
			if length > 16 {
				*(*[16]byte)(out[n+16:]) = *(*[16]byte)(out[from+16:])
			}
			n += length
			continue
		}
		repeat(out[:n+length], n, distance)
		n += length
	}
	in.next, in.bits, in.count, r.end = next, bits, count, n
	return done, err
}

// repeat fills out from n on with what stands distance bytes before, which may be what it just wrote.
func repeat(out []byte, n, distance int) {
	from := n - distance
	for n < len(out) {
		n += copy(out[n:], out[from:n])
	}
}

package gunzip

const (
	// literalBits and distanceBits are the codes' bits that the first look-up takes. Most codes are shorter;
	// eleven often hold two literals, and both tables stay in a core's L1 cache.
	literalBits  = 11
	distanceBits = 9
	longestCode  = 15
	maxSymbols   = 288 // of any code
)

// codes are the two codes of a block, as tables to decode them.
type codes struct {
	literals  [1 << literalBits]entry
	distances [1 << distanceBits]entry
	// longLiterals and longDistances hold the codes that are longer than the first look-up.
	longLiterals, longDistances []entry
	// isFixed spares building the fixed codes again.
	isFixed bool
}

// lengthOrder is the order in which the lengths of the code for code lengths stand (RFC 1951, section 3.2.7).
var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// fixed takes the codes of RFC 1951, section 3.2.6.
func (c *codes) fixed() error {
	if c.isFixed {
		return nil
	}
	var lengths [288 + 32]uint8
	for symbol := range lengths {
		switch {
		case symbol < 144:
			lengths[symbol] = 8
		case symbol < 256:
			lengths[symbol] = 9
		case symbol < 280:
			lengths[symbol] = 7
		case symbol < 288:
			lengths[symbol] = 8
		default:
			lengths[symbol] = 5
		}
	}
	err := c.build(lengths[:288], lengths[288:])
	c.isFixed = err == nil
	return err
}

// dynamic reads the codes that stand in front of a block.
func (c *codes) dynamic(in *input) error {
	head, err := in.take(14)
	if err != nil {
		return err
	}
	literals, distances := int(head&31)+257, int(head>>5&31)+1
	if literals > literalCodes || distances > distanceCode {
		return damaged("number of codes")
	}
	var lengths [literalCodes + distanceCode]uint8
	if err := readLengths(in, lengths[:literals+distances], int(head>>10)+4); err != nil {
		return err
	}
	return c.build(lengths[:literals], lengths[literals:literals+distances])
}

// build makes the tables.
func (c *codes) build(literals, distances []uint8) (err error) {
	c.isFixed = false
	if c.longLiterals, err = tables(c.literals[:], c.longLiterals, literalBits, literals, ofLiteral); err != nil {
		return err
	}
	pair(&c.literals)
	c.longDistances, err = tables(c.distances[:], c.longDistances, distanceBits, distances, ofDistance)
	return err
}

// readLengths reads the lengths of both codes, which are themselves packed with a code of which given lengths
// stand in front.
func readLengths(in *input, lengths []uint8, given int) error {
	var own [19]uint8
	for i := range given {
		length, err := in.take(3)
		if err != nil {
			return err
		}
		own[lengthOrder[i]] = uint8(length)
	}
	var table [1 << 7]entry
	if _, err := tables(table[:], nil, 7, own[:], func(symbol int) (entry, uint8) {
		return literal | entry(symbol)<<baseShift, 0
	}); err != nil {
		return err
	}
	for at := 0; at < len(lengths); {
		value, times, err := readLength(in, &table, lengths[:at])
		if err != nil {
			return err
		}
		if times > len(lengths)-at {
			return damaged("lengths of the codes")
		}
		for range times {
			lengths[at] = value
			at++
		}
	}
	return nil
}

// readLength reads one length and how often it stands there.
func readLength(in *input, table *[1 << 7]entry, before []uint8) (value uint8, times int, err error) {
	found := table[in.peek7()&(1<<7-1)]
	if found&literal == 0 {
		return 0, 0, damaged("code of a length")
	}
	if _, err := in.take(uint(found & useMask)); err != nil {
		return 0, 0, err
	}
	symbol := uint8(found >> baseShift)
	repeated := [3]struct {
		bits  uint
		least int
	}{{2, 3}, {3, 3}, {7, 11}}
	if symbol < 16 {
		return symbol, 1, nil
	}
	if symbol == 16 {
		if len(before) == 0 {
			return 0, 0, damaged("repeated length without a first")
		}
		value = before[len(before)-1]
	}
	kind := repeated[symbol-16]
	more, err := in.take(kind.bits)
	return value, kind.least + int(more), err
}

// tables fills main, which takes the first bits of a code, and long for those with more, and gives long back.
// A code that is not complete is refused, but for one that has a single code of one bit, or none.
func tables(main, long []entry, bits uint, lengths []uint8, mean func(int) (entry, uint8)) ([]entry, error) {
	next, longest, err := firstCodes(lengths)
	if err != nil {
		return long, err
	}
	symbols, ends := byLength(lengths)
	main[0], long = noCode, long[:0]
	filled := 1 // entries, those of as many bits as the codes so far; each bit more has all of them twice
	for length := uint8(1); uint(length) <= bits; length++ {
		copy(main[filled:2*filled], main[:filled])
		filled *= 2
		for _, symbol := range symbols[ends[length-1]:ends[length]] {
			meaning, extra := mean(int(symbol))
			main[reversed(next[length], length)] = used(meaning, length, extra)
			next[length]++
		}
	}
	for length := uint8(bits) + 1; length <= longest; length++ {
		for _, symbol := range symbols[ends[length-1]:ends[length]] {
			meaning, extra := mean(int(symbol))
			long = longer(main, long, bits, uint(longest)-bits, uint(reversed(next[length], length)), length, used(meaning, length-uint8(bits), extra))
			next[length]++
		}
	}
	return long, nil
}

// byLength orders the symbols by the length of their code; those of a length end where ends says.
func byLength(lengths []uint8) (symbols [maxSymbols]uint16, ends [longestCode + 1]int) {
	var count [longestCode + 1]int
	for _, length := range lengths {
		count[length]++
	}
	var places [longestCode + 1]int
	for length := 1; length <= longestCode; length++ {
		places[length] = ends[length-1]
		ends[length] = ends[length-1] + count[length]
	}
	for symbol, length := range lengths {
		if length > 0 {
			symbols[places[length]] = uint16(symbol)
			places[length]++
		}
	}
	return symbols, ends
}

// longer puts a code that is longer than bits into the table of its first bits, which is made with the first of them.
func longer(main, long []entry, bits, more, code uint, length uint8, meaning entry) []entry {
	at := code & (1<<bits - 1)
	if main[at] == noCode {
		main[at] = other | entry(len(long))<<baseShift | entry(more)<<codeShift | entry(bits)
		for range 1 << more {
			long = append(long, noCode)
		}
	}
	place := main[at] >> baseShift
	spread(long[place:][:1<<more], code>>bits, uint(length)-bits, meaning)
	return long
}

// spread sets every entry whose lowest length bits are code.
func spread(table []entry, code, length uint, meaning entry) {
	for ; code < uint(len(table)); code += 1 << length {
		table[code] = meaning
	}
}

// firstCodes gives the first code of each length (RFC 1951, section 3.2.2), and the longest length.
func firstCodes(lengths []uint8) (next [longestCode + 1]uint16, longest uint8, err error) {
	var count [longestCode + 1]uint16
	for _, length := range lengths {
		count[length]++
		longest = max(longest, length)
	}
	count[0] = 0
	code := uint(0)
	for length := uint8(1); length <= longest; length++ {
		code = (code + uint(count[length-1])) << 1
		next[length] = uint16(code)
	}
	total := code + uint(count[longest])
	if longest > 0 && total != 1<<longest && (total != 1 || longest != 1) {
		return next, longest, damaged("code that is not complete")
	}
	return next, longest, nil
}

// pair joins two literals that fit into one look-up.
func pair(table *[1 << literalBits]entry) {
	for i, first := range table {
		length := uint(first >> codeShift & codeMask)
		if first&literal == 0 || length >= literalBits {
			continue
		}
		second := table[i>>length]
		both := length + uint(second>>codeShift&codeMask)
		if second&literal != 0 && both <= literalBits {
			table[i] = first&^useMask&(1<<24-1) | two | second>>baseShift&0xff<<24 | entry(both)
		}
	}
}

package convert

import (
	"bytes"
	"encoding/binary"
)

// maxDepth is how deep a value may be nested; encoding/json reads no deeper either.
const maxDepth = 10_000

// isJSON reports whether text is one JSON value. It agrees with encoding/json.Valid at half to a tenth of the
// cost: some tables are mostly made of such text.
func isJSON(text []byte) bool {
	s := scanner{text: text}
	if !s.value(0) {
		return false
	}
	s.skip()
	return s.at == len(text)
}

// scanner reads one text. Its methods report whether what they read was there.
type scanner struct {
	text []byte
	at   int
}

// skip passes white space and tells what follows; 0 is the end, and is nowhere allowed.
func (s *scanner) skip() byte {
	for ; s.at < len(s.text); s.at++ {
		if c := s.text[s.at]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
	}
	return 0
}

func (s *scanner) value(depth int) bool {
	switch s.skip() {
	case '{':
		return s.list('}', depth+1)
	case '[':
		return s.list(']', depth+1)
	case '"':
		return s.text8()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

// list reads an object or an array from its bracket to the given one.
func (s *scanner) list(end byte, depth int) bool {
	if depth > maxDepth {
		return false
	}
	s.at++
	if s.accept(end) {
		return true
	}
	for {
		if end == '}' && !(s.skip() == '"' && s.text8() && s.accept(':')) {
			return false
		}
		if !s.value(depth) {
			return false
		}
		if s.accept(end) {
			return true
		}
		if !s.accept(',') {
			return false
		}
	}
}

func (s *scanner) accept(c byte) bool {
	if s.skip() != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) word(word string) bool {
	if !bytes.HasPrefix(s.text[s.at:], []byte(word)) {
		return false
	}
	s.at += len(word)
	return true
}

// text8 reads a text from its quote; whether it is UTF-8 is checked for the value as a whole.
func (s *scanner) text8() bool {
	for s.at++; ; s.at++ {
		s.at += plain(s.text[s.at:])
		switch {
		case s.at == len(s.text) || s.text[s.at] < ' ':
			return false
		case s.text[s.at] == '"':
			s.at++
			return true
		case !s.escape():
			return false
		}
	}
}

// plain counts the leading bytes that mean themselves inside a text, eight at once where it can.
func plain(text []byte) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	count := 0
	for ; len(text)-count >= 8; count += 8 {
		word := binary.LittleEndian.Uint64(text[count:])
		// A byte of one of these words is 0 where word has a quote or a backslash; taking 1 from 0 sets the high bit.
		quote, slash := word^'"'*each, word^'\\'*each
		special := (quote-each)&^quote | (slash-each)&^slash | (word-' '*each)&^word
		if special&high != 0 {
			break
		}
	}
	for count < len(text) && text[count] >= ' ' && text[count] != '"' && text[count] != '\\' {
		count++
	}
	return count
}

// escape reads a backslash and what it escapes, but for the last byte.
func (s *scanner) escape() bool {
	s.at++
	if s.at >= len(s.text) {
		return false
	}
	switch s.text[s.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			s.at++
			if s.at >= len(s.text) || !isHex(s.text[s.at]) {
				return false
			}
		}
		return true
	}
	return false
}

func isHex(c byte) bool { return isDigit(c) || c|' ' >= 'a' && c|' ' <= 'f' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (s *scanner) number() bool {
	s.one('-', '-')
	if !s.one('0', '0') && !s.digits() {
		return false
	}
	if s.one('.', '.') && !s.digits() {
		return false
	}
	if s.one('e', 'E') {
		s.one('+', '-')
		return s.digits()
	}
	return true
}

func (s *scanner) one(a, b byte) bool {
	if s.at < len(s.text) && (s.text[s.at] == a || s.text[s.at] == b) {
		s.at++
		return true
	}
	return false
}

func (s *scanner) digits() bool {
	from := s.at
	for s.at < len(s.text) && isDigit(s.text[s.at]) {
		s.at++
	}
	return s.at > from
}

package canonical

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// Scan finds the end of the canonical value that begins a text, and refuses any other form. It allocates
// next to nothing: it runs over every entry of an export.
func Scan(text []byte) (end int, err error) {
	s := scanner{text: text}
	if reason := s.value(0); reason != "" {
		return 0, &SyntaxError{Offset: s.at, Reason: reason}
	}
	return s.at, nil
}

// scanner walks a text that must be canonical; its methods return why it is not, or "".
type scanner struct {
	text []byte
	at   int
}

func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c || c == 0 {
		return false
	}
	s.at++
	return true
}

// expect is the reason for what stands where c should.
func (s *scanner) expect(c byte) string {
	switch {
	case s.take(c):
		return ""
	case s.at >= len(s.text):
		return endsEarly
	}
	return "found " + strconv.QuoteRune(rune(s.text[s.at])) + " in place of " + strconv.QuoteRune(rune(c)) + ", without space"
}

func (s *scanner) value(depth int) string {
	if depth >= MaxDepth {
		return tooDeep
	}
	switch c := s.peek(); c {
	case '{':
		return s.object(depth)
	case '[':
		return s.array(depth)
	case '"':
		return s.str()
	case 'n', 't', 'f':
		return s.literal(c)
	}
	return s.number()
}

func (s *scanner) object(depth int) string {
	s.at++
	if s.take('}') {
		return ""
	}
	var before []byte
	for first := true; ; first = false {
		start := s.at
		if reason := s.str(); reason != "" {
			return reason
		}
		name := unquote(s.text[start:s.at])
		if !first && compareUTF16(before, name) >= 0 {
			s.at = start
			return "the name " + strconv.Quote(string(name)) + " is not after " + strconv.Quote(string(before)) + " (twice, or not sorted)"
		}
		before = name
		if reason := s.expect(':'); reason != "" {
			return reason
		}
		if reason := s.value(depth + 1); reason != "" {
			return reason
		}
		if s.take('}') {
			return ""
		}
		if reason := s.expect(','); reason != "" {
			return reason
		}
	}
}

func (s *scanner) array(depth int) string {
	s.at++
	if s.take(']') {
		return ""
	}
	for {
		if reason := s.value(depth + 1); reason != "" {
			return reason
		}
		if s.take(']') {
			return ""
		}
		if reason := s.expect(','); reason != "" {
			return reason
		}
	}
}

func (s *scanner) literal(c byte) string {
	word := map[byte]string{'n': "null", 't': "true", 'f': "false"}[c]
	if !bytes.HasPrefix(s.text[s.at:], []byte(word)) {
		return "a word that is not " + word
	}
	s.at += len(word)
	return ""
}

func (s *scanner) str() string {
	if reason := s.expect('"'); reason != "" {
		return reason
	}
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return ""
		case c == '\\':
			if reason := s.escape(); reason != "" {
				return reason
			}
		case c < 0x20:
			return "a control character in a string: it is escaped"
		case c < utf8.RuneSelf:
			s.at++
		default:
			r, size := utf8.DecodeRune(s.text[s.at:])
			if r == utf8.RuneError && size == 1 {
				return notUTF8
			}
			s.at += size
		}
	}
	return endsEarly
}

// escape accepts an escape only where the byte needs it and there is no shorter one.
func (s *scanner) escape() string {
	rest := s.text[s.at:]
	if len(rest) < 2 {
		return endsEarly
	}
	size, plain := 2, unescape(rest[1])
	if rest[1] == 'u' {
		if len(rest) < 6 {
			return endsEarly
		}
		size, plain = 6, unhex(rest[4])<<4|unhex(rest[5])
	}
	var buffer [8]byte
	if !bytes.Equal(appendByte(buffer[:0], plain), rest[:size]) {
		return "the escape " + strconv.Quote(string(rest[:size])) + " is not needed, not the shortest, or not one of JSON"
	}
	s.at += size
	return ""
}

func (s *scanner) number() string {
	end, whole := numberEnd(s.text[s.at:])
	if end == 0 {
		if s.at >= len(s.text) {
			return endsEarly
		}
		return noValue
	}
	literal := s.text[s.at : s.at+end]
	// Up to 15 digits a whole number is its own form; only -0 is not.
	if !whole || end > 15 || literal[0] == '-' && literal[1] == '0' {
		canonical, reason := canonicalNumber(literal, whole)
		if reason != "" {
			return reason
		}
		if !bytes.Equal(canonical, literal) {
			return "the number " + string(literal) + " is " + string(canonical) + " in canonical form"
		}
	}
	s.at += end
	return ""
}

// canonicalNumber is the canonical form of a literal, or why it has none.
func canonicalNumber(literal []byte, whole bool) (form []byte, reason string) {
	x, err := strconv.ParseFloat(string(literal), 64)
	if err != nil {
		return nil, "the number " + string(literal) + " is beyond a float64"
	}
	if form, err = AppendNumber(nil, x); err != nil {
		panic("canonical: " + err.Error())
	}
	if whole && x != 0 && !bytes.Equal(form, literal) {
		return nil, "the integer " + string(literal) + " does not keep its digits as a float64: write it as a string"
	}
	return form, ""
}

const (
	tooDeep = "too many objects and arrays within one another"
	notUTF8 = "a string is not UTF-8"
	noValue = "no JSON value begins here"
)

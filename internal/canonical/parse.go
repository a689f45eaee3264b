package canonical

import (
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// parser reads any JSON text (RFC 8259) and writes its canonical form.
type parser struct {
	text []byte
	at   int
}

func (p *parser) fault(reason string) error { return &SyntaxError{Offset: p.at, Reason: reason} }

func (p *parser) space() {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t' || p.text[p.at] == '\n' || p.text[p.at] == '\r') {
		p.at++
	}
}

// next is the byte after spaces, not consumed; 0 at the end.
func (p *parser) next() byte {
	p.space()
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) expect(c byte) error {
	if p.next() == c {
		p.at++
		return nil
	}
	if p.at >= len(p.text) {
		return p.fault(endsEarly)
	}
	return p.fault("found " + strconv.QuoteRune(rune(p.text[p.at])) + " in place of " + strconv.QuoteRune(rune(c)))
}

// value appends the canonical form of the value that comes.
func (p *parser) value(dst []byte, depth int) ([]byte, error) {
	if depth >= MaxDepth {
		return nil, p.fault(tooDeep)
	}
	switch c := p.next(); c {
	case '{':
		return p.object(dst, depth)
	case '[':
		return p.array(dst, depth)
	case '"':
		s, err := p.str()
		if err != nil {
			return nil, err
		}
		return AppendString(dst, string(s))
	case 'n', 't', 'f':
		s := scanner{text: p.text, at: p.at}
		if reason := s.literal(c); reason != "" {
			return nil, p.fault(reason)
		}
		dst = append(dst, p.text[p.at:s.at]...)
		p.at = s.at
		return dst, nil
	}
	return p.number(dst)
}

func (p *parser) number(dst []byte) ([]byte, error) {
	end, whole := numberEnd(p.text[p.at:])
	if end == 0 {
		if p.at >= len(p.text) {
			return nil, p.fault(endsEarly)
		}
		return nil, p.fault(noValue)
	}
	form, reason := canonicalNumber(p.text[p.at:p.at+end], whole)
	if reason != "" {
		return nil, p.fault(reason)
	}
	p.at += end
	return append(dst, form...), nil
}

func (p *parser) array(dst []byte, depth int) ([]byte, error) {
	p.at++
	dst = append(dst, '[')
	if p.next() == ']' {
		p.at++
		return append(dst, ']'), nil
	}
	for {
		var err error
		if dst, err = p.value(dst, depth+1); err != nil {
			return nil, err
		}
		if p.next() == ']' {
			p.at++
			return append(dst, ']'), nil
		}
		if err = p.expect(','); err != nil {
			return nil, err
		}
		dst = append(dst, ',')
	}
}

// member is one name of an object with its value's canonical form.
type member struct{ name, value []byte }

func (p *parser) object(dst []byte, depth int) ([]byte, error) {
	start := p.at
	members, err := p.members(depth)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(members, func(a, b member) int { return compareUTF16(a.name, b.name) })
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			if string(m.name) == string(members[i-1].name) {
				p.at = start
				return nil, p.fault("the name " + strconv.Quote(string(m.name)) + " stands twice in the object that begins here")
			}
			dst = append(dst, ',')
		}
		if dst, err = AppendString(dst, string(m.name)); err != nil {
			return nil, err
		}
		dst = append(append(dst, ':'), m.value...)
	}
	return append(dst, '}'), nil
}

func (p *parser) members(depth int) (all []member, err error) {
	p.at++
	if p.next() == '}' {
		p.at++
		return nil, nil
	}
	for {
		var m member
		p.space()
		if m.name, err = p.str(); err != nil {
			return nil, err
		}
		if err = p.expect(':'); err != nil {
			return nil, err
		}
		if m.value, err = p.value(nil, depth+1); err != nil {
			return nil, err
		}
		all = append(all, m)
		if p.next() == '}' {
			p.at++
			return all, nil
		}
		if err = p.expect(','); err != nil {
			return nil, err
		}
	}
}

// str reads a string: its text, which is valid UTF-8.
func (p *parser) str() ([]byte, error) {
	if err := p.expect('"'); err != nil {
		return nil, err
	}
	var s []byte
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return s, nil
		case c == '\\':
			r, size, reason := escaped(p.text[p.at:])
			if reason != "" {
				return nil, p.fault(reason)
			}
			s = utf8.AppendRune(s, r)
			p.at += size
		case c < 0x20:
			return nil, p.fault("a control character in a string: it is escaped")
		default:
			r, size := utf8.DecodeRune(p.text[p.at:])
			if r == utf8.RuneError && size == 1 {
				return nil, p.fault(notUTF8)
			}
			s = append(s, p.text[p.at:p.at+size]...)
			p.at += size
		}
	}
	return nil, p.fault(endsEarly)
}

// escaped reads the escape that begins a text, both halves of a surrogate pair at once.
func escaped(text []byte) (r rune, size int, reason string) {
	if len(text) < 2 {
		return 0, 0, endsEarly
	}
	if text[1] != 'u' {
		if plain := unescape(text[1]); plain != 0 {
			return rune(plain), 2, ""
		}
		return 0, 0, "the escape \\" + string(rune(text[1])) + " is not one of JSON"
	}
	r, reason = unit(text)
	if reason != "" || !utf16.IsSurrogate(r) {
		return r, 6, reason
	}
	low, reason := unit(text[6:])
	if pair := utf16.DecodeRune(r, low); reason == "" && pair != utf8.RuneError {
		return pair, 12, ""
	}
	return 0, 0, "half a surrogate pair"
}

// unit reads \uXXXX.
func unit(text []byte) (r rune, reason string) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, "\\u wants four hexadecimal digits"
	}
	for _, c := range text[2:6] {
		digit := unhex(c)
		if digit == 255 {
			return 0, "\\u wants four hexadecimal digits"
		}
		r = r<<4 | rune(digit)
	}
	return r, ""
}

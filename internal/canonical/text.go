package canonical

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"
)

// AppendString appends a string with its quotes (RFC 8785 §3.2.2.2): what must be escaped is, as short as
// possible, and nothing else. A string that is not UTF-8 is refused.
func AppendString(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, errors.New("canonical JSON: a string is not UTF-8: check or encode it first")
	}
	dst = append(dst, '"')
	for i := range len(s) {
		dst = appendByte(dst, s[i])
	}
	return append(dst, '"'), nil
}

func appendByte(dst []byte, c byte) []byte {
	if short := shortEscape(c); short != 0 {
		return append(dst, '\\', short)
	}
	if c < 0x20 {
		const digits = "0123456789abcdef"
		return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
	}
	return append(dst, c)
}

// shortEscape is the letter that stands for a byte after a backslash, or 0.
func shortEscape(c byte) byte {
	switch c {
	case '"', '\\':
		return c
	case '\b':
		return 'b'
	case '\t':
		return 't'
	case '\n':
		return 'n'
	case '\f':
		return 'f'
	case '\r':
		return 'r'
	}
	return 0
}

// compareUTF16 orders two valid strings by their UTF-16 units (RFC 8785 §3.2.3). It differs from the order of bytes
// only above U+FFFF, whose surrogates sort before U+E000.
func compareUTF16(a, b []byte) int {
	for len(a) > 0 && len(b) > 0 {
		if a[0] < utf8.RuneSelf && a[0] == b[0] {
			a, b = a[1:], b[1:]
			continue
		}
		x, m := utf8.DecodeRune(a)
		y, n := utf8.DecodeRune(b)
		if x != y {
			return int(unitOrder(x)) - int(unitOrder(y))
		}
		a, b = a[m:], b[n:]
	}
	return len(a) - len(b)
}

// unitOrder moves what lies above the surrogates in UTF-16 above all else.
func unitOrder(r rune) rune {
	if r >= 0xE000 && r <= 0xFFFF {
		return r + 0x110000
	}
	return r
}

// unquote is the text of a canonical string, given with its quotes; valid by then.
func unquote(quoted []byte) []byte {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	plain := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); i++ {
		if inner[i] != '\\' {
			plain = append(plain, inner[i])
			continue
		}
		i++
		if inner[i] == 'u' {
			plain = append(plain, unhex(inner[i+3])<<4|unhex(inner[i+4]))
			i += 4
			continue
		}
		plain = append(plain, unescape(inner[i]))
	}
	return plain
}

// unescape is the byte for which a letter stands after a backslash, or 0.
func unescape(c byte) byte {
	const letters, bytes = `"\/btnfr`, "\"\\/\b\t\n\f\r"
	if i := strings.IndexByte(letters, c); i >= 0 {
		return bytes[i]
	}
	return 0
}

// unhex is the value of a hexadecimal digit; 255 for other bytes.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

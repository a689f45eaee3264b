// Package jcs writes JSON in the one form that can be signed: the JSON Canonicalization Scheme, RFC 8785.
//
// It holds the encoder and the strict reading that goes with it (duplicate names, lone surrogates and numbers that
// a double does not hold are refused, as I-JSON, RFC 7493, asks). It knows no document and signs nothing.
//
// Begin with Marshal.
package jcs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Marshal is encoding/json's text of v in canonical form. Errors are those of encoding/json and of Canonical.
func Marshal(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding as JSON: %w", err)
	}
	return Canonical(text)
}

// Canonical is a JSON text in canonical form (RFC 8785 §3.2): no white space, object members sorted by the UTF-16
// code units of their names, numbers as ECMAScript prints a double, strings with the fewest escapes. It refuses what is not
// one JSON value, duplicate names in an object, invalid UTF-8 or lone surrogates, numbers beyond a double, and values more than 64 deep.
func Canonical(text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("the JSON text is not valid UTF-8")
	}
	if err := surrogates(text); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	out, err := value(d, nil, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("byte %d: more than one JSON value; one is expected", d.InputOffset())
	}
	return out, nil
}

// maxDepth bounds how deep arrays and objects nest. Files are read before their signature is checked: without a bound, brackets
// alone exhaust the stack, which ends the process.
const maxDepth = 64

// value appends the next value of d, within so many arrays and objects.
func value(d *json.Decoder, out []byte, depth int) ([]byte, error) {
	token, err := d.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("byte %d: %w", d.InputOffset(), err)
	}
	switch t := token.(type) {
	case json.Delim:
		if depth == maxDepth {
			return nil, fmt.Errorf("byte %d: more than %d arrays and objects within one another", d.InputOffset(), maxDepth)
		}
		if t == '{' {
			return object(d, out, depth+1)
		}
		return array(d, out, depth+1)
	case string:
		return quoted(out, t), nil
	case json.Number:
		return number(d, out, t)
	case bool:
		return strconv.AppendBool(out, t), nil
	}
	return append(out, "null"...), nil
}

func array(d *json.Decoder, out []byte, depth int) ([]byte, error) {
	out = append(out, '[')
	for i := 0; d.More(); i++ {
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = value(d, out, depth); err != nil {
			return nil, err
		}
	}
	return closing(d, append(out, ']'))
}

// member is a name of an object with its canonical value.
type member struct {
	name  string
	units []uint16 // of the name, the sort key
	value []byte
}

func object(d *json.Decoder, out []byte, depth int) ([]byte, error) {
	var members []member
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("byte %d: %w", d.InputOffset(), err)
		}
		name, ok := token.(string)
		if !ok {
			return nil, fmt.Errorf("byte %d: the name of an object's member must be a string", d.InputOffset())
		}
		if seen[name] {
			return nil, fmt.Errorf("byte %d: the name %q appears twice in an object; once is allowed", d.InputOffset(), name)
		}
		seen[name] = true
		v, err := value(d, nil, depth)
		if err != nil {
			return nil, err
		}
		members = append(members, member{name, utf16.Encode([]rune(name)), v})
	}
	slices.SortFunc(members, func(a, b member) int { return slices.Compare(a.units, b.units) })
	out = append(out, '{')
	for i, m := range members {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(quoted(out, m.name), ':'), m.value...)
	}
	return closing(d, append(out, '}'))
}

// closing takes the bracket that More has seen.
func closing(d *json.Decoder, out []byte) ([]byte, error) {
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("byte %d: the JSON text ends within a value: %w", d.InputOffset(), err)
	}
	return out, nil
}

// number appends a double as ECMAScript's Number::toString does (ECMA-262 §6.1.6.1.20).
func number(d *json.Decoder, out []byte, n json.Number) ([]byte, error) {
	x, err := strconv.ParseFloat(string(n), 64)
	if err != nil {
		return nil, fmt.Errorf("byte %d: the number %s is beyond a double", d.InputOffset(), n)
	}
	if x == 0 {
		return append(out, '0'), nil // -0 is written 0
	}
	if a := math.Abs(x); a >= 1e-6 && a < 1e21 {
		return strconv.AppendFloat(out, x, 'f', -1, 64), nil
	}
	text := strconv.AppendFloat(nil, x, 'e', -1, 64)
	if n := len(text); text[n-2] == '0' && text[n-3] == '-' { // e-07: ECMAScript has no leading zero
		text = append(text[:n-2], text[n-1])
	}
	return append(out, text...), nil
}

// quoted appends a string literal: of RFC 8785 §3.2.2.2's escapes none is left out and none added.
func quoted(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c >= ' ':
			out = append(out, c)
		case c == '\b':
			out = append(out, '\\', 'b')
		case c == '\t':
			out = append(out, '\\', 't')
		case c == '\n':
			out = append(out, '\\', 'n')
		case c == '\f':
			out = append(out, '\\', 'f')
		case c == '\r':
			out = append(out, '\\', 'r')
		default:
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(out, '"')
}

// surrogates refuses \uD800..\uDFFF without its partner, which encoding/json would silently replace: two
// different texts would then have one canonical form.
func surrogates(text []byte) error {
	high := -1 // where a high surrogate ended
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 >= len(text) {
			continue
		}
		if text[i+1] != 'u' || i+6 > len(text) {
			i++
			continue
		}
		code, err := strconv.ParseUint(string(text[i+2:i+6]), 16, 16)
		if err != nil {
			return fmt.Errorf("byte %d: \\u needs four hexadecimal digits", i)
		}
		low := code >= 0xdc00 && code < 0xe000
		if low != (high == i) {
			return fmt.Errorf("byte %d: \\u%04x: a surrogate without its partner", i, code)
		}
		high = -1
		i += 5
		if code >= 0xd800 && code < 0xdc00 {
			high = i + 1
			if i+1 >= len(text) || text[i+1] != '\\' {
				return fmt.Errorf("byte %d: \\u%04x: a surrogate without its partner", i-5, code)
			}
		}
	}
	return nil
}

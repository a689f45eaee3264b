// Package canonical writes JSON in the one form of RFC 8785 (JSON Canonicalization Scheme), so that what is
// hashed or signed has the same bytes wherever it is written: no space, members sorted by the UTF-16 units of
// their names, the shortest escapes, numbers as ECMAScript prints them.
//
// It refuses what the scheme leaves undefined: a name twice in an object, text that is not UTF-8, half a
// surrogate pair, numbers that a float64 does not hold (NaN, infinities, integers that lose digits), and more
// than MaxDepth levels.
//
// Begin with Marshal to write, Check to accept what somebody else wrote.
package canonical

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxDepth is how many objects and arrays may lie within one another.
const MaxDepth = 64

// Marshal is the canonical JSON of a value, which may be anything that encoding/json takes; tags and
// marshalers count. A struct whose fields stand in the order of their names is written several times faster.
func Marshal(v any) ([]byte, error) {
	var loose bytes.Buffer
	e := json.NewEncoder(&loose)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	// encoding/json puts this escape, and only then an escape, where a Go string is not UTF-8. Two different
	// strings would be written alike.
	if bytes.Contains(loose.Bytes(), []byte(`\ufffd`)) {
		return nil, errors.New("canonical JSON: a string is not UTF-8: check or encode it first")
	}
	return Transform(loose.Bytes())
}

// Transform is the canonical form of a JSON text.
func Transform(text []byte) ([]byte, error) {
	// encoding/json writes fields in the order of the struct: where that is sorted nothing is left to do.
	if trimmed := bytes.TrimSuffix(text, []byte("\n")); Check(trimmed) == nil {
		return bytes.Clone(trimmed), nil
	}
	p := parser{text: text}
	out, err := p.value(nil, 0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(text) {
		return nil, p.fault("more than one value")
	}
	return out, nil
}

// Check reports whether a text is one value in canonical form, to the last byte. The error names offset and
// reason.
func Check(text []byte) error {
	end, err := Scan(text)
	if err != nil {
		return err
	}
	if end < len(text) {
		return &SyntaxError{Offset: end, Reason: "more than one value, or a space"}
	}
	return nil
}

// SyntaxError is a fault of a JSON text, or a departure from the canonical form.
type SyntaxError struct {
	// Offset is where, in bytes from 0.
	Offset int
	// Reason is what is wrong.
	Reason string
}

// Error is "canonical JSON: byte N: reason".
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("canonical JSON: byte %d: %s", e.Offset, e.Reason)
}

// Is makes a text that ends early an io.ErrUnexpectedEOF.
func (e *SyntaxError) Is(target error) bool {
	return target == io.ErrUnexpectedEOF && e.Reason == endsEarly
}

const endsEarly = "the text ends within a value"

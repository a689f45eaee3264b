package directory

import (
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Secret is a password, a code or a token in memory. It cannot be compared, printed or marshalled; Reveal is the one way out,
// to be shown once or sent to whom it belongs.
type Secret struct {
	_    [0]func()
	text *string // behind a pointer, so that printing a struct around it shows no more than an address
}

// NewSecret takes what somebody typed or sent.
func NewSecret(text string) Secret { return Secret{text: &text} }

// Reveal is the text; empty for the zero Secret.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is nothing in it.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Format prints the same words for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "directory.Secret(redacted)") }

// MarshalText refuses.
func (s Secret) MarshalText() ([]byte, error) {
	return nil, errors.New("a secret is shown once, by Reveal, and not marshalled")
}

// SessionToken is what a signed-in client shows with every request: 256 random bits in base64url, 43 characters.
type SessionToken struct{ Secret }

// NewSessionToken takes what a client sent.
func NewSessionToken(text string) SessionToken { return SessionToken{NewSecret(text)} }

// draw is so many random bytes. Without entropy nothing here may go on.
func (d *Directory) draw(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(d.rand, b); err != nil {
		panic("directory: no entropy: " + err.Error())
	}
	return b
}

// drawToken is 256 random bits as a client carries them.
func (d *Directory) drawToken() string { return base64.RawURLEncoding.EncodeToString(d.draw(32)) }

// crockford is the base 32 without I, L, O and U, for what people type.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	writtenBytes  = 10 // 80 bits, 16 characters: too many to guess, so that a fast hash keeps them
	writtenGroup  = 4
	writtenLength = 16
)

// drawWritten is a secret to be written down: four groups of four characters.
func (d *Directory) drawWritten() string {
	text := base32.NewEncoding(crockford).WithPadding(base32.NoPadding).EncodeToString(d.draw(writtenBytes))
	var b strings.Builder
	for i := 0; i < len(text); i += writtenGroup {
		if i > 0 {
			b.WriteByte('-')
		}
		b.WriteString(text[i : i+writtenGroup])
	}
	return b.String()
}

// readWritten takes hyphens, blanks and small letters, and letters that look like digits, as they were meant.
func readWritten(typed string) string {
	return strings.Map(func(c rune) rune {
		switch c {
		case '-', ' ', '\t', '\r', '\n':
			return -1
		case 'o', 'O':
			return '0'
		case 'i', 'I', 'l', 'L':
			return '1'
		}
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		return c
	}, typed)
}

package directory

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/qrsrisk/qrsd/store"
)

// maxEmail is the longest address in bytes (RFC 5321 section 4.5.3.1.3, less the angle brackets), maxLocal of the part before
// the @ (section 4.5.3.1.1), maxName the longest display name in characters.
const (
	maxEmail = 254
	maxLocal = 64
	maxName  = 200
)

// normaliseEmail gives an address the one form in which it is kept, compared and hashed: trimmed, NFKC, lower case. It refuses
// what cannot be an address and quoted local parts, which nobody has; whether the mailbox exists only mail can tell.
func normaliseEmail(text string) (string, error) {
	if len(text) > 4*maxEmail || !utf8.ValidString(text) {
		return "", store.Invalid("email", "e-mail address of %d bytes: not valid text, or too long (at most %d)", len(text), maxEmail)
	}
	// Lowering can leave a form that NFKC composes once more.
	email := norm.NFKC.String(strings.ToLower(norm.NFKC.String(strings.TrimSpace(text))))
	email = norm.NFKC.String(strings.ToLower(email))
	at := strings.LastIndexByte(email, '@')
	switch {
	case len(email) > maxEmail:
		return "", store.Invalid("email", "e-mail address %.40q...: %d bytes are more than %d", email, len(email), maxEmail)
	case at < 1 || at == len(email)-1 || strings.Count(email, "@") != 1:
		return "", store.Invalid("email", "e-mail address %q: it needs one @ with text on both sides, as in name@example.com", email)
	case at > maxLocal:
		return "", store.Invalid("email", "e-mail address %q: %d bytes before the @ are more than %d", email, at, maxLocal)
	}
	if c, ok := strange(email); ok {
		return "", store.Invalid("email", "e-mail address %q: the character %q cannot be in it", email, c)
	}
	for _, part := range strings.Split(email[at+1:], ".") {
		if part == "" || strings.HasPrefix(part, "-") || strings.HasSuffix(part, "-") {
			return "", store.Invalid("email", "e-mail address %q: the domain after the @ has an empty part or one that begins or ends with a hyphen", email)
		}
	}
	return email, nil
}

func strange(email string) (rune, bool) {
	for _, c := range email {
		if !unicode.IsPrint(c) || strings.ContainsRune(` "(),:;<>[\]`, c) {
			return c, true
		}
	}
	return 0, false
}

// normaliseName trims a display name; 1 to 200 characters that can be shown on one line.
func normaliseName(text string) (string, error) {
	name := norm.NFC.String(strings.TrimSpace(text))
	if n := utf8.RuneCountInString(name); n < 1 || n > maxName || !utf8.ValidString(name) {
		return "", store.Invalid("name", "display name: %d characters are not between 1 and %d", n, maxName)
	}
	for _, c := range name {
		if !unicode.IsPrint(c) {
			return "", store.Invalid("name", "display name %q: the character %q cannot be shown", name, c)
		}
	}
	return name, nil
}

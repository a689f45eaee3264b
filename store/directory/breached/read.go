package breached

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxLine is longer than any line of a list.
const maxLine = 64 << 10

// AddHashes reads a list as Have I Been Pwned publishes it: lines HASH or HASH:COUNT, where HASH is the SHA-1 of a password in 40 hexadecimal
// digits, in any order. Empty lines and those with the count 0 (padding) are passed over. Whatever else ends it with an error that
// names the line, such as a list of NTLM hashes; the line's text is not in it, since it may be a password.
func (b *Builder) AddHashes(ctx context.Context, from io.Reader) error {
	return eachLine(ctx, from, func(line []byte) error {
		h, counts, err := parseHash(line)
		if err != nil || !counts {
			return err
		}
		return b.Add(h)
	})
}

// AddPasswords reads passwords themselves, one a line in UTF-8, as they are: of an owner's own list of words that nobody may choose, or of a
// collection. Empty lines are passed over. A capital letter matters here; [List] asks in small letters as well, so words are best given in those.
func (b *Builder) AddPasswords(ctx context.Context, from io.Reader) error {
	return eachLine(ctx, from, func(line []byte) error {
		if !utf8.Valid(line) {
			return errors.New("is not UTF-8: convert the file, or give hashes")
		}
		return b.Add(HashOf(string(line)))
	})
}

// parseHash reads HASH or HASH:COUNT; false where the count is 0.
func parseHash(line []byte) (h Hash, counts bool, err error) {
	digits, count, counted := bytes.Cut(line, []byte(":"))
	switch len(digits) {
	case 2 * len(h):
	case 32:
		return h, false, errors.New("has 32 hexadecimal digits, which is an NTLM or MD5 hash: passwords are compared by SHA-1; import the list of SHA-1 hashes")
	case 35:
		return h, false, errors.New("has 35 hexadecimal digits, the rest of a hash without its first five: join the list's parts into one of whole hashes")
	default:
		return h, false, fmt.Errorf("has %d characters before the colon: a line is 40 hexadecimal digits of a SHA-1, with or without :COUNT (for passwords themselves say so: --plain)", len(digits))
	}
	if _, err := hex.Decode(h[:], digits); err != nil {
		return h, false, errors.New("has something other than 40 hexadecimal digits before the colon")
	}
	counts = !counted
	for _, c := range count {
		if c < '0' || c > '9' {
			return h, false, errors.New("has something other than a number after the colon")
		}
		counts = counts || c != '0'
	}
	if counted && len(count) == 0 {
		return h, false, errors.New("has nothing after the colon: give the count, or leave the colon out")
	}
	return h, counts, nil
}

// eachLine calls do for every line that is not empty, without its end.
func eachLine(ctx context.Context, from io.Reader, do func([]byte) error) error {
	r := bufio.NewReaderSize(from, maxLine)
	for n := 1; ; n++ {
		if n%(1<<12) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		line, err := r.ReadSlice('\n')
		last := errors.Is(err, io.EOF)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("line %d: is longer than %d bytes: is this a list of passwords?", n, maxLine)
		case err != nil && !last:
			return fmt.Errorf("line %d: %w", n, err)
		}
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(line) > 0 {
			if err := do(line); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
		if last {
			return nil
		}
	}
}

package keyring

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Secrets that are written down have Crockford's base 32 (no I, L, O, U), four check characters (20 bits of SHA-256) at the
// end, and hyphens every six characters.
const (
	crockford      = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	checkLength    = 4
	groupLength    = 6
	recoverySize   = 20 // 160 bits: nothing to stretch
	keyFileSize    = 32
	maxKeyFileSize = 4096
)

func written() *base32.Encoding { return base32.NewEncoding(crockford).WithPadding(base32.NoPadding) }

func writeDown(secret []byte) string {
	sum := sha256.Sum256(append([]byte("qrsd check\x00"), secret...))
	text := written().EncodeToString(secret)
	text += written().EncodeToString(sum[:5])[:checkLength]
	var b strings.Builder
	for i, c := range text {
		if i > 0 && i%groupLength == 0 {
			b.WriteByte('-')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// readOff is the inverse of writeDown. It takes small letters, blanks and the letters that look like digits.
func readOff(text string, size int) ([]byte, error) {
	clean := strings.Map(func(c rune) rune {
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
	}, text)
	want := written().EncodedLen(size) + checkLength
	if len(clean) != want {
		return nil, fmt.Errorf("it has %d characters without hyphens, not %d: part of it is missing or doubled", len(clean), want)
	}
	secret, err := written().DecodeString(clean[:want-checkLength])
	if err != nil {
		return nil, errors.New("it has a character that never occurs in it: type it again")
	}
	if again := strings.ReplaceAll(writeDown(secret), "-", ""); again != clean {
		clear(secret)
		return nil, errors.New("its check characters do not fit: a character is mistyped")
	}
	return secret, nil
}

// RecoveryCode is the secret that opens the recovery slot. It exists outside of the user's safe only while it is shown once.
type RecoveryCode struct {
	_      [0]func()
	secret *[recoverySize]byte
}

func newRecoveryCode(rand io.Reader) (RecoveryCode, error) {
	c := RecoveryCode{secret: new([recoverySize]byte)}
	if _, err := io.ReadFull(rand, c.secret[:]); err != nil {
		return RecoveryCode{}, fmt.Errorf("drawing a recovery key: %w", err)
	}
	return c, nil
}

// Reveal is the code as the user writes it down, six groups of six characters; empty for the zero code.
func (c RecoveryCode) Reveal() string {
	if c.secret == nil {
		return ""
	}
	return writeDown(c.secret[:])
}

// Format prints the same words for every verb.
func (c RecoveryCode) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "keyring.RecoveryCode(redacted)")
}

// MarshalText refuses.
func (c RecoveryCode) MarshalText() ([]byte, error) {
	return nil, errors.New("a recovery code is shown once, by Reveal, and not marshalled")
}

// Recovery unlocks with the code that was shown when the ring was made. Small letters, blanks, and O or I for 0 or 1 are taken
// as meant. The error says what is wrong with the form of the code, and never repeats it.
func Recovery(code string) (Unlocker, error) {
	secret, err := readOff(code, recoverySize)
	if err != nil {
		return Unlocker{}, fmt.Errorf("recovery key: %w", err)
	}
	return recoveryUnlocker(secret), nil
}

func recoveryUnlocker(secret []byte) Unlocker {
	return Unlocker{method: MethodRecovery, seed: func(install [16]byte, _ argonParameters, _ bool) ([]byte, error) {
		return hkdf.Key(sha256.New, secret, install[:], "qrsd recovery key", 32)
	}}
}

const keyFileHead = "qrsd key file 1\n"

// NewKeyFile writes a new random key file, readable by its owner alone, durably. It never replaces a file
// (fs.ErrExist). Keep it off the disk that holds the store.
func NewKeyFile(path string, rand io.Reader) (err error) {
	var secret [keyFileSize]byte
	defer clear(secret[:])
	if _, err := io.ReadFull(rand, secret[:]); err != nil {
		return fmt.Errorf("drawing a key file: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("making the key file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(path)
		}
	}()
	if _, err = io.WriteString(f, keyFileHead+writeDown(secret[:])+"\n"); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = osDisk{}.syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("writing the key file %s: %w", path, err)
	}
	return nil
}

// KeyFile unlocks with a file that [NewKeyFile] made. The file is read when it is used. It is refused when others than
// its owner and group may read it or its group may write it.
func KeyFile(path string) Unlocker {
	return Unlocker{method: MethodKeyFile, seed: func(install [16]byte, _ argonParameters, _ bool) ([]byte, error) {
		secret, err := readKeyFile(path)
		if err != nil {
			return nil, err
		}
		defer clear(secret)
		return hkdf.Key(sha256.New, secret, install[:], "qrsd key file", 32)
	}}
}

func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the key file: %w", err)
	}
	defer f.Close()
	if err := checkMode(f, path); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFileSize))
	if err != nil {
		return nil, fmt.Errorf("reading the key file: %w", err)
	}
	defer clear(text)
	body, ok := bytes.CutPrefix(text, []byte(keyFileHead))
	if !ok {
		return nil, fmt.Errorf("key file %s: it does not begin with %q: is this the file that init wrote?", path, strings.TrimSpace(keyFileHead))
	}
	secret, err := readOff(string(body), keyFileSize)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return secret, nil
}

func checkMode(f *os.File, path string) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("reading the key file: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("key file %s: %w: it is not a regular file", path, fs.ErrInvalid)
	case info.Mode().Perm()&0o027 != 0:
		return fmt.Errorf("key file %s: its mode is %o, so that others can read or change it: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	return nil
}

package relay

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// keyKind begins the text of a public key.
const keyKind = "ed25519:"

// Key signs. It has no text form, no JSON and no equality.
type Key struct {
	_       [0]func() // not comparable
	private ed25519.PrivateKey
}

// NewKey makes a key of 32 bytes from random, which must be fit for keys.
func NewKey(random io.Reader) (*Key, error) {
	var seed [ed25519.SeedSize]byte
	if _, err := io.ReadFull(random, seed[:]); err != nil {
		return nil, fmt.Errorf("reading randomness for a key: %w", err)
	}
	return KeyOf(ed25519.NewKeyFromSeed(seed[:])), nil
}

// KeyOf is the key of a private key that was kept. It panics on one of the wrong length.
func KeyOf(private ed25519.PrivateKey) *Key {
	if len(private) != ed25519.PrivateKeySize {
		panic("relay: a private key of the wrong length")
	}
	return &Key{private: private}
}

// Private is for keeping.
func (k *Key) Private() ed25519.PrivateKey { return k.private }

// Public is the key to give to the other side.
func (k *Key) Public() PublicKey { return PublicKey(k.private.Public().(ed25519.PublicKey)) }

// Format keeps the key out of every verb of fmt.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, "relay.Key(not shown)") }

// MarshalJSON refuses: a key in a JSON document is a mistake.
func (k Key) MarshalJSON() ([]byte, error) {
	return nil, errors.New("relay: a Key is not written as JSON")
}

// PublicKey is an Ed25519 public key. As text it is "ed25519:" and base64.
type PublicKey ed25519.PublicKey

// String is the key as text.
func (k PublicKey) String() string { return keyKind + base64.StdEncoding.EncodeToString(k) }

// Fingerprint is "SHA256:" and the unpadded base64 of the key's SHA-256, to be compared by eye or read out.
func (k PublicKey) Fingerprint() string {
	digest := sha256.Sum256(k)
	return fingerprintKind + base64.RawStdEncoding.EncodeToString(digest[:])
}

// fingerprintKind begins a fingerprint.
const fingerprintKind = "SHA256:"

// MarshalText is String.
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads String's form.
func (k *PublicKey) UnmarshalText(text []byte) error {
	encoded, ok := strings.CutPrefix(string(text), keyKind)
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("public key %.60q: it is written %s and 44 characters of base64", text, keyKind)
	}
	*k = key
	return nil
}

// Peer is a known other side.
type Peer struct {
	Name string // by which this side calls it, one word
	Key  PublicKey
}

// Trust is the peers that are known.
type Trust []Peer

// Name is how this side calls the owner of a key.
func (t Trust) Name(k PublicKey) (name string, known bool) {
	i := slices.IndexFunc(t, func(p Peer) bool { return bytes.Equal(p.Key, k) })
	if i < 0 {
		return "", false
	}
	return t[i].Name, true
}

// ParseTrust reads lines "NAME ed25519:BASE64"; empty lines and those that begin with # are left out. The error
// names the line.
func ParseTrust(text string) (Trust, error) {
	var t Trust
	n := 0
	for l := range strings.Lines(text) {
		n++
		fields := strings.Fields(l)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) != 2 {
			return nil, fmt.Errorf("line %d: write a name of one word and a public key: NAME %sBASE64", n, keyKind)
		}
		var k PublicKey
		if err := k.UnmarshalText([]byte(fields[1])); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if other, known := t.Name(k); known {
			return nil, fmt.Errorf("line %d: the key of %s is there already, as %s; one name for a key", n, fields[0], other)
		}
		t = append(t, Peer{fields[0], k})
	}
	return t, nil
}

// UnknownKeyError is a file whose signature is good, by a key that is not trusted.
type UnknownKeyError struct {
	Role string // "host" or "relay"
	Name string // that the other side gives itself; unproven
	Key  PublicKey
}

// Error shows the fingerprint and says how to trust it.
func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("it is signed by an unknown %s%s with fingerprint %s; ask the %s's keeper for the fingerprint over another way, and if it is the same give --trust %s",
		e.Role, calling(e.Name), e.Key.Fingerprint(), e.Role, e.Key.Fingerprint())
}

func calling(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" calling itself %q", name)
}

package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// SecretSize is the length of a key's secret in bytes: AES-256.
const SecretSize = 32

// RollAt is the number of encryptions after which a ring replaces a key: a quarter of what random nonces allow.
const RollAt = 1 << 30

// limit is where a key refuses to go on: NIST SP 800-38D section 8.3 for random 96-bit nonces.
const limit = 1 << 32

// ErrForged is a value that does not decrypt: another key, another place, or a changed byte. Which of them cannot be known.
var ErrForged = errors.New("the encrypted value does not belong here or was changed")

// KeyID names a key: 8 random bytes, no secret, unique within an install.
type KeyID [8]byte

// String is the id in hexadecimal.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id names no key.
func (id KeyID) IsZero() bool { return id == KeyID{} }

// MarshalText is the id in hexadecimal.
func (id KeyID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the 16 digits.
func (id *KeyID) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(id)) {
		return fmt.Errorf("key id of %d characters: it has %d hexadecimal digits", len(text), hex.EncodedLen(len(id)))
	}
	_, err := hex.Decode(id[:], text)
	return err
}

// Key is an AES-256 key with its id. It cannot be compared, copied, printed or marshalled; hold it by pointer.
// Its methods may be called from several goroutines at once.
type Key struct {
	_      [0]func() // == on secrets is not constant-time
	id     KeyID
	secret *[SecretSize]byte // behind a pointer so that printing an enclosing struct shows an address
	aead   cipher.AEAD
	rand   io.Reader
	used   atomic.Uint64
	wiped  atomic.Bool
}

// NewKey makes a key with a random secret and id. The key keeps rand for its nonces; rand must be safe for use by
// several goroutines, as crypto/rand.Reader is. The error is rand's.
func NewKey(rand io.Reader) (*Key, error) {
	var random [len(KeyID{}) + SecretSize]byte
	defer clear(random[:])
	if _, err := io.ReadFull(rand, random[:]); err != nil {
		return nil, fmt.Errorf("drawing a new key: %w", err)
	}
	return RestoreKey(rand, KeyID(random[:8]), random[8:]), nil
}

// RestoreKey makes the key again from what [Key.Expose] showed. secret is copied; it must have [SecretSize] bytes.
func RestoreKey(rand io.Reader, id KeyID, secret []byte) *Key {
	k := &Key{id: id, secret: new([SecretSize]byte), rand: rand}
	if copy(k.secret[:], secret) != SecretSize || len(secret) != SecretSize {
		panic(fmt.Sprintf("envelope: secret of %d bytes", len(secret)))
	}
	block, err := aes.NewCipher(k.secret[:])
	if err != nil {
		panic("envelope: " + err.Error()) // the length is right, there is no other reason
	}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		panic("envelope: " + err.Error())
	}
	return k
}

// ID is the key's name; no secret.
func (k *Key) ID() KeyID { return k.id }

// Used is the number of encryptions and wrappings so far, those of earlier processes included if the ring has said so
// with [Key.CountFrom].
func (k *Key) Used() uint64 { return k.used.Load() }

// CountFrom raises the count of encryptions to n, never lowers it: what earlier processes may have used.
func (k *Key) CountFrom(n uint64) {
	for {
		old := k.used.Load()
		if old >= n || k.used.CompareAndSwap(old, n) {
			return
		}
	}
}

// Expose calls fn with the key's secret, which is fn's for the duration of the call only. It is there for the ring, which
// derives from secrets and authenticates with them; everything else is done with [Key.Wrap]. It panics on a wiped key.
func (k *Key) Expose(fn func(secret []byte) error) error {
	k.mustLive()
	return fn(k.secret[:])
}

// mustLive keeps zeros from being taken for a key.
func (k *Key) mustLive() {
	if k.wiped.Load() {
		panic("envelope: key " + k.id.String() + " was wiped")
	}
}

// Wipe overwrites the secret; the caller must know that no other goroutine wraps or exposes the key at this moment.
// A wiped key can no longer be wrapped or exposed. The cipher's own key schedule, a copy inside
// crypto/aes, cannot be reached from here: it stays in memory until the garbage collector reuses it, and whoever still
// holds the key can finish what was begun.
func (k *Key) Wipe() {
	k.wiped.Store(true)
	clear(k.secret[:])
}

// Format prints the same words for every verb.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "envelope.Key(redacted)") }

// MarshalText refuses: keys leave a process only wrapped.
func (k *Key) MarshalText() ([]byte, error) {
	return nil, errors.New("an encryption key cannot be written as text or JSON")
}

// draw fills nonce and counts an encryption.
func (k *Key) draw(nonce []byte) {
	if k.used.Add(1) > limit {
		panic("envelope: key " + k.id.String() + " has encrypted 2^32 values and was not replaced")
	}
	if _, err := io.ReadFull(k.rand, nonce); err != nil {
		panic("envelope: no entropy for a nonce: " + err.Error())
	}
}

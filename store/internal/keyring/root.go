package keyring

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// root is the secret on which everything hangs, with the two keys derived from it: one wraps, one authenticates the file.
type root struct {
	_      [0]func()
	secret *[envelope.SecretSize]byte
	wrap   *envelope.Key
	mac    *[sha256.Size]byte
}

func newRoot(rand io.Reader) (*root, error) {
	var random [len(envelope.KeyID{}) + envelope.SecretSize]byte
	defer clear(random[:])
	if _, err := io.ReadFull(rand, random[:]); err != nil {
		return nil, fmt.Errorf("drawing a new root key: %w", err)
	}
	return restoreRoot(rand, envelope.KeyID(random[:8]), random[8:]), nil
}

// restoreRoot makes the root of what a slot held.
func restoreRoot(rand io.Reader, id envelope.KeyID, secret []byte) *root {
	r := &root{secret: new([envelope.SecretSize]byte), mac: new([sha256.Size]byte)}
	copy(r.secret[:], secret)
	wrapping := derive(secret, "qrsd root: wrapping")
	defer clear(wrapping)
	r.wrap = envelope.RestoreKey(rand, id, wrapping)
	mac := derive(secret, "qrsd root: file MAC")
	defer clear(mac)
	copy(r.mac[:], mac)
	return r
}

// derive is HKDF-SHA-256 (RFC 5869) to 32 bytes; the secret is uniform, so there is no salt.
func derive(secret []byte, info string) []byte {
	b, err := hkdf.Key(sha256.New, secret, nil, info, sha256.Size)
	if err != nil {
		panic("keyring: " + err.Error()) // only for lengths that cannot occur
	}
	return b
}

func (r *root) authenticate(body []byte) [sha256.Size]byte { return authenticator(r.mac[:], body) }

func authenticator(key []byte, message ...[]byte) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	for _, m := range message {
		h.Write(m)
	}
	h.Sum(sum[:0])
	return sum
}

func (r *root) wipe() {
	clear(r.secret[:])
	clear(r.mac[:])
	r.wrap.Wipe()
}

// rootPayload is what a slot wraps: id and secret.
func (r *root) payload() []byte {
	return append(append([]byte(nil), idBytes(r.wrap.ID())...), r.secret[:]...)
}

func idBytes(id envelope.KeyID) []byte { return id[:] }

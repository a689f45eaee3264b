package envelope

import (
	"encoding/binary"
	"fmt"
)

// WrappedSize is the length of every wrapped key in bytes:
//
//	format 0x01 | algorithm 0x01 | id [8] of the wrapping key | nonce [12] | encrypted (id [8] | secret [32]) | tag [16]
const WrappedSize = wrapNonceAt + nonceSize + len(KeyID{}) + SecretSize + tagSize

const wrapNonceAt = 2 + len(KeyID{})

// Wrap encrypts other's id and secret with k, bound to context: owner, purpose, versions, as the caller encodes them,
// unambiguously. It counts as an encryption by k. It panics on loss of entropy and where other was wiped.
func (k *Key) Wrap(other *Key, context []byte) []byte {
	other.mustLive()
	var plain [len(KeyID{}) + SecretSize]byte
	defer clear(plain[:])
	copy(plain[:], other.id[:])
	copy(plain[len(other.id):], other.secret[:])

	b := make([]byte, wrapNonceAt+nonceSize, WrappedSize)
	b[0], b[1] = boxFormat, algorithm
	copy(b[2:], k.id[:])
	nonce := b[wrapNonceAt:]
	k.draw(nonce)
	return k.aead.Seal(b, nonce, plain[:], wrapAdditional(k.id, context))
}

// Unwrap is the inverse of [Key.Wrap]; the key takes over k's source of nonces. The error is [ErrForged] where wrapped or
// context differ in anything, [ErrMalformed] where wrapped is no wrapped key.
func (k *Key) Unwrap(wrapped, context []byte) (*Key, error) {
	id, err := WrappedBy(wrapped)
	if err != nil {
		return nil, err
	}
	if id != k.id {
		return nil, fmt.Errorf("%w: key wrapped by %v, not by %v", ErrForged, id, k.id)
	}
	nonce, sealed := wrapped[wrapNonceAt:wrapNonceAt+nonceSize], wrapped[wrapNonceAt+nonceSize:]
	plain, err := k.aead.Open(nil, nonce, sealed, wrapAdditional(k.id, context))
	if err != nil {
		return nil, fmt.Errorf("%w: a key wrapped by %v", ErrForged, k.id)
	}
	defer clear(plain)
	return RestoreKey(k.rand, KeyID(plain[:8]), plain[8:]), nil
}

// WrappedBy names the key that wrapped, [ErrMalformed] where that cannot be a wrapped key.
func WrappedBy(wrapped []byte) (KeyID, error) {
	if len(wrapped) != WrappedSize || wrapped[0] != boxFormat || wrapped[1] != algorithm {
		return KeyID{}, fmt.Errorf("%w: wrapped key of %d bytes", ErrMalformed, len(wrapped))
	}
	return KeyID(wrapped[2:wrapNonceAt]), nil
}

func wrapAdditional(wrapping KeyID, context []byte) []byte {
	b := make([]byte, 0, len(wrapDomain)+2+len(wrapping)+4+len(context))
	b = append(b, wrapDomain...)
	b = append(b, boxFormat, algorithm)
	b = append(b, wrapping[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(context)))
	return append(b, context...)
}

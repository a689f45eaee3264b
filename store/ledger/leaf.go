package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash: of a leaf, a node, a tree or an entry's commitment. Its String and JSON
// form are base64.
type Hash = tlog.Hash

// ParseHash reads a hash as its String writes it, or in 64 lower-case hexadecimal digits.
func ParseHash(text string) (h Hash, err error) {
	if len(text) == 2*len(h) {
		return h, readHex(h[:], []byte(text))
	}
	return tlog.ParseHash(text)
}

// MaxSize is the largest number of leaves of a log: beyond it a sequence would not be exact in JSON.
const MaxSize = 1 << 53

// HeaderSize is the length of Header.Canonical in bytes.
const HeaderSize = 1 + 16 + 8 + 32 + 32

// headerVersion is the first byte of a canonical header. A change of layout or of a hash's rule is a
// new version; old leaves keep theirs for ever.
const headerVersion = 1

// Header is the open part of a log entry: everything that is hashed into the leaf besides the box.
type Header struct {
	// Log is the random identity of the log.
	Log [16]byte
	// Sequence is the place of the entry in the log, from 0, below MaxSize.
	Sequence uint64
	// Previous is the leaf of the entry before; zero for the first.
	Previous Hash
	// Commitment is Commit of the entry.
	Commitment Hash
}

// Canonical is the header as it is hashed: version 1 (one byte), log, sequence (big-endian), previous,
// commitment; HeaderSize bytes.
func (h Header) Canonical() []byte {
	return h.appendCanonical(make([]byte, 0, HeaderSize))
}

func (h Header) appendCanonical(dst []byte) []byte {
	dst = append(dst, headerVersion)
	dst = append(dst, h.Log[:]...)
	dst = binary.BigEndian.AppendUint64(dst, h.Sequence)
	dst = append(dst, h.Previous[:]...)
	return append(dst, h.Commitment[:]...)
}

// ParseHeader reads what Canonical wrote. It refuses other lengths and versions, a sequence that
// no log reaches, and a first entry that names a predecessor.
func ParseHeader(raw []byte) (Header, error) {
	if len(raw) != HeaderSize {
		return Header{}, fmt.Errorf("leaf header of %d bytes: it has %d", len(raw), HeaderSize)
	}
	if raw[0] != headerVersion {
		return Header{}, fmt.Errorf("leaf header of version %d: this build knows version %d", raw[0], headerVersion)
	}
	var h Header
	raw = raw[1:]
	raw = raw[copy(h.Log[:], raw):]
	h.Sequence = binary.BigEndian.Uint64(raw)
	raw = raw[8:]
	raw = raw[copy(h.Previous[:], raw):]
	copy(h.Commitment[:], raw)
	return h, h.check()
}

func (h Header) check() error {
	if h.Sequence >= MaxSize {
		return fmt.Errorf("leaf header with sequence %d: a log has at most %d entries", h.Sequence, uint64(MaxSize))
	}
	if h.Sequence == 0 && h.Previous != (Hash{}) {
		return errors.New("leaf header of the first entry names a predecessor: it has none")
	}
	return nil
}

// LeafHash is the leaf of an entry: SHA-256(0x00 || h.Canonical() || ciphertext), the leaf hash of RFC
// 6962 §2.1 over header and box. The ciphertext is the whole box as stored, with its key id and nonce.
// The header's length is fixed, so no two pairs are hashed alike.
func LeafHash(h Header, ciphertext []byte) Hash {
	var start [1 + HeaderSize]byte // start[0] is the 0x00 of a leaf
	h.appendCanonical(start[1:1])
	digest := sha256.New()
	digest.Write(start[:])
	digest.Write(ciphertext)
	var leaf Hash
	digest.Sum(leaf[:0])
	return leaf
}

// commitmentTag keeps commitments apart from all other hashes over the same bytes.
const commitmentTag = "qrsd commitment 1\x00"

// Commit is SHA-256("qrsd commitment 1" || 0x00 || salt || plaintext). The salt is 16 random bytes,
// new for each entry and kept with the plaintext: without it the commitment would confirm guesses.
func Commit(salt [16]byte, plaintext []byte) Hash {
	digest := sha256.New()
	digest.Write(append([]byte(commitmentTag), salt[:]...))
	digest.Write(plaintext)
	var c Hash
	digest.Sum(c[:0])
	return c
}

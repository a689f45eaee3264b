package breached

import (
	"crypto/sha1"
	"encoding/binary"

	"golang.org/x/text/unicode/norm"
)

// Hash is the SHA-1 of a password in NFKC, as lists are published.
type Hash [sha1.Size]byte

// HashOf is the hash of a password.
func HashOf(password string) Hash { return sha1.Sum([]byte(norm.NFKC.String(password))) }

// key is the part of the hash that is kept: not its first bytes, by which lists are ordered and cut.
func (h Hash) key() uint64 { return binary.BigEndian.Uint64(h[8:]) }

package exposure

import (
	"crypto/sha256"
	"encoding/binary"
)

// rowKey identifies a row by the first 128 bits of a hash of its numbers: among 10⁹
// rows the chance of two the same is below 10⁻²⁰.
type rowKey [16]byte

// hashOf is SHA-256 over the strings, each after its length as a big-endian uint32, so that
// ("ab", "c") and ("a", "bc") differ. scratch avoids an allocation.
func hashOf(scratch []byte, parts ...string) ([32]byte, []byte) {
	scratch = scratch[:0]
	for _, p := range parts {
		scratch = binary.BigEndian.AppendUint32(scratch, uint32(len(p)))
		scratch = append(scratch, p...)
	}
	return sha256.Sum256(scratch), scratch
}

// LocationKey is a site's identity for random numbers: the first eight bytes, big-endian, of
// SHA-256 over PortNumber, AccNumber and LocNumber, each after its length in bytes as
// a big-endian uint32.
func LocationKey(port, acc, loc string) uint64 {
	sum, _ := hashOf(nil, port, acc, loc)
	return binary.BigEndian.Uint64(sum[:8])
}

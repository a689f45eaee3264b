package kv

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

const (
	maxKey = 1024     // bytes of a key; ids and keyed hashes are short
	maxBox = 16 << 20 // bytes of a box; larger things are blobs
)

// Address is where a record lies. Keys are random ids, numbers or keyed hashes: they are readable in the file.
type Address struct {
	Space      [16]byte // a tenant, a log, or the appliance itself
	Collection uint16
	Key        []byte // 1 to 1,024 bytes; order of keys is order of bytes
}

// String names the address in errors: identities in hexadecimal, the key's beginning only.
func (a Address) String() string {
	key, dots := a.Key, ""
	if len(key) > 16 {
		key, dots = key[:16], "..."
	}
	return fmt.Sprintf("%v, key %x%s", a.collection(), key, dots)
}

func (a Address) collection() collection { return collection{a.Space, a.Collection} }

func (a Address) check() error {
	if len(a.Key) == 0 || len(a.Key) > maxKey {
		return fmt.Errorf("%v: key of %d bytes, need 1 to %d", a.collection(), len(a.Key), maxKey)
	}
	return nil
}

// collection is one collection of one space.
type collection struct {
	space  [16]byte
	number uint16
}

func (c collection) String() string { return fmt.Sprintf("space %x, collection %d", c.space, c.number) }

// bucket is the name of the collection's bucket within its space.
func (c collection) bucket() []byte { return binary.BigEndian.AppendUint16(nil, c.number) }

// tallyKey stands beside the collection's bucket; three bytes cannot be a collection's name.
func (c collection) tallyKey() []byte { return append(c.bucket(), 't') }

// castagnoli has a name of its own in hash/crc32: the table is made once and in hardware.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

const checksumSize = 4

// checksum is CRC-32C over address and box. It finds accidents; forgery is the box's own matter.
func checksum(c collection, key, box []byte) uint32 {
	var head [20]byte
	copy(head[:16], c.space[:])
	binary.BigEndian.PutUint16(head[16:], c.number)
	binary.BigEndian.PutUint16(head[18:], uint16(len(key)))
	table := castagnoli()
	sum := crc32.Update(0, table, head[:])
	sum = crc32.Update(sum, table, key)
	return crc32.Update(sum, table, box)
}

// encodeRecord is what stands in the file for a box: its bytes and the checksum, little-endian.
func encodeRecord(a Address, b envelope.Box) []byte {
	box := b.Bytes()
	record := make([]byte, 0, len(box)+checksumSize)
	record = append(record, box...)
	return binary.LittleEndian.AppendUint32(record, checksum(a.collection(), a.Key, box))
}

// splitRecord parts a record into box and checksum, after comparing the checksum; the reason is "" if it is right.
func splitRecord(c collection, key, record []byte) (box []byte, sum uint32, reason string) {
	if len(record) < checksumSize {
		return nil, 0, fmt.Sprintf("record of %d bytes", len(record))
	}
	box = record[:len(record)-checksumSize]
	sum = binary.LittleEndian.Uint32(record[len(box):])
	if sum != checksum(c, key, box) {
		return nil, 0, "record and checksum differ"
	}
	return box, sum, ""
}

// decodeRecord is the box of a record, sharing its bytes.
func decodeRecord(a Address, record []byte) (envelope.Box, error) {
	raw, _, reason := splitRecord(a.collection(), a.Key, record)
	if reason != "" {
		return envelope.Box{}, CorruptError{a.String(), reason}
	}
	b, err := envelope.Parse(raw)
	if err != nil {
		return envelope.Box{}, CorruptError{a.String(), err.Error()}
	}
	return b, nil
}

// tally is the number of a collection's records and the sum, modulo 2^64, of their mixed checksums: it does not depend on the
// order of writes.
type tally struct{ count, sum uint64 }

const tallySize = 16

func (t *tally) add(checksum uint32)    { t.count++; t.sum += mix(checksum) }
func (t *tally) remove(checksum uint32) { t.count--; t.sum -= mix(checksum) }

func (t tally) encode() []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, t.count), t.sum)
}

// decodeTally: no bytes are the tally of an empty collection.
func decodeTally(b []byte) (t tally, ok bool) {
	switch len(b) {
	case 0:
		return tally{}, true
	case tallySize:
		return tally{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}, true
	}
	return tally{}, false
}

// Beside the collections of a space stands their number, and in a bucket of its own that of the spaces: a page that lost its
// last elements shows there.
var (
	numberKey    = []byte{'t'}
	numberBucket = []byte{0}
)

func decodeNumber(b []byte) (n uint64, ok bool) {
	switch len(b) {
	case 0:
		return 0, true
	case 8:
		return binary.LittleEndian.Uint64(b), true
	}
	return 0, false
}

// mix spreads a checksum over 64 bits (the finaliser of SplitMix64, Steele, Lea and Flood, OOPSLA 2014), so that sums of
// checksums do not cancel as the CRC's own linearity would let them.
func mix(checksum uint32) uint64 {
	z := uint64(checksum) + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

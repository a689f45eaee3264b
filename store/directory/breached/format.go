package breached

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
)

// What the file is made of; see the package's page.
const (
	magic       = "qrsd passwords\n\x00"
	version     = 1
	footerSize  = 128
	entrySize   = 12 // of the index
	bucketBits  = 8  // 256 expected positions
	maxBucket   = 64 << 10
	maxLines    = 1 << 38
	minBits     = 4
	maxBits     = 24
	defaultBits = 14
)

// ErrDamaged is a file that is no list of passwords, or was truncated or altered.
var ErrDamaged = errors.New("the file was truncated or altered, or is no list of passwords made by qrsd passwords import: import the list again")

// footer describes a file.
type footer struct {
	bits    uint8
	lines   uint64 // that were read, some of them twice the same
	entries uint64 // positions that are kept
	length  uint64 // of all buckets
	sum     [sha256.Size]byte
}

func (f footer) buckets() uint64 { return (f.lines + 1<<bucketBits - 1) >> bucketBits }

// size of the file.
func (f footer) size() uint64 {
	return uint64(len(magic)) + f.length + f.buckets()*entrySize + footerSize
}

// position of a key in the range of the list.
func (f footer) position(key uint64) uint64 {
	high, _ := bits.Mul64(key, f.lines<<f.bits)
	return high
}

// base is the first position of a bucket.
func (f footer) base(bucket uint64) uint64 { return bucket << (f.bits + bucketBits) }

// bucket is where a position is.
func (f footer) bucket(position uint64) uint64 { return position >> (f.bits + bucketBits) }

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) } // made once by the package itself

func (f footer) encode() []byte {
	b := make([]byte, footerSize)
	copy(b, magic)
	binary.BigEndian.PutUint16(b[16:], version)
	b[18] = f.bits
	binary.BigEndian.PutUint64(b[24:], f.lines)
	binary.BigEndian.PutUint64(b[32:], f.entries)
	binary.BigEndian.PutUint64(b[40:], f.length)
	copy(b[48:], f.sum[:])
	binary.BigEndian.PutUint32(b[footerSize-4:], crc32.Checksum(b[:footerSize-4], castagnoli()))
	return b
}

// decodeFooter reads what encode wrote, and nothing else.
func decodeFooter(b []byte) (f footer, err error) {
	if len(b) != footerSize || string(b[:len(magic)]) != magic || crc32.Checksum(b[:footerSize-4], castagnoli()) != binary.BigEndian.Uint32(b[footerSize-4:]) {
		return f, ErrDamaged
	}
	if v := binary.BigEndian.Uint16(b[16:]); v != version {
		return f, fmt.Errorf("the list of passwords has format %d, this program reads %d: import the list again", v, version)
	}
	f.bits, f.lines, f.entries, f.length = b[18], binary.BigEndian.Uint64(b[24:]), binary.BigEndian.Uint64(b[32:]), binary.BigEndian.Uint64(b[40:])
	copy(f.sum[:], b[48:])
	if f.bits < minBits || f.bits > maxBits || f.lines == 0 || f.lines > maxLines || f.entries == 0 || f.entries > f.lines || f.length > f.buckets()*maxBucket {
		return f, ErrDamaged
	}
	return f, nil
}

// entry is what the index says of a bucket.
type entry struct {
	end uint64 // from the begin of the first bucket
	sum uint32
}

func (e entry) append(b []byte) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, e.end), e.sum)
}

func decodeEntry(b []byte) entry {
	return entry{binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:])}
}

// bucketSum covers where the bucket is as well as what is in it.
func bucketSum(bucket, begin uint64, content []byte) uint32 {
	var at [16]byte
	binary.BigEndian.PutUint64(at[:], bucket)
	binary.BigEndian.PutUint64(at[8:], begin)
	return crc32.Update(crc32.Checksum(at[:], castagnoli()), castagnoli(), content)
}

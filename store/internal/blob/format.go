package blob

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

const (
	// FrameSize is how much plaintext a frame holds, in bytes: the unit of a range read.
	FrameSize = 1 << 20
	// SegmentSize is how much payload a segment holds, in bytes: the unit of authentication.
	SegmentSize = 64 << 10

	magic       = "qrsdblob\x01"
	tagSize     = 16
	fileKeySize = 32
	boxSchema   = 1
	entrySize   = 4 + 4 // of the index
	trailerSize = 4 + 8
	// maxStored bounds the stored length of a frame: zstd adds at most 3 bytes per block of 128 KiB, and a header.
	maxStored = FrameSize + 1024
)

// Ref is all that is needed to find a blob and to know that it is the right one. It belongs into an encrypted record.
type Ref struct {
	// ID is random and names the file.
	ID [16]byte
	// Size is the length of the content, Stored that of the file, in bytes.
	Size, Stored int64
	// Digest is the SHA-256 of the content.
	Digest [32]byte
}

// ErrDamaged is a file that is not what was written: changed, cut off, taken from elsewhere, or of another key or place.
var ErrDamaged = errors.New("the blob is damaged or does not belong here")

// ErrMissing is a reference to a file that is not there.
var ErrMissing = errors.New("the blob's file is missing")

func damaged(id [16]byte, format string, args ...any) error {
	return fmt.Errorf("blob %x: %w: %s", id, ErrDamaged, fmt.Sprintf(format, args...))
}

// FileName is the name of a blob's file in its directory.
func FileName(id [16]byte) string { return hex.EncodeToString(id[:]) }

// idOf is the blob whose file has the name.
func idOf(name string) (id [16]byte, ok bool) {
	n, err := hex.Decode(id[:], []byte(name[:min(len(name), 2*len(id))]))
	return id, err == nil && n == len(id) && name == FileName(id)
}

// placeOf binds the file key to the blob's id as well.
func placeOf(place envelope.Place, id [16]byte) envelope.Place {
	place.Record = append(id[:], place.Record...)
	return place
}

func appendHeader(dst []byte, id [16]byte, box envelope.Box) []byte {
	dst = append(append(dst, magic...), id[:]...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(box.Bytes())))
	return append(dst, box.Bytes()...)
}

// headerStart is the fixed part of the header, up to the box.
const headerStart = len(magic) + 16 + 2

// parseHeaderStart checks the fixed part and returns the length of the box.
func parseHeaderStart(raw []byte, id [16]byte) (boxLength int, err error) {
	switch {
	case len(raw) < headerStart:
		return 0, damaged(id, "the file ends in its header")
	case string(raw[:len(magic)-1]) != magic[:len(magic)-1]:
		return 0, damaged(id, "the file does not begin with %q", magic[:len(magic)-1])
	case raw[len(magic)-1] != magic[len(magic)-1]:
		return 0, damaged(id, "it is of version %d, this build knows version %d", raw[len(magic)-1], magic[len(magic)-1])
	case string(raw[len(magic):len(magic)+16]) != string(id[:]):
		return 0, damaged(id, "the file is that of blob %x", raw[len(magic):len(magic)+16])
	}
	return int(binary.BigEndian.Uint16(raw[headerStart-2:])), nil
}

// segmentCipher encrypts and decrypts the segments of one file.
type segmentCipher struct{ aead cipher.AEAD }

func newSegmentCipher(fileKey []byte) segmentCipher {
	block, err := aes.NewCipher(fileKey)
	if err != nil {
		panic("blob: " + err.Error())
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("blob: " + err.Error())
	}
	return segmentCipher{aead}
}

// nonce: the key is the file's own, so a number used once per file is used once.
func nonce(segment int64, last bool) []byte {
	n := binary.BigEndian.AppendUint64(make([]byte, 3, 12), uint64(segment))
	if last {
		return append(n, 1)
	}
	return append(n, 0)
}

func (c segmentCipher) seal(dst, plain []byte, segment int64, last bool) []byte {
	return c.aead.Seal(dst, nonce(segment, last), plain, nil)
}

func (c segmentCipher) open(dst, sealed []byte, segment int64, last bool) ([]byte, error) {
	return c.aead.Open(dst, nonce(segment, last), sealed, nil)
}

// frame is an entry of the index.
type frame struct {
	at            int64 // in the payload
	stored, plain uint32
}

func appendIndex(dst []byte, frames []frame, size int64) []byte {
	for _, f := range frames {
		dst = binary.BigEndian.AppendUint32(dst, f.stored)
		dst = binary.BigEndian.AppendUint32(dst, f.plain)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(frames)))
	return binary.BigEndian.AppendUint64(dst, uint64(size))
}

// parseTrailer returns the number of frames, given the end of the payload and the payload's length.
func parseTrailer(trailer []byte, payload int64, ref Ref) (frames int, err error) {
	count := int64(binary.BigEndian.Uint32(trailer))
	size := binary.BigEndian.Uint64(trailer[4:])
	if size != uint64(ref.Size) {
		return 0, damaged(ref.ID, "it holds %d bytes, the reference says %d", size, ref.Size)
	}
	if want := (ref.Size + FrameSize - 1) / FrameSize; count != want {
		return 0, damaged(ref.ID, "%d frames for %d bytes: want %d", count, ref.Size, want)
	}
	if count*entrySize+trailerSize > payload {
		return 0, damaged(ref.ID, "an index of %d frames in %d bytes", count, payload)
	}
	return int(count), nil
}

// parseIndex checks every length in the index before anything is made room for; frames must fill the payload up
// to the index, which begins at end.
func parseIndex(index []byte, end int64, ref Ref) ([]frame, error) {
	frames := make([]frame, 0, len(index)/entrySize)
	at, left := int64(0), ref.Size
	for entry := range slices.Chunk(index, entrySize) {
		f := frame{at, binary.BigEndian.Uint32(entry), binary.BigEndian.Uint32(entry[4:])}
		if f.stored == 0 || f.stored > maxStored || int64(f.plain) != min(left, FrameSize) {
			return nil, damaged(ref.ID, "frame %d has lengths %d stored and %d plain", len(frames), f.stored, f.plain)
		}
		frames = append(frames, f)
		at += int64(f.stored)
		left -= int64(f.plain)
	}
	if at != end {
		return nil, damaged(ref.ID, "frames of %d bytes, the index begins at %d", at, end)
	}
	return frames, nil
}

package blob

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// Reader reads a blob: Read and Seek with one position, ReadAt without. Every byte is authenticated before it is
// handed out. Whoever reads from the start to the end also has the digest of the whole compared, before the last
// frame is handed out. It keeps one frame and one segment in memory. For concurrent use.
type Reader struct {
	ref   Ref
	codec codec

	mu      sync.Mutex
	payload payload
	frames  []frame
	at      int64 // position of Read

	loaded int // frame in plain; -1: none
	plain  []byte
	stored []byte // room for a frame

	digest hash.Hash
	hashed int   // frames in digest, from the first on
	failed error // of the digest: nothing more is handed out
}

// Open opens a blob for reading. keyOf finds the data key, whose id is in the file; its errors are passed on. ErrMissing and
// ErrDamaged say what is wrong with the file; length, key, place, the end of the file and the index are checked
// at once.
func (d *Dir) Open(ref Ref, keyOf func(envelope.KeyID) (*envelope.Key, error), place envelope.Place) (*Reader, error) {
	p, err := d.open(ref, keyOf, place)
	if err != nil {
		return nil, err
	}
	r := &Reader{ref: ref, codec: d.codec, payload: *p, loaded: -1, digest: sha256.New()}
	if r.frames, err = r.readIndex(); err == nil {
		err = r.checkDigest()
	}
	if err != nil {
		return nil, errors.Join(err, p.file.Close())
	}
	return r, nil
}

// open opens a blob's file and decrypts its file key.
func (d *Dir) open(ref Ref, keyOf func(envelope.KeyID) (*envelope.Key, error), place envelope.Place) (*payload, error) {
	file, err := d.root.Open(FileName(ref.ID))
	if err != nil {
		return nil, fmt.Errorf("opening blob %x: %w", ref.ID, missing(err))
	}
	p, err := openPayload(file, ref, keyOf, place)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return p, nil
}

// Size is the length of the content in bytes.
func (r *Reader) Size() int64 { return r.ref.Size }

// Close gives the file back.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.payload.file.Close()
}

// Read reads on from the position.
func (r *Reader) Read(dst []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := r.readAt(dst, r.at, false)
	r.at += int64(n)
	return n, err
}

// ReadAt reads a range; see io.ReaderAt. It costs the frames it touches.
func (r *Reader) ReadAt(dst []byte, at int64) (int, error) {
	if at < 0 {
		return 0, fmt.Errorf("blob %x: reading at %d: an offset is not negative", r.ref.ID, at)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.readAt(dst, at, true)
}

// Seek moves the position of Read; beyond the end is allowed and reads io.EOF.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.ref.Size
	default:
		return 0, fmt.Errorf("blob %x: seeking with whence %d: want 0, 1 or 2", r.ref.ID, whence)
	}
	if offset < 0 {
		return 0, fmt.Errorf("blob %x: seeking to %d: an offset is not negative", r.ref.ID, offset)
	}
	r.at = offset
	return offset, nil
}

// readAt copies from frame after frame; what is not full comes from the rest of one frame only.
func (r *Reader) readAt(dst []byte, at int64, full bool) (n int, err error) {
	for len(dst) > 0 {
		if at >= r.ref.Size {
			return n, io.EOF
		}
		if err := r.load(int(at / FrameSize)); err != nil {
			return n, err
		}
		copied := copy(dst, r.plain[at%FrameSize:])
		n, at, dst = n+copied, at+int64(copied), dst[copied:]
		if !full {
			break
		}
	}
	return n, nil
}

// load brings a frame into plain.
func (r *Reader) load(i int) error {
	if r.failed != nil || r.loaded == i {
		return r.failed
	}
	r.loaded = -1
	f := r.frames[i]
	var err error
	if r.stored, err = r.payload.read(r.stored[:0], f.at, int64(f.stored)); err != nil {
		return err
	}
	if cap(r.plain) < int(f.plain) {
		r.plain = make([]byte, f.plain)
	}
	r.plain = r.plain[:f.plain]
	if err := r.codec.decompress(r.plain, r.stored); err != nil {
		return damaged(r.ref.ID, "frame %d: %v", i, err)
	}
	if i == r.hashed {
		r.digest.Write(r.plain)
		r.hashed++
		if r.failed = r.checkDigest(); r.failed != nil {
			return r.failed
		}
	}
	r.loaded = i
	return nil
}

// checkDigest compares the digest once all frames are in it.
func (r *Reader) checkDigest() error {
	if r.hashed < len(r.frames) {
		return nil
	}
	if got := r.digest.Sum(nil); string(got) != string(r.ref.Digest[:]) {
		return damaged(r.ref.ID, "the content has digest %x, the reference says %x", got, r.ref.Digest)
	}
	return nil
}

func (r *Reader) readIndex() ([]frame, error) {
	end := r.payload.size
	trailer, err := r.payload.read(nil, end-trailerSize, trailerSize)
	if err != nil {
		return nil, err
	}
	count, err := parseTrailer(trailer, end, r.ref)
	if err != nil {
		return nil, err
	}
	start := end - trailerSize - int64(count)*entrySize
	index, err := r.payload.read(nil, start, int64(count)*entrySize)
	if err != nil {
		return nil, err
	}
	return parseIndex(index, start, r.ref)
}

// payload decrypts segments of a blob's file.
type payload struct {
	file     *os.File
	id       [16]byte
	cipher   segmentCipher
	start    int64 // of the segments in the file
	sealed   int64 // length of all segments in the file
	size     int64 // length of the payload
	segments int64

	current int64 // segment in plain; -1: none
	raw     []byte
	plain   []byte
}

func openPayload(file *os.File, ref Ref, keyOf func(envelope.KeyID) (*envelope.Key, error), place envelope.Place) (*payload, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening blob %x: %w", ref.ID, err)
	}
	if info.Size() != ref.Stored || ref.Size < 0 {
		return nil, damaged(ref.ID, "the file has %d bytes, the reference says %d", info.Size(), ref.Stored)
	}
	p := &payload{file: file, id: ref.ID, current: -1}
	if err := p.readHeader(keyOf, place); err != nil {
		return nil, err
	}
	p.sealed = ref.Stored - p.start
	p.segments = (p.sealed + SegmentSize + tagSize - 1) / (SegmentSize + tagSize)
	p.size = p.sealed - p.segments*tagSize
	if p.size < trailerSize {
		return nil, damaged(ref.ID, "a payload of %d bytes: it has %d at least", p.size, trailerSize)
	}
	return p, nil
}

func (p *payload) readHeader(keyOf func(envelope.KeyID) (*envelope.Key, error), place envelope.Place) error {
	raw := make([]byte, headerStart)
	if err := p.readFile(raw, 0); err != nil {
		return err
	}
	length, err := parseHeaderStart(raw, p.id)
	if err != nil {
		return err
	}
	p.start = int64(headerStart + length)
	raw = make([]byte, length)
	if err := p.readFile(raw, int64(headerStart)); err != nil {
		return err
	}
	box, err := envelope.Parse(raw)
	if err != nil {
		return damaged(p.id, "its key: %v", err)
	}
	key, err := keyOf(box.KeyID())
	if err != nil {
		return fmt.Errorf("blob %x: %w", p.id, err)
	}
	fileKey, err := key.Decrypt(placeOf(place, p.id), box)
	if err != nil {
		return fmt.Errorf("%w: %w", damaged(p.id, "its key does not decrypt here"), err)
	}
	defer clear(fileKey)
	if len(fileKey) != fileKeySize || box.Schema() != boxSchema {
		return damaged(p.id, "a file key of %d bytes, version %d", len(fileKey), box.Schema())
	}
	p.cipher = newSegmentCipher(fileKey)
	return nil
}

// readFile fills dst from the file; a file that ends early is damaged.
func (p *payload) readFile(dst []byte, at int64) error {
	_, err := p.file.ReadAt(dst, at)
	if errors.Is(err, io.EOF) {
		return damaged(p.id, "the file ends within %d bytes at %d", len(dst), at)
	}
	if err != nil {
		return fmt.Errorf("reading blob %x: %w", p.id, err)
	}
	return nil
}

// read appends a range of the payload, all of it authenticated.
func (p *payload) read(dst []byte, at, length int64) ([]byte, error) {
	for length > 0 {
		if err := p.load(at / SegmentSize); err != nil {
			return nil, err
		}
		piece := p.plain[at%SegmentSize:]
		piece = piece[:min(length, int64(len(piece)))]
		dst = append(dst, piece...)
		at += int64(len(piece))
		length -= int64(len(piece))
	}
	return dst, nil
}

// load brings a segment into plain.
func (p *payload) load(segment int64) error {
	if p.current == segment {
		return nil
	}
	p.current = -1
	at := segment * (SegmentSize + tagSize)
	if p.raw == nil {
		p.raw = make([]byte, SegmentSize+tagSize)
		p.plain = make([]byte, 0, SegmentSize)
	}
	raw := p.raw[:min(p.sealed-at, SegmentSize+tagSize)]
	if err := p.readFile(raw, p.start+at); err != nil {
		return err
	}
	plain, err := p.cipher.open(p.plain[:0], raw, segment, segment == p.segments-1)
	if err != nil {
		return damaged(p.id, "segment %d of %d, at byte %d of the file, does not decrypt", segment, p.segments, p.start+at)
	}
	p.plain, p.current = plain, segment
	return nil
}

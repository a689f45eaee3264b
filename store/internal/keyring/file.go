package keyring

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// The key file, formats 1 and 2. Numbers are big-endian; "text" and "bytes" have their length in front as u16; lists have their
// count in front as u32; times are seconds since 1970 as i64. Wrapped keys have envelope.WrappedSize bytes.
//
//	magic "QRSDKEYS" | format u16 | install [16] | generation u64 | sessions u64 | rewrap from u64
//	root id [8] | root generation u32 | root made i64 | eraser wrapped
//	slots:   id [8] | method text | reference text | made i64 | kem u16 | argon2 salt [16], time u32, KiB u32, threads u8 | public bytes | wrapped bytes
//	owners:  hierarchy u8 | space [16] | kek id [8] | version u32 | made i64 | since u64 | wrapped
//	         data keys: purpose u16 | epoch u32 | id [8] | made i64 | count u64 | settled u64 | wrapped
//	         destroyed: id [8]
//	erased:  hierarchy u8 | space [16] | at i64 | generation u64 | mac [32] | keys: id [8]
//	signers: name text | number u32 | made i64 | id [8] | public [32] | live u8 | wrapped
//	seal keys (format 2 alone, one at least): number u32 | made i64 | retired i64 | kind u8 | id [8] | public [65] | wrapped
//	MAC [32]: HMAC-SHA-256 of all before it, under a key derived from the root
//	checksum [32]: SHA-256 of all before it, the MAC included
//
// There is one way only to write a state, so that one that was read and written again has the same bytes: without seal keys,
// as builds wrote it that knew none, in format 1, else in format 2.
const (
	magic      = "QRSDKEYS"
	fileFormat = 2 // the newest
	maxFile    = 1 << 30
	trailer    = 2 * sha256.Size

	slotSize   = 8 + 2 + 2 + 8 + 2 + 16 + 4 + 4 + 1 + 2 + 2 // at least
	ownerSize  = 1 + 16 + 8 + 4 + 8 + 8 + envelope.WrappedSize + 4 + 4
	dataSize   = 2 + 4 + 8 + 8 + 8 + 8 + envelope.WrappedSize
	erasedSize = 1 + 16 + 8 + 8 + 32 + 4
	signerSize = 2 + 4 + 8 + 8 + 32 + 1 + envelope.WrappedSize

	sealKeySize = 4 + 8 + 8 + 1 + 8 + sealPublicSize + envelope.WrappedSize
)

// encode writes the state and authenticates it with the root.
func (s *state) encode(r *root) ([]byte, error) {
	b := s.body()
	if len(b)+trailer > maxFile {
		return nil, fmt.Errorf("the key file would have %d bytes, more than %d: too many owners or data keys", len(b)+trailer, maxFile)
	}
	mac := r.authenticate(b)
	b = append(b, mac[:]...)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

func (s *state) size() int {
	n := 4096 + len(s.slots)*(slotSize+4096) + len(s.signers)*(signerSize+256) + len(s.sealKeys)*sealKeySize + trailer
	for i := range s.erased {
		n += erasedSize + len(s.erased[i].Keys)*8
	}
	for _, o := range s.owners {
		n += ownerSize + len(o.keys)*dataSize + len(o.destroyed)*8
	}
	return n
}

func (s *state) body() []byte {
	w := writer{b: make([]byte, 0, s.size())}
	w.raw([]byte(magic))
	w.u16(s.format())
	w.raw(s.install[:])
	w.u64(s.generation)
	w.u64(s.sessions)
	w.u64(s.rewrapFrom)
	w.raw(s.rootID[:])
	w.u32(s.rootGeneration)
	w.u64(uint64(s.rootCreated))
	w.raw(s.eraser[:])
	w.u32(uint32(len(s.slots)))
	for i := range s.slots {
		w.slot(&s.slots[i])
	}
	w.u32(uint32(len(s.owners)))
	for _, o := range s.owners {
		w.owner(o)
	}
	w.u32(uint32(len(s.erased)))
	for i := range s.erased {
		w.erasure(&s.erased[i])
	}
	w.u32(uint32(len(s.signers)))
	for i := range s.signers {
		w.signer(&s.signers[i])
	}
	if s.format() == 1 {
		return w.b
	}
	w.u32(uint32(len(s.sealKeys)))
	for i := range s.sealKeys {
		w.sealKey(&s.sealKeys[i])
	}
	return w.b
}

// format is the one that the state is written in.
func (s *state) format() uint16 {
	if len(s.sealKeys) == 0 {
		return 1
	}
	return fileFormat
}

type writer struct{ b []byte }

func (w *writer) raw(b []byte) { w.b = append(w.b, b...) }
func (w *writer) u16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64) { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *writer) bytes(b []byte) {
	if len(b) > math.MaxUint16 {
		panic(fmt.Sprintf("keyring: field of %d bytes", len(b))) // newSlot and AddSigner have looked
	}
	w.u16(uint16(len(b)))
	w.raw(b)
}

func (w *writer) slot(s *slot) {
	w.raw(s.id[:])
	w.bytes([]byte(s.method))
	w.bytes([]byte(s.reference))
	w.u64(uint64(s.created))
	w.u16(s.kem)
	w.raw(s.argon.Salt[:])
	w.u32(s.argon.Time)
	w.u32(s.argon.Memory)
	w.raw([]byte{s.argon.Threads})
	w.bytes(s.public)
	w.bytes(s.wrapped)
}

func (w *writer) owner(o *ownerRecord) {
	w.raw([]byte{byte(o.owner.Hierarchy)})
	w.raw(o.owner.Space[:])
	w.raw(o.kekID[:])
	w.u32(o.version)
	w.u64(uint64(o.created))
	w.u64(o.since)
	w.raw(o.wrapped[:])
	w.u32(uint32(len(o.keys)))
	for i := range o.keys {
		k := &o.keys[i]
		w.u16(uint16(k.purpose))
		w.u32(k.epoch)
		w.raw(k.id[:])
		w.u64(uint64(k.created))
		w.u64(k.count)
		w.u64(k.settled)
		w.raw(k.wrapped[:])
	}
	w.ids(o.destroyed)
}

func (w *writer) ids(ids []envelope.KeyID) {
	w.u32(uint32(len(ids)))
	for i := range ids {
		w.raw(ids[i][:])
	}
}

func (w *writer) erasure(e *Erasure) {
	w.raw([]byte{byte(e.Owner.Hierarchy)})
	w.raw(e.Owner.Space[:])
	w.u64(uint64(e.At.Unix()))
	w.u64(e.Generation)
	w.raw(e.MAC[:])
	w.ids(e.Keys)
}

func (w *writer) signer(s *signerRecord) {
	w.bytes([]byte(s.name))
	w.u32(s.number)
	w.u64(uint64(s.created))
	w.raw(s.id[:])
	w.raw(s.public[:])
	w.raw([]byte{boolByte(s.live)})
	w.raw(s.wrapped[:])
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// decode reads a whole key file. Whoever wrote it may have been hostile: every count is held against the bytes that are
// left before anything is made of it. The MAC is not looked at, that needs the root. The errors wrap ErrDamaged and name the byte.
func decode(data []byte) (*state, error) {
	if len(data) < len(magic)+2+trailer || string(data[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: it does not begin as a key file does", ErrDamaged)
	}
	f := binary.BigEndian.Uint16(data[len(magic):])
	if f < 1 || f > fileFormat {
		return nil, fmt.Errorf("%w, or from a newer version of this program: format %d, this build reads 1 to %d", ErrDamaged, f, fileFormat)
	}
	end := len(data) - sha256.Size
	if sum := sha256.Sum256(data[:end]); !bytes.Equal(sum[:], data[end:]) {
		return nil, fmt.Errorf("%w: the checksum of its %d bytes differs: restore it from the last backup of the keys", ErrDamaged, len(data))
	}
	r := &reader{b: data[:len(data)-trailer], at: len(magic) + 2}
	s := r.state()
	if f > 1 && r.fault == "" {
		s.sealKeys = r.readSealKeys()
	}
	if r.fault == "" && r.at != len(r.b) {
		r.fail("bytes that belong to nothing")
	}
	if r.fault != "" {
		return nil, fmt.Errorf("%w: byte %d: %s", ErrDamaged, r.at, r.fault)
	}
	return s, nil
}

// verify checks the MAC of a file that decode has accepted.
func verify(data []byte, r *root) error {
	body, mac := data[:len(data)-trailer], data[len(data)-trailer:len(data)-sha256.Size]
	want := r.authenticate(body)
	if !hmac.Equal(want[:], mac) {
		return ErrTampered
	}
	return nil
}

type reader struct {
	b     []byte
	at    int
	fault string // the first; everything read after it is zero
}

func (r *reader) fail(format string, args ...any) {
	if r.fault == "" {
		r.fault = fmt.Sprintf(format, args...)
	}
}

func (r *reader) take(n int) []byte {
	if r.fault != "" || n > len(r.b)-r.at {
		r.fail("the file ends in the middle of a field of %d bytes", n)
		return nil
	}
	b := r.b[r.at : r.at+n]
	r.at += n
	return b
}

func (r *reader) into(dst []byte) { copy(dst, r.take(len(dst))) }
func (r *reader) u8() (v uint8) {
	if b := r.take(1); b != nil {
		v = b[0]
	}
	return v
}
func (r *reader) u16() (v uint16) {
	if b := r.take(2); b != nil {
		v = binary.BigEndian.Uint16(b)
	}
	return v
}
func (r *reader) u32() (v uint32) {
	if b := r.take(4); b != nil {
		v = binary.BigEndian.Uint32(b)
	}
	return v
}
func (r *reader) u64() (v uint64) {
	if b := r.take(8); b != nil {
		v = binary.BigEndian.Uint64(b)
	}
	return v
}

func (r *reader) bytes(limit int) []byte {
	n := int(r.u16())
	if n > limit {
		r.fail("a field of %d bytes, at most %d are allowed", n, limit)
		return nil
	}
	return bytes.Clone(r.take(n))
}

// time refuses what time.Unix could turn into nonsense.
func (r *reader) time() int64 {
	v := r.u64()
	if v > math.MaxInt32*1000 {
		r.fail("time %d", v)
	}
	return int64(v)
}

// count is the length of a list whose items have at least size bytes.
func (r *reader) count(size int) int {
	n := r.u32()
	if r.fault == "" && int64(n)*int64(size) > int64(len(r.b)-r.at) {
		r.fail("a list of %d items in %d bytes", n, len(r.b)-r.at)
	}
	if r.fault != "" {
		return 0
	}
	return int(n)
}

func (r *reader) state() *state {
	s := new(state)
	r.into(s.install[:])
	s.generation, s.sessions, s.rewrapFrom = r.u64(), r.u64(), r.u64()
	r.into(s.rootID[:])
	s.rootGeneration, s.rootCreated = r.u32(), r.time()
	r.into(s.eraser[:])
	if s.slots = make([]slot, r.count(slotSize)); len(s.slots) > maxSlots {
		r.fail("%d slots, at most %d are allowed", len(s.slots), maxSlots)
		return s
	}
	for i := range s.slots {
		r.slot(&s.slots[i])
	}
	s.owners = make([]*ownerRecord, r.count(ownerSize))
	for i := range s.owners {
		s.owners[i] = r.owner()
		if i > 0 && compareOwners(s.owners[i-1].owner, s.owners[i].owner) >= 0 {
			r.fail("owners out of order")
		}
	}
	s.erased = make([]Erasure, r.count(erasedSize))
	for i := range s.erased {
		s.erased[i] = r.erasure()
		if i > 0 && compareOwners(s.erased[i-1].Owner, s.erased[i].Owner) >= 0 {
			r.fail("erasures out of order")
		}
	}
	s.signers = make([]signerRecord, r.count(signerSize))
	for i := range s.signers {
		r.signer(&s.signers[i])
		if i > 0 && compareSigners(&s.signers[i-1], &s.signers[i]) >= 0 {
			r.fail("checkpoint keys out of order")
		}
	}
	return s
}

func compareSigners(a, b *signerRecord) int {
	return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.number, b.number))
}

func (r *reader) slot(s *slot) {
	r.into(s.id[:])
	s.method, s.reference = string(r.bytes(maxText)), string(r.bytes(maxText))
	s.created, s.kem = r.time(), r.u16()
	r.into(s.argon.Salt[:])
	s.argon.Time, s.argon.Memory, s.argon.Threads = r.u32(), r.u32(), r.u8()
	s.public, s.wrapped = r.bytes(maxWrapped), r.bytes(maxWrapped)
	switch s.kem {
	case 0:
		if s.argon != (argonParameters{}) || len(s.public) > 0 {
			r.fail("slot %x wraps by call and has a public half", s.id)
		}
	case kemOfSlots:
		if err := s.argon.check(); err != nil {
			r.fail("slot %x: %v", s.id, err)
		}
	default:
		r.fail("slot %x: HPKE KEM %#x, this build knows %#x", s.id, s.kem, kemOfSlots)
	}
}

func (r *reader) hierarchy() Hierarchy {
	h := Hierarchy(r.u8())
	if h != Data && h != Audit {
		r.fail("hierarchy %d", uint8(h))
	}
	return h
}

func (r *reader) owner() *ownerRecord {
	o := &ownerRecord{owner: Owner{Hierarchy: r.hierarchy()}}
	r.into(o.owner.Space[:])
	r.into(o.kekID[:])
	o.version, o.created, o.since = r.u32(), r.time(), r.u64()
	r.into(o.wrapped[:])
	o.keys = make([]dataKey, r.count(dataSize))
	for i := range o.keys {
		k := &o.keys[i]
		k.purpose, k.epoch = Purpose(r.u16()), r.u32()
		r.into(k.id[:])
		k.created, k.count, k.settled = r.time(), r.u64(), r.u64()
		r.into(k.wrapped[:])
		if i > 0 && (k.purpose < o.keys[i-1].purpose || k.purpose == o.keys[i-1].purpose && k.epoch <= o.keys[i-1].epoch) {
			r.fail("data keys out of order")
		}
	}
	o.destroyed = r.ids()
	return o
}

func (r *reader) ids() []envelope.KeyID {
	ids := make([]envelope.KeyID, r.count(len(envelope.KeyID{})))
	for i := range ids {
		r.into(ids[i][:])
	}
	return ids
}

func (r *reader) erasure() (e Erasure) {
	e.Owner.Hierarchy = r.hierarchy()
	r.into(e.Owner.Space[:])
	e.At = stamp(r.time())
	e.Generation = r.u64()
	r.into(e.MAC[:])
	e.Keys = r.ids()
	return e
}

func (r *reader) signer(s *signerRecord) {
	s.name, s.number, s.created = string(r.bytes(maxText)), r.u32(), r.time()
	r.into(s.id[:])
	r.into(s.public[:])
	live := r.u8()
	if live > 1 {
		r.fail("checkpoint key %q: a flag of %d", s.name, live)
	}
	s.live = live == 1
	r.into(s.wrapped[:])
}

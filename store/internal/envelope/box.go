package envelope

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

const (
	boxFormat = 1 // first byte of every box
	algorithm = 1 // AES-256-GCM, random nonce

	nonceSize = 12
	tagSize   = 16

	schemaAt = 2
	keyIDAt  = 4
	nonceAt  = keyIDAt + len(KeyID{})
	publicAt = nonceAt + nonceSize + 2 // behind its length

	// Overhead is what encryption adds to a value, in bytes, beside the public part.
	Overhead = publicAt + tagSize
)

// ErrMalformed is a sequence of bytes that is no box, or one of a format this build does not know.
var ErrMalformed = errors.New("no encrypted value in a format that this build knows")

// Place is where a value belongs; it decrypts nowhere else. Space is a tenant, a log or the appliance itself.
// The zero Install is allowed (tests), an empty Record too.
type Place struct {
	Install, Space [16]byte
	Collection     uint16
	Record         []byte // the record's key within the collection: random or a keyed hash, no name
}

// String names the place in errors. It shows the beginning of the record's key and nothing of the record.
func (p Place) String() string {
	record, dots := p.Record, ""
	if len(record) > 16 {
		record, dots = record[:16], "..."
	}
	return fmt.Sprintf("space %x, collection %d, record %x%s", p.Space, p.Collection, record, dots)
}

// additional is the additional data of a value: everything that it is bound to. Variable fields have their length in
// front, so that no two places have the same bytes.
func (p Place) additional(schema uint16, id KeyID, public []byte) []byte {
	b := make([]byte, 0, len(valueDomain)+2+16+16+2+4+len(p.Record)+2+8+2+len(public))
	b = append(b, valueDomain...)
	b = append(b, boxFormat, algorithm)
	b = append(b, p.Install[:]...)
	b = append(b, p.Space[:]...)
	b = binary.BigEndian.AppendUint16(b, p.Collection)
	b = binary.BigEndian.AppendUint32(b, uint32(len(p.Record)))
	b = append(b, p.Record...)
	b = binary.BigEndian.AppendUint16(b, schema)
	b = append(b, id[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(public)))
	return append(b, public...)
}

// Values and wrapped keys never share additional data.
const (
	valueDomain = "qrsd\x00"
	wrapDomain  = "qrsd key\x00"
)

// Box is an encrypted value as it stands on disk:
//
//	format 0x01 | algorithm 0x01 | schema u16 | key id [8] | nonce [12] | length u16 of public | public | ciphertext | tag [16]
//
// Numbers are big-endian. Its contents are shared, not copied: nobody changes them. The zero Box is no value.
type Box struct{ raw []byte }

// Encrypt encrypts plain for one place. schema is the version of the value's own encoding. public (at most 65,535 bytes, nil
// allowed) is authenticated but readable in the file without a key: only hashes belong there. It does not keep its
// arguments. It panics on loss of entropy.
func (k *Key) Encrypt(at Place, schema uint16, public, plain []byte) Box {
	if len(public) > math.MaxUint16 || len(at.Record) > math.MaxInt32 {
		panic(fmt.Sprintf("envelope: public part of %d bytes, record key of %d", len(public), len(at.Record)))
	}
	b := make([]byte, 0, Overhead+len(public)+len(plain))
	b = append(b, boxFormat, algorithm)
	b = binary.BigEndian.AppendUint16(b, schema)
	b = append(b, k.id[:]...)
	b = b[:nonceAt+nonceSize]
	b = binary.BigEndian.AppendUint16(b, uint16(len(public)))
	b = append(b, public...)
	return Box{k.sealAround(b, plain, at.additional(schema, k.id, public))}
}

// sealAround draws the nonce into the middle of the header b and appends ciphertext and tag.
func (k *Key) sealAround(b, plain, additional []byte) []byte {
	nonce := b[nonceAt : nonceAt+nonceSize : nonceAt+nonceSize]
	k.draw(nonce)
	return k.aead.Seal(b, nonce, plain, additional)
}

// Decrypt returns the value of the box at its place, in a slice of its own. The error is [ErrForged] with the place's name
// and nothing of the contents.
func (k *Key) Decrypt(at Place, b Box) ([]byte, error) {
	if b.IsZero() {
		return nil, fmt.Errorf("%w: %v: no value", ErrForged, at)
	}
	id := b.KeyID()
	if id != k.id {
		return nil, fmt.Errorf("%w: %v: encrypted with key %v, not %v", ErrForged, at, id, k.id)
	}
	public := b.Public()
	nonce, sealed := b.raw[nonceAt:nonceAt+nonceSize], b.raw[publicAt+len(public):]
	plain, err := k.aead.Open(nil, nonce, sealed, at.additional(b.Schema(), id, public))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrForged, at)
	}
	return plain, nil
}

// Parse takes bytes for a box after checking its outer form; [ErrMalformed] says what is wrong. It keeps raw.
func Parse(raw []byte) (Box, error) {
	switch {
	case len(raw) < Overhead:
		return Box{}, fmt.Errorf("%w: %d bytes, need at least %d", ErrMalformed, len(raw), Overhead)
	case raw[0] != boxFormat:
		return Box{}, fmt.Errorf("%w: format %d", ErrMalformed, raw[0])
	case raw[1] != algorithm:
		return Box{}, fmt.Errorf("%w: algorithm %d", ErrMalformed, raw[1])
	}
	if n := int(binary.BigEndian.Uint16(raw[publicAt-2:])); len(raw) < Overhead+n {
		return Box{}, fmt.Errorf("%w: public part of %d bytes in %d", ErrMalformed, n, len(raw))
	}
	return Box{raw}, nil
}

// Bytes is the box as it goes to disk; nil for the zero Box. The caller must not change it.
func (b Box) Bytes() []byte { return b.raw }

// IsZero reports whether b is no value at all.
func (b Box) IsZero() bool { return len(b.raw) == 0 }

// KeyID names the key that decrypts b; zero for the zero Box. It is authenticated only by decrypting.
func (b Box) KeyID() (id KeyID) {
	if !b.IsZero() {
		copy(id[:], b.raw[keyIDAt:])
	}
	return id
}

// Schema is the version of the value's own encoding; 0 for the zero Box. It is authenticated only by decrypting.
func (b Box) Schema() uint16 {
	if b.IsZero() {
		return 0
	}
	return binary.BigEndian.Uint16(b.raw[schemaAt:])
}

// Public is the part that is not encrypted; the caller must not change it. It is authenticated only by decrypting.
func (b Box) Public() []byte {
	if b.IsZero() {
		return nil
	}
	n := int(binary.BigEndian.Uint16(b.raw[publicAt-2:]))
	return b.raw[publicAt : publicAt+n : publicAt+n]
}

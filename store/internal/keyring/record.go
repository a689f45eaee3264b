package keyring

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// state is what the file says. A published state is never changed: a change copies the slices and replaces records.
type state struct {
	install    [16]byte
	generation uint64
	sessions   uint64 // how many processes have begun to encrypt; see count.go
	rewrapFrom uint64 // 0, or a rewrap is under way: KEKs made before this generation are still to be replaced

	rootID         envelope.KeyID
	rootGeneration uint32
	rootCreated    int64   // seconds since 1970, as all times here
	eraser         wrapped // the key that MACs erasures, wrapped by the root

	slots    []slot
	owners   []*ownerRecord  // by compareOwners
	erased   []Erasure       // by compareOwners
	signers  []signerRecord  // by name and number
	sealKeys []sealKeyRecord // by number
}

type wrapped [envelope.WrappedSize]byte

// slot is the root secret wrapped for one Unlocker.
type slot struct {
	id        [8]byte
	method    string
	reference string
	created   int64
	kem       uint16 // HPKE KEM of the public half; 0: wrapped by call
	argon     argonParameters
	public    []byte
	wrapped   []byte
}

// ownerRecord is an owner's KEK, wrapped by the root, and the data keys wrapped by the KEK. Never changed once published.
type ownerRecord struct {
	owner     Owner
	kekID     envelope.KeyID
	version   uint32
	created   int64
	since     uint64 // generation of the file in which the KEK is new
	wrapped   wrapped
	keys      []dataKey // by purpose and epoch; the last of a purpose is the current one
	destroyed []envelope.KeyID
}

type dataKey struct {
	purpose Purpose
	epoch   uint32
	id      envelope.KeyID
	created int64
	count   uint64 // encryptions up to the session settled, at most
	settled uint64
	wrapped wrapped
}

// signerRecord is an Ed25519 key pair. Only the last of a name has its private half; those before were destroyed.
type signerRecord struct {
	name    string
	number  uint32
	created int64
	id      envelope.KeyID
	public  [32]byte
	live    bool
	wrapped wrapped // the seed; zero unless live
}

func (s *state) find(o Owner) (int, bool) {
	return slices.BinarySearchFunc(s.owners, o, func(r *ownerRecord, o Owner) int { return compareOwners(r.owner, o) })
}

// owner is the record, or ErrErased or ErrUnknownOwner.
func (s *state) owner(o Owner) (*ownerRecord, error) {
	if i, ok := s.find(o); ok {
		return s.owners[i], nil
	}
	if _, ok := s.erasure(o); ok {
		return nil, fmt.Errorf("%v: %w", o, ErrErased)
	}
	return nil, fmt.Errorf("%v: %w", o, ErrUnknownOwner)
}

func (s *state) erasure(o Owner) (int, bool) {
	return slices.BinarySearchFunc(s.erased, o, func(e Erasure, o Owner) int { return compareOwners(e.Owner, o) })
}

// current is the index of the purpose's current data key, or -1.
func (r *ownerRecord) current(p Purpose) int {
	for i := len(r.keys) - 1; i >= 0; i-- {
		if r.keys[i].purpose == p {
			return i
		}
	}
	return -1
}

// isCurrent reports whether key i is the one that encrypts.
func (r *ownerRecord) isCurrent(i int) bool {
	return i+1 == len(r.keys) || r.keys[i+1].purpose != r.keys[i].purpose
}

// Contexts of wraps: what a wrapped key is bound to beside the key that wraps it. Each begins with a word of its own
// and has fixed-width fields before anything variable.

func kekContext(install [16]byte, o Owner, version uint32) []byte {
	b := append([]byte("kek\x00"), install[:]...)
	b = append(b, byte(o.Hierarchy))
	b = append(b, o.Space[:]...)
	return binary.BigEndian.AppendUint32(b, version)
}

func dataContext(install [16]byte, o Owner, version uint32, k *dataKey) []byte {
	b := append([]byte("data\x00"), install[:]...)
	b = append(b, byte(o.Hierarchy))
	b = append(b, o.Space[:]...)
	b = binary.BigEndian.AppendUint32(b, version)
	b = binary.BigEndian.AppendUint16(b, uint16(k.purpose))
	return binary.BigEndian.AppendUint32(b, k.epoch)
}

func eraserContext(install [16]byte) []byte { return append([]byte("eraser\x00"), install[:]...) }

func signerContext(install [16]byte, name string, number uint32) []byte {
	b := append([]byte("signer\x00"), install[:]...)
	b = binary.BigEndian.AppendUint32(b, number)
	return append(b, name...)
}

func sealContext(install [16]byte, number uint32) []byte {
	b := append([]byte("seal\x00"), install[:]...)
	return binary.BigEndian.AppendUint32(b, number)
}

func stamp(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

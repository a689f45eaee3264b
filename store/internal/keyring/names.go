package keyring

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// Errors that callers tell apart; all are wrapped with the place.
var (
	ErrLocked       = errors.New("the store is locked; unlock it with its key file, passphrase or key service (qrsd unlock)")
	ErrWrongKey     = errors.New("this does not open the keys")
	ErrNoSlot       = errors.New("the key file has no slot of this kind")
	ErrExists       = errors.New("a key file exists already")
	ErrDamaged      = errors.New("the key file is damaged") // a changed byte, seen without any key
	ErrTampered     = errors.New("the key file was changed by somebody without the root key")
	ErrUncertain    = errors.New("it is not known whether the change of the key file survives a power failure: close the store and open it again")
	ErrUnknownOwner = errors.New("no keys exist for this owner")
	ErrUnopened     = errors.New("the owner's keys have not been opened")
	ErrUnknownKey   = errors.New("the ring does not know this key")
	ErrDestroyed    = errors.New("the key was destroyed, and with it what it encrypted")
	ErrErased       = errors.New("the owner was erased")
	ErrExhausted    = errors.New("the data key has encrypted as much as it may: rotate the owner's keys")
	ErrNotAttached  = errors.New("a slot wraps by call and its service was not given: attach it")
)

// Hierarchy separates keys that live and die apart: a tenant's data can be erased while its audit trail stays readable.
type Hierarchy uint8

// The hierarchies.
const (
	Data  Hierarchy = 1
	Audit Hierarchy = 2
)

// String is the hierarchy's word.
func (h Hierarchy) String() string {
	switch h {
	case Data:
		return "data"
	case Audit:
		return "audit"
	}
	return fmt.Sprintf("hierarchy %d", uint8(h))
}

// Owner is who has a key-encryption key of its own: one space in one hierarchy. Spaces are random and never used again.
type Owner struct {
	Hierarchy Hierarchy
	Space     [16]byte
}

// String names the owner in errors and listings.
func (o Owner) String() string { return fmt.Sprintf("%v of %x", o.Hierarchy, o.Space) }

// IsZero reports whether o is nobody.
func (o Owner) IsZero() bool { return o == Owner{} }

func compareOwners(a, b Owner) int {
	return cmp.Or(cmp.Compare(a.Hierarchy, b.Hierarchy), bytes.Compare(a.Space[:], b.Space[:]))
}

// Purpose is what a data key encrypts. Numbers are the store's; only PurposeIndex means something here.
type Purpose uint16

// PurposeIndex is the key of the blind indexes ([Ring.Index]). [Ring.Rotate] leaves it alone, because a new one asks for
// every index entry to be made again; [Ring.Roll] replaces it with the others.
const PurposeIndex Purpose = 0xFFFF

// Grant is an owner with the purposes it shall have data keys for.
type Grant struct {
	Owner    Owner
	Purposes []Purpose
}

// EventKind is what happened to a key.
type EventKind string

// What can happen to a key.
const (
	Created   EventKind = "created"
	Unwrapped EventKind = "unwrapped" // decrypted into memory to be used
	Destroyed EventKind = "destroyed"
)

// Object is the kind of key that an event is about.
type Object string

// The kinds of keys.
const (
	RootKey       Object = "root key"
	OwnerKey      Object = "key-encryption key"
	DataKeys      Object = "data key"
	SlotKey       Object = "slot"
	CheckpointKey Object = "checkpoint key"
	SealingKey    Object = "seal key"
)

// Event is one thing that happened to one key, for the audit log. It holds no secret.
type Event struct {
	Kind    EventKind
	Object  Object
	Owner   Owner          // of a key-encryption or data key
	Purpose Purpose        // of a data key
	KeyID   envelope.KeyID // zero for a slot
	Version uint32         // root generation, KEK version, data key epoch, number of the checkpoint or seal key
	Name    string         // a slot's method, a checkpoint key's name
}

// Status is what `key list` shows of an owner. It is known while the ring is locked, but then unverified.
type Status struct {
	Owner    Owner
	KeyID    envelope.KeyID   // of the KEK
	Version  uint32           // of the KEK
	Created  time.Time        // of the KEK
	Since    uint64           // generation of the file that first had this KEK
	DataKeys []KeyStatus      // by purpose and epoch
	Retired  []envelope.KeyID // destroyed data keys, oldest first
}

// KeyStatus is one data key in a [Status].
type KeyStatus struct {
	Purpose Purpose
	Epoch   uint32
	KeyID   envelope.KeyID
	Created time.Time
	Current bool   // encrypts; the others only decrypt
	Used    uint64 // encryptions so far, at most
}

// Erasure is the proof that an owner's keys were destroyed. Its MAC is under a key that all generations of an install
// share, so that a key file restored from before the erasure accepts it ([Ring.ApplyErased]).
type Erasure struct {
	Owner      Owner            `json:"owner"`
	At         time.Time        `json:"at"`         // in whole seconds, UTC
	Generation uint64           `json:"generation"` // of the key file that no longer had the keys
	Keys       []envelope.KeyID `json:"keys"`       // the KEK, then the data keys, those retired before included
	MAC        [32]byte         `json:"mac"`
}

// Equal reports whether two erasures are the same in everything, MAC included: that of another with one field changed is not
// the same, whatever it says of its owner.
func (e Erasure) Equal(other Erasure) bool {
	return e.Owner == other.Owner && e.At.Equal(other.At) && e.Generation == other.Generation && e.MAC == other.MAC && slices.Equal(e.Keys, other.Keys)
}

// RootStatus is the root key as shown to a user and in audit entries. It holds no secret.
type RootStatus struct {
	KeyID      envelope.KeyID
	Generation uint32 // 1, 2, 3 ... with every new root
	Created    time.Time
}

// Slot is one way to unlock, as shown to a user.
type Slot struct {
	ID        [8]byte
	Method    string // "passphrase", "key-file", "recovery" or what [External] was given
	Reference string // which external key; empty for the others
	Created   time.Time
}

package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// LogKind is one of the two logs that every tenant has.
type LogKind uint8

// The two logs.
const (
	AuditLog LogKind = iota + 1 // entries: who did what
	Lineage                     // the ledger: leaves of inputs, models, runs, outputs, decisions
)

func (k LogKind) String() string {
	switch k {
	case AuditLog:
		return "audit"
	case Lineage:
		return "ledger"
	}
	return fmt.Sprintf("log kind %d", uint8(k))
}

// log says where a log is and whose keys encrypt it. Its leaves may die with the tenant (the ledger's do), its tree
// and checkpoints are under the audit key, so that what was proved stays provable.
type log struct {
	tenant    ID
	kind      LogKind
	id        ID            // the space of its collections
	leafOwner keyring.Owner // encrypts entries
	treeOwner keyring.Owner // encrypts nodes and checkpoints
}

// logOf is a tenant's log. Its id follows from installation and tenant, so that the trail of an erased tenant is found.
func (db *DB) logOf(tenant ID, kind LogKind) log {
	h := sha256.New()
	h.Write([]byte("qrsd log 1\x00"))
	h.Write(db.format.Install[:])
	h.Write(tenant[:])
	h.Write([]byte{byte(kind)})
	l := log{tenant: tenant, kind: kind, id: ID(h.Sum(nil)[:16])}
	l.treeOwner = keyring.Owner{Hierarchy: keyring.Audit, Space: tenant}
	l.leafOwner = l.treeOwner
	if kind == Lineage {
		l.leafOwner = keyring.Owner{Hierarchy: keyring.Data, Space: tenant}
	}
	return l
}

func (l log) origin(db *DB) string { return ledger.Origin(db.format.Install, l.id) }

func (l log) String() string {
	if l.tenant == Appliance {
		return "the appliance's " + l.kind.String() + " log"
	}
	return fmt.Sprintf("tenant %s, %s log", l.tenant, l.kind)
}

// at is the address of a log's record: sequence of a leaf, storage index of a node, size of a checkpoint.
func (l log) at(collection uint16, index int64) kv.Address {
	return kv.Address{Space: l.id, Collection: collection, Key: binary.BigEndian.AppendUint64(nil, uint64(index))}
}

func indexOf(key []byte) (int64, error) {
	if len(key) != 8 {
		return 0, fmt.Errorf("key of %d bytes in a log: %w", len(key), kv.ErrCorrupt)
	}
	return int64(binary.BigEndian.Uint64(key)), nil
}

// logReader is what a snapshot and the committer's batch can both do.
type logReader interface {
	Get(kv.Address) (envelope.Box, bool, error)
	Last(space [16]byte, collection uint16) (key []byte, b envelope.Box, ok bool, err error)
}

// size counts the leaves of a log.
func (l log) size(from logReader) (int64, error) {
	key, _, ok, err := from.Last(l.id, leafCollection)
	if err != nil || !ok {
		return 0, err
	}
	last, err := indexOf(key)
	return last + 1, err
}

// signed is how many leaves of a log are under its last checkpoint; 0 where there is none.
func (l log) signed(from logReader) (int64, error) {
	key, _, ok, err := from.Last(l.id, checkpointCollection)
	if err != nil || !ok {
		return 0, err
	}
	return indexOf(key)
}

// hashes reads stored hashes of a log's tree.
func (db *DB) hashes(from logReader, l log) ledger.HashReader {
	return ledger.HashReaderFunc(func(indexes []int64) ([]ledger.Hash, error) {
		out := make([]ledger.Hash, len(indexes))
		for i, index := range indexes {
			plain, err := db.openLogRecord(from, l, l.treeOwner, nodeCollection, index)
			if err != nil {
				return nil, err
			}
			if copy(out[i][:], plain) != len(plain) || len(plain) != len(out[i]) {
				return nil, fmt.Errorf("%s: node %d has %d bytes: %w", l, index, len(plain), kv.ErrCorrupt)
			}
		}
		return out, nil
	})
}

// openLogRecord reads and decrypts one record of a log.
func (db *DB) openLogRecord(from logReader, l log, owner keyring.Owner, collection uint16, index int64) ([]byte, error) {
	at := l.at(collection, index)
	b, found, err := from.Get(at)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("%s: %s %d is missing: %w", l, collectionName(collection), index, kv.ErrCorrupt)
	}
	return db.decryptLogRecord(l, owner, at, b)
}

func (db *DB) decryptLogRecord(l log, owner keyring.Owner, at kv.Address, b envelope.Box) ([]byte, error) {
	key, err := db.ring.Key(owner, b.KeyID())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l, err)
	}
	plain, err := key.Decrypt(db.place(ID(at.Space), at.Collection, at.Key), b)
	if err != nil {
		return nil, fmt.Errorf("%s, %s %x: %w", l, collectionName(at.Collection), at.Key, err)
	}
	return plain, nil
}

// header is the header of a stored leaf whose predecessor is known.
func (l log) header(sequence int64, previous ledger.Hash, b envelope.Box) (ledger.Header, error) {
	h := ledger.Header{Log: l.id, Sequence: uint64(sequence), Previous: previous}
	if copy(h.Commitment[:], b.Public()) != len(h.Commitment) || len(b.Public()) != len(h.Commitment) {
		return h, fmt.Errorf("%s, leaf %d: commitment of %d bytes: %w", l, sequence, len(b.Public()), kv.ErrCorrupt)
	}
	return h, nil
}

// splitLeaf takes a leaf's decrypted value apart into the salt of its commitment and the text committed to.
func splitLeaf(plain []byte) (salt [16]byte, text []byte, err error) {
	if len(plain) < len(salt) {
		return salt, nil, fmt.Errorf("leaf of %d bytes: %w", len(plain), kv.ErrCorrupt)
	}
	return [16]byte(plain), plain[len(salt):], nil
}

// checkpointDue says when a log is signed again by itself: so many leaves, or so much time, after the last.
const (
	checkpointLeaves = 1000
	checkpointEvery  = 10 * time.Second
)

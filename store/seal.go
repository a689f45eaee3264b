package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
)

// Sealing is a seal to be made of a run's output.
type Sealing struct {
	// Run is what the output's leaf is about.
	Run ID
	// Read reads, in one snapshot, what is to be said of the run. It returns when the run ended, which is where its leaf is
	// looked for, and whether there is anything to seal.
	Read func(*ReadTx) (ended time.Time, wanted bool, err error)
	// Compose makes the statement of what was read. Its run, its place in the ledger and its time are filled in afterwards.
	Compose func() (seal.Statement, error)
	// Keep writes the seal, its leaf and what refers to it.
	Keep func(tx *WriteTx, m MadeSeal) error
}

// MadeSeal is a seal that was signed and verifies.
type MadeSeal struct {
	Envelope []byte
	Digest   ledger.Digest // SHA-256 of Envelope
	Key      ledger.Digest // id of the key that signed
	Time     time.Time     // in the seal
}

// Seal proves the output's leaf against a checkpoint, signs with the store's seal key, holds the seal to the keys that the
// store publishes, and keeps it, in a transaction of its own: the output was kept in an earlier one. Whoever is cut off in
// between does it again. It leaves one audit entry.
//
// Errors: *DeniedError, ErrNotFound (no such leaf), ErrSealKey, those of Read, Compose, Keep and of the signer.
func (t *Tenant) Seal(ctx context.Context, s Sealing) error {
	a := Action{Verb: rights.RunSeal, Object: s.Run}
	if err := t.permit(ctx, a); err != nil {
		return err
	}
	made, err := t.makeSeal(ctx, s)
	if err != nil || made == nil {
		return t.settle(ctx, a, err)
	}
	err = t.commit(ctx, t.entry(a, Done), func(tx *WriteTx) error { return s.Keep(tx, *made) })
	if err != nil {
		return t.settle(ctx, a, err)
	}
	return nil
}

// makeSeal is nil where nothing is to be sealed.
func (t *Tenant) makeSeal(ctx context.Context, s Sealing) (*MadeSeal, error) {
	var ended time.Time
	wanted := false
	err := t.db.kv.View(ctx, func(from *kv.ReadTx) (err error) {
		ended, wanted, err = s.Read(&ReadTx{t, from})
		return err
	})
	if err != nil || !wanted {
		return nil, err
	}
	signer, err := t.db.sealSigner()
	if err != nil {
		return nil, err
	}
	statement, err := s.Compose()
	if err != nil {
		return nil, err
	}
	statement.Predicate.Run = ledger.ID(s.Run)
	m := new(MadeSeal)
	if statement.Predicate.Ledger, m.Time, err = t.db.position(ctx, t.db.logOf(t.id, Lineage), s.Run, ended); err != nil {
		return nil, err
	}
	statement.Predicate.Time = m.Time
	if m.Envelope, err = seal.Sign(ctx, statement, signer); err != nil {
		return nil, err
	}
	m.Digest = sha256.Sum256(m.Envelope)
	return m, t.db.holds(m)
}

// holds verifies a seal before it is kept, as its readers will, and notes whose it is.
func (db *DB) holds(m *MadeSeal) error {
	keys, err := db.PublishedKeys()
	if err != nil {
		return err
	}
	verdict := seal.Verify(m.Envelope, keys, nil)
	for _, c := range verdict.Checks {
		if !c.OK {
			return fmt.Errorf("the seal does not verify with the keys that this store publishes: %s: %s", c.Name, c.Reason)
		}
	}
	return m.Key.UnmarshalText([]byte(verdict.KeyID))
}

// position is the place of a run's output in a ledger with all that proves it, and the time for a seal that carries it: now, and never before
// what it carries, also where the clock was set back.
func (db *DB) position(ctx context.Context, l log, run ID, ended time.Time) (p seal.Position, made time.Time, err error) {
	sequence, at, err := db.outputLeaf(ctx, l, run, ended)
	if err != nil {
		return p, made, err
	}
	proof, err := db.prove(ctx, l, sequence)
	if err != nil {
		return p, made, err
	}
	head, err := db.openCheckpoint(l, []byte(proof.Checkpoint))
	if err != nil {
		return p, made, err
	}
	h, box, salt, text, err := db.leafEvidence(ctx, l, sequence)
	if err != nil {
		return p, made, err
	}
	made = db.now().UTC()
	for _, carried := range []time.Time{at, head.Time} {
		if made.Before(carried) {
			made = carried
		}
	}
	return seal.NewPosition(h, box, text, salt, head, []byte(proof.Checkpoint), proof.Path), made, nil
}

// slack is how much earlier than a run's end its leaf can be by the clock, which may be set back between the two.
const slack = time.Minute

// outputLeaf finds the leaf of a run's output. The ledger is in order of time, so that little of it is read; where the
// clock has misled, all of it.
func (db *DB) outputLeaf(ctx context.Context, l log, run ID, ended time.Time) (sequence int64, at time.Time, err error) {
	from, size, err := db.span(ctx, l, Query{From: ended.Add(-slack)})
	if err != nil {
		return 0, at, err
	}
	sequence = -1
	find := func(index int64, _ envelope.Box, plain []byte) (bool, error) {
		_, text, err := splitLeaf(plain)
		if err != nil {
			return false, err
		}
		record, err := ledger.ParseLineage(text)
		if err == nil && record.Kind == ledger.OutputRecorded && record.Subject == ledger.ID(run) {
			sequence, at = index, record.Time
		}
		return sequence < 0, err
	}
	if err = db.eachLeaf(ctx, l, from, size, false, find); err == nil && sequence < 0 {
		err = db.eachLeaf(ctx, l, 0, from, true, find)
	}
	if err == nil && sequence < 0 {
		err = fmt.Errorf("%s: output of run %s: %w", l, run, ErrNotFound)
	}
	return sequence, at, err
}

// leafEvidence is a leaf as it was hashed: header, box as stored, and the salt and text that the header commits to.
func (db *DB) leafEvidence(ctx context.Context, l log, sequence int64) (h ledger.Header, box []byte, salt [16]byte, text []byte, err error) {
	boxes, err := db.leaves(ctx, l, sequence, sequence+1)
	if err != nil {
		return h, nil, salt, nil, err
	}
	var previous ledger.Hash
	if sequence > 0 {
		err = db.kv.View(ctx, func(tx *kv.ReadTx) error {
			before, err := db.hashes(tx, l).ReadHashes([]int64{ledger.StoredIndex(0, sequence-1)})
			if err == nil {
				previous = before[0]
			}
			return err
		})
		if err != nil {
			return h, nil, salt, nil, err
		}
	}
	if h, err = l.header(sequence, previous, boxes[0]); err != nil {
		return h, nil, salt, nil, err
	}
	plain, err := db.decryptLogRecord(l, l.leafOwner, l.at(leafCollection, sequence), boxes[0])
	if err != nil {
		return h, nil, salt, nil, err
	}
	salt, text, err = splitLeaf(plain)
	return h, boxes[0].Bytes(), salt, text, err
}

// ErrSealKey says that the store has no seal key to sign with here: its current one is in a key service that was not
// named, or the service's key is not the current one.
var ErrSealKey = errors.New("this is not signed: seal key")

// sealSigner is the current seal key.
func (db *DB) sealSigner() (seal.Signer, error) {
	current, err := db.currentSealKey()
	if err != nil {
		return nil, err
	}
	if outside := db.options.SealSigner; outside != nil {
		given, err := seal.NewSealKey(outside.Public())
		if err == nil && given.ID != current.ID {
			err = fmt.Errorf("%w: the key given is %s, the store's current one is %s; if the key given shall take its place, the operator does that: qrsd seal rotate", ErrSealKey, given.ID, current.ID)
		}
		return outside, err
	}
	signer, err := db.ring.SealSigner()
	if errors.Is(err, keyring.ErrSealKeyElsewhere) {
		err = fmt.Errorf("%w: the current one, %s, is in a key service or a token: name it (--seal-kms), or let the operator begin with a key of the store's own: qrsd seal rotate", ErrSealKey, current.ID)
	}
	if err != nil {
		return nil, err
	}
	return signer, nil
}

func (db *DB) currentSealKey() (seal.Key, error) {
	all := db.ring.SealKeys()
	if len(all) == 0 {
		return seal.Key{}, fmt.Errorf("%w: %w: unlock the store once with this version of qrsd", ErrSealKey, keyring.ErrNoSealKey)
	}
	return publishedSealKey(all[len(all)-1])
}

// untilEnd is added to the second in which a key was retired, because the key file keeps whole seconds: what the key signed in that
// second still counts.
const untilEnd = time.Second

func publishedSealKey(k keyring.SealKey) (seal.Key, error) {
	key, err := seal.NewSealKey(k.Key)
	if err == nil && !k.Retired.IsZero() {
		key.NotAfter = k.Retired.Add(untilEnd)
	}
	return key, err
}

// PublishedKeys are the public keys of this installation: seal keys (P-256) and checkpoint keys (Ed25519, the same for all logs),
// oldest first, those retired with the time until which they signed. They are for everybody, and known while the store is locked.
//
// No key has a time before which it did not sign: the clock may have been set back since it was made.
func (db *DB) PublishedKeys() (*seal.Keys, error) {
	var all []seal.Key
	for _, k := range db.ring.SealKeys() {
		key, err := publishedSealKey(k)
		if err != nil {
			return nil, fmt.Errorf("seal key %d: %w", k.Number, err)
		}
		all = append(all, key)
	}
	checkpoints := db.ring.CheckpointKeys(keyring.CheckpointSeries)
	for i, k := range checkpoints {
		key, err := seal.NewCheckpointKey(k.Key)
		if err != nil {
			return nil, fmt.Errorf("checkpoint key %d: %w", k.Number, err)
		}
		if i+1 < len(checkpoints) { // the next took its place
			key.NotAfter = checkpoints[i+1].Created.Add(untilEnd)
		}
		all = append(all, key)
	}
	return seal.NewKeys(all...)
}

// RotateSealKey begins with a new seal key: one of the store's own, or, with Options.SealSigner, the one that the service
// holds. The private half of the one before is destroyed where it was the store's; its public half stays published, and
// what it signed stays valid. It returns the new key. Operator only.
func (db *DB) RotateSealKey(ctx context.Context, p Principal) (seal.Key, error) {
	if err := db.ready(); err != nil {
		return seal.Key{}, err
	}
	if err := db.newSealKey(ctx, db.appliance(p)); err != nil {
		return seal.Key{}, err
	}
	return db.currentSealKey()
}

func (db *DB) newSealKey(ctx context.Context, by *Tenant) error {
	return by.changeKeys(ctx, keyChange{verb: rights.SealRotate, do: func() ([]keyring.Event, error) {
		if s := db.options.SealSigner; s != nil {
			return db.ring.AdoptSealKey(ctx, s.Public())
		}
		return db.ring.AddSealKey(ctx)
	}})
}

// firstSealKey gives a store of before there were seals its key.
func (db *DB) firstSealKey(ctx context.Context) error {
	if len(db.ring.SealKeys()) > 0 {
		return nil
	}
	return db.newSealKey(ctx, db.system())
}

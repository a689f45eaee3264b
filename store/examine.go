package store

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
)

// Examination is what a store says of its own health, in one reading: sizes, ages and hashes, nothing of what tenants do.
type Examination struct {
	Status   Status    `json:"status"`
	Keys     KeyAges   `json:"keys"`
	Logs     []LogHead `json:"logs"`
	Faults   []Fault   `json:"faults"` // of anchor and logs; none: they fit
	Database Activity  `json:"database"`
}

// KeyAges are the ages of a store's keys.
type KeyAges struct {
	Oldest time.Time `json:"oldest"` // key-encryption key that is in use; zero: there is none
	Owners int       `json:"owners"`
	Due    int       `json:"due"` // owners whose keys are to be rotated
	Seal   time.Time `json:"seal,omitzero"`
}

// Activity is what the database did since it was opened.
type Activity struct {
	Records   uint64 `json:"records"` // when it was opened
	Batches   uint64 `json:"batches"` // commits
	Ops       uint64 `json:"ops"`     // in them
	Reruns    uint64 `json:"reruns"`
	LongReads uint64 `json:"long_reads"` // snapshots that were taken back after their budget
	OpenReads int64  `json:"open_reads"`
	Queued    int    `json:"queued"`
	Used      int64  `json:"used_bytes"`
	Failed    string `json:"failed,omitempty"` // why no change is taken any more
}

// Examine examines an unlocked store for its operator, under the verb named: store.diagnose or support.bundle. It leaves one entry.
//
// Of each log it verifies the last checkpoint's signature, and that the tree as stored still has the root that was signed. It does not
// read every leaf: DB.Check does.
func (db *DB) Examine(ctx context.Context, p Principal, verb Verb) (e Examination, err error) {
	if err := db.ready(); err != nil {
		return e, err
	}
	t, a := db.appliance(p), Action{Verb: verb}
	if err := t.permit(ctx, a); err != nil {
		return e, err
	}
	e = Examination{Status: db.standing(), Keys: db.keyAges(), Database: db.Activity(), Logs: []LogHead{}, Faults: []Fault{}}
	if err := db.anchorOnDisk(ctx); err != nil {
		e.Faults = append(e.Faults, Fault{Where: "anchor", Reason: err.Error()})
	}
	err = db.examineLogs(ctx, &e)
	return e, t.settle(ctx, a, err)
}

// examineLogs gathers the heads of all logs and what does not fit them.
func (db *DB) examineLogs(ctx context.Context, e *Examination) error {
	ids, err := db.tenantIDs(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		for _, kind := range []LogKind{AuditLog, Lineage} {
			l := db.logOf(id, kind)
			h, err := db.head(ctx, l)
			if err == nil {
				err = db.headFits(ctx, l, h)
			}
			switch {
			case err != nil && ctx.Err() != nil:
				return ctx.Err()
			case err != nil:
				e.Faults = append(e.Faults, Fault{Where: l.String(), Reason: err.Error()})
			case h.Size > 0:
				e.Logs = append(e.Logs, h)
				if id == Appliance && kind == AuditLog {
					e.Status.AuditSize = h.Size
				}
			}
		}
	}
	return nil
}

// headFits compares the tree as stored with the root that the last checkpoint signed.
func (db *DB) headFits(ctx context.Context, l log, h LogHead) error {
	if h.Signed == 0 {
		return nil
	}
	_, c, err := db.lastCheckpoint(ctx, l)
	if err != nil {
		return err
	}
	return db.kv.View(ctx, func(tx *kv.ReadTx) error {
		size, err := l.size(tx)
		if err != nil {
			return err
		}
		if size < c.Size {
			return fmt.Errorf("%d leaves, and %d were signed: leaves are missing: %w", size, c.Size, ErrDamaged)
		}
		root, err := ledger.Root(c.Size, db.hashes(tx, l))
		if err == nil && root != c.Root {
			err = fmt.Errorf("the tree of %d leaves has another root than was signed: %w", c.Size, ErrDamaged)
		}
		return err
	})
}

// anchorOnDisk reads the anchor's file anew, and holds database and key file against it.
func (db *DB) anchorOnDisk(ctx context.Context) error {
	if err := db.anchor.written(); err != nil {
		return err
	}
	db.anchor.mu.Lock()
	path, held := db.anchor.path, db.anchor.content
	onDisk, err := openAnchor(path)
	db.anchor.mu.Unlock()
	switch {
	case err != nil:
		return err
	case onDisk.missing:
		return fmt.Errorf("%s: %w; it is written anew with the next checkpoint", path, fs.ErrNotExist)
	case onDisk.content.Checkpoint != held.Checkpoint || onDisk.content.Generation != held.Generation:
		return fmt.Errorf("%s is not what this process has written: somebody else changed it", path)
	}
	return db.anchorFits(ctx, onDisk.content)
}

// Activity is what the database did since it was opened. It is for everybody, and leaves no entry.
func (db *DB) Activity() Activity {
	s := db.kv.Stats()
	a := Activity{
		Records: s.Opened.Records, Batches: s.Batches, Ops: s.Ops, Reruns: s.Reruns, LongReads: s.LongReads, OpenReads: s.OpenReads,
		Queued: s.Queued, Used: s.Used,
	}
	if s.Failed != nil {
		a.Failed = s.Failed.Error()
	}
	return a
}

// standing is the state without an entry of its own.
func (db *DB) standing() Status {
	files, held := db.kv.Stats(), db.anchor.now()
	s := keyringStatus(db.ring)
	s.Format, s.Install, s.Created, s.Locked = db.format.Format, db.format.Install, db.format.Created, db.ready() != nil
	s.Database = FileState{Size: files.Size, Free: files.Free}
	s.DiskFree, s.ReadOnly, s.Ballast = files.DiskFree, files.ReadOnly, files.Ballast
	s.Anchored, s.AtRest = held.Time, held.AtRest
	if info, err := os.Stat(filepath.Join(db.dir, keysFile)); err == nil {
		s.KeyFile = info.Size()
	}
	if !s.Locked {
		s.RotationDue = len(db.ring.Due(db.now()))
	}
	return s
}

// keyringStatus is what the key file says, locked or not.
func keyringStatus(ring *keyring.Ring) Status {
	s := Status{Slots: ring.Slots(), Generation: ring.Generation(), Erased: len(ring.Erased())}
	for _, k := range ring.Owners() {
		if k.Owner.Hierarchy == keyring.Data && ID(k.Owner.Space) != Appliance {
			s.Tenants++
		}
	}
	return s
}

func (db *DB) keyAges() KeyAges {
	a := agesOf(db.ring, db.now())
	a.Due = len(db.ring.Due(db.now()))
	return a
}

// agesOf reads the ages in a key file, locked or not.
func agesOf(ring *keyring.Ring, now time.Time) (a KeyAges) {
	for _, k := range ring.Owners() {
		a.Owners++
		if a.Oldest.IsZero() || k.Created.Before(a.Oldest) {
			a.Oldest = k.Created
		}
		if now.Sub(k.Created) >= RotateAfter {
			a.Due++
		}
	}
	if keys := ring.SealKeys(); len(keys) > 0 {
		a.Seal = keys[len(keys)-1].Created
	}
	return a
}

// Peek is what the files of a store say without its lock and without its key: for a look while another process has it open, or while
// it is locked. Nothing is written, nothing is verified, and there is no entry.
func Peek(dir string, o Options) (s Status, keys KeyAges, err error) {
	o = o.filled()
	f, err := readFormat(dir)
	if err != nil {
		return s, keys, err
	}
	ring, err := keyring.Open(filepath.Join(dir, keysFile), keyring.Options{Rand: o.Rand, Now: o.Now})
	if err != nil {
		return s, keys, fmt.Errorf("key file: %w", err)
	}
	s, keys = keyringStatus(ring), agesOf(ring, o.Now())
	s.Format, s.Install, s.Created, s.Locked = f.Format, f.Install, f.Created, true
	a, err := anchorOf(dir, o)
	if err != nil {
		return s, keys, err
	}
	if a.missing {
		return s, keys, fmt.Errorf("anchor %s: %w", a.path, fs.ErrNotExist)
	}
	s.Anchored, s.AtRest = a.content.Time, a.content.AtRest
	return s, keys, nil
}

// SignManifest signs what is handed to support with the store's seal key, as a document of that type (see [seal.SignDocument]). It
// leaves no entry: whoever collected what is signed has left one. ErrSealKey where the store has no key to sign with here.
func (db *DB) SignManifest(ctx context.Context, documentType string, payload []byte) ([]byte, error) {
	if err := db.ready(); err != nil {
		return nil, err
	}
	signer, err := db.sealSigner()
	if err != nil {
		return nil, err
	}
	return seal.SignDocument(ctx, documentType, payload, signer)
}

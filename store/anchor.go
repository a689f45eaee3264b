package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// anchor is a small file outside the database: the last checkpoint of the appliance's audit log, into which the heads
// of all tenants' logs are entered, and the generation of the key file. A database or key file that was put back
// to an earlier state does not fit it. Create writes the first one, so that a store without it has lost it.
type anchor struct {
	path string

	mu      sync.Mutex
	content anchorContent // what the file holds, or is to hold as soon as it can be written
	missing bool          // there was no file
	failed  error         // of the last writing; nil when the file holds content
	moved   string        // a file at the store's own place that is to go once the content is written at path; "" otherwise
	// brought are erasures that a restore left at the store's own place. They are not in content until they are proved.
	brought []keyring.Erasure
}

// anchorContent is version 1 of the file. It holds no secret.
type anchorContent struct {
	Version    int       `json:"version"`
	Checkpoint string    `json:"checkpoint"` // signed note
	Generation uint64    `json:"generation"` // of the key file
	Time       time.Time `json:"time"`
	AtRest     bool      `json:"at_rest"` // written by a store that was locked in order: the database ended exactly here
	// Erased are the erasures, each with its own MAC, for a key file and database that were both put back.
	Erased []keyring.Erasure `json:"erased,omitempty"`
}

// createAnchor writes the anchor of a new store, which has no checkpoint yet. One that holds a checkpoint is another store's.
func createAnchor(path string, now time.Time) error {
	a, err := openAnchor(path)
	if err != nil {
		return err
	}
	if a.content.Checkpoint != "" {
		return fmt.Errorf("%s is the anchor of another store: name another file for this one's: %w", path, ErrExists)
	}
	return writeSummed(path, anchorContent{Version: 1, Time: now.UTC(), AtRest: true})
}

// openAnchor reads the file, or notes that it is missing.
func openAnchor(path string) (*anchor, error) {
	a := &anchor{path: path, content: anchorContent{Version: 1}}
	err := readSummed(path, &a.content)
	if errors.Is(err, fs.ErrNotExist) {
		a.missing = true
		return a, nil
	}
	if err != nil && !IsDamage(err) { // what cannot be read is not lost: never give up what it protects from
		return nil, fmt.Errorf("anchor: %w", unreadable(path, err))
	}
	if err != nil {
		return nil, fmt.Errorf("%w. If no backup of it exists, move it away and unlock with --accept-rollback: without it the store cannot tell whether it went back in time before", err)
	}
	if a.content.Version != 1 {
		return nil, fmt.Errorf("anchor: version %d is not known to this build", a.content.Version)
	}
	return a, nil
}

// anchorOf opens the anchor of a store: at its own place, or where the options name one. When they name one for the first
// time, the anchor moves there. Where both are there, a restore left the one at its own place: of that the erasures alone are taken.
func anchorOf(dir string, o Options) (*anchor, error) {
	a, err := openAnchor(o.anchorPath(dir))
	own := filepath.Join(dir, anchorFile)
	if err != nil || sameFile(a.path, own) {
		return a, err
	}
	before, err := openAnchor(own)
	if err != nil || before.missing {
		return a, err
	}
	if !a.missing {
		a.brought = before.content.Erased
		a.moved = own
		return a, nil
	}
	before.path, before.moved = a.path, own
	return before, nil
}

// sameFile reports whether two paths name one file, by whatever name.
func sameFile(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	one, errOne := os.Stat(a)
	other, errOther := os.Stat(b)
	return errOne == nil && errOther == nil && os.SameFile(one, other)
}

// hold keeps a new checkpoint. It is called by the committer after the commit; a writing that fails never undoes what is
// committed: see written.
func (a *anchor) hold(head signedHead) {
	_ = a.change(func(c *anchorContent) {
		c.Checkpoint, c.Time, c.AtRest = string(head.note), head.Time, false
	})
}

// rest marks the end of a store that was locked in order.
func (a *anchor) rest(generation uint64) error {
	return a.change(func(c *anchorContent) { c.Generation, c.AtRest = generation, true })
}

// keys keeps the key file's generation and erasures, beside those that were noted and wait to be proved.
func (a *anchor) keys(generation uint64, erased []keyring.Erasure) error {
	return a.change(func(c *anchorContent) {
		waiting := slices.DeleteFunc(slices.Clone(c.Erased), func(e keyring.Erasure) bool { return slices.ContainsFunc(erased, e.Equal) })
		c.Generation, c.Erased, c.AtRest = generation, append(slices.Clone(erased), waiting...), false
	})
}

// noted is a copy of all erasures that the anchor knows of, of which some may be of others: see DB.genuineErasures.
func (a *anchor) noted() []keyring.Erasure {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append(slices.Clone(a.content.Erased), a.brought...)
}

// settled ends what waited: the key file knows all of it that is genuine.
func (a *anchor) settled(generation uint64, erased []keyring.Erasure) error {
	return a.change(func(c *anchorContent) {
		c.Generation, c.Erased, c.AtRest = generation, erased, false
		a.brought = nil
	})
}

// unsettled reports whether the anchor notes an erasure that the key file does not, or a restore brought any.
func (a *anchor) unsettled(erased []keyring.Erasure) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.brought) > 0 || a.moved != "" || slices.ContainsFunc(a.content.Erased, func(e keyring.Erasure) bool { return !slices.ContainsFunc(erased, e.Equal) })
}

// change writes the file anew. What could not be written is written with the next change, or by written.
func (a *anchor) change(fn func(*anchorContent)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	fn(&a.content)
	return a.write()
}

// written tries again to write what could not be written, and returns the error for as long as that is so.
func (a *anchor) written() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed == nil {
		return nil
	}
	return a.write()
}

func (a *anchor) write() error {
	a.failed = nil
	if err := writeSummed(a.path, a.content); err != nil {
		a.failed = fmt.Errorf("the anchor is behind: write %s: %w", a.path, err)
		return a.failed
	}
	if a.moved == "" || len(a.brought) > 0 {
		return nil
	}
	// Left behind, it would speak for the store as it was.
	if err := os.Remove(a.moved); err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.failed = fmt.Errorf("the anchor moved to %s: remove the one at its old place: %w", a.path, err)
		return a.failed
	}
	a.moved = ""
	return nil
}

func (a *anchor) now() anchorContent {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.content
}

// compareAnchor holds key file and database against the anchor. With Options.AcceptRollback a difference is entered in
// the audit log and the anchor is set anew.
func (db *DB) compareAnchor(ctx context.Context) error {
	err := db.anchorFits(ctx, db.anchor.now())
	var back *RollbackError
	if !errors.As(err, &back) {
		return err
	}
	db.alarm(back.Error())
	if !db.options.AcceptRollback {
		return back
	}
	return db.acceptRollback(ctx, back)
}

func (db *DB) anchorFits(ctx context.Context, c anchorContent) error {
	if have := db.ring.Generation(); have < c.Generation {
		return &RollbackError{What: "key file", Have: int64(have), Anchor: int64(c.Generation), Time: c.Time}
	}
	l := db.logOf(Appliance, AuditLog)
	if c.Checkpoint == "" {
		return db.anchorMayBeBlank(ctx, l)
	}
	verifiers, err := db.verifiers(l.origin(db))
	if err != nil {
		return err
	}
	held, err := ledger.OpenCheckpoint([]byte(c.Checkpoint), verifiers)
	if err != nil {
		return fmt.Errorf("anchor: %w, or it is of another store: %w", ErrDamaged, err)
	}
	return db.kv.View(ctx, func(from *kv.ReadTx) error {
		size, err := l.size(from)
		if err != nil {
			return err
		}
		back := &RollbackError{What: l.String(), Have: size, Anchor: held.Size, Time: c.Time}
		if size < held.Size {
			return back
		}
		root, err := ledger.Root(held.Size, db.hashes(from, l))
		if err != nil {
			return err
		}
		if root != held.Root {
			back.What = l.String() + " (another history)"
			return back
		}
		return nil
	})
}

// anchorMayBeBlank allows an anchor without a checkpoint, or none at all, to a store that has signed nothing yet. Where the
// file is there, a crash between the first checkpoint's commit and the writing of the anchor is allowed too.
func (db *DB) anchorMayBeBlank(ctx context.Context, l log) error {
	most := 1
	if db.anchor.missing {
		most = 0
	}
	var count int
	var last int64
	err := db.eachKey(ctx, l.id, checkpointCollection, func(key []byte) {
		count++
		last, _ = indexOf(key) // a key that is none is reported by Check
	})
	if err != nil || count <= most {
		return err
	}
	return &RollbackError{What: "anchor file", Have: last, Missing: true}
}

// acceptRollback goes on from the state as it is. The audit log says what the anchor had held.
func (db *DB) acceptRollback(ctx context.Context, back *RollbackError) error {
	if c := db.anchor.now(); len(c.Erased) > 0 {
		// Erasures of before the rollback hold: the next step of unlocking purges what came back.
		db.alarm(fmt.Sprintf("%d erased tenants are purged again", len(c.Erased)))
	}
	r := db.system().entry(Action{Verb: rights.StoreAlarm}, Done)
	r.reason = fmt.Sprintf("rollback accepted: %s stands at %d, the anchor at %d", back.What, back.Have, back.Anchor)
	if back.Missing {
		r.reason = fmt.Sprintf("missing %s accepted: the last checkpoint stands at %d", back.What, back.Have)
	}
	if err := db.audit(ctx, r); err != nil {
		return err
	}
	if err := db.anchor.keys(db.ring.Generation(), db.anchor.now().Erased); err != nil {
		return err
	}
	return db.checkpoint(ctx)
}

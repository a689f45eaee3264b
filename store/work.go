package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// signer is the appliance's checkpoint key under the name of the log that it signs for (C2SP tlog-checkpoint).
func (db *DB) signer(origin string) (note.Signer, error) {
	return db.ring.Signer(keyring.CheckpointSeries, origin)
}

// publicKeys are the checkpoint keys, old ones first, as verifier keys under the name of a log.
func (db *DB) publicKeys(origin string) ([]string, error) {
	return db.ring.PublicKeys(keyring.CheckpointSeries, origin)
}

// verifiers are the same keys, to verify with.
func (db *DB) verifiers(origin string) (note.Verifiers, error) {
	all, err := db.ring.Verifiers(keyring.CheckpointSeries, origin)
	if err != nil {
		return nil, err
	}
	return note.VerifierList(all...), nil
}

// work is what an unlocked store does by itself: checkpoints, and rotation of keys that are due.
func (db *DB) work(ctx context.Context) {
	db.report("rotation of keys", db.rotateDue(ctx))
	db.report("re-encryption", db.resumeReencryptions(ctx))
	beat := time.NewTicker(checkpointEvery)
	defer beat.Stop()
	for beats := 1; ; beats++ {
		select {
		case <-ctx.Done():
			return
		case tenant := <-db.toSweep:
			db.report("removing orphan blobs", db.sweepNow(ctx, tenant))
			continue
		case <-beat.C:
		}
		db.report("checkpoint", db.checkpoint(ctx))
		if beats%360 == 0 { // hourly
			db.report("rotation of keys", db.rotateDue(ctx))
			db.report("compaction", db.compactDue(ctx))
		}
	}
}

// report raises an alarm for work that failed and was not merely stopped.
func (db *DB) report(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, ErrLocked) {
		db.alarm(fmt.Sprintf("%s: %v", what, err))
		db.sound()
	}
}

// checkpoint signs as sign does, and returns an error also where the anchor could not be written, now or before: the store
// goes on, but a rollback to before would not show, which an operator must be told.
func (db *DB) checkpoint(ctx context.Context, named ...log) error {
	return errors.Join(db.sign(ctx, named...), db.anchor.written())
}

// sign signs every log that grew since its last checkpoint. The heads of the tenants' logs are entered in the appliance's
// audit log, which is signed last and goes to the anchor: so one small file binds them all. The logs named are looked at
// also if nothing was appended to them since the store was opened, such as before a crash.
func (db *DB) sign(ctx context.Context, named ...log) error {
	if err := db.tellUnwrapped(ctx); err != nil {
		return err
	}
	for _, l := range named {
		if err := db.openLogKeys(l); err != nil {
			return err
		}
	}
	own := db.logOf(Appliance, AuditLog)
	return db.kv.Update(ctx, kv.Op{Essential: true, Finish: func(tail *kv.Tail) error {
		for _, l := range append(slices.Clone(named), own) {
			if _, err := db.book.get(tail, l); err != nil {
				return err
			}
		}
		logs, err := db.book.unsigned(tail)
		if err != nil {
			return err
		}
		if len(logs) == 0 {
			return nil
		}
		if last := db.book.open[own.id]; !slices.Contains(logs, last) { // the heads make it grow
			logs = append(logs, last)
		}
		return db.book.signAll(tail, logs, db.now())
	}})
}

// signRest signs the logs that a crash, or a batch rolled back at the end, left with leaves behind their last checkpoint.
// It looks at the last keys of every log and at nothing else: thousands of tenants take a moment. The appliance's own log
// has just grown by the unlocking, and is signed in due course.
func (db *DB) signRest(ctx context.Context) error {
	tenants, err := db.tenantIDs(ctx)
	if err != nil {
		return err
	}
	const atOnce = 500
	own := db.logOf(Appliance, AuditLog)
	for part := range slices.Chunk(tenants, atOnce) {
		var behind []log
		err := db.kv.View(ctx, func(tx *kv.ReadTx) error {
			behind = nil
			for _, id := range part {
				for _, l := range []log{db.logOf(id, AuditLog), db.logOf(id, Lineage)} {
					signed, err := l.signed(tx)
					if err != nil {
						return err
					}
					size, err := l.size(tx)
					if err != nil {
						return err
					}
					if size > signed && l.id != own.id {
						behind = append(behind, l)
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(behind) == 0 {
			continue
		}
		if err := db.sign(ctx, behind...); err != nil {
			return err
		}
	}
	return nil
}

// enterAll appends several entries in one commit.
func (db *DB) enterAll(ctx context.Context, entries []record) error {
	return db.kv.Update(ctx, kv.Op{Essential: true, Finish: func(tail *kv.Tail) error {
		for _, r := range entries {
			if err := db.enter(tail, r); err != nil {
				return err
			}
		}
		return nil
	}})
}

// eachKey walks the keys of a collection in pages, so that no snapshot is held for long.
func (db *DB) eachKey(ctx context.Context, space ID, collection uint16, fn func(key []byte)) error {
	return db.eachBox(ctx, space, collection, func(key []byte, _ envelope.Box) error {
		fn(key)
		return nil
	})
}

// pageOfWalk is how many records one snapshot of a long walk reads.
const pageOfWalk = 2000

// eachBox walks a collection in pages. Records added or removed meanwhile are seen or not.
func (db *DB) eachBox(ctx context.Context, space ID, collection uint16, fn func(key []byte, b envelope.Box) error) error {
	type row struct {
		key []byte
		box envelope.Box
	}
	for from := []byte(nil); ; {
		page := make([]row, 0, pageOfWalk)
		err := db.kv.View(ctx, func(tx *kv.ReadTx) error {
			page = page[:0]
			return tx.Scan(space, collection, from, func(key []byte, b envelope.Box) (bool, error) {
				page = append(page, row{key, b})
				return len(page) < pageOfWalk, nil
			})
		})
		if err != nil {
			return err
		}
		for _, r := range page {
			if err := fn(r.key, r.box); err != nil {
				return err
			}
		}
		if len(page) < pageOfWalk {
			return nil
		}
		from = append(page[len(page)-1].key, 0)
	}
}

package store

import (
	"context"

	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Compact writes main.db anew without the space that nothing is in: the file shrinks, and what was deleted is in none of its pages
// any more. Changes wait meanwhile, reading goes on. It needs as much free disk as the file holds. It returns the file's
// size in bytes before and after. Operator only; errors are *DeniedError and those of the disk, before which the file
// stays as it was.
func (db *DB) Compact(ctx context.Context, p Principal) (before, after FileState, err error) {
	t, a := db.appliance(p), Action{Verb: rights.StoreCompact}
	if err := t.permit(ctx, a); err != nil {
		return before, after, err
	}
	before = db.fileState()
	err = db.kv.Compact(ctx)
	after = db.fileState()
	return before, after, t.settle(ctx, a, err)
}

func (db *DB) fileState() FileState {
	s := db.kv.Stats()
	return FileState{Size: s.Size, Free: s.Free}
}

// compactDue goes on with erasures that could not be ended so far, and compacts a file of which most is free.
func (db *DB) compactDue(ctx context.Context) error {
	if err := db.purgeMarked(ctx, db.system()); err != nil {
		return err
	}
	if err := db.dropBefore(false); err != nil {
		return err
	}
	if !db.kv.Stats().CompactionDue() {
		return nil
	}
	_, _, err := db.Compact(ctx, rights.System(Appliance))
	return err
}

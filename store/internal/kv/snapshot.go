package kv

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Snapshot copies the whole file as of now into a new file at path, durably, and returns the number of the commit that it is
// of and its length in bytes. [Verify] and [Open] take the copy as it is. A read transaction is held for as long as the disk
// takes to copy, so path belongs on a local disk. What is there already is fs.ErrExist; after any error nothing is left at path.
func (db *DB) Snapshot(ctx context.Context, path string) (txid uint64, size int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, 0, fmt.Errorf("copying the database file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(path))
		}
	}()
	tx, err := db.beginRead()
	if err != nil {
		return 0, 0, err
	}
	txid = uint64(tx.ID())
	err = guard(place(db.path), func() (err error) {
		size, err = tx.WriteTo(f) // the file itself: the system then copies without this process
		return err
	})
	db.endRead(tx)
	if err != nil {
		return 0, 0, fmt.Errorf("copying the database file: %w", err)
	}
	if err := f.Sync(); err != nil {
		return 0, 0, fmt.Errorf("copying the database file: %w", err)
	}
	return txid, size, f.Close()
}

// RoomFor is an [ErrNoRoom] where the file system of a folder has not so many bytes free and some to spare. Where that cannot be
// known it is nil.
func RoomFor(folder string, need int64) error {
	free, _, err := diskSpace(folder)
	if err == nil && free < need+spare {
		return ErrNoRoom{Free: free, Need: need + spare}
	}
	return nil
}

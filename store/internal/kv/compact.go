package kv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// CompactionDue reports whether the file is worth compacting: more than half of it, and more than 256 MiB, holds nothing.
func (s Stats) CompactionDue() bool { return s.Free > 256<<20 && 2*s.Free > s.Size }

// ErrNoRoom says that there is no room for a copy of the file.
type ErrNoRoom struct {
	Free, Need int64 // bytes
}

func (e ErrNoRoom) Error() string {
	return fmt.Sprintf("a copy of the database needs %s of free disk, %s are free; make room first", mebibytes(e.Need), mebibytes(e.Free))
}

// Compact copies what the file holds into a new one, walks through that, and puts it in the old one's place. Changes
// wait until it is done, reading goes on. Until the exchange an error or a cancelled ctx leaves all as it was.
func (db *DB) Compact(ctx context.Context) error {
	if err := db.failed(); err != nil {
		return err
	}
	db.writing.Lock()
	defer db.writing.Unlock()
	temporary := db.path + compactSuffix
	copied, err := db.copyTo(ctx, temporary)
	if err == nil {
		err = db.exchange(ctx, temporary, copied)
	}
	if err != nil {
		// The copy may have taken this name already; then there is nothing to remove.
		err = errors.Join(err, ignoreMissing(os.Remove(temporary)))
		return fmt.Errorf("compacting: %w", err)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// copyTo makes the copy, checks it against the tallies that came along, and leaves it open.
func (db *DB) copyTo(ctx context.Context, temporary string) (*bbolt.DB, error) {
	from, err := db.beginRead()
	if err != nil {
		return nil, err
	}
	defer db.endRead(from)
	used := from.Size() - int64(db.bolt.Stats().FreePageN)*pageSize
	if free, _, err := diskSpace(db.disk.dir); err == nil && free < used+used/8+spare {
		return nil, ErrNoRoom{Free: free, Need: used + used/8 + spare}
	}
	if err := Create(temporary); err != nil {
		return nil, err
	}
	to, err := openBolt(temporary, db.options)
	if err != nil {
		return nil, err
	}
	err = copyAll(ctx, to, from)
	if err == nil {
		err = errors.Join(emptyCommit(to), syncPath(temporary))
	}
	if err == nil {
		_, err = Verify(ctx, temporary)
	}
	if err != nil {
		return nil, errors.Join(err, to.Close())
	}
	return to, nil
}

// exchange puts the copy in the file's place. The rename is the commit point; when it cannot be made durable, the next
// crash may bring back the old file without what was written since, so nothing more may be written.
func (db *DB) exchange(ctx context.Context, temporary string, to *bbolt.DB) error {
	db.swap.Lock() // waits for snapshots
	defer db.swap.Unlock()
	err := ctx.Err()
	if db.bolt == nil {
		err = ErrClosed
	}
	if err == nil {
		err = rename(temporary, db.path)
	}
	if _, gone := os.Lstat(temporary); err != nil && !errors.Is(gone, os.ErrNotExist) {
		return errors.Join(err, to.Close())
	}
	// A rename that reports an error and was done all the same leaves no way but onwards.
	old := db.bolt
	db.bolt, db.settled = to, true
	if err := syncPath(filepath.Dir(db.path)); err != nil {
		failure := fmt.Errorf("%w: %w", ErrFsync, err)
		db.failure.CompareAndSwap(nil, &failure)
		return errors.Join(failure, old.Close())
	}
	return old.Close()
}

// copyChunk is how many bytes one commit of a copy takes.
const copyChunk = 8 << 20

// copier fills the new file in the order of keys, so that its pages are full.
type copier struct {
	ctx    func() error
	to     *bbolt.DB
	tx     *bbolt.Tx
	chunk  int
	bucket *bbolt.Bucket // within tx; found again after a commit
}

func copyAll(ctx context.Context, to *bbolt.DB, from *bbolt.Tx) error {
	c := &copier{ctx: ctx.Err, to: to}
	err := guard(place(to.Path()), func() (err error) {
		if c.tx, err = to.Begin(true); err != nil {
			return err
		}
		if err := from.ForEach(func(space []byte, b *bbolt.Bucket) error { return c.copyBucket([][]byte{space}, b) }); err != nil {
			return err
		}
		return c.tx.Commit()
	})
	if err != nil && c.tx != nil {
		// Closed already where its commit was what went wrong; closing the file would wait for it forever where it was not.
		_ = guard(place(to.Path()), c.tx.Rollback)
	}
	return err
}

// copyBucket copies the bucket at a way of names, with what lies in it.
func (c *copier) copyBucket(way [][]byte, from *bbolt.Bucket) error {
	if err := c.find(way); err != nil {
		return err
	}
	return from.ForEach(func(k, v []byte) error {
		if v == nil {
			if err := c.copyBucket([][]byte{way[0], k}, from.Bucket(k)); err != nil {
				return err
			}
			return c.find(way)
		}
		if c.chunk += len(k) + len(v); c.chunk > copyChunk {
			if err := c.next(way); err != nil {
				return err
			}
		}
		return c.bucket.Put(k, v)
	})
}

// next commits what was copied so far.
func (c *copier) next(way [][]byte) (err error) {
	if err := c.ctx(); err != nil {
		return err
	}
	if err := c.tx.Commit(); err != nil {
		return err
	}
	c.chunk = 0
	if c.tx, err = c.to.Begin(true); err != nil {
		return err
	}
	return c.find(way)
}

// find goes to the bucket at a way of names, making what is missing.
func (c *copier) find(way [][]byte) (err error) {
	if c.bucket, err = c.tx.CreateBucketIfNotExists(way[0]); err != nil {
		return err
	}
	for _, name := range way[1:] {
		if c.bucket, err = c.bucket.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	c.bucket.FillPercent = 0.95
	return nil
}

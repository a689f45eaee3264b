package kv

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// pageSize of new files, the same on every machine.
const pageSize = 4096

const (
	newSuffix     = ".new"     // a file being made
	compactSuffix = ".compact" // a file being compacted into
)

// DB is an open database file. Its methods may be called from several goroutines at once.
type DB struct {
	path    string
	options Options
	seed    maphash.Seed
	opened  Inventory

	// swap is held shared by every transaction for reading and exclusively while bolt is exchanged or closed.
	swap sync.RWMutex
	bolt *bbolt.DB // nil once closed

	// gate is held shared while an op is queued and exclusively to close the queue.
	gate   sync.RWMutex
	closed bool
	queue  chan *pending
	idle   chan struct{} // closed when the committer has ended

	// writing is held by the committer during a batch and by Compact throughout. It guards what follows.
	writing   sync.Mutex
	disk      diskGuard
	lastWrite map[collection]uint64 // version of the last commit that changed it
	floor     uint64                // version below which lastWrite has forgotten
	settled   bool                  // both meta pages say the same

	version atomic.Uint64         // commits since Open
	failure atomic.Pointer[error] // why no change is taken any more
	counts  counts
}

// counts are since Open.
type counts struct {
	batches, ops, reruns, isolated, longReads atomic.Uint64
	openReads                                 atomic.Int64
}

// Create makes an empty database file, durably: after a crash there is the whole file or none. A file at path is an
// error (fs.ErrExist). The caller holds the directory's lock.
func Create(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("making a database file: %s: %w", path, os.ErrExist)
	}
	temporary := path + newSuffix
	if err := os.Remove(temporary); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing an unfinished database file: %w", err)
	}
	bolt, err := bbolt.Open(temporary, 0o600, &bbolt.Options{PageSize: pageSize, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return fmt.Errorf("making a database file: %w", err)
	}
	// A commit without a change replaces the freelist page of bbolt's beginning, a second one brings the other meta
	// page to the same state.
	err = errors.Join(emptyCommit(bolt), emptyCommit(bolt), bolt.Close())
	if err == nil {
		err = renameDurably(temporary, path)
	}
	if err != nil {
		return fmt.Errorf("making a database file: %w", err)
	}
	return nil
}

func emptyCommit(bolt *bbolt.DB) error {
	return guard(place("commit"), func() error {
		tx, err := bolt.Begin(true)
		if err != nil {
			return err
		}
		return tx.Commit()
	})
}

// Open opens the file at path and walks through all of it before anything else: a damaged file is a [CorruptError] and
// not opened. One that another process has open is [ErrInUse] after Options.LockTimeout; a missing one is
// fs.ErrNotExist, never made. The time is that of reading the file, about a second per GiB. [Stats].Opened says what
// was found.
func Open(path string, o Options) (*DB, error) {
	o = o.filled()
	if err := suitableFileSystem(filepath.Dir(path)); err != nil {
		return nil, err
	}
	for _, suffix := range []string{newSuffix, compactSuffix, compactSuffix + newSuffix} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("removing an unfinished database file: %w", err)
		}
	}
	found, err := verifyLocked(path, o.LockTimeout)
	if err != nil {
		return nil, err
	}
	bolt, err := openBolt(path, o)
	if err != nil {
		return nil, err
	}
	db := &DB{
		path: path, options: o, seed: maphash.MakeSeed(), opened: found,
		bolt: bolt, queue: make(chan *pending, 2*o.MaxBatchOps), idle: make(chan struct{}),
		lastWrite: map[collection]uint64{}, settled: found.Settled,
		disk: newDiskGuard(path, o),
	}
	go db.commitQueued()
	return db, nil
}

// verifyLocked holds the file's lock while walking it, so that another process's writing is not taken for damage.
func verifyLocked(path string, wait time.Duration) (Inventory, error) {
	f, err := os.Open(path)
	if err != nil {
		return Inventory{}, fmt.Errorf("opening the database file: %w", err)
	}
	defer f.Close()
	for waited := time.Duration(0); ; waited += 50 * time.Millisecond {
		ok, err := tryLock(f)
		if err != nil {
			return Inventory{}, fmt.Errorf("locking the database file: %w", err)
		}
		if ok {
			break
		}
		if waited >= wait {
			return Inventory{}, ErrInUse{Path: path}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return verify(context.Background(), f, path, anyCommit)
}

// openBolt opens a file that was walked, with as large a map as can be had.
func openBolt(path string, o Options) (*bbolt.DB, error) {
	for mapped := o.InitialMmap; ; mapped /= 2 {
		var bolt *bbolt.DB
		err := guard(place(path), func() (err error) {
			bolt, err = bbolt.Open(path, 0o600, &bbolt.Options{
				Timeout: o.LockTimeout, InitialMmapSize: int(mapped), MaxSize: int(o.MaxSize),
				FreelistType: bbolt.FreelistMapType, NoFreelistSync: true, OpenFile: openExisting,
			})
			return err
		})
		switch {
		case err == nil:
			bolt.AllocSize = int(allocation(o.MaxSize))
			return bolt, nil
		case errors.Is(err, bbolterrors.ErrTimeout):
			return nil, ErrInUse{Path: path}
		case !noAddressSpace(err) || mapped < 1<<20:
			return nil, fmt.Errorf("opening the database file: %w", err)
		}
	}
}

// openExisting never makes a file, whatever bbolt asks: an empty one would be taken for a new database.
func openExisting(path string, flag int, mode os.FileMode) (*os.File, error) {
	return os.OpenFile(path, flag&^os.O_CREATE, mode)
}

// allocation is the step in which the file grows: bbolt's 16 MiB, less where the limit is small.
func allocation(limit int64) int64 { return max(min(limit/64, 16<<20), 64<<10) }

// Close waits for what is queued and for open snapshots, at most for the rest of their budgets, and closes the file. After
// it everything returns [ErrClosed], Close too.
func (db *DB) Close() error {
	db.gate.Lock()
	if db.closed {
		db.gate.Unlock()
		return ErrClosed
	}
	db.closed = true
	close(db.queue)
	db.gate.Unlock()
	<-db.idle

	db.writing.Lock()
	defer db.writing.Unlock()
	db.swap.Lock()
	defer db.swap.Unlock()
	var err error
	if !db.settled && db.failure.Load() == nil {
		err = emptyCommit(db.bolt)
	}
	err = errors.Join(err, guard(place(db.path), db.bolt.Close))
	db.bolt = nil
	if err != nil {
		return fmt.Errorf("closing the database file: %w", err)
	}
	return nil
}

// beginRead opens a bbolt transaction for reading; endRead closes it.
func (db *DB) beginRead() (tx *bbolt.Tx, err error) {
	db.swap.RLock()
	if db.bolt == nil {
		db.swap.RUnlock()
		return nil, ErrClosed
	}
	err = guard(place(db.path), func() (err error) {
		tx, err = db.bolt.Begin(false)
		return err
	})
	if err != nil {
		db.swap.RUnlock()
		return nil, fmt.Errorf("beginning to read: %w", err)
	}
	db.counts.openReads.Add(1)
	return tx, nil
}

func (db *DB) endRead(tx *bbolt.Tx) {
	// There is nothing that rolling back a read could lose, and no caller who could do anything about it.
	_ = guard(place(db.path), tx.Rollback)
	db.counts.openReads.Add(-1)
	db.swap.RUnlock()
}

// WriteTo writes a copy of the whole file as of now, which [Verify] and Open take as it is. It has no budget: write to
// something at least as fast as the disk, the file grows by what is changed meanwhile.
func (db *DB) WriteTo(w io.Writer) (n int64, err error) {
	tx, err := db.beginRead()
	if err != nil {
		return 0, err
	}
	defer db.endRead(tx)
	if n, err = tx.WriteTo(w); err != nil {
		return n, fmt.Errorf("copying the database file: %w", err)
	}
	return n, nil
}

// Check walks through the whole file as of now, while reading and writing go on: every page, key, checksum and tally. The
// error is a [CorruptError] with the first damaged place, or ctx's.
func (db *DB) Check(ctx context.Context) error {
	for {
		// The meta page of a snapshot is overwritten by the second commit after it; then the walk starts from a newer one.
		if err := db.checkSnapshot(ctx); !errors.Is(err, errMetaGone) {
			return err
		}
	}
}

func (db *DB) checkSnapshot(ctx context.Context) error {
	tx, err := db.beginRead()
	if err != nil {
		return err
	}
	defer db.endRead(tx)
	f, err := os.Open(db.path)
	if err != nil {
		return fmt.Errorf("opening the database file: %w", err)
	}
	defer f.Close()
	_, err = verify(ctx, f, db.path, uint64(tx.ID()))
	return err
}

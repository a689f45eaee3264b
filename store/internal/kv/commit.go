package kv

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"runtime/debug"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// pending is an op in the queue.
type pending struct {
	op   Op
	tx   *Tx                // as prepared; nil with step
	step func(*batch) error // of a purge, in place of Prepare
	done chan error         // has room for one
}

// Update makes op durable: it returns nil after the sync of its batch. ctx cancelled before op is queued: nothing
// happened. Afterwards the outcome is awaited. Errors: Prepare's and Finish's own, [ErrReadOnly], [ErrTooLarge],
// [ErrReadTooLong], [ErrClosed], [CorruptError], without effect; [ErrFsync], outcome unknown.
func (db *DB) Update(ctx context.Context, op Op) error {
	if err := db.failed(); err != nil {
		return err
	}
	tx, err := db.prepare(ctx, op)
	if err != nil {
		return err
	}
	if len(tx.order) == 0 && op.Finish == nil {
		return nil // it only read
	}
	return db.submit(ctx, &pending{op: op, tx: tx, done: make(chan error, 1)})
}

// prepare runs op's Prepare against a snapshot.
func (db *DB) prepare(ctx context.Context, op Op) (*Tx, error) {
	version := db.version.Load() // before the snapshot, which so has at least this
	tx := &Tx{version: version, seed: db.seed}
	if op.Prepare == nil {
		return tx, ctx.Err()
	}
	r, err := db.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.end(errTxOver)
	tx.from = r
	return tx, op.Prepare(tx)
}

// submit queues p and waits for its outcome.
func (db *DB) submit(ctx context.Context, p *pending) error {
	if err := db.enqueue(ctx, p); err != nil {
		return err
	}
	err := <-p.done
	var panicked panicError
	if errors.As(err, &panicked) {
		// The committer is everybody's; the panic belongs to whoever brought the function.
		panic(panicked.Error())
	}
	return err
}

func (db *DB) enqueue(ctx context.Context, p *pending) error {
	db.gate.RLock()
	defer db.gate.RUnlock()
	if db.closed {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case db.queue <- p:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commitQueued is the committer: it ends when the queue is closed and empty.
func (db *DB) commitQueued() {
	defer close(db.idle)
	for first := range db.queue {
		list := db.gather(first)
		db.writing.Lock()
		db.run(list)
		db.writing.Unlock()
	}
}

// gather takes what is queued, without waiting.
func (db *DB) gather(first *pending) []*pending {
	list, bytes := []*pending{first}, first.bytes()
	for len(list) < db.options.MaxBatchOps && bytes < db.options.MaxBatchBytes {
		select {
		case p, ok := <-db.queue:
			if !ok {
				return list
			}
			list, bytes = append(list, p), bytes+p.bytes()
		default:
			return list
		}
	}
	return list
}

// bytes of keys and boxes that p puts.
func (p *pending) bytes() int {
	if p.tx == nil {
		return 0
	}
	return p.tx.bytes
}

// run brings every op of a list to its end. Ops that break a batch are set aside and run alone.
func (db *DB) run(list []*pending) {
	list, alone := db.admit(list)
	for len(list) > 0 {
		culprit, err := db.attempt(list)
		switch {
		case err == nil:
			list = nil
		case len(list) == 1:
			db.answerFailed(list[0], err)
			list = nil
		case culprit >= 0 && db.failed() == nil:
			alone = append(alone, list[culprit])
			list = slices.Delete(list, culprit, culprit+1)
		default: // nobody's fault in particular
			alone = append(list, alone...)
			list = nil
		}
	}
	for _, p := range alone {
		db.counts.isolated.Add(1)
		db.runAlone(p)
	}
}

// runAlone gives p a batch of its own.
func (db *DB) runAlone(p *pending) {
	err := db.failed()
	if err == nil {
		if err = db.admitOne(p); err == nil {
			if _, err = db.attempt([]*pending{p}); err == nil {
				return // attempt has answered
			}
		}
	}
	db.answerFailed(p, err)
}

// answerFailed answers an op that failed alone, or gives it one more chance: where the disk turned out to be full, an
// essential op gets the ballast's room.
func (db *DB) answerFailed(p *pending, err error) {
	if noSpace(err) && p.op.Essential && db.disk.release() {
		if _, err = db.attempt([]*pending{p}); err == nil {
			return
		}
	}
	if noSpace(err) && db.failed() == nil {
		free, _, _ := diskSpace(db.disk.dir)
		err = fmt.Errorf("%w (%w)", ErrReadOnly{Free: free, Need: db.disk.needed(p)}, err)
	}
	p.done <- err
}

// attempt makes one batch of a list and answers its ops if it was committed. Otherwise nothing was changed, nobody
// answered, and culprit is the op that broke it, -1 where it was none in particular.
func (db *DB) attempt(list []*pending) (culprit int, err error) {
	var tx *bbolt.Tx
	err = guard(place(db.path), func() (err error) {
		tx, err = db.bolt.Begin(true)
		return err
	})
	if err != nil {
		return -1, fmt.Errorf("beginning to write: %w", err)
	}
	b := newBatch(tx)
	tail := &Tail{batch: b}
	defer func() { tail.batch = nil }()

	declined := make([]error, len(list))
	accepted := 0
	for i, p := range list {
		if declined[i], err = db.enter(b, tail, p); err != nil {
			db.rollBack(tx)
			return i, err
		}
		if declined[i] == nil {
			accepted++
		}
	}
	if accepted == 0 {
		db.rollBack(tx)
	} else if err := db.finish(b, tail); err != nil {
		return -1, err
	}
	db.counts.ops.Add(uint64(accepted))
	for i, p := range list {
		p.done <- declined[i]
	}
	return -1, nil
}

// enter brings one op into the batch: the check of what it read, its changes, its Finish. declined is the answer of an
// op that has left no trace; err means that the batch is spoilt.
func (db *DB) enter(b *batch, tail *Tail, p *pending) (declined, err error) {
	if p.step != nil {
		return nil, p.step(b)
	}
	tx := p.tx
	stale, err := db.stale(b, tx)
	if err != nil {
		return nil, err
	}
	if stale {
		db.counts.reruns.Add(1)
		if tx, err = db.prepareAgain(b, p.op); err != nil {
			return err, nil
		}
	}
	for _, c := range tx.order {
		if err := b.apply(c.at, c.box); err != nil {
			return nil, err
		}
	}
	if p.op.Finish == nil {
		return nil, nil
	}
	tail.err = nil
	err = catch(func() error { return p.op.Finish(tail) })
	return nil, errors.Join(err, tail.err)
}

// stale reports whether something that tx read is different now, in the middle of the batch.
func (db *DB) stale(b *batch, tx *Tx) (stale bool, err error) {
	// Most collections were not written since the snapshot, and need no look.
	quiet := func(c collection) bool {
		return !b.touched[c] && db.floor <= tx.version && db.lastWrite[c] <= tx.version
	}
	err = guard(place("what was read"), func() error {
		for _, seen := range tx.gets {
			if !quiet(seen.at.collection()) && !seen.holds(db.seed, b.tx) {
				stale = true
				return nil
			}
		}
		for _, seen := range tx.scans {
			if !quiet(seen.collection) && !seen.holds(db.seed, b.tx) {
				stale = true
				return nil
			}
		}
		return nil
	})
	return stale, err
}

// prepareAgain runs Prepare on the batch as it stands. What it reads cannot change before its changes are applied.
func (db *DB) prepareAgain(b *batch, op Op) (*Tx, error) {
	r := &reader{tx: b.tx}
	defer r.end(errTxOver)
	tx := &Tx{from: r, seed: maphash.MakeSeed()}
	return tx, catch(func() error { return op.Prepare(tx) })
}

// finish ends a batch: journal, tallies, commit.
func (db *DB) finish(b *batch, tail *Tail) error {
	tail.err = nil
	var err error
	if j := db.options.Journal; j != nil {
		err = errors.Join(catch(func() error { return j.Flush(tail) }), tail.err)
	}
	if err == nil {
		err = b.storeTallies()
	}
	if err != nil {
		db.rollBack(b.tx)
		return err
	}
	if len(b.order) == 0 {
		// Nothing to make durable.
		db.endWrite(b.tx)
		db.settle(true)
		return nil
	}
	return db.commit(b)
}

// commit is the commit point: bbolt syncs the pages and then the meta page that makes them valid.
func (db *DB) commit(b *batch) error {
	txid := b.tx.ID()
	db.settled = false
	err := guard(place(db.path), b.tx.Commit)
	if err != nil {
		db.afterFailedCommit(b.tx, txid, err)
		db.settle(false)
		return db.commitError(err)
	}
	version := db.version.Load() + 1
	if len(db.lastWrite) > 1<<16 {
		clear(db.lastWrite)
		db.floor = version
	}
	for _, c := range b.order {
		db.lastWrite[c] = version
	}
	db.version.Store(version)
	db.counts.batches.Add(1)
	db.settle(true)
	return nil
}

// afterFailedCommit decides whether the file may be written any more. It may if nothing but free pages can have been
// touched: there was no room, and the newest commit is still the one before.
func (db *DB) afterFailedCommit(tx *bbolt.Tx, txid int, err error) {
	// bbolt's writes fail with a PathError, its syncs with a bare number: a sync for which there was no room (blocks
	// given out late) is a sync that failed.
	var write *fs.PathError
	clean := errors.As(err, &write) && noSpace(err) || errors.Is(err, bbolterrors.ErrMaxSizeReached) ||
		strings.HasPrefix(err.Error(), "file resize error")
	newest := txid
	if clean {
		_ = guard(place(db.path), func() error {
			now, err := db.bolt.Begin(false)
			if err != nil {
				return err
			}
			newest = now.ID()
			return now.Rollback()
		})
	}
	if newest < txid {
		return
	}
	// After a panic within Commit the transaction still holds bbolt's lock.
	_ = guard(place(db.path), tx.Rollback)
	failure := fmt.Errorf("%w: %w", ErrFsync, err)
	db.failure.CompareAndSwap(nil, &failure)
}

// commitError is what the ops of a failed batch are told.
func (db *DB) commitError(err error) error {
	if failure := db.failed(); failure != nil {
		return failure
	}
	if errors.Is(err, bbolterrors.ErrMaxSizeReached) {
		return ErrTooLarge{Size: db.fileSize(), Max: db.options.MaxSize}
	}
	return fmt.Errorf("committing: %w", err)
}

// failed is why no change is taken any more; nil while all is well.
func (db *DB) failed() error {
	if failure := db.failure.Load(); failure != nil {
		return *failure
	}
	return nil
}

func (db *DB) rollBack(tx *bbolt.Tx) {
	db.endWrite(tx)
	db.settle(false)
}

// endWrite gives a write transaction back without a change.
func (db *DB) endWrite(tx *bbolt.Tx) {
	if err := guard(place(db.path), tx.Rollback); err != nil {
		failure := fmt.Errorf("rolling back: %w", err)
		db.failure.CompareAndSwap(nil, &failure)
	}
}

func (db *DB) settle(committed bool) {
	if j := db.options.Journal; j != nil {
		j.Settle(committed)
	}
}

// panicError is a panic of a caller's function in the committer's goroutine.
type panicError struct {
	value any
	stack []byte
}

func (e panicError) Error() string {
	return fmt.Sprintf("%v\n\nin the committer:\n%s", e.value, e.stack)
}

// catch makes an error of a caller's panic.
func catch(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicError{r, debug.Stack()}
		}
	}()
	return fn()
}

package kv

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// ReadTx is a snapshot: what it shows is the state after some commit, whatever is written meanwhile. What it returns
// are copies, valid after it. One goroutine at a time.
type ReadTx struct{ from *reader }

// View calls fn with a snapshot. After Options.ReadBudget, or when ctx is cancelled, the snapshot is taken away under fn:
// its reads then return [ErrReadTooLong] or ctx's error. The error is fn's, or why no snapshot could be had. Do not call
// View or Update within fn.
func (db *DB) View(ctx context.Context, fn func(*ReadTx) error) error {
	r, err := db.snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.end(errTxOver)
	return fn(&ReadTx{r})
}

// Get returns the box at a, and whether there is one.
func (tx *ReadTx) Get(a Address) (b envelope.Box, ok bool, err error) {
	record, err := tx.from.get(a)
	if err != nil || record == nil {
		return envelope.Box{}, false, err
	}
	b, err = decodeRecord(a, record)
	return b, err == nil, err
}

// Scan calls fn with each record of a collection in the order of keys, from the key from (included; nil is the first)
// until fn returns false or an error, which is Scan's.
func (tx *ReadTx) Scan(space [16]byte, number uint16, from []byte, fn func(key []byte, b envelope.Box) (more bool, err error)) error {
	return tx.from.boxes(stretch{collection{space, number}, from, false}, fn)
}

// ScanBack is Scan in the opposite order: from the last key at or before from (nil is the last) to the first.
func (tx *ReadTx) ScanBack(space [16]byte, number uint16, from []byte, fn func(key []byte, b envelope.Box) (more bool, err error)) error {
	return tx.from.boxes(stretch{collection{space, number}, from, true}, fn)
}

// Last is the record with the largest key of a collection.
func (tx *ReadTx) Last(space [16]byte, number uint16) (key []byte, b envelope.Box, ok bool, err error) {
	return last(tx.ScanBack, space, number)
}

// Spaces calls fn with every space that holds something, in the order of their bytes.
func (tx *ReadTx) Spaces(fn func(space [16]byte) (more bool, err error)) error {
	return tx.from.names(nil, func(name []byte) (bool, error) { return fn([16]byte(name)) })
}

// Collections calls fn with every collection of a space that holds something, in the order of their numbers, and the
// number of its records.
func (tx *ReadTx) Collections(space [16]byte, fn func(number uint16, records uint64) (more bool, err error)) error {
	return tx.from.names(space[:], func(name []byte) (bool, error) {
		c := collection{space, uint16(name[0])<<8 | uint16(name[1])}
		t, err := tx.from.tally(c)
		if err != nil || t.count == 0 {
			return err == nil, err
		}
		return fn(c.number, t.count)
	})
}

// last is Last in terms of a ScanBack.
func last(
	back func([16]byte, uint16, []byte, func([]byte, envelope.Box) (bool, error)) error, space [16]byte, number uint16,
) (key []byte, b envelope.Box, ok bool, err error) {
	err = back(space, number, nil, func(k []byte, box envelope.Box) (bool, error) {
		key, b, ok = k, box, true
		return false, nil
	})
	return key, b, ok, err
}

// errTxOver is a transaction kept beyond its function.
var errTxOver = fmt.Errorf("kv: transaction used after the function that it was given to")

// reader is a bbolt transaction that can be taken away while it is in use: whatever it gives is a copy.
type reader struct {
	mu      sync.Mutex
	tx      *bbolt.Tx // nil once ended
	why     error     // why it was ended
	release func()    // gives back what holds the transaction; runs once
}

// snapshot begins a read transaction that ends by itself after the budget or with ctx.
func (db *DB) snapshot(ctx context.Context) (*reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	tx, err := db.beginRead()
	if err != nil {
		return nil, err
	}
	r := &reader{tx: tx}
	began := time.Now()
	watchdog := time.AfterFunc(db.options.ReadBudget, func() {
		if r.end(ErrReadTooLong) {
			db.counts.longReads.Add(1)
			if db.options.OnLongRead != nil {
				db.options.OnLongRead(time.Since(began))
			}
		}
	})
	unwatch := context.AfterFunc(ctx, func() { r.end(ctx.Err()) })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.release = func() {
		watchdog.Stop()
		unwatch()
		db.endRead(tx)
	}
	if r.tx == nil { // ended before release was there
		r.release()
	}
	return r, nil
}

// end takes the transaction away and reports whether it was there. It waits for a read in progress, never for more.
func (r *reader) end(why error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tx == nil {
		return false
	}
	r.tx, r.why = nil, why
	if r.release != nil {
		r.release()
	}
	return true
}

// do runs fn on the transaction if it is still there.
func (r *reader) do(where fmt.Stringer, fn func(*bbolt.Tx) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tx == nil {
		return r.why
	}
	return guard(where, func() error { return fn(r.tx) })
}

// guard makes errors of bbolt's panics and of faults on damaged or vanished pages. bbolt's alone: no function of a caller
// runs inside it.
func guard(where fmt.Stringer, fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = CorruptError{where.String(), fmt.Sprint(r)}
		}
	}()
	return fn()
}

// get is a copy of the record at a, nil where there is none.
func (r *reader) get(a Address) (record []byte, err error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	err = r.do(a, func(tx *bbolt.Tx) error {
		if b := bucketOf(tx, a.collection()); b != nil {
			record = bytes.Clone(b.Get(a.Key))
		}
		return nil
	})
	return record, err
}

func (r *reader) tally(c collection) (t tally, err error) {
	err = r.do(c, func(tx *bbolt.Tx) error {
		space := tx.Bucket(c.space[:])
		if space == nil {
			return nil
		}
		var ok bool
		if t, ok = decodeTally(space.Get(c.tallyKey())); !ok {
			return CorruptError{c.String(), "its tally is none"}
		}
		return nil
	})
	return t, err
}

func bucketOf(tx *bbolt.Tx, c collection) *bbolt.Bucket {
	if space := tx.Bucket(c.space[:]); space != nil {
		return space.Bucket(c.bucket())
	}
	return nil
}

// stretch is where a scan begins and which way it goes.
type stretch struct {
	collection
	from []byte // included; nil is the end where it begins
	back bool
}

// records calls fn with copies of the records of a stretch, and reports whether it came to its end.
func (r *reader) records(s stretch, fn func(key, record []byte) (more bool, err error)) (exhausted bool, err error) {
	var at *bbolt.Cursor
	for first := true; ; first = false {
		var key, record []byte
		err := r.do(s, func(tx *bbolt.Tx) error {
			if first {
				if b := bucketOf(tx, s.collection); b != nil {
					at = b.Cursor()
				}
			}
			if at != nil {
				k, v := s.step(at, first)
				key, record = cloneBoth(k, v)
			}
			return nil
		})
		if err != nil || key == nil {
			return err == nil, err
		}
		if more, err := fn(key, record); err != nil || !more {
			return false, err
		}
	}
}

// boxes is records with the boxes decoded.
func (r *reader) boxes(s stretch, fn func(key []byte, b envelope.Box) (bool, error)) error {
	_, err := r.records(s, func(key, record []byte) (bool, error) {
		b, err := decodeRecord(Address{s.space, s.number, key}, record)
		if err != nil {
			return false, err
		}
		return fn(key, b)
	})
	return err
}

// step moves a cursor along the stretch.
func (s stretch) step(at *bbolt.Cursor, first bool) (k, v []byte) {
	switch {
	case !first && s.back:
		return at.Prev()
	case !first:
		return at.Next()
	case s.from == nil && s.back:
		return at.Last()
	case s.from == nil:
		return at.First()
	}
	k, v = at.Seek(s.from)
	if !s.back || bytes.Equal(k, s.from) {
		return k, v
	}
	if k == nil {
		return at.Last()
	}
	return at.Prev()
}

// cloneBoth copies key and record into one allocation; a nil key stays nil.
func cloneBoth(k, v []byte) (key, record []byte) {
	if k == nil {
		return nil, nil
	}
	both := make([]byte, len(k)+len(v))
	copy(both, k)
	copy(both[len(k):], v)
	return both[:len(k):len(k)], both[len(k):]
}

// names calls fn with the names of the spaces, or of the collections of one space.
func (r *reader) names(space []byte, fn func(name []byte) (bool, error)) error {
	length := 16
	if space != nil {
		length = 2
	}
	var name []byte
	for {
		err := r.do(place("spaces"), func(tx *bbolt.Tx) error {
			name = nextBucket(tx, space, name, length)
			return nil
		})
		if err != nil || name == nil {
			return err
		}
		if more, err := fn(name); err != nil || !more {
			return err
		}
	}
}

// nextBucket is the first bucket's name of the given length after a name; nil after the last.
func nextBucket(tx *bbolt.Tx, space, after []byte, length int) []byte {
	at := tx.Cursor()
	if space != nil {
		b := tx.Bucket(space)
		if b == nil {
			return nil
		}
		at = b.Cursor()
	}
	for k, v := at.Seek(after); k != nil; k, v = at.Next() {
		if v == nil && len(k) == length && bytes.Compare(k, after) > 0 {
			return bytes.Clone(k)
		}
	}
	return nil
}

// place is where something happened, in words.
type place string

func (p place) String() string { return string(p) }

package kv

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// fillPercent of pages that split: most keys grow with time, so pages are rarely returned to.
const fillPercent = 0.8

// batch is one bbolt write transaction in the committer's hands.
type batch struct {
	tx      *bbolt.Tx
	opened  map[collection]openCollection
	touched map[collection]bool // changed, perhaps removed since
	order   []collection        // those touched, as they came
}

// openCollection is a collection that the batch has changed, with its tally in the making.
type openCollection struct {
	bucket *bbolt.Bucket
	tally  *tally
}

func newBatch(tx *bbolt.Tx) *batch {
	return &batch{tx: tx, opened: map[collection]openCollection{}, touched: map[collection]bool{}}
}

// open is the collection's bucket, made where missing, with its tally: whoever asks is about to change it.
func (b *batch) open(c collection) (*bbolt.Bucket, *tally, error) {
	if o, ok := b.opened[c]; ok {
		return o.bucket, o.tally, nil
	}
	space, bucket, err := b.find(c)
	if err != nil {
		return nil, nil, fmt.Errorf("making the bucket of %v: %w", c, err)
	}
	t, ok := decodeTally(space.Get(c.tallyKey()))
	if !ok {
		return nil, nil, CorruptError{c.String(), "its tally is none"}
	}
	bucket.FillPercent = fillPercent
	b.opened[c] = openCollection{bucket, &t}
	if !b.touched[c] {
		b.touched[c] = true
		b.order = append(b.order, c)
	}
	return bucket, &t, nil
}

// find returns the buckets of a collection and its space, made and counted where missing.
func (b *batch) find(c collection) (space, bucket *bbolt.Bucket, err error) {
	if space = b.tx.Bucket(c.space[:]); space == nil {
		if space, err = b.tx.CreateBucket(c.space[:]); err != nil {
			return nil, nil, err
		}
		if err := b.countSpaces(1); err != nil {
			return nil, nil, err
		}
	}
	if bucket = space.Bucket(c.bucket()); bucket != nil {
		return space, bucket, nil
	}
	if bucket, err = space.CreateBucket(c.bucket()); err == nil {
		_, err = addTo(space, 1)
	}
	return space, bucket, err
}

func (b *batch) countSpaces(delta int) error {
	bucket, err := b.tx.CreateBucketIfNotExists(numberBucket)
	if err == nil {
		_, err = addTo(bucket, delta)
	}
	return err
}

// addTo changes the number that stands in a bucket of spaces or collections.
func addTo(bucket *bbolt.Bucket, delta int) (now uint64, err error) {
	n, ok := decodeNumber(bucket.Get(numberKey))
	if !ok {
		return 0, CorruptError{"the number of spaces or collections", "not of 8 bytes"}
	}
	now = n + uint64(delta)
	return now, bucket.Put(numberKey, binary.LittleEndian.AppendUint64(nil, now))
}

// apply puts or deletes one record and keeps the tally right.
func (b *batch) apply(a Address, box envelope.Box) error {
	return guard(a, func() error {
		c := a.collection()
		if box.IsZero() && bucketOf(b.tx, c) == nil {
			return nil // deleting from nothing
		}
		bucket, t, err := b.open(c)
		if err != nil {
			return err
		}
		if old := bucket.Get(a.Key); old != nil {
			_, sum, reason := splitRecord(c, a.Key, old)
			if reason != "" {
				return CorruptError{a.String(), reason}
			}
			t.remove(sum)
		}
		if box.IsZero() {
			return bucket.Delete(a.Key)
		}
		record := encodeRecord(a, box)
		_, sum, _ := splitRecord(c, a.Key, record)
		t.add(sum)
		return bucket.Put(a.Key, record)
	})
}

// get is a copy of the record at a as the batch has it.
func (b *batch) get(a Address) (record []byte, err error) {
	err = guard(a, func() error {
		if bucket := bucketOf(b.tx, a.collection()); bucket != nil {
			record = bytes.Clone(bucket.Get(a.Key))
		}
		return nil
	})
	return record, err
}

// storeTallies writes the tallies of what was touched, beside the buckets, whose pages are rewritten anyway.
func (b *batch) storeTallies() error {
	for _, c := range b.order {
		o, ok := b.opened[c]
		if !ok {
			continue // purged
		}
		err := guard(c, func() error {
			return b.tx.Bucket(c.space[:]).Put(c.tallyKey(), o.tally.encode())
		})
		if err != nil {
			return fmt.Errorf("writing the tally of %v: %w", c, err)
		}
	}
	return nil
}

// Tail is the batch's own transaction as [Op].Finish and [Journal].Flush see it: everything before them in the batch is
// there. It is valid only while they run.
type Tail struct {
	batch *batch // nil afterwards
	err   error  // the first of Put: a batch in which something is missing is not committed
}

// Get returns the box at a, and whether there is one.
func (t *Tail) Get(a Address) (b envelope.Box, ok bool, err error) {
	if t.batch == nil {
		return envelope.Box{}, false, errTxOver
	}
	if err := a.check(); err != nil {
		return envelope.Box{}, false, err
	}
	record, err := t.batch.get(a)
	if err != nil || record == nil {
		return envelope.Box{}, false, err
	}
	b, err = decodeRecord(a, record)
	return b, err == nil, err
}

// Put has b stand at a. Its error fails the op, or the batch in Flush, even where it is not passed on.
func (t *Tail) Put(a Address, b envelope.Box) error {
	if t.batch == nil {
		return errTxOver
	}
	err := a.check()
	if err == nil && (b.IsZero() || len(b.Bytes()) > maxBox) {
		err = fmt.Errorf("%v: putting a value of %d bytes, need 1 to %d", a, len(b.Bytes()), maxBox)
	}
	if err == nil {
		err = t.batch.apply(a, b)
	}
	if t.err == nil {
		t.err = err
	}
	return err
}

// Last is the record with the largest key of a collection.
func (t *Tail) Last(space [16]byte, number uint16) (key []byte, b envelope.Box, ok bool, err error) {
	if t.batch == nil {
		return nil, envelope.Box{}, false, errTxOver
	}
	c := collection{space, number}
	var record []byte
	err = guard(c, func() error {
		if bucket := bucketOf(t.batch.tx, c); bucket != nil {
			key, record = cloneBoth(bucket.Cursor().Last())
		}
		return nil
	})
	if err != nil || key == nil {
		return nil, envelope.Box{}, false, err
	}
	b, err = decodeRecord(Address{space, number, key}, record)
	return key, b, err == nil, err
}

package kv

import (
	"bytes"
	"context"
	"slices"

	"go.etcd.io/bbolt"
)

// purgeChunk is how many records one commit of a purge deletes: one delete of a large bucket would hold up everybody else and
// write all of its pages at once.
const purgeChunk = 1000

// Purge deletes everything in the given collections of a space, or in all where none is given. It goes in commits of
// 1,000 records, between which other ops run; stopped in the middle, it is simply called again. What was there stays
// readable in free pages until they are used again or the file is compacted. The errors are those of Update.
func (db *DB) Purge(ctx context.Context, space [16]byte, collections ...uint16) error {
	if len(collections) == 0 {
		err := db.View(ctx, func(tx *ReadTx) error {
			return tx.from.names(space[:], func(name []byte) (bool, error) {
				collections = append(collections, uint16(name[0])<<8|uint16(name[1]))
				return true, nil
			})
		})
		if err != nil {
			return err
		}
	}
	collections = slices.Compact(slices.Sorted(slices.Values(collections)))
	for _, number := range collections {
		if err := db.purgeCollection(ctx, collection{space, number}); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) purgeCollection(ctx context.Context, c collection) error {
	for {
		var empty bool
		p := &pending{
			// It makes room, so it passes where room is short.
			op:   Op{Essential: true},
			step: func(b *batch) (err error) { empty, err = b.purge(c); return err },
			done: make(chan error, 1),
		}
		if err := db.failed(); err != nil {
			return err
		}
		if err := db.submit(ctx, p); err != nil || empty {
			return err
		}
	}
}

// purge deletes the first records of a collection, and with the last of them its bucket, the tally and the empty space.
func (b *batch) purge(c collection) (empty bool, err error) {
	err = guard(c, func() error {
		if bucketOf(b.tx, c) == nil {
			empty = true
			return nil
		}
		bucket, t, err := b.open(c)
		if err != nil {
			return err
		}
		keys := firstKeys(bucket, purgeChunk)
		for _, key := range keys {
			if _, sum, reason := splitRecord(c, key, bucket.Get(key)); reason == "" {
				t.remove(sum)
			}
			if err := bucket.Delete(key); err != nil {
				return err
			}
		}
		empty = len(keys) < purgeChunk
		if empty {
			return b.remove(c)
		}
		return nil
	})
	return empty, err
}

// firstKeys copies them: deleting moves what a cursor points at.
func firstKeys(bucket *bbolt.Bucket, n int) (keys [][]byte) {
	at := bucket.Cursor()
	for k, _ := at.First(); k != nil && len(keys) < n; k, _ = at.Next() {
		keys = append(keys, bytes.Clone(k))
	}
	return keys
}

// remove deletes an empty collection and the space after its last one.
func (b *batch) remove(c collection) error {
	space := b.tx.Bucket(c.space[:])
	if err := space.DeleteBucket(c.bucket()); err != nil {
		return err
	}
	if err := space.Delete(c.tallyKey()); err != nil {
		return err
	}
	delete(b.opened, c)
	left, err := addTo(space, -1)
	if err != nil || left > 0 {
		return err
	}
	if err := b.tx.DeleteBucket(c.space[:]); err != nil {
		return err
	}
	return b.countSpaces(-1)
}

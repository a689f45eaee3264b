package kv

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// Tx is what [Op].Prepare reads and changes. It sees its own puts and deletes, and remembers what it read of others'. One
// goroutine at a time, and only until Prepare returns.
type Tx struct {
	from    *reader
	version uint64 // commits that the snapshot has at least
	seed    maphash.Seed
	gets    []getSeen
	scans   []scanSeen
	changes map[string]*change // by place
	order   []*change          // as first put or deleted
	bytes   int
}

// change is what becomes of one address.
type change struct {
	at  Address
	box envelope.Box // zero: deleted
}

// getSeen and scanSeen remember a read: the digest of what was there.
type getSeen struct {
	at     Address
	digest uint64
}

type scanSeen struct {
	stretch
	records   int // seen
	exhausted bool
	digest    uint64
}

// Get returns the box at a, and whether there is one.
func (tx *Tx) Get(a Address) (b envelope.Box, ok bool, err error) {
	if c := tx.changes[placeOf(a)]; c != nil {
		return c.box, !c.box.IsZero(), nil
	}
	record, err := tx.from.get(a)
	if err != nil {
		return envelope.Box{}, false, err
	}
	a.Key = bytes.Clone(a.Key)
	tx.gets = append(tx.gets, getSeen{a, digestOf(tx.seed, record)})
	if record == nil {
		return envelope.Box{}, false, nil
	}
	b, err = decodeRecord(a, record)
	return b, err == nil, err
}

// Scan is [ReadTx.Scan] with the Tx's own changes up to its beginning.
func (tx *Tx) Scan(space [16]byte, number uint16, from []byte, fn func(key []byte, b envelope.Box) (more bool, err error)) error {
	return tx.scan(stretch{collection{space, number}, bytes.Clone(from), false}, fn)
}

// ScanBack is [ReadTx.ScanBack] with the Tx's own changes up to its beginning.
func (tx *Tx) ScanBack(space [16]byte, number uint16, from []byte, fn func(key []byte, b envelope.Box) (more bool, err error)) error {
	return tx.scan(stretch{collection{space, number}, bytes.Clone(from), true}, fn)
}

// Last is the record with the largest key of a collection.
func (tx *Tx) Last(space [16]byte, number uint16) (key []byte, b envelope.Box, ok bool, err error) {
	return last(tx.ScanBack, space, number)
}

// Put has b stand at a after the commit. It keeps b and copies a's key.
func (tx *Tx) Put(a Address, b envelope.Box) error {
	if b.IsZero() {
		return fmt.Errorf("%v: putting no value; delete it instead", a)
	}
	if n := len(b.Bytes()); n > maxBox {
		return fmt.Errorf("%v: value of %d bytes, at most %d; larger things are blobs", a, n, maxBox)
	}
	return tx.change(a, b)
}

// Delete has nothing stand at a after the commit, whether or not something does now.
func (tx *Tx) Delete(a Address) error { return tx.change(a, envelope.Box{}) }

func (tx *Tx) change(a Address, b envelope.Box) error {
	if err := a.check(); err != nil {
		return err
	}
	tx.bytes += len(a.Key) + len(b.Bytes())
	p := placeOf(a)
	if c := tx.changes[p]; c != nil {
		tx.bytes -= len(a.Key) + len(c.box.Bytes())
		c.box = b
		return nil
	}
	a.Key = bytes.Clone(a.Key)
	c := &change{a, b}
	if tx.changes == nil {
		tx.changes = map[string]*change{}
	}
	tx.changes[p] = c
	tx.order = append(tx.order, c)
	return nil
}

// placeOf is the address as a map's key.
func placeOf(a Address) string {
	return string(append(append(a.Space[:], a.collection().bucket()...), a.Key...))
}

// scan merges the snapshot with the own changes and remembers what it saw of the snapshot.
func (tx *Tx) scan(s stretch, fn func(key []byte, b envelope.Box) (bool, error)) error {
	own := tx.own(s)
	seen := scanSeen{stretch: s}
	stopped := false
	// give hands out own changes that lie before key, all of them where key is nil.
	give := func(key []byte) (more bool, err error) {
		for len(own) > 0 && (key == nil || s.before(own[0].at.Key, key)) {
			c := own[0]
			own = own[1:]
			if c.box.IsZero() {
				continue
			}
			if more, err := fn(bytes.Clone(c.at.Key), c.box); err != nil || !more {
				stopped = true
				return false, err
			}
		}
		return true, nil
	}
	exhausted, err := tx.from.records(s, func(key, record []byte) (bool, error) {
		seen.add(tx.seed, key, record)
		if more, err := give(key); err != nil || !more {
			return false, err
		}
		if len(own) > 0 && bytes.Equal(own[0].at.Key, key) {
			return true, nil // replaced or deleted: given out with the next
		}
		b, err := decodeRecord(Address{s.space, s.number, key}, record)
		if err != nil {
			return false, err
		}
		more, err := fn(key, b)
		stopped = !more
		return more, err
	})
	seen.exhausted = exhausted
	tx.scans = append(tx.scans, seen)
	if err == nil && !stopped {
		_, err = give(nil)
	}
	return err
}

// own are the changes that lie in a stretch, in its order.
func (tx *Tx) own(s stretch) []*change {
	var own []*change
	for _, c := range tx.order {
		if c.at.collection() == s.collection && (s.from == nil || !s.before(c.at.Key, s.from)) {
			now := *c
			own = append(own, &now)
		}
	}
	slices.SortFunc(own, func(x, y *change) int {
		if s.back {
			x, y = y, x
		}
		return bytes.Compare(x.at.Key, y.at.Key)
	})
	return own
}

// before reports whether x comes before y along the stretch.
func (s stretch) before(x, y []byte) bool {
	if s.back {
		x, y = y, x
	}
	return bytes.Compare(x, y) < 0
}

// digestOf is 0 for no record, which no record has but with probability 2^-64.
func digestOf(seed maphash.Seed, record []byte) uint64 {
	if record == nil {
		return 0
	}
	return maphash.Bytes(seed, record)
}

func (seen *scanSeen) add(seed maphash.Seed, key, record []byte) {
	seen.records++
	seen.digest = (seen.digest ^ maphash.Bytes(seed, key)) * 0x9e3779b97f4a7c15
	seen.digest = (seen.digest ^ maphash.Bytes(seed, record)) * 0xbf58476d1ce4e5b9
}

// holds reports whether a Get would see the same now.
func (seen getSeen) holds(seed maphash.Seed, tx *bbolt.Tx) bool {
	var record []byte
	if b := bucketOf(tx, seen.at.collection()); b != nil {
		record = b.Get(seen.at.Key)
	}
	return digestOf(seed, record) == seen.digest
}

// holds reports whether the scan would see the same now, as far as it went.
func (seen scanSeen) holds(seed maphash.Seed, tx *bbolt.Tx) bool {
	now := scanSeen{stretch: seen.stretch}
	if b := bucketOf(tx, seen.collection); b != nil {
		at := b.Cursor()
		for now.records < seen.records || seen.exhausted {
			k, v := seen.step(at, now.records == 0)
			if k == nil {
				break
			}
			now.add(seed, k, v)
			if now.records > seen.records {
				return false
			}
		}
	}
	return now.records == seen.records && now.digest == seen.digest
}

package store

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// logbook appends to all logs. It is the committer's journal: leaves are written as the operations of a batch
// finish, in commit order, and the trees' new nodes once for the batch, all in the batch's own transaction.
//
// It belongs to the committer's goroutine. What a batch did to its state is forgotten when the batch is rolled
// back, and read anew from the database.
type logbook struct {
	db   *DB
	open map[ID]*openLog
	// touched are the logs that the present batch changed.
	touched []*openLog
	// signed is told of new checkpoints of the appliance's own log after they are committed.
	signed  func(signedHead)
	pending *signedHead
}

// signedHead is a checkpoint as it goes to the anchor.
type signedHead struct {
	note []byte
	ledger.Checkpoint
}

// openLog is the right edge of a log, and what of it the batch has still to write.
type openLog struct {
	log
	tree     *ledger.Tree
	last     time.Time // of the last entry
	nodes    []node
	touched  bool  // in the present batch
	signedTo int64 // size at the last checkpoint
}

type node struct {
	index int64
	hash  ledger.Hash
}

func newLogbook(db *DB, signed func(signedHead)) *logbook {
	return &logbook{db: db, open: map[ID]*openLog{}, signed: signed}
}

// get opens a log at its right edge.
func (lb *logbook) get(tail *kv.Tail, l log) (*openLog, error) {
	if o := lb.open[l.id]; o != nil {
		return o, nil
	}
	size, err := l.size(tail)
	if err != nil {
		return nil, err
	}
	o := &openLog{log: l}
	if o.tree, err = ledger.OpenTree(size, lb.db.hashes(tail, l)); err != nil {
		return nil, fmt.Errorf("%s: %w", l, err)
	}
	if o.last, err = lb.db.timeOfLast(tail, l, size); err != nil {
		return nil, err
	}
	if key, _, ok, err := tail.Last(l.id, checkpointCollection); err != nil {
		return nil, err
	} else if ok {
		if o.signedTo, err = indexOf(key); err != nil {
			return nil, err
		}
	}
	lb.open[l.id] = o
	return o, nil
}

// append adds one leaf with the text that compose makes of its sequence and time. Times never go back within a log:
// where the clock did, the leaf has the time of the one before.
func (lb *logbook) append(tail *kv.Tail, l log, now time.Time, compose func(sequence int64, at time.Time) ([]byte, error)) (int64, error) {
	o, err := lb.get(tail, l)
	if err != nil {
		return 0, err
	}
	sequence, at := o.tree.Size(), now
	if at.Before(o.last) {
		at = o.last
	}
	text, err := compose(sequence, at)
	if err != nil {
		return 0, err
	}
	var salt [16]byte
	if _, err := io.ReadFull(lb.db.rand, salt[:]); err != nil {
		return 0, fmt.Errorf("salt of a leaf: %w", err)
	}
	h := ledger.Header{Log: l.id, Sequence: uint64(sequence), Previous: o.tree.Head(), Commitment: ledger.Commit(salt, text)}
	key, err := lb.db.ring.DataKey(l.leafOwner, leafCollection)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", l, err)
	}
	address := l.at(leafCollection, sequence)
	b := key.Encrypt(lb.db.place(l.id, leafCollection, address.Key), 1, h.Commitment[:], append(salt[:], text...))
	if err := tail.Put(address, b); err != nil {
		return 0, err
	}
	first, hashes := o.tree.Append(ledger.LeafHash(h, b.Bytes()))
	for i, hash := range hashes {
		o.nodes = append(o.nodes, node{first + int64(i), hash})
	}
	o.last = at
	lb.touch(o)
	return sequence, nil
}

// Flush writes the nodes of the batch, and checkpoints of logs that grew by enough since their last.
func (lb *logbook) Flush(tail *kv.Tail) error {
	for _, o := range lb.touched {
		if err := lb.flush(tail, o); err != nil {
			return err
		}
		if o.tree.Size()-o.signedTo >= checkpointLeaves {
			if _, err := lb.sign(tail, o, lb.db.now()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (lb *logbook) flush(tail *kv.Tail, o *openLog) error {
	if len(o.nodes) == 0 {
		return nil
	}
	key, err := lb.db.ring.DataKey(o.treeOwner, nodeCollection)
	if err != nil {
		return fmt.Errorf("%s: %w", o.log, err)
	}
	for _, n := range o.nodes {
		at := o.at(nodeCollection, n.index)
		if err := tail.Put(at, key.Encrypt(lb.db.place(o.id, nodeCollection, at.Key), 1, nil, n.hash[:])); err != nil {
			return err
		}
	}
	o.nodes = o.nodes[:0]
	return nil
}

// sign writes a checkpoint of the log as it stands in this batch; of an unchanged log it writes none.
func (lb *logbook) sign(tail *kv.Tail, o *openLog, now time.Time) (*signedHead, error) {
	if o.tree.Size() == o.signedTo {
		return nil, nil
	}
	c := ledger.Checkpoint{Origin: o.origin(lb.db), Size: o.tree.Size(), Root: o.tree.Root(), Time: now.UTC()}
	signer, err := lb.db.signer(c.Origin)
	if err != nil {
		return nil, err
	}
	text, err := c.Sign(signer)
	if err != nil {
		return nil, err
	}
	key, err := lb.db.ring.DataKey(o.treeOwner, checkpointCollection)
	if err != nil {
		return nil, err
	}
	at := o.at(checkpointCollection, c.Size)
	if err := tail.Put(at, key.Encrypt(lb.db.place(o.id, checkpointCollection, at.Key), 1, nil, text)); err != nil {
		return nil, err
	}
	o.signedTo = c.Size
	lb.touch(o)
	head := &signedHead{text, c}
	if o.tenant == Appliance && o.kind == AuditLog {
		lb.pending = head
	}
	return head, nil
}

// Settle forgets what the batch did to the logs if it was rolled back.
func (lb *logbook) Settle(committed bool) {
	for _, o := range lb.touched {
		o.touched = false
		if !committed {
			delete(lb.open, o.id)
		}
	}
	lb.touched = lb.touched[:0]
	head := lb.pending
	lb.pending = nil
	if committed && head != nil && lb.signed != nil {
		lb.signed(*head)
	}
}

func (lb *logbook) touch(o *openLog) {
	if !o.touched {
		o.touched = true
		lb.touched = append(lb.touched, o)
	}
}

// unsigned lists the logs that grew since their last checkpoint.
func (lb *logbook) unsigned() (all []*openLog) {
	for _, o := range lb.open {
		if o.tree.Size() > o.signedTo {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b *openLog) int { return bytes.Compare(a.id[:], b.id[:]) })
	return all
}

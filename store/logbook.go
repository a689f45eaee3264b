package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
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
	// begun are logs whose state was forgotten when a batch was rolled back: they may have leaves that are not signed.
	begun map[ID]log
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
	return &logbook{db: db, open: map[ID]*openLog{}, begun: map[ID]log{}, signed: signed}
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
	o.last, err = lb.db.timeOfLast(tail, l, size)
	if err != nil && !isGone(err) { // of an erased tenant's ledger no text is read, and none appended
		return nil, err
	}
	if o.signedTo, err = l.signed(tail); err != nil {
		return nil, err
	}
	lb.open[l.id] = o
	delete(lb.begun, l.id)
	return o, nil
}

// isGone reports whether a text cannot be read because its key was destroyed.
func isGone(err error) bool {
	return errors.Is(err, keyring.ErrDestroyed) || errors.Is(err, keyring.ErrErased)
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

// Flush writes checkpoints of logs that grew by enough since their last, and the nodes of the batch.
func (lb *logbook) Flush(tail *kv.Tail) error {
	var due []*openLog
	for _, o := range lb.touched {
		if o.tree.Size()-o.signedTo >= checkpointLeaves {
			due = append(due, o)
		}
	}
	if len(due) > 0 {
		if err := lb.signAll(tail, due, lb.db.now()); err != nil {
			return err
		}
	}
	for _, o := range lb.touched {
		if err := lb.flush(tail, o); err != nil {
			return err
		}
	}
	return nil
}

// signAll signs logs as they stand in this batch. The heads of tenants' logs are entered in the appliance's audit log, in
// the same transaction: no head of a tenant is signed that the appliance's log does not know, and cutting off what was
// signed shows. The appliance's log is signed where it is among the logs, last.
func (lb *logbook) signAll(tail *kv.Tail, logs []*openLog, now time.Time) error {
	own := lb.db.logOf(Appliance, AuditLog)
	var heads []Head
	var last *openLog
	for _, o := range logs {
		if o.id == own.id {
			last = o
			continue
		}
		head, err := lb.sign(tail, o, now)
		if err != nil {
			return err
		}
		if head != nil {
			heads = append(heads, Head{Tenant: o.tenant, Log: o.kind.String(), Size: head.Size, Root: head.Root})
		}
	}
	if len(heads) > 0 {
		r := record{log: own, principal: rights.System(Appliance), action: Action{Verb: rights.StoreCheckpoint}, outcome: Done, heads: heads}
		if err := lb.db.enter(tail, r); err != nil {
			return err
		}
	}
	if last == nil {
		return nil
	}
	_, err := lb.sign(tail, last, now)
	return err
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
			lb.begun[o.id] = o.log
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

// unsigned lists the logs that grew since their last checkpoint: those that are open, and those of rolled back batches.
func (lb *logbook) unsigned(tail *kv.Tail) (all []*openLog, err error) {
	for _, l := range lb.begun {
		if err := lb.db.openLogKeys(l); err != nil { // the store may have been locked since
			return nil, err
		}
		if _, err := lb.get(tail, l); err != nil {
			return nil, err
		}
	}
	for _, o := range lb.open {
		if o.tree.Size() == o.signedTo {
			continue
		}
		if err := lb.db.openLogKeys(o.log); err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b *openLog) int { return bytes.Compare(a.id[:], b.id[:]) })
	return all, nil
}

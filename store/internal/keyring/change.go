package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// edit is a change under way: a copy of the state that becomes the next one if the file can be written.
type edit struct {
	*state
	ring   *Ring
	root   *root // of the next state
	calls  []Unlocker
	events []Event
	after  []func() // run once the change is durable

	begins, ends bool // the session
}

func (e *edit) event(kind EventKind, object Object, rest Event) {
	rest.Kind, rest.Object = kind, object
	e.events = append(e.events, rest)
}

// change runs fn on a copy of the state, writes the file and publishes the copy. The caller holds changing. On an error
// nothing has changed in memory; on disk neither, unless it is ErrUncertain.
func (r *Ring) change(ctx context.Context, fn func(*edit) error) ([]Event, error) {
	switch {
	case r.root == nil: // changing is held: nobody writes these
		return nil, ErrLocked
	case r.broken != nil:
		return nil, r.broken
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	next := *r.state
	next.generation++
	next.slots, next.owners = slices.Clone(next.slots), slices.Clone(next.owners)
	next.erased, next.signers = slices.Clone(next.erased), slices.Clone(next.signers)
	next.sealKeys = slices.Clone(next.sealKeys)
	e := &edit{state: &next, ring: r, root: r.root, calls: r.attached}
	if err := fn(e); err != nil {
		e.drop()
		return nil, err
	}
	opened, err := r.reopen(e)
	if err != nil {
		e.drop()
		return nil, err
	}
	data, err := next.encode(e.root)
	if err != nil {
		e.drop()
		return nil, err
	}
	committed, err := r.file.replace(data)
	if !committed {
		e.drop()
		if errors.Is(err, ErrUncertain) {
			r.broken = err
		}
		return nil, err
	}
	r.residue = err
	r.publish(e, opened)
	return e.events, nil
}

// drop forgets a root that was made in vain.
func (e *edit) drop() {
	if e.root != e.ring.root {
		e.root.wipe()
	}
}

// reopen brings the opened owners to the next state; those whose record is the same are taken over.
func (r *Ring) reopen(e *edit) (map[Owner]*openedOwner, error) {
	opened := make(map[Owner]*openedOwner, len(r.opened))
	for o, before := range r.opened { // in any order: each is independent of the others
		i, ok := e.find(o)
		if !ok {
			continue
		}
		if was, ok := r.state.find(o); ok && r.state.owners[was] == e.owners[i] {
			opened[o] = before
			continue
		}
		live, err := r.bring(e.state, e.root, e.owners[i], before)
		if err != nil {
			return nil, err
		}
		opened[o] = live
	}
	return opened, nil
}

// publish makes the edit visible and overwrites the secrets that are gone.
func (r *Ring) publish(e *edit, opened map[Owner]*openedOwner) {
	r.mu.Lock()
	before, old := r.opened, r.root
	r.state, r.root, r.opened = e.state, e.root, opened
	r.begun = (r.begun || e.begins) && !e.ends
	for _, fn := range e.after {
		fn()
	}
	r.mu.Unlock()
	for o, was := range before {
		for id, k := range was.byID {
			if now := opened[o]; now == nil || now.byID[id] == nil {
				k.key.Wipe()
			}
		}
	}
	if old != e.root {
		old.wipe()
		r.keepAgain()
	}
}

// put replaces or inserts a record.
func (e *edit) put(record *ownerRecord) {
	if i, ok := e.find(record.owner); ok {
		e.owners[i] = record
	} else {
		e.owners = slices.Insert(e.owners, i, record)
	}
}

// rollRoot makes a new root and wraps everything with it. What the old one wrapped is of no use to whoever finds it.
func (e *edit) rollRoot(ctx context.Context) error {
	old := e.root
	next, err := newRoot(e.ring.rand)
	if err != nil {
		return err
	}
	e.event(Destroyed, RootKey, Event{KeyID: e.rootID, Version: e.rootGeneration})
	e.root = next
	e.rootID, e.rootCreated = next.wrap.ID(), e.ring.seconds()
	e.rootGeneration++
	e.event(Created, RootKey, Event{KeyID: e.rootID, Version: e.rootGeneration})
	for i, o := range e.owners {
		mine := *o
		if mine.wrapped, err = rewrap(old, next, o.wrapped, kekContext(e.install, o.owner, o.version)); err != nil {
			return fmt.Errorf("the key-encryption key of %v: %w", o.owner, err)
		}
		e.owners[i] = &mine
	}
	if e.eraser, err = rewrap(old, next, e.eraser, eraserContext(e.install)); err != nil {
		return fmt.Errorf("the key of the erasures: %w", err)
	}
	for i := range e.signers {
		s := &e.signers[i]
		if !s.live {
			continue
		}
		if s.wrapped, err = rewrap(old, next, s.wrapped, signerContext(e.install, s.name, s.number)); err != nil {
			return fmt.Errorf("checkpoint key %s: %w", s.name, err)
		}
	}
	if err := e.rewrapSealKeys(old, next); err != nil {
		return err
	}
	for i := range e.slots {
		if err := e.slots[i].give(ctx, next, place{e.install, e.rootGeneration}, e.calls); err != nil {
			return err
		}
	}
	return nil
}

func rewrap(from, to *root, w wrapped, context []byte) (wrapped, error) {
	k, err := from.wrap.Unwrap(w[:], context)
	if err != nil {
		return wrapped{}, fmt.Errorf("%w: %w", ErrTampered, err)
	}
	defer k.Wipe()
	return wrapped(to.wrap.Wrap(k, context)), nil
}

// newOwner makes a record with a KEK and no data keys.
func (e *edit) newOwner(o Owner) (*ownerRecord, *envelope.Key, error) {
	record := &ownerRecord{owner: o}
	kek, err := e.newKEK(record)
	return record, kek, err
}

// newKEK gives the record the next version of its KEK, without touching the data keys.
func (e *edit) newKEK(record *ownerRecord) (*envelope.Key, error) {
	kek, err := envelope.NewKey(e.ring.rand)
	if err != nil {
		return nil, err
	}
	record.version++
	record.kekID, record.created, record.since = kek.ID(), e.ring.seconds(), e.generation
	record.wrapped = wrapped(e.root.wrap.Wrap(kek, kekContext(e.install, record.owner, record.version)))
	e.event(Created, OwnerKey, Event{Owner: record.owner, KeyID: record.kekID, Version: record.version})
	return kek, nil
}

// replaceKEK gives the owner the next version of its KEK and wraps the data keys with it. The caller wipes the KEK.
func (e *edit) replaceKEK(o Owner) (*ownerRecord, *envelope.Key, error) {
	record, err := e.own(o)
	if err != nil {
		return nil, nil, err
	}
	old, err := e.kek(e.root, record)
	if err != nil {
		return nil, nil, err
	}
	defer old.Wipe()
	was := *record
	kek, err := e.newKEK(record)
	if err != nil {
		return nil, nil, err
	}
	for i := range record.keys {
		d := &record.keys[i]
		k, err := e.dataKey(old, &was, d)
		if err != nil {
			return nil, nil, err
		}
		d.wrapped = wrapped(kek.Wrap(k, dataContext(e.install, o, record.version, d)))
		k.Wipe()
	}
	e.event(Destroyed, OwnerKey, Event{Owner: o, KeyID: was.kekID, Version: was.version})
	return record, kek, nil
}

// begin adds the next epoch of a purpose to a record that this edit owns.
func (e *edit) begin(record *ownerRecord, kek *envelope.Key, p Purpose) error {
	key, err := envelope.NewKey(e.ring.rand)
	if err != nil {
		return err
	}
	defer key.Wipe()
	d := dataKey{purpose: p, epoch: 1, id: key.ID(), created: e.ring.seconds(), settled: e.ring.sessionOf(e.ring.state) - 1}
	at := slices.IndexFunc(record.keys, func(k dataKey) bool { return k.purpose > p })
	if at < 0 {
		at = len(record.keys)
	}
	if at > 0 && record.keys[at-1].purpose == p {
		d.epoch = record.keys[at-1].epoch + 1
	}
	d.wrapped = wrapped(kek.Wrap(key, dataContext(e.install, record.owner, record.version, &d)))
	record.keys = slices.Insert(record.keys, at, d)
	e.event(Created, DataKeys, Event{Owner: record.owner, Purpose: p, KeyID: d.id, Version: d.epoch})
	return nil
}

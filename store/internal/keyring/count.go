package keyring

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// How a data key's encryptions are counted across restarts without a write for each, so that no key ever passes
// envelope.RollAt by much, whatever dies when.
//
// The file counts sessions: processes that have begun to encrypt. Beginning one is a rewrite, before its first encryption. It
// grants freeBlock encryptions to every key at once. A key that needs more takes paidBlock by a rewrite of its own.
// The record of a key has the count up to the end of session `settled`; every later session may have used freeBlock. A session
// that ends by Lock writes the true counts of the keys it has used and takes itself out of the count, so
// that only crashed sessions cost anything: 16,384 of them to make a key due.
const (
	freeBlock = 1 << 16
	paidBlock = 1 << 24
	margin    = freeBlock / 4 // encryptions that a holder of the key may make between two calls of DataKey

	// dueAt is where a key should be replaced, stopAt where the ring no longer gives it out: twice that, and half of
	// what the cipher allows.
	dueAt  = envelope.RollAt
	stopAt = 2 * envelope.RollAt
)

// liveKey is a data key in memory with the count of encryptions that the file covers.
type liveKey struct {
	key     *envelope.Key
	purpose Purpose
	granted atomic.Uint64
}

func newLiveKey(key *envelope.Key, d *dataKey, session uint64) *liveKey {
	k := &liveKey{key: key, purpose: d.purpose}
	base := d.bound(session - 1)
	key.CountFrom(base)
	k.granted.Store(base + freeBlock)
	return k
}

// bound is the number of encryptions up to the end of a session, at most.
func (d *dataKey) bound(session uint64) uint64 {
	if session <= d.settled {
		return d.count
	}
	return d.count + (session-d.settled)*freeBlock
}

// sessionOf is the number of this process's session, begun or not. The caller holds changing or mu.
func (r *Ring) sessionOf(s *state) uint64 {
	if r.begun {
		return s.sessions
	}
	return s.sessions + 1
}

// DataKey is the owner's current data key for a purpose, for encrypting. Take it anew for every transaction: it changes with
// rotation, and this call keeps the count of encryptions ahead on disk, which now and then is a rewrite of the file.
// Errors: ErrLocked, ErrUnopened, ErrErased, ErrUnknownOwner, ErrUnknownKey (no such purpose), ErrExhausted, those of the
// file system.
func (r *Ring) DataKey(o Owner, p Purpose) (*envelope.Key, error) {
	k, ready, err := r.encrypting(o, p)
	if err != nil || ready {
		return k, err
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	k, ready, err = r.encrypting(o, p)
	if err != nil || ready {
		return k, err
	}
	if !r.begun {
		if _, err := r.change(context.Background(), func(e *edit) error { e.sessions++; e.begins = true; return nil }); err != nil {
			return nil, fmt.Errorf("beginning to count encryptions: %w", err)
		}
	}
	k, ready, err = r.encrypting(o, p)
	if err != nil || ready {
		return k, err
	}
	if _, err := r.change(context.Background(), func(e *edit) error { return e.pay(o, p) }); err != nil {
		return nil, fmt.Errorf("counting encryptions ahead: %w", err)
	}
	return k, nil
}

// encrypting is the current key and whether the file covers its next encryptions.
func (r *Ring) encrypting(o Owner, p Purpose) (k *envelope.Key, ready bool, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	live, err := r.live(o)
	if err != nil {
		return nil, false, err
	}
	c := live.current[p]
	if c == nil {
		return nil, false, fmt.Errorf("purpose %d of %v: %w", p, o, ErrUnknownKey)
	}
	used := c.key.Used()
	if used >= stopAt {
		return nil, false, fmt.Errorf("data key %v of %v: %w", c.key.ID(), o, ErrExhausted)
	}
	return c.key, r.begun && used+margin <= c.granted.Load(), nil
}

// pay takes another block for the current key of a purpose.
func (e *edit) pay(o Owner, p Purpose) error {
	record, err := e.own(o)
	if err != nil {
		return err
	}
	d := &record.keys[record.current(p)]
	live := e.ring.opened[o].byID[d.id]
	d.count, d.settled = live.granted.Load()+paidBlock, e.sessions
	e.after = append(e.after, func() { live.granted.Store(d.count) })
	return nil
}

// settle writes the true counts and ends the session.
func (e *edit) settle() error {
	e.sessions--
	e.ends = true
	for o, live := range e.ring.opened { // in any order: each record is one owner's
		record, err := e.own(o)
		if err != nil {
			return err
		}
		for i := range record.keys {
			if k := live.byID[record.keys[i].id]; k != nil {
				record.keys[i].count, record.keys[i].settled = k.key.Used(), e.sessions
			}
		}
	}
	return nil
}

// own is a copy of the owner's record, with keys of its own, that this edit may change.
func (e *edit) own(o Owner) (*ownerRecord, error) {
	record, err := e.state.owner(o)
	if err != nil {
		return nil, err
	}
	mine := *record
	mine.keys = slices.Clone(record.keys)
	e.put(&mine)
	return &mine, nil
}

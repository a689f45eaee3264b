package keyring

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// RotateAfter is the age at which a key-encryption key is due.
const RotateAfter = 90 * 24 * time.Hour

// wrongClock is how far in the future a key may have been made before its date is not believed.
const wrongClock = 24 * time.Hour

// ErrResidue is a change that has happened while the bytes of the file before could not be overwritten. The same call again
// tries that again.
var ErrResidue = errors.New("the keys are destroyed, but the key file of before could not be overwritten")

// Add makes owners and data keys that do not exist yet; what exists is left alone, and if all does, nothing is written.
// Events: the KEKs and data keys made. Errors: ErrLocked, ErrErased (a space is never used again), those of the file.
func (r *Ring) Add(ctx context.Context, grants []Grant) ([]Event, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.root != nil && !r.state.lacks(grants) {
		return nil, nil
	}
	return r.change(ctx, func(e *edit) error {
		for _, g := range grants {
			if err := e.add(g); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *state) lacks(grants []Grant) bool {
	return slices.ContainsFunc(grants, func(g Grant) bool {
		i, ok := s.find(g.Owner)
		return !ok || slices.ContainsFunc(g.Purposes, func(p Purpose) bool { return s.owners[i].current(p) < 0 })
	})
}

func (e *edit) add(g Grant) error {
	if h := g.Owner.Hierarchy; h != Data && h != Audit {
		return fmt.Errorf("%v: no such hierarchy", g.Owner)
	}
	record, err := e.own(g.Owner)
	var kek *envelope.Key
	switch {
	case errors.Is(err, ErrUnknownOwner):
		record, kek, err = e.newOwner(g.Owner)
	case err == nil:
		kek, err = e.kek(e.root, record)
	}
	if err != nil {
		return err
	}
	defer kek.Wipe()
	for _, p := range g.Purposes {
		if record.current(p) >= 0 {
			continue
		}
		if err := e.begin(record, kek, p); err != nil {
			return err
		}
	}
	e.put(record)
	return nil
}

// Rotate gives each owner a new version of its KEK, wraps the data keys with it, destroys the old one, and begins a new epoch of
// every data key but the index's. Values keep their keys; new ones get the new keys. Events: all that was made and destroyed.
// Errors: ErrLocked, ErrUnknownOwner, ErrErased, those of the file; then no owner is rotated.
func (r *Ring) Rotate(ctx context.Context, owners []Owner) ([]Event, error) {
	return r.changeOwners(ctx, owners, func(e *edit, o Owner) error {
		record, kek, err := e.replaceKEK(o)
		if err != nil {
			return err
		}
		defer kek.Wipe()
		return e.beginAll(record, kek, false)
	})
}

// Roll begins a new epoch of every data key of an owner, the index's included: the first step of encrypting everything anew
// after a data key leaked. The old epochs decrypt until [Ring.Retire]. Events: the keys made. Errors as Rotate.
func (r *Ring) Roll(ctx context.Context, o Owner) ([]Event, error) {
	return r.changeOwners(ctx, []Owner{o}, func(e *edit, o Owner) error {
		record, err := e.own(o)
		if err != nil {
			return err
		}
		kek, err := e.kek(e.root, record)
		if err != nil {
			return err
		}
		defer kek.Wipe()
		return e.beginAll(record, kek, true)
	})
}

// Retire destroys data keys of old epochs, after everything they encrypted was encrypted anew. Ids already destroyed are
// passed over. Events: the keys destroyed. Errors: ErrUnknownKey, a refusal for a current key, and those of Rotate.
func (r *Ring) Retire(ctx context.Context, o Owner, ids []envelope.KeyID) ([]Event, error) {
	return r.changeOwners(ctx, []Owner{o}, func(e *edit, o Owner) error {
		record, err := e.own(o)
		if err != nil {
			return err
		}
		record.destroyed = slices.Clone(record.destroyed)
		for _, id := range ids {
			if err := e.retire(record, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *edit) retire(record *ownerRecord, id envelope.KeyID) error {
	i := slices.IndexFunc(record.keys, func(d dataKey) bool { return d.id == id })
	switch {
	case i < 0 && slices.Contains(record.destroyed, id):
		return nil
	case i < 0:
		return fmt.Errorf("data key %v of %v: %w", id, record.owner, ErrUnknownKey)
	case record.isCurrent(i):
		return fmt.Errorf("data key %v of %v encrypts purpose %d: roll or rotate before it is destroyed", id, record.owner, record.keys[i].purpose)
	}
	d := record.keys[i]
	e.event(Destroyed, DataKeys, Event{Owner: record.owner, Purpose: d.purpose, KeyID: id, Version: d.epoch})
	record.keys = slices.Delete(record.keys, i, i+1)
	record.destroyed = append(record.destroyed, id)
	return nil
}

func (r *Ring) changeOwners(ctx context.Context, owners []Owner, each func(*edit, Owner) error) ([]Event, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	return r.change(ctx, func(e *edit) error {
		for _, o := range distinct(owners) {
			if err := each(e, o); err != nil {
				return err
			}
		}
		return nil
	})
}

// distinct is a copy in order, without doubles.
func distinct(owners []Owner) []Owner {
	owners = slices.Clone(owners)
	slices.SortFunc(owners, compareOwners)
	return slices.Compact(owners)
}

func (e *edit) beginAll(record *ownerRecord, kek *envelope.Key, index bool) error {
	var purposes []Purpose
	for i := range record.keys {
		if p := record.keys[i].purpose; record.isCurrent(i) && (index || p != PurposeIndex) {
			purposes = append(purposes, p)
		}
	}
	for _, p := range purposes {
		if err := e.begin(record, kek, p); err != nil {
			return err
		}
	}
	return nil
}

// Due lists the owners to rotate: their KEK is older than [RotateAfter], was made by a clock that is now a day or more
// in the future, or a data key has encrypted a quarter of what it may. The dates are in the file, so that nothing is
// missed while the appliance is off.
func (r *Ring) Due(now time.Time) []Owner {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var due []Owner
	for _, o := range r.state.owners {
		age := now.Sub(stamp(o.created))
		worn := slices.ContainsFunc(o.keys, func(d dataKey) bool { return r.used(o.owner, &d) >= dueAt })
		if age >= RotateAfter || age <= -wrongClock || worn && r.wornCurrent(o) {
			due = append(due, o.owner)
		}
	}
	return due
}

// wornCurrent reports whether one of the keys that encrypt is worn; those of old epochs rest.
func (r *Ring) wornCurrent(o *ownerRecord) bool {
	for i := range o.keys {
		if o.isCurrent(i) && o.keys[i].purpose != PurposeIndex && r.used(o.owner, &o.keys[i]) >= dueAt {
			return true
		}
	}
	return false
}

// used is the number of encryptions of a data key, at most. The caller holds mu.
func (r *Ring) used(o Owner, d *dataKey) uint64 {
	if live := r.opened[o]; live != nil && live.byID[d.id] != nil {
		return live.byID[d.id].key.Used()
	}
	return d.bound(r.sessionOf(r.state) - 1)
}

// Owners lists all keys, in the order of the file. Known while locked.
func (r *Ring) Owners() []Status {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]Status, len(r.state.owners))
	for i, o := range r.state.owners {
		all[i] = Status{Owner: o.owner, KeyID: o.kekID, Version: o.version, Created: stamp(o.created), Since: o.since, Retired: slices.Clone(o.destroyed)}
		for j := range o.keys {
			d := &o.keys[j]
			all[i].DataKeys = append(all[i].DataKeys, KeyStatus{Purpose: d.purpose, Epoch: d.epoch, KeyID: d.id,
				Created: stamp(d.created), Current: o.isCurrent(j), Used: r.used(o.owner, d)})
		}
	}
	return all
}

// rewrapStep is the number of owners whose KEKs are replaced in one rewrite of the file.
const rewrapStep = 1000

// Rewrap replaces the root and every KEK, for when one of them may have leaked, and wraps all data keys anew; values are not
// touched. It runs in steps, each durable: first the root, then owners by the thousand. After a crash or an error the next
// call goes on where it stood ([Ring.RewrapPending]). progress (nil allowed) is called after each step with the owners
// done and to be done. unlockers: as for [Ring.Attach]. Events: all keys made and destroyed by this call, also beside an error.
// Errors: ErrLocked, ErrNotAttached, those of the slots' services and of the file, ctx's between two steps.
func (r *Ring) Rewrap(ctx context.Context, progress func(done, total int), unlockers ...Unlocker) ([]Event, error) {
	r.Attach(unlockers...)
	var all []Event
	for {
		left, total, events, err := r.rewrapStep(ctx)
		all = append(all, events...)
		if err != nil {
			return all, fmt.Errorf("rewrapping the keys: %w", err)
		}
		if progress != nil {
			progress(total-left, total)
		}
		if left == 0 {
			return all, nil
		}
	}
}

// RewrapPending reports how many owners an interrupted [Ring.Rewrap] has still to do, of how many; 0, 0: none is under way.
func (r *Ring) RewrapPending() (left, total int) {
	s := r.published()
	return s.rewrapLeft(), s.rewrapTotal()
}

func (s *state) rewrapLeft() (n int) {
	for _, o := range s.owners {
		if o.since < s.rewrapFrom {
			n++
		}
	}
	return n
}

func (s *state) rewrapTotal() int {
	if s.rewrapFrom == 0 {
		return 0
	}
	return len(s.owners)
}

func (r *Ring) rewrapStep(ctx context.Context) (left, total int, events []Event, err error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	events, err = r.change(ctx, func(e *edit) error {
		if e.rewrapFrom == 0 || e.rewrapLeft() == 0 { // all that one before had left was erased: it is over, and this is a new one
			e.rewrapFrom = e.generation
			total = len(e.owners)
			left = total
			if err := e.rollRoot(ctx); err != nil || left > 0 {
				return err
			}
		}
		return e.rewrapSome(&left, &total)
	})
	return left, total, events, err
}

// rewrapSome replaces the KEKs of the next owners; with the last of them the rewrap is over.
func (e *edit) rewrapSome(left, total *int) error {
	*total = len(e.owners)
	done := 0
	for _, o := range slices.Clone(e.owners) {
		if o.since >= e.rewrapFrom {
			continue
		}
		if done == rewrapStep {
			*left = e.rewrapLeft()
			return nil
		}
		_, kek, err := e.replaceKEK(o.owner)
		if err != nil {
			return err
		}
		kek.Wipe()
		done++
	}
	*left, e.rewrapFrom = 0, 0
	return nil
}

// Erase destroys all keys of owners, and with them everything they encrypted, wherever it is: it removes them from the file,
// replaces the root, overwrites the file of before and notes the erasure. Owners erased before are passed over.
// unlockers: as for [Ring.Attach]. Events: all keys destroyed, the root destroyed and made. Errors: ErrLocked, ErrUnknownOwner, ErrNotAttached, those of the
// slots' services and the file; ErrResidue comes with the events of what has happened.
func (r *Ring) Erase(ctx context.Context, owners []Owner, unlockers ...Unlocker) ([]Event, error) {
	return r.destroy(ctx, unlockers, func(s *state) ([]Erasure, error) {
		var todo []Erasure
		for _, o := range distinct(owners) {
			if _, err := s.owner(o); errors.Is(err, ErrErased) {
				continue
			} else if err != nil {
				return nil, err
			}
			todo = append(todo, Erasure{Owner: o})
		}
		return todo, nil
	})
}

// ApplyErased repeats erasures on a key file that was restored from before them. The list comes from [Ring.Erased] of a later
// file or from certificates; an erasure whose MAC is not this install's is refused as ErrTampered, and nothing is done: where the list
// may have been changed by others, [Ring.SiftErased] takes out before what this install has not written.
// Those that are done already are passed over. Events and errors as Erase; an owner that the file does not know is noted.
func (r *Ring) ApplyErased(ctx context.Context, list []Erasure, unlockers ...Unlocker) ([]Event, error) {
	return r.destroy(ctx, unlockers, func(s *state) ([]Erasure, error) {
		var todo []Erasure
		for _, e := range list {
			want, err := s.erasureMAC(r.root, e)
			if err != nil {
				return nil, err
			}
			if want != e.MAC {
				return nil, fmt.Errorf("the erasure of %v: %w", e.Owner, ErrTampered)
			}
			if _, done := s.erasure(e.Owner); !done {
				todo = append(todo, e)
			}
		}
		slices.SortStableFunc(todo, func(a, b Erasure) int { return compareOwners(a.Owner, b.Owner) })
		return slices.CompactFunc(todo, func(a, b Erasure) bool { return a.Owner == b.Owner }), nil
	})
}

// SiftErased parts a list of erasures into those that this install has written and others, by their MAC. It changes nothing. Errors:
// ErrLocked, and ErrTampered for a key file whose key of the erasures cannot be unwrapped.
func (r *Ring) SiftErased(list []Erasure) (genuine, forged []Erasure, err error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.root == nil {
		return nil, nil, ErrLocked
	}
	for _, e := range list {
		want, err := r.state.erasureMAC(r.root, e)
		if err != nil {
			return nil, nil, err
		}
		if want == e.MAC {
			genuine = append(genuine, e)
		} else {
			forged = append(forged, e)
		}
	}
	return genuine, forged, nil
}

func (r *Ring) destroy(ctx context.Context, unlockers []Unlocker, list func(*state) ([]Erasure, error)) ([]Event, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.root == nil {
		return nil, ErrLocked
	}
	r.attached = append(r.attached, external(unlockers)...)
	todo, err := list(r.state)
	if err != nil {
		return nil, err
	}
	var events []Event
	switch {
	case len(todo) > 0:
		if events, err = r.change(ctx, func(e *edit) error { return e.erase(ctx, todo) }); err != nil {
			return nil, err
		}
	case r.residue != nil:
		r.residue = r.file.tidy()
	}
	if r.residue != nil {
		return events, fmt.Errorf("%w: %w", ErrResidue, r.residue)
	}
	return events, nil
}

func (e *edit) erase(ctx context.Context, todo []Erasure) error {
	for _, x := range todo {
		var keys []envelope.KeyID
		if i, ok := e.find(x.Owner); ok {
			keys = e.eraseRecord(e.owners[i])
			e.owners = slices.Delete(e.owners, i, i+1)
		}
		if x.MAC == [32]byte{} { // not one that is repeated
			x.Keys = keys
			x.At, x.Generation = stamp(e.ring.seconds()), e.generation
			mac, err := e.erasureMAC(e.root, x)
			if err != nil {
				return err
			}
			x.MAC = mac
		}
		i, _ := e.erasure(x.Owner)
		e.erased = slices.Insert(e.erased, i, x)
	}
	return e.rollRoot(ctx)
}

func (e *edit) eraseRecord(o *ownerRecord) []envelope.KeyID {
	ids := append([]envelope.KeyID{o.kekID}, o.destroyed...)
	for i := range o.keys {
		d := &o.keys[i]
		e.event(Destroyed, DataKeys, Event{Owner: o.owner, Purpose: d.purpose, KeyID: d.id, Version: d.epoch})
		ids = append(ids, d.id)
	}
	e.event(Destroyed, OwnerKey, Event{Owner: o.owner, KeyID: o.kekID, Version: o.version})
	return ids
}

// erasureMAC authenticates an erasure with the key that outlives all roots.
func (s *state) erasureMAC(r *root, e Erasure) (mac [32]byte, err error) {
	key, err := r.wrap.Unwrap(s.eraser[:], eraserContext(s.install))
	if err != nil {
		return mac, fmt.Errorf("the key of the erasures: %w: %w", ErrTampered, err)
	}
	defer key.Wipe()
	b := append([]byte("qrsd erasure 1\x00"), s.install[:]...)
	b = append(b, byte(e.Owner.Hierarchy))
	b = append(b, e.Owner.Space[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(e.At.Unix()))
	b = binary.BigEndian.AppendUint64(b, e.Generation)
	for i := range e.Keys {
		b = append(b, e.Keys[i][:]...)
	}
	err = key.Expose(func(secret []byte) error {
		mac = authenticator(secret, b)
		return nil
	})
	return mac, err
}

// IsErased reports whether an owner's keys were destroyed by [Ring.Erase]. Known while locked.
func (r *Ring) IsErased(o Owner) bool {
	_, erased := r.published().erasure(o)
	return erased
}

// Erased lists the owners whose keys were destroyed by [Ring.Erase], in the order of the file. It survives everything
// and is to be kept apart from the key file too. Known while locked.
func (r *Ring) Erased() []Erasure { return slices.Clone(r.published().erased) }

package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Slots lists the ways to unlock, in the order they were added. Known while locked.
func (r *Ring) Slots() []Slot {
	var all []Slot
	for _, s := range r.published().slots {
		all = append(all, Slot{ID: s.id, Method: s.method, Reference: s.reference, Created: stamp(s.created)})
	}
	return all
}

// AddSlot adds a way to unlock. Event: the slot. Errors: ErrLocked, those of u, those of the file.
func (r *Ring) AddSlot(ctx context.Context, u Unlocker) ([]Event, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	events, err := r.change(ctx, func(e *edit) error {
		e.calls = append(slices.Clone(e.calls), external([]Unlocker{u})...)
		return e.addSlot(ctx, u)
	})
	if err == nil {
		r.attached = append(r.attached, external([]Unlocker{u})...)
	}
	return events, err
}

// RemoveSlot takes a way to unlock away and replaces the root, so that whoever kept the slot's secret and an old file holds nothing
// that opens the new one. unlockers: as for [Ring.Attach]. The last slot beside recovery stays. Events: the slot destroyed, the root destroyed and made.
// Errors: ErrLocked, ErrNoSlot, ErrNotAttached, those of the slots' services and the file.
func (r *Ring) RemoveSlot(ctx context.Context, id [8]byte, unlockers ...Unlocker) ([]Event, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	r.attached = append(r.attached, external(unlockers)...)
	return r.change(ctx, func(e *edit) error {
		if err := e.removeSlot(id); err != nil {
			return err
		}
		return e.rollRoot(ctx)
	})
}

// ReplaceRecovery makes a new recovery key, takes away the slots of the old one and replaces the root. The code must be shown now or
// never. Events and errors as RemoveSlot.
func (r *Ring) ReplaceRecovery(ctx context.Context, unlockers ...Unlocker) (RecoveryCode, []Event, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	r.attached = append(r.attached, external(unlockers)...)
	code, err := newRecoveryCode(r.rand)
	if err != nil {
		return RecoveryCode{}, nil, err
	}
	events, err := r.change(ctx, func(e *edit) error {
		for _, s := range slices.Clone(e.slots) {
			if s.method == MethodRecovery {
				e.takeSlot(s.id)
			}
		}
		if err := e.addSlot(ctx, recoveryUnlocker(code.secret[:])); err != nil {
			return err
		}
		return e.rollRoot(ctx)
	})
	if err != nil {
		return RecoveryCode{}, nil, err
	}
	return code, events, nil
}

func (e *edit) addSlot(ctx context.Context, u Unlocker) error {
	if len(e.slots) >= maxSlots {
		return fmt.Errorf("the key file has %d slots, the most it may have: remove one first", len(e.slots))
	}
	s, err := newSlot(e.ring.rand, e.install, e.ring.seconds(), u)
	if err != nil {
		return err
	}
	if err := s.give(ctx, e.root, place{e.install, e.rootGeneration}, e.calls); err != nil {
		return err
	}
	e.slots = append(e.slots, s)
	e.event(Created, SlotKey, Event{Name: s.method})
	return nil
}

func (e *edit) removeSlot(id [8]byte) error {
	i := slices.IndexFunc(e.slots, func(s slot) bool { return s.id == id })
	if i < 0 {
		return fmt.Errorf("slot %x: %w", id, ErrNoSlot)
	}
	e.takeSlot(id)
	if !slices.ContainsFunc(e.slots, func(s slot) bool { return s.method != MethodRecovery }) {
		return errors.New("this is the last slot beside the recovery key: add another way to unlock first")
	}
	return nil
}

func (e *edit) takeSlot(id [8]byte) {
	i := slices.IndexFunc(e.slots, func(s slot) bool { return s.id == id })
	e.event(Destroyed, SlotKey, Event{Name: e.slots[i].method})
	e.slots = slices.Delete(e.slots, i, i+1)
}

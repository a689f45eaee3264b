package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// recover finishes the changes of keys that a crash cut short, and removes what is left of erased tenants. What cannot be
// done for now, because the disk is full or a key service is not at hand, keeps nobody out: it is an alarm.
func (db *DB) recover(ctx context.Context) error {
	open, err := db.openIntents(ctx)
	if err != nil {
		return err
	}
	for _, r := range open {
		if err := db.orLater(r.Value.Verb, db.finishIntent(ctx, r)); err != nil {
			return fmt.Errorf("finish %s, which was cut short: %w", r.Value.Verb, err)
		}
	}
	if err := db.orLater("keys for new collections", db.grantMissing(ctx)); err != nil {
		return err
	}
	if err := db.orLater("the first seal key", db.firstSealKey(ctx)); err != nil {
		return fmt.Errorf("the first seal key: %w", err)
	}
	return db.orLater(purging, db.purgeErased(ctx))
}

// orLater raises an alarm in place of an error that room on the disk or a key service will mend.
func (db *DB) orLater(what string, err error) error {
	var low kv.ErrReadOnly
	var room kv.ErrNoRoom
	switch {
	case errors.As(err, &low), errors.As(err, &room):
		db.alarm(fmt.Sprintf("%s is unfinished until there is more room on the disk: %v", what, err))
		return nil
	case errors.Is(err, keyring.ErrNotAttached):
		db.alarm(fmt.Sprintf("%s is unfinished and needs its key service: give the command again, with the service named: %v", what, err))
		return nil
	}
	return err
}

// openIntents are those that a crash left.
func (db *DB) openIntents(ctx context.Context) (all []Record[intent], err error) {
	t := db.system()
	err = db.kv.View(ctx, func(from *kv.ReadTx) error {
		page, err := intents.List(&ReadTx{t, from}, "", maxPage)
		all = page.Records
		return err
	})
	return all, err
}

// finishIntent carries an interrupted change of keys to its end. Erasures and rewrapping can be done twice, so it is not asked
// how far they had come. An addition is undone: it was never acknowledged, and nobody knows its id. Of everything else the
// key file is whole, of before or after: what is new in it is entered.
func (db *DB) finishIntent(ctx context.Context, r Record[intent]) error {
	switch r.Value.Verb {
	case reencryption, purging:
		return nil // go on, in the background and when all intents are finished
	case rights.TenantAdd.String():
		return db.undoAddition(ctx, r)
	case rights.TenantErase.String():
		return db.concludeErasure(ctx, db.system(), Action{Verb: rights.StoreRecover, Object: r.Value.Object}, r)
	case rights.KeyRewrap.String():
		if _, pending := db.ring.RewrapPending(); pending > 0 {
			if _, err := db.ring.Rewrap(ctx, nil); err != nil {
				return err
			}
		}
	}
	events, err := db.doneSince(ctx, r.Value)
	if err != nil {
		return err
	}
	return db.concludeCut(ctx, r, events, db.jobOf(r.Value))
}

// concludeCut enters what a change that was cut short had done, or that it had changed no key.
func (db *DB) concludeCut(ctx context.Context, r Record[intent], events []keyring.Event, then func(*WriteTx) error) error {
	system, in := db.system(), r.Value
	if len(events) > 0 {
		return system.concludeKeys(ctx, Action{Verb: rights.StoreRecover, Object: in.Object}, r.ID, events, then)
	}
	verb, known := rights.FindVerb(in.Verb)
	if !known {
		return fmt.Errorf("intent %s of verb %q: %w", r.ID, in.Verb, kv.ErrCorrupt)
	}
	failed := system.entry(Action{Verb: verb, Object: in.Object}, Failed)
	failed.reason = "cut short, no key was changed"
	return system.commit(ctx, failed, func(tx *WriteTx) error { return intents.remove(tx, r.ID) })
}

// undoAddition makes of an addition whose keys exist the erasure of a tenant that has none of its own records.
func (db *DB) undoAddition(ctx context.Context, r Record[intent]) error {
	id := r.Value.Object
	made, err := db.doneSince(ctx, r.Value)
	if err != nil {
		return err
	}
	if len(made) == 0 {
		return db.concludeCut(ctx, r, nil, nil)
	}
	undo := Record[intent]{ID: db.newID(db.now()), Value: db.before(intent{Verb: rights.TenantErase.String(), Object: id})}
	err = db.concludeCut(ctx, r, made, func(tx *WriteTx) error {
		if err := tenantStates.Insert(tx, id, tenantState{Created: tx.now}); err != nil {
			return err
		}
		return intents.Insert(tx, undo.ID, undo.Value)
	})
	if err != nil {
		return err
	}
	return db.finishIntent(ctx, undo)
}

// jobOf is what is to be done with the end of an intent: after the roll of a tenant's data keys everything is to be encrypted anew.
func (db *DB) jobOf(in intent) func(*WriteTx) error {
	if in.Verb != rights.KeyReencrypt.String() || len(in.Keys) == 0 {
		return nil
	}
	id := db.newID(db.now())
	return func(tx *WriteTx) error {
		return intents.Insert(tx, id, intent{Verb: reencryption, Object: in.Object, Keys: in.Keys})
	}
}

// doneSince is what the key file says of a change that was announced: what is in it now and was not then, and the other way.
// Ids of key-encryption keys that were replaced are in the entries of their creation.
func (db *DB) doneSince(ctx context.Context, in intent) (all []keyring.Event, err error) {
	if root := db.ring.Root(); in.Root != "" && root.KeyID.String() != in.Root {
		var before envelope.KeyID
		_ = before.UnmarshalText([]byte(in.Root)) // zero where it is not one: the event then names none
		all = append(all, keyring.Event{Kind: keyring.Created, Object: keyring.RootKey, KeyID: root.KeyID},
			keyring.Event{Kind: keyring.Destroyed, Object: keyring.RootKey, KeyID: before})
	}
	all = append(all, db.slotsSince(in)...)
	for i, k := range db.ring.SealKeys() {
		if i >= in.SealKeys {
			all = append(all, keyring.Event{Kind: keyring.Created, Object: keyring.SealingKey, Version: k.Number})
		}
	}
	for _, s := range db.ring.Owners() {
		if s.Since > in.Generation && (in.Object.IsZero() || ID(s.Owner.Space) == in.Object) {
			all = append(all, replacedKeys(s, in)...)
		}
	}
	if in.Verb == rights.KeyReencrypt.String() {
		done, err := db.reencryptedSince(ctx, in)
		return append(all, done...), err
	}
	return all, nil
}

func (db *DB) slotsSince(in intent) (all []keyring.Event) {
	gone := slices.Clone(in.Slots)
	for _, s := range db.ring.Slots() {
		id := hex.EncodeToString(s.ID[:])
		if !slices.Contains(in.Slots, id) {
			all = append(all, keyring.Event{Kind: keyring.Created, Object: keyring.SlotKey, Name: s.Method})
		}
		gone = slices.DeleteFunc(gone, func(other string) bool { return other == id })
	}
	for range gone {
		all = append(all, keyring.Event{Kind: keyring.Destroyed, Object: keyring.SlotKey})
	}
	return all
}

// replacedKeys are the new keys of an owner whose key-encryption key is newer than the intent.
func replacedKeys(s keyring.Status, in intent) []keyring.Event {
	all := []keyring.Event{{Kind: keyring.Created, Object: keyring.OwnerKey, Owner: s.Owner, KeyID: s.KeyID, Version: s.Version}}
	if s.Version > 1 {
		all = append(all, keyring.Event{Kind: keyring.Destroyed, Object: keyring.OwnerKey, Owner: s.Owner, Version: s.Version - 1})
	}
	if in.Verb == rights.KeyRewrap.String() {
		return all // the data keys stayed
	}
	for _, k := range s.DataKeys {
		if k.Current && (k.Purpose != keyring.PurposeIndex || s.Version == 1) {
			all = append(all, keyring.Event{Kind: keyring.Created, Object: keyring.DataKeys, Owner: s.Owner, Purpose: k.Purpose, KeyID: k.KeyID, Version: k.Epoch})
		}
	}
	return all
}

// reencryptedSince are the data keys that the first step of a re-encryption made (Keys has those of before), or those that its
// last step destroyed.
func (db *DB) reencryptedSince(ctx context.Context, in intent) (all []keyring.Event, err error) {
	owner := dataOwner(in.Object)
	if len(in.Keys) > 0 {
		for _, id := range db.replaceable(in.Object) {
			if !slices.Contains(in.Keys, id) {
				all = append(all, keyEvent(keyring.Created, owner, id))
			}
		}
		return all, nil
	}
	jobs, err := db.openIntents(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range db.ring.Owners() {
		for _, j := range jobs {
			if s.Owner != owner || j.Value.Verb != reencryption || j.Value.Object != in.Object {
				continue
			}
			for _, id := range s.Retired {
				if slices.Contains(j.Value.Keys, id.String()) {
					all = append(all, keyEvent(keyring.Destroyed, owner, id.String()))
				}
			}
		}
	}
	return all, nil
}

func keyEvent(kind keyring.EventKind, owner keyring.Owner, id string) keyring.Event {
	e := keyring.Event{Kind: kind, Object: keyring.DataKeys, Owner: owner}
	_ = e.KeyID.UnmarshalText([]byte(id)) // of the store's own writing
	return e
}

// grantMissing gives every tenant the data keys of collections that a later version of qrsd brought.
func (db *DB) grantMissing(ctx context.Context) error {
	var all []keyring.Grant
	for _, s := range db.ring.Owners() {
		id := ID(s.Owner.Space)
		for _, g := range grants(id) {
			if g.Owner == s.Owner {
				all = append(all, g)
			}
		}
	}
	events, err := db.ring.Add(ctx, all)
	if err != nil || len(events) == 0 {
		return err
	}
	system := db.system()
	if err := system.tellTenants(ctx, Action{Verb: rights.StoreRecover}, events); err != nil {
		return err
	}
	return db.anchor.keys(db.ring.Generation(), db.ring.Erased())
}

package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// recover finishes the changes of keys that a crash cut short, and removes what is left of erased tenants.
func (db *DB) recover(ctx context.Context) error {
	open, err := db.openIntents(ctx)
	if err != nil {
		return err
	}
	for _, r := range open {
		if err := db.finishIntent(ctx, r); err != nil {
			return fmt.Errorf("finish %s, which was cut short: %w", r.Value.Verb, err)
		}
	}
	if err := db.grantMissing(ctx); err != nil {
		return err
	}
	if err := db.firstSealKey(ctx); err != nil {
		return fmt.Errorf("the first seal key: %w", err)
	}
	return db.purgeErased(ctx)
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

// finishIntent carries an interrupted change of keys to its end. Additions, erasures and rewrapping can be done twice, so
// it is not asked how far they had come. A rotation left the key file whole, before or after it.
func (db *DB) finishIntent(ctx context.Context, r Record[intent]) error {
	in, system := r.Value, db.system()
	var events []keyring.Event
	var then func(*WriteTx) error
	var err error
	switch in.Verb {
	case rights.TenantAdd.String():
		if events, err = db.ring.Add(ctx, grants(in.Object)); err == nil {
			err = db.openKeys(ctx, in.Object)
		}
		then = func(tx *WriteTx) error { return enrol(tx, in.Object, in.Name) }
	case rights.TenantErase.String():
		if _, err = db.ring.Open(auditOwner(in.Object)); err == nil {
			_, err = db.ring.Erase(ctx, []keyring.Owner{dataOwner(in.Object)})
		}
		events = db.destroyed(in.Object)
		then = func(tx *WriteTx) error { return db.certify(tx, in) }
	case rights.KeyRewrap.String():
		if _, pending := db.ring.RewrapPending(); pending == 0 {
			break
		}
		if events, err = db.ring.Rewrap(ctx, nil); errors.Is(err, keyring.ErrNotAttached) {
			db.options.Alarm("a rewrapping of all keys is unfinished and needs its key service: run qrsd key rewrap again")
			return nil
		}
	case reencryption:
		return nil // goes on in the background
	default:
		if db.ring.Generation() > in.Generation {
			events = []keyring.Event{{Kind: keyring.Created, Object: "keys before a crash, see key list"}}
		}
	}
	if err != nil {
		return err
	}
	return system.concludeKeys(ctx, Action{Verb: rights.StoreRecover, Object: in.Object}, r.ID, events, then)
}

// destroyed is what an erasure destroyed, from the key file's list.
func (db *DB) destroyed(tenant ID) (all []keyring.Event) {
	for _, e := range db.ring.Erased() {
		if e.Owner != dataOwner(tenant) {
			continue
		}
		for _, id := range e.Keys {
			all = append(all, keyring.Event{Kind: keyring.Destroyed, Object: keyring.DataKeys, Owner: e.Owner, KeyID: id})
		}
	}
	return all
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

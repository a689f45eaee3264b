package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// grants are the keys that a tenant has from its beginning, one for each purpose.
func grants(tenant ID) []keyring.Grant {
	return []keyring.Grant{
		{Owner: keyring.Owner{Hierarchy: keyring.Audit, Space: tenant}, Purposes: append(auditPurposes(), keyring.PurposeIndex)},
		{Owner: keyring.Owner{Hierarchy: keyring.Data, Space: tenant}, Purposes: append(dataPurposes(), keyring.PurposeIndex)},
	}
}

// intent is a change of keys that was announced and not yet reported as ended. Database and key file cannot commit
// together: the intent is durable before the key file changes, its removal and the entry of what happened after. What a
// crash leaves in between, recover finishes.
type intent struct {
	Verb       string `json:"verb"`
	Object     ID     `json:"object"`
	Name       string `json:"name,omitempty"` // of a tenant to be added
	Generation uint64 `json:"generation"`     // of the key file before
}

var intents = Define[intent]("intents", 1)

// changeKeys announces a change of keys, makes it, and enters what was done to which keys: in the appliance's log, and
// for keys of tenants in theirs. then runs in the last transaction, with the appliance's records.
func (db *DB) changeKeys(ctx context.Context, p Principal, verb Verb, in intent, change func() ([]keyring.Event, error), then func(*WriteTx) error) error {
	db.changing.Lock()
	defer db.changing.Unlock()
	appliance := &Tenant{db: db, id: Appliance, principal: p}
	a := Action{Verb: verb, Object: in.Object}
	if err := appliance.permit(ctx, a); err != nil {
		return err
	}
	in.Verb, in.Generation = verb.String(), db.ring.Generation()
	id := db.newID(db.now())
	if err := appliance.commit(ctx, appliance.entry(a, Intent), func(tx *WriteTx) error { return intents.Insert(tx, id, in) }); err != nil {
		return fmt.Errorf("announce %s: %w", verb, err)
	}
	events, err := change()
	if err != nil {
		return errors.Join(err, appliance.abandon(ctx, a, id, err))
	}
	return appliance.concludeKeys(context.WithoutCancel(ctx), a, id, events, then)
}

// concludeKeys enters what was done and takes the intent away.
func (t *Tenant) concludeKeys(ctx context.Context, a Action, id ID, events []keyring.Event, then func(*WriteTx) error) error {
	if err := t.db.anchor.keys(t.db.ring.Generation(), t.db.erasedIDs()); err != nil {
		return fmt.Errorf("anchor: %w", err)
	}
	if err := t.tellTenants(ctx, a, events); err != nil {
		return err
	}
	last := t.entry(a, Done)
	last.keys = keyEvents(slices.DeleteFunc(slices.Clone(events), func(e keyring.Event) bool { return !e.Owner.IsZero() && ID(e.Owner.Space) != Appliance }))
	return t.commit(ctx, last, func(tx *WriteTx) error {
		if err := intents.remove(tx, id); err != nil || then == nil {
			return err
		}
		return then(tx)
	})
}

// tellTenants enters the events of tenants' keys in the tenants' own logs, many to a commit.
func (t *Tenant) tellTenants(ctx context.Context, a Action, events []keyring.Event) error {
	of := map[ID][]keyring.Event{}
	var order []ID
	for _, e := range events {
		id := ID(e.Owner.Space)
		if e.Owner.IsZero() || id == Appliance {
			continue
		}
		if of[id] == nil {
			order = append(order, id)
		}
		of[id] = append(of[id], e)
	}
	const atOnce = 200
	for part := range slices.Chunk(order, atOnce) {
		var entries []record
		for _, id := range part {
			if _, err := t.db.ring.Open(keyring.Owner{Hierarchy: keyring.Audit, Space: id}); err != nil {
				return err
			}
			entries = append(entries, record{log: t.db.logOf(id, AuditLog), principal: t.principal, action: a, outcome: Done, keys: keyEvents(of[id])})
		}
		if err := t.db.enterAll(ctx, entries); err != nil {
			return err
		}
	}
	return nil
}

// abandon takes the intent away when nothing was changed.
func (t *Tenant) abandon(ctx context.Context, a Action, id ID, cause error) error {
	if errors.Is(cause, keyring.ErrUncertain) {
		return nil // what the key file holds is known after the next unlock, which recovers
	}
	failed := t.entry(a, Failed)
	failed.reason = reasonOf(cause)
	return t.commit(context.WithoutCancel(ctx), failed, func(tx *WriteTx) error { return intents.remove(tx, id) })
}

// keyEvents gathers events of one kind about one sort of key of one owner.
func keyEvents(events []keyring.Event) (all []KeyEvent) {
	for _, e := range events {
		kind, of := string(e.Kind), string(e.Object)
		if !e.Owner.IsZero() {
			of = fmt.Sprintf("%v %s", e.Owner.Hierarchy, e.Object)
		}
		i := slices.IndexFunc(all, func(k KeyEvent) bool { return k.Kind == kind && k.Of == of })
		if i < 0 {
			i, all = len(all), append(all, KeyEvent{Kind: kind, Of: of})
		}
		if !e.KeyID.IsZero() {
			all[i].Keys = append(all[i].Keys, e.KeyID.String())
		}
	}
	return all
}

// RotateKeys gives a tenant new key-encryption keys and begins new data keys. Old data keys still decrypt.
func (db *DB) RotateKeys(ctx context.Context, p Principal, tenant ID) error {
	if err := db.ready(); err != nil {
		return err
	}
	if p.Role() != Operator && p.Tenant() != tenant {
		return db.refuseCrossing(ctx, p, tenant)
	}
	return db.rotate(ctx, p, []ID{tenant})
}

func (db *DB) rotate(ctx context.Context, p Principal, tenants []ID) error {
	var owners []keyring.Owner
	for _, id := range tenants {
		owners = append(owners, keyring.Owner{Hierarchy: keyring.Audit, Space: id}, keyring.Owner{Hierarchy: keyring.Data, Space: id})
	}
	in := intent{}
	if len(tenants) == 1 {
		in.Object = tenants[0]
	}
	return db.changeKeys(ctx, p, rights.KeyRotate, in, func() ([]keyring.Event, error) { return db.ring.Rotate(ctx, owners) }, nil)
}

// RewrapKeys makes a new root key and new key-encryption keys for all tenants: the emergency measure when the root key or
// its wrapping may be known to others. It can be run again after an interruption, and goes on where it was.
func (db *DB) RewrapKeys(ctx context.Context, p Principal, progress func(done, total int), unlockers ...Unlocker) error {
	if err := db.ready(); err != nil {
		return err
	}
	return db.changeKeys(ctx, p, rights.KeyRewrap, intent{}, func() ([]keyring.Event, error) { return db.ring.Rewrap(ctx, progress, unlockers...) }, nil)
}

// rotateDue rotates what is older than 90 days, however long the store was down.
func (db *DB) rotateDue(ctx context.Context) error {
	var tenants []ID
	for _, o := range db.ring.Due(db.now()) {
		if id := ID(o.Space); !slices.Contains(tenants, id) {
			tenants = append(tenants, id)
		}
	}
	if len(tenants) == 0 {
		return nil
	}
	return db.rotate(ctx, rights.System(Appliance), tenants)
}

// KeyStatus is what key list shows of one owner.
type KeyStatus = keyring.Status

// Keys lists the keys of a tenant, or of all for the operator: ids, versions and ages, never keys.
func (db *DB) Keys(ctx context.Context, p Principal) ([]KeyStatus, error) {
	if err := db.ready(); err != nil {
		return nil, err
	}
	t := &Tenant{db: db, id: p.Tenant(), principal: p}
	var all []KeyStatus
	return all, t.View(ctx, Action{Verb: rights.KeyList}, func(*ReadTx) error {
		for _, s := range db.ring.Owners() {
			if p.Role() == Operator || ID(s.Owner.Space) == p.Tenant() {
				all = append(all, s)
			}
		}
		return nil
	})
}

// recover finishes the changes of keys that a crash cut short.
func (db *DB) recover(ctx context.Context) error {
	system := &Tenant{db: db, id: Appliance, principal: rights.System(Appliance)}
	open, err := db.openIntents(ctx)
	if err != nil {
		return err
	}
	for _, r := range open {
		if err := db.finishIntent(ctx, system, r); err != nil {
			return fmt.Errorf("finish %s, which was cut short: %w", r.Value.Verb, err)
		}
	}
	return db.purgeErased(ctx)
}

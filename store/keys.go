package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// grants are the keys that a tenant has from its beginning, one for each purpose.
func grants(tenant ID) []keyring.Grant {
	return []keyring.Grant{
		{Owner: auditOwner(tenant), Purposes: append(auditPurposes(), keyring.PurposeIndex)},
		{Owner: dataOwner(tenant), Purposes: append(dataPurposes(), keyring.PurposeIndex)},
	}
}

func dataOwner(tenant ID) keyring.Owner {
	return keyring.Owner{Hierarchy: keyring.Data, Space: tenant}
}

func auditOwner(tenant ID) keyring.Owner {
	return keyring.Owner{Hierarchy: keyring.Audit, Space: tenant}
}

// keyChange is a change of the key file and what belongs to it.
type keyChange struct {
	verb   Verb
	intent intent
	// do changes the key file. What it did before an error is returned beside it.
	do func() ([]keyring.Event, error)
	// then runs in the transaction that reports the end, with the appliance's records; nil is nothing.
	then func(*WriteTx) error
}

// intent is a change of keys that was announced and not yet reported as ended. Database and key file cannot commit
// together: the intent is durable before the key file changes, its removal and the entry of what happened after. What a
// crash leaves in between, the next unlock finishes.
type intent struct {
	Verb       string   `json:"verb"`
	Object     ID       `json:"object"`
	Keys       []string `json:"keys,omitempty"`  // to be retired when all they encrypted is encrypted anew
	Generation uint64   `json:"generation"`      // of the key file before
	Root       string   `json:"root,omitempty"`  // id of the root key before
	Slots      []string `json:"slots,omitempty"` // ids before
	SealKeys   int      `json:"seal_keys,omitempty"`
}

// before notes how the key file stands, so that what a change has done can be told after a crash.
func (db *DB) before(in intent) intent {
	in.Generation, in.Root, in.SealKeys = db.ring.Generation(), db.ring.Root().KeyID.String(), len(db.ring.SealKeys())
	for _, s := range db.ring.Slots() {
		in.Slots = append(in.Slots, hex.EncodeToString(s.ID[:]))
	}
	return in
}

var intents = Define[intent]("intents", 1)

// changeKeys announces a change of keys, makes it, and enters what was done to which keys: in the appliance's log, and
// for keys of tenants in theirs. One change at a time.
func (t *Tenant) changeKeys(ctx context.Context, c keyChange) error {
	db := t.db
	db.changing.Lock()
	defer db.changing.Unlock()
	a := Action{Verb: c.verb, Object: c.intent.Object}
	if !t.principal.IsSystem() { // which also changes keys while the store is being unlocked
		if err := t.permit(ctx, a); err != nil {
			return err
		}
	}
	in := db.before(c.intent)
	in.Verb = c.verb.String()
	id := db.newID(db.now())
	announced := db.appliance(t.principal)
	err := announced.commit(ctx, announced.entry(a, Intent), func(tx *WriteTx) error { return intents.Insert(tx, id, in) })
	if err != nil {
		return announced.settle(ctx, a, fmt.Errorf("announce %s: %w", c.verb, err))
	}
	events, err := c.do()
	if err != nil {
		return errors.Join(err, announced.abandon(context.WithoutCancel(ctx), a, id, events, err))
	}
	return announced.concludeKeys(context.WithoutCancel(ctx), a, id, events, c.then)
}

// appliance is the handle for changes of the appliance's own records on behalf of a caller who was permitted to make them.
func (db *DB) appliance(p Principal) *Tenant { return &Tenant{db: db, id: Appliance, principal: p} }

// concludeKeys enters what was done and takes the intent away.
func (t *Tenant) concludeKeys(ctx context.Context, a Action, id ID, events []keyring.Event, then func(*WriteTx) error) error {
	if err := t.db.anchor.keys(t.db.ring.Generation(), t.db.ring.Erased()); err != nil {
		return fmt.Errorf("anchor: %w", err)
	}
	if err := t.tellTenants(ctx, a, events); err != nil {
		return err
	}
	last := t.entry(a, Done)
	last.keys = keyEvents(slices.DeleteFunc(slices.Clone(events), ofTenant))
	return t.commit(ctx, last, func(tx *WriteTx) error {
		if err := intents.remove(tx, id); err != nil || then == nil {
			return err
		}
		return then(tx)
	})
}

// ofTenant reports whether an event is about a key of a tenant other than the appliance.
func ofTenant(e keyring.Event) bool {
	return e.Owner != (keyring.Owner{}) && ID(e.Owner.Space) != Appliance
}

// tellTenants enters the events of tenants' keys in the tenants' own logs, many to a commit.
func (t *Tenant) tellTenants(ctx context.Context, a Action, events []keyring.Event) error {
	of := map[ID][]keyring.Event{}
	var order []ID
	for _, e := range events {
		if !ofTenant(e) {
			continue
		}
		id := ID(e.Owner.Space)
		if of[id] == nil {
			order = append(order, id)
		}
		of[id] = append(of[id], e)
	}
	const atOnce = 200
	for part := range slices.Chunk(order, atOnce) {
		var entries []record
		for _, id := range part {
			// The entry is under the audit keys, the account of who did it under the tenant's personal key.
			if err := t.db.openLogKeys(t.db.logOf(id, Lineage)); err != nil {
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

// abandon takes the intent away when nothing was changed. Where something was, or it is not known what the key file holds,
// the intent stays, for the next unlock to finish.
func (t *Tenant) abandon(ctx context.Context, a Action, id ID, events []keyring.Event, cause error) error {
	if len(events) > 0 {
		return t.tellTenants(ctx, a, events)
	}
	if errors.Is(cause, keyring.ErrUncertain) || errors.Is(cause, keyring.ErrResidue) {
		return nil
	}
	failed := t.entry(a, Failed)
	failed.reason = reasonOf(cause)
	return t.commit(ctx, failed, func(tx *WriteTx) error { return intents.remove(tx, id) })
}

// keyEvents gathers events of one kind about one sort of key.
func keyEvents(events []keyring.Event) (all []KeyEvent) {
	for _, e := range events {
		kind, of := string(e.Kind), string(e.Object)
		if e.Owner != (keyring.Owner{}) {
			of = fmt.Sprintf("%v %s", e.Owner.Hierarchy, e.Object)
		}
		if e.Object == keyring.SlotKey && e.Name != "" {
			of += ", " + e.Name
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

// RotateKeys gives the tenant new key-encryption keys and begins new data keys. Old data keys still decrypt. The
// operator rotates any tenant, an admin the own.
func (db *DB) RotateKeys(ctx context.Context, p Principal, tenant ID) error {
	if err := db.ready(); err != nil {
		return err
	}
	if p.Role() != Operator && p.Tenant() != tenant {
		return db.refuseCrossing(ctx, p, tenant)
	}
	caller, a := &Tenant{db: db, id: p.Tenant(), principal: p}, Action{Verb: rights.KeyRotate, Object: tenant}
	if err := caller.permit(ctx, a); err != nil {
		return err
	}
	if err := db.openKeys(ctx, tenant); err != nil {
		return caller.settle(ctx, a, err)
	}
	return db.rotate(ctx, p, []ID{tenant})
}

// RotateAfter is the age at which a key-encryption key is rotated without being asked.
const RotateAfter = keyring.RotateAfter

func (db *DB) rotate(ctx context.Context, p Principal, tenants []ID) error {
	var owners []keyring.Owner
	for _, id := range tenants {
		owners = append(owners, auditOwner(id), dataOwner(id))
	}
	c := keyChange{verb: rights.KeyRotate, do: func() ([]keyring.Event, error) { return db.ring.Rotate(ctx, owners) }}
	if len(tenants) == 1 {
		c.intent.Object = tenants[0]
	}
	caller := &Tenant{db: db, id: p.Tenant(), principal: p}
	return caller.changeKeys(ctx, c)
}

// rotateDue rotates what is older than 90 days, however long the store was down.
func (db *DB) rotateDue(ctx context.Context) error {
	var tenants []ID
	for _, o := range db.ring.Due(db.now()) {
		if id := ID(o.Space); !slices.Contains(tenants, id) && !db.isErased(id) {
			tenants = append(tenants, id)
		}
	}
	if len(tenants) == 0 {
		return nil
	}
	return db.rotate(ctx, rights.System(Appliance), tenants)
}

// RewrapKeys makes a new root key and new key-encryption keys for all tenants: the emergency measure when the root key or
// its wrapping may be known to others. Interrupted, it goes on where it was when it is called again, or at the next unlock.
// unlockers reach the services of slots that wrap by call (AWS KMS, PKCS#11).
func (db *DB) RewrapKeys(ctx context.Context, p Principal, progress func(done, total int), unlockers ...Unlocker) error {
	if err := db.ready(); err != nil {
		return err
	}
	return db.appliance(p).changeKeys(ctx, keyChange{verb: rights.KeyRewrap, do: func() ([]keyring.Event, error) {
		return db.ring.Rewrap(ctx, progress, unlockers...)
	}})
}

// KeyStatus is what key list shows of one owner.
type KeyStatus = keyring.Status

// Keys lists the keys of the caller's tenant, or of all for the operator: ids, versions and ages, never keys.
func (db *DB) Keys(ctx context.Context, p Principal) (all []KeyStatus, err error) {
	if err := db.ready(); err != nil {
		return nil, err
	}
	t := &Tenant{db: db, id: p.Tenant(), principal: p}
	err = t.View(ctx, Action{Verb: rights.KeyList}, func(*ReadTx) error {
		for _, s := range db.ring.Owners() {
			if p.Role() == Operator || ID(s.Owner.Space) == p.Tenant() {
				all = append(all, s)
			}
		}
		return nil
	})
	return all, err
}

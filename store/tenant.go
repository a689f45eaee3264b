package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Tenant is the handle by which one principal works in one tenant. DB.Tenant gives it. It is safe for many goroutines.
type Tenant struct {
	db        *DB
	id        ID
	principal Principal
}

// Tenant opens a tenant for a principal. It is the only way to a tenant's records. A principal of another tenant is
// refused with a *DeniedError whether the tenant exists or not, and the attempt is entered in the appliance's audit log
// and in that of the principal's own tenant.
func (db *DB) Tenant(ctx context.Context, p Principal, id ID) (*Tenant, error) {
	if err := db.ready(); err != nil {
		return nil, err
	}
	if p.Role() == 0 || p.Tenant() != id {
		return nil, db.refuseCrossing(ctx, p, id)
	}
	t := &Tenant{db: db, id: id, principal: p}
	return t, db.openKeys(ctx, id)
}

func (db *DB) refuseCrossing(ctx context.Context, p Principal, id ID) error {
	denied := &DeniedError{Verb: rights.TenantRead, Role: p.Role()}
	r := record{log: db.logOf(Appliance, AuditLog), principal: p, action: Action{Verb: rights.TenantRead, Object: id}, outcome: Denied, reason: "another tenant"}
	home := p.Tenant()
	known := home != Appliance && !home.IsZero() && db.openKeys(ctx, home) == nil
	if err := db.audit(ctx, r); err != nil {
		return errors.Join(denied, err)
	}
	if known {
		r.log = db.logOf(home, AuditLog)
		if err := db.audit(ctx, r); err != nil {
			return errors.Join(denied, err)
		}
	}
	return denied
}

// ID is the tenant's id.
func (t *Tenant) ID() ID { return t.id }

// Principal is whose handle this is.
func (t *Tenant) Principal() Principal { return t.principal }

// View runs fn on a snapshot of the tenant, and leaves one audit entry before it returns: of a reading, or of its refusal.
// The outcome that fn decides is returned only when that entry is durable.
func (t *Tenant) View(ctx context.Context, a Action, fn func(*ReadTx) error) error {
	if err := t.permit(ctx, a); err != nil {
		return err
	}
	entered := false
	defer func() {
		if !entered { // fn panicked: what it read was read
			_ = t.settle(ctx, a, errPanicked)
		}
	}()
	err := t.view(ctx, fn)
	entered = true
	return t.settle(ctx, a, err)
}

// errPanicked is how a reading ends whose function did not return.
var errPanicked = errors.New("panicked")

// view is View without permission and entry. Keys are not retired under it.
func (t *Tenant) view(ctx context.Context, fn func(*ReadTx) error) error {
	defer t.db.fence.enter()()
	return t.db.kv.View(ctx, func(from *kv.ReadTx) error { return fn(&ReadTx{t, from}) })
}

// Update runs fn in a transaction that commits its changes, its ledger leaves and its one audit entry together, or
// nothing but an entry that it failed. When Update returns nil, everything is durable.
func (t *Tenant) Update(ctx context.Context, a Action, fn func(*WriteTx) error) error {
	if err := t.permit(ctx, a); err != nil {
		return err
	}
	if err := t.commit(ctx, t.entry(a, Done), fn); err != nil {
		return t.settle(ctx, a, err)
	}
	return nil
}

// entry is the entry to be of an action in this tenant's audit log.
func (t *Tenant) entry(a Action, o Outcome) record {
	return record{log: t.db.logOf(t.id, AuditLog), principal: t.principal, action: a, outcome: o}
}

// commit runs fn and writes what it changed together with the entries: the first is completed with the changes and
// leaves, the others are appended as they are.
func (t *Tenant) commit(ctx context.Context, first record, fn func(*WriteTx) error, others ...record) error {
	defer t.db.fence.enter()()
	var tx *WriteTx
	defer func() { t.changed(tx) }()
	return t.db.kv.Update(ctx, kv.Op{
		Essential: essential(first.action.Verb),
		Prepare: func(to *kv.Tx) error {
			tx = &WriteTx{tenant: t, to: to, now: t.db.now().UTC()}
			return fn(tx)
		},
		Finish: func(tail *kv.Tail) error {
			if err := t.finish(tail, first, tx); err != nil {
				return err
			}
			for _, r := range others {
				if err := t.db.enter(tail, r); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// finish writes leaves and entry of a transaction into the batch that carries its changes.
func (t *Tenant) finish(tail *kv.Tail, r record, tx *WriteTx) error {
	if t.db.isErased(t.id) { // since the handle was given out
		return fmt.Errorf("tenant %s: %w", t.id, ErrErased)
	}
	r.changes, r.object = tx.changes, tx.object
	for _, l := range tx.lineage {
		sequence, err := t.appendLineage(tail, l)
		if err != nil {
			return err
		}
		r.lineage = append(r.lineage, sequence)
	}
	return t.db.enter(tail, r)
}

// appendLineage adds a leaf to the tenant's ledger in the batch at hand.
func (t *Tenant) appendLineage(tail *kv.Tail, l ledger.Lineage) (int64, error) {
	l.Actor = ledger.ID(t.principal.User())
	return t.db.book.append(tail, t.db.logOf(t.id, Lineage), t.db.now().UTC(), func(_ int64, at time.Time) ([]byte, error) {
		l.Time = at
		return l.Canonical()
	})
}

// essential verbs work on a nearly full disk: the way in, and the way out with one's data.
func essential(v Verb) bool {
	switch v.String() {
	case rights.SignIn.String(), rights.StepUp.String(), rights.SignOut.String(), rights.SessionClose.String(), rights.RunExport.String(), rights.AuditExport.String():
		return true
	}
	return false
}

// permit checks the table, and enters a denial. A handle outlives a locking: its keys are made ready again.
func (t *Tenant) permit(ctx context.Context, a Action) error {
	if err := t.db.ready(); err != nil {
		return err
	}
	if err := t.db.openKeys(ctx, t.id); err != nil {
		return err
	}
	if t.principal.May(a.Verb) {
		return nil
	}
	denied := &DeniedError{Verb: a.Verb, Role: t.principal.Role()}
	r := t.entry(a, Denied)
	r.reason = "role"
	return errors.Join(denied, t.db.audit(ctx, r))
}

// settle enters how a reading ended, or that a change failed. A cancelled request is entered too.
func (t *Tenant) settle(ctx context.Context, a Action, err error) error {
	r := t.entry(a, Done)
	if err != nil {
		r.outcome, r.reason = Failed, reasonOf(err)
		var denied *DeniedError
		if errors.As(err, &denied) {
			r.outcome = Denied
		}
	}
	ctx = context.WithoutCancel(ctx)
	if failed := errors.Join(t.db.tellUnwrapped(ctx), t.db.audit(ctx, r)); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

func (t *Tenant) owner() keyring.Owner { return keyring.Owner{Hierarchy: keyring.Data, Space: t.id} }

func (t *Tenant) address(collection uint16, key []byte) kv.Address {
	return kv.Address{Space: t.id, Collection: collection, Key: key}
}

func (t *Tenant) decrypt(collection uint16, key []byte, b envelope.Box) ([]byte, error) {
	k, err := t.db.ring.Key(t.owner(), b.KeyID())
	if err != nil {
		return nil, err
	}
	return k.Decrypt(t.db.place(t.id, collection, key), b)
}

// openKeys makes a tenant's keys ready for use; the first use since the store was unlocked is an audit entry of its own.
func (db *DB) openKeys(ctx context.Context, id ID) error {
	if db.isErased(id) {
		return fmt.Errorf("tenant %s: %w", id, ErrErased)
	}
	var used []KeyEvent
	for _, h := range []keyring.Hierarchy{keyring.Audit, keyring.Data} {
		events, err := db.ring.Open(keyring.Owner{Hierarchy: h, Space: id})
		if errors.Is(err, keyring.ErrUnknownOwner) {
			return fmt.Errorf("tenant %s: %w", id, ErrNotFound)
		}
		if err != nil {
			return fmt.Errorf("keys of tenant %s: %w", id, err)
		}
		used = append(used, keyEvents(events)...)
	}
	if len(used) == 0 {
		return nil
	}
	return db.audit(ctx, record{log: db.logOf(id, AuditLog), principal: rights.System(Appliance), action: Action{Verb: rights.KeyUnwrap, Object: id}, outcome: Done, keys: used})
}

package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Reception is where someone who is not yet a Principal is received: store/directory looks here who it is, and enters how that
// ended. DB.Receive gives it to those who can make a rights.Caller, which are the packages of the store.
type Reception struct{ tenant *Tenant }

// Refusal ends a Reception.Settle with a denied entry, while what the function wrote is kept: a counter of wrong codes must
// not be lost because the code was wrong.
type Refusal struct {
	Reason string // the class of the reason, for the audit log; no data
	Err    error  // what the caller is told
}

func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap is the error that the caller is told.
func (r *Refusal) Unwrap() error { return r.Err }

// Receive opens a tenant, or the Appliance where the tenant is unknown, for a caller who is not yet known. Errors are those of
// DB.Tenant, except that nothing is denied here.
func (db *DB) Receive(ctx context.Context, c rights.Caller, tenant ID) (*Reception, error) {
	if !c.Valid() {
		panic("store: Receive without a caller")
	}
	if err := db.ready(); err != nil {
		return nil, err
	}
	t := &Tenant{db: db, id: tenant, principal: Principal{}.From(c.Source())}
	return &Reception{t}, db.openKeys(ctx, tenant)
}

// Read runs fn on a snapshot. It leaves no entry: the entry is that of Settle, or of what the caller does once known.
func (r *Reception) Read(ctx context.Context, fn func(*ReadTx) error) error {
	return r.tenant.view(ctx, fn)
}

// Settle runs fn in a transaction and commits what it wrote together with one entry: done, by the principal that fn found
// the caller to be; or denied, by nobody, where fn returns a *Refusal, which is then Settle's error too. Any other error of fn
// undoes what it wrote and leaves an entry that the action failed. fn may run twice, like that of Tenant.Update.
func (r *Reception) Settle(ctx context.Context, a Action, fn func(*WriteTx) (Principal, error)) error {
	return r.settle(ctx, a, func(tx *WriteTx) (Principal, error) {
		found, err := fn(tx)
		if err == nil && (found.Tenant() != r.tenant.id || !rights.Allowed(found.Role(), a.Verb)) { // its scopes are for what comes after
			err = fmt.Errorf("receive as %s: %w", found.Role(), &DeniedError{Verb: a.Verb, Role: found.Role()})
		}
		return found, err
	})
}

// Note is Settle for what anybody may ask for without saying who it is, such as a message that leads to a new password: its
// entry says done, by nobody.
func (r *Reception) Note(ctx context.Context, a Action, fn func(*WriteTx) error) error {
	return r.settle(ctx, a, func(tx *WriteTx) (Principal, error) { return r.tenant.principal, fn(tx) })
}

// Settle is Update for a proof that a known caller gives: where fn returns a *Refusal, which is then Settle's error too, what it
// wrote is kept and the entry says denied.
func (t *Tenant) Settle(ctx context.Context, a Action, fn func(*WriteTx) error) error {
	if err := t.permit(ctx, a); err != nil {
		return err
	}
	return (&Reception{t}).settle(ctx, a, func(tx *WriteTx) (Principal, error) { return t.principal, fn(tx) })
}

func (r *Reception) settle(ctx context.Context, a Action, fn func(*WriteTx) (Principal, error)) error {
	t := r.tenant
	var tx *WriteTx
	var end record
	var refused *Refusal
	defer t.db.fence.enter()()
	defer func() { t.changed(tx) }()
	err := t.db.kv.Update(ctx, kv.Op{
		Essential: essential(a.Verb),
		Prepare: func(to *kv.Tx) error {
			tx = &WriteTx{tenant: t, to: to, now: t.db.now().UTC()}
			found, err := fn(tx)
			refused = nil
			end = t.entry(a, Done)
			switch {
			case errors.As(err, &refused):
				end.outcome, end.reason = Denied, refused.Reason
			case err != nil:
				return err
			default:
				end.principal = found
			}
			return nil
		},
		Finish: func(tail *kv.Tail) error { return t.finish(tail, end, tx) },
	})
	switch {
	case err != nil:
		return t.settle(ctx, a, err)
	case refused != nil:
		return refused
	}
	return nil
}

package store

import (
	"context"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// openIntents are those that a crash left.
func (db *DB) openIntents(ctx context.Context) (all []Record[intent], err error) {
	t := &Tenant{db: db, id: Appliance}
	err = db.kv.View(ctx, func(from *kv.ReadTx) error {
		page, err := intents.List(&ReadTx{t, from}, "", maxPage)
		all = page.Records
		return err
	})
	return all, err
}

// finishIntent carries an interrupted change of keys to its end. Every change can be made twice, so it is not asked
// whether the key file had been written.
func (db *DB) finishIntent(ctx context.Context, system *Tenant, r Record[intent]) error {
	in := r.Value
	a := Action{Verb: rights.StoreRecover, Object: in.Object}
	var events []keyring.Event
	var then func(*WriteTx) error
	var err error
	switch in.Verb {
	case rights.TenantAdd.String():
		events, err = db.ring.Add(ctx, grants(in.Object))
		then = func(tx *WriteTx) error { return enrol(tx, in.Object, in.Name) }
		if err == nil {
			err = db.openKeys(ctx, in.Object)
		}
	case rights.TenantErase.String():
		events, err = db.ring.Erase(ctx, []keyring.Owner{{Hierarchy: keyring.Data, Space: in.Object}})
	default:
		// A rotation or rewrapping left the key file whole, before or after it. What is due is rotated again by itself.
	}
	if err != nil {
		return err
	}
	return system.concludeKeys(ctx, a, r.ID, events, then)
}

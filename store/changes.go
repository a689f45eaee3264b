package store

import "sync/atomic"

// changeCounts count changes of tenants, some of which share a count: whoever goes by it reads once too often.
type changeCounts [256]atomic.Uint64

func (c *changeCounts) of(tenant ID) *atomic.Uint64 { return &c[tenant[len(tenant)-1]] }

// Changes is a number that grows with every transaction that may have changed records of the tenant, before that transaction's caller goes on.
// What was read of a tenant after asking for it holds as long as it is the same; so that who somebody is need not be
// read anew for every request. It is for everybody, and says nothing of what tenants do but that they do something.
func (db *DB) Changes(tenant ID) uint64 { return db.changes.of(tenant).Load() }

// changed counts a transaction that wrote something, whatever became of it: of a failed sync nobody knows.
func (t *Tenant) changed(tx *WriteTx) {
	if tx != nil && len(tx.changes) > 0 {
		t.db.changes.of(t.id).Add(1)
	}
}

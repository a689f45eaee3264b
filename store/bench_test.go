package store

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// How fast an audited change is stands beside bare commits of the same disk: BenchmarkAudited in store/internal/kv.

func benchStore(b *testing.B) (*DB, func()) {
	dir := b.TempDir()
	key := filepath.Join(dir, "root.key")
	if err := NewKeyFile(key, nil); err != nil {
		b.Fatal(err)
	}
	o := Options{Ballast: -1}
	if _, err := Create(b.Context(), filepath.Join(dir, "store"), o, KeyFile(key)); err != nil {
		b.Fatal(err)
	}
	db, err := Open(filepath.Join(dir, "store"), o)
	if err != nil {
		b.Fatal(err)
	}
	if err := db.Unlock(b.Context(), operator(), KeyFile(key)); err != nil {
		b.Fatal(err)
	}
	return db, func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	}
}

func benchTenants(b *testing.B, db *DB, n int) (all []*Tenant) {
	for i := range n {
		id, err := db.AddTenant(b.Context(), operator(), fmt.Sprintf("tenant %d", i))
		if err != nil {
			b.Fatal(err)
		}
		h, err := db.Tenant(b.Context(), rights.User(ID{7: 7}, id, Admin, Source{Address: "192.0.2.7"}, nil), id)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, h)
	}
	return all
}

// BenchmarkVerify hashes, decrypts and compares every byte of an audit log anew.
func BenchmarkVerify(b *testing.B) {
	db, done := benchStore(b)
	defer done()
	h := benchTenants(b, db, 1)[0]
	const leaves = 100_000
	fill(b, db, h, leaves)
	for b.Loop() {
		r, err := db.verifyLog(b.Context(), db.logOf(h.id, AuditLog), nil, nil, nil)
		if err != nil || r.Fault != nil {
			b.Fatal(err, r.Fault)
		}
	}
	b.ReportMetric(leaves*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
}

// BenchmarkProve proves one of 100,000 leaves from the database, and verifies the proof.
func BenchmarkProve(b *testing.B) {
	db, done := benchStore(b)
	defer done()
	h := benchTenants(b, db, 1)[0]
	const leaves = 100_000
	fill(b, db, h, leaves)
	if err := db.checkpoint(b.Context()); err != nil {
		b.Fatal(err)
	}
	i := int64(0)
	for b.Loop() {
		i = (i + 7919) % leaves
		if _, err := db.prove(b.Context(), db.logOf(h.id, AuditLog), i); err != nil {
			b.Fatal(err)
		}
	}
}

// fill appends entries in large commits.
func fill(b *testing.B, db *DB, h *Tenant, leaves int) {
	const atOnce = 500
	for range leaves / atOnce {
		entries := make([]record, atOnce)
		for i := range entries {
			entries[i] = h.entry(Action{Verb: rights.TenantRead, Object: h.id}, Done)
		}
		if err := db.enterAll(b.Context(), entries); err != nil {
			b.Fatal(err)
		}
	}
}

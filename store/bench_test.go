package store

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"go.etcd.io/bbolt"
)

// BenchmarkChange is an audited, durable change of a 512-byte value: encryption, audit entry, Merkle trees, one commit.
// Beside it, on the same disk in the same run: a bare bbolt commit with fsync for each change by one writer, and group
// commit of an encrypted value without audit.
func BenchmarkChange(b *testing.B) {
	value := strings.Repeat("v", 512)
	b.Run("bare bbolt commit/writers=1", func(b *testing.B) { benchBare(b, value) })
	for _, writers := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("group commit without encryption and audit/writers=%d", writers), func(b *testing.B) { benchGroup(b, writers, value) })
		b.Run(fmt.Sprintf("audited change/writers=%d", writers), func(b *testing.B) { benchAudited(b, writers, value) })
	}
}

func benchBare(b *testing.B, value string) {
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	measure(b, 1, func(_, i int) error {
		return db.Update(func(tx *bbolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists([]byte("b"))
			if err != nil {
				return err
			}
			return bucket.Put(fmt.Appendf(nil, "%016d", i), []byte(value))
		})
	})
}

func benchGroup(b *testing.B, writers int, value string) {
	path := filepath.Join(b.TempDir(), "group.db")
	if err := kv.Create(path); err != nil {
		b.Fatal(err)
	}
	db, err := kv.Open(path, kv.Options{Ballast: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	// One box for all: group commit alone is measured, without encryption.
	key, err := envelope.NewKey(Options{}.filled().Rand)
	if err != nil {
		b.Fatal(err)
	}
	box := key.Encrypt(envelope.Place{}, 1, nil, []byte(value))
	measure(b, writers, func(w, i int) error {
		return db.Update(b.Context(), kv.Op{Prepare: func(tx *kv.Tx) error {
			return tx.Put(kv.Address{Collection: 1, Key: fmt.Appendf(nil, "%04d%012d", w, i)}, box)
		}})
	})
}

func benchAudited(b *testing.B, writers int, value string) {
	db, done := benchStore(b)
	defer done()
	tenants := benchTenants(b, db, 16)
	measure(b, writers, func(w, i int) error {
		h := tenants[w%len(tenants)]
		return h.Update(b.Context(), Action{Verb: rights.TenantChange}, func(tx *WriteTx) error {
			return memos.Insert(tx, tx.NewID(), memo{value})
		})
	})
}

// measure runs b.N changes by so many writers, and reports rate and the slowest hundredth.
func measure(b *testing.B, writers int, change func(writer, i int) error) {
	times := make([][]time.Duration, writers)
	b.ResetTimer()
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := w; i < b.N; i += writers {
				start := time.Now()
				if err := change(w, i); err != nil {
					b.Error(err)
					return
				}
				times[w] = append(times[w], time.Since(start))
			}
		})
	}
	all.Wait()
	b.StopTimer()
	joined := slices.Concat(times...)
	slices.Sort(joined)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
	b.ReportMetric(float64(joined[len(joined)*99/100].Microseconds())/1000, "p99-ms")
}

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
	if err := db.Unlock(b.Context(), KeyFile(key)); err != nil {
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
		r, err := db.verifyLog(b.Context(), db.logOf(h.id, AuditLog), nil)
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

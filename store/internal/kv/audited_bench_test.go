package kv_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

type value struct {
	Text string `json:"text"`
}

var values = store.Define[value]("settings", 1)

// BenchmarkAudited is what a user of the store waits for: a durable change of a 512-byte value of one of 16 tenants, with
// encryption, audit entry and Merkle trees in the same commit. Beside it, on the same disk in the same run, what BenchmarkUpdate
// measures: a bare bbolt commit for each change, and plain group commit without encryption and audit.
func BenchmarkAudited(b *testing.B) {
	b.Run("bare/writers=1", func(b *testing.B) { benchmarkBolt(b, 1, bareCommit) })
	for _, writers := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("plain/writers=%d", writers), func(b *testing.B) { benchmarkBolt(b, writers, plainGroupCommit) })
		b.Run(fmt.Sprintf("audited/writers=%d", writers), func(b *testing.B) { benchmarkAudited(b, writers) })
	}
}

func benchmarkAudited(b *testing.B, writers int) {
	dir := b.TempDir()
	key, folder := filepath.Join(dir, "root.key"), filepath.Join(dir, "store")
	if err := store.NewKeyFile(key, nil); err != nil {
		b.Fatal(err)
	}
	if _, err := store.Create(b.Context(), folder, store.Options{Ballast: -1}, store.KeyFile(key)); err != nil {
		b.Fatal(err)
	}
	db, err := store.Open(folder, store.Options{Ballast: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Unlock(b.Context(), rights.HostOperator(store.Appliance, "bench", store.Source{Address: "host"}), store.KeyFile(key)); err != nil {
		b.Fatal(err)
	}
	var tenants []*store.Tenant
	for i := range 16 {
		tenants = append(tenants, newTenant(b, db, fmt.Sprint("tenant ", i)))
	}
	text := strings.Repeat("v", 512)
	measure(b, writers, func(n int) error {
		return tenants[n%len(tenants)].Update(b.Context(), store.Action{Verb: rights.TenantChange}, func(tx *store.WriteTx) error {
			return values.Insert(tx, tx.NewID(), value{text})
		})
	})
}

func newTenant(b *testing.B, db *store.DB, name string) *store.Tenant {
	id, err := db.AddTenant(b.Context(), rights.HostOperator(store.Appliance, "bench", store.Source{Address: "host"}), name)
	if err != nil {
		b.Fatal(err)
	}
	t, err := db.Tenant(b.Context(), rights.User(store.ID{7}, id, store.Admin, store.Source{Address: "192.0.2.7"}, nil), id)
	if err != nil {
		b.Fatal(err)
	}
	return t
}

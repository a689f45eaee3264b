package backup_test

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/backup"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// bulk are records of about half a megabyte.
var bulk = store.Define[string]("settings", 1)

const mebi = 1 << 20

// filled is a store with so many MiB of records and of blobs, and its backups.
type filled struct {
	dir    string
	db     *store.DB
	owner  *age.X25519Identity
	target backup.Target
	keeper *backup.Keeper
}

func newFilled(b *testing.B, records, blobs int) *filled {
	b.Helper()
	f := &filled{dir: filepath.Join(b.TempDir(), "store"), target: backup.Folder(b.TempDir())}
	storetest.Create(b, f.dir, store.Options{})
	db, err := store.Open(f.dir, store.Options{Ballast: -1})
	must(b, err)
	b.Cleanup(func() { must(b, db.Close()) })
	must(b, db.Unlock(b.Context(), storetest.Operator(), storetest.Unlocker(f.dir)))
	f.db = db
	tenant := storetest.AddTenant(b, db, "Gulf Mutual")
	h, err := db.Tenant(b.Context(), storetest.User(tenant, store.Admin), tenant)
	must(b, err)
	value := make([]byte, 256<<10)
	for range records * 2 {
		_, _ = rand.Read(value)
		must(b, h.Update(b.Context(), store.Action{Verb: rights.TenantChange}, func(tx *store.WriteTx) error {
			return bulk.Insert(tx, tx.NewID(), hex.EncodeToString(value))
		}))
	}
	a := store.Action{Verb: rights.PortfolioImport}
	for range blobs / 16 {
		ref, err := h.WriteBlob(b.Context(), a, io.LimitReader(rand.Reader, 16*mebi))
		must(b, err)
		must(b, h.Update(b.Context(), a, func(tx *store.WriteTx) error { return tx.KeepBlob(ref, tx.NewID()) }))
	}
	f.owner, err = age.GenerateX25519Identity()
	must(b, err)
	f.keeper, err = backup.NewKeeper(db, backup.Options{
		Targets: []backup.Target{f.target}, Recipients: []string{f.owner.Recipient().String()}, Scratch: b.TempDir(),
	})
	must(b, err)
	return f
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSnapshot is how long a snapshot is held.
func BenchmarkSnapshot(b *testing.B) {
	f := newFilled(b, 256, 0)
	for b.Loop() {
		folder, err := os.MkdirTemp(b.TempDir(), "")
		must(b, err)
		s, err := f.db.Snapshot(b.Context(), storetest.Operator(), folder)
		must(b, err)
		s.Release()
		b.SetBytes(s.Bytes)
		must(b, os.RemoveAll(folder))
	}
}

// BenchmarkCreate is a backup of 256 MiB of records with its quick drill; BenchmarkCreate/first also has 256 MiB of new blobs.
func BenchmarkCreate(b *testing.B) {
	b.Run("database", func(b *testing.B) {
		f := newFilled(b, 256, 0)
		for b.Loop() {
			all, err := f.keeper.Create(b.Context(), storetest.Operator(), nil)
			must(b, err)
			b.SetBytes(all[0].DatabaseBytes)
		}
	})
	b.Run("first", func(b *testing.B) {
		f := newFilled(b, 64, 448)
		for b.Loop() {
			b.StopTimer()
			f.target = backup.Folder(b.TempDir())
			k, err := backup.NewKeeper(f.db, backup.Options{Targets: []backup.Target{f.target}, Recipients: []string{f.owner.Recipient().String()}, Scratch: b.TempDir()})
			must(b, err)
			b.StartTimer()
			all, err := k.Create(b.Context(), storetest.Operator(), nil)
			must(b, err)
			b.SetBytes(all[0].StoredBytes)
		}
	})
}

// BenchmarkRestore restores 1 GiB, unlocks it and verifies every byte of it.
func BenchmarkRestore(b *testing.B) {
	f := newFilled(b, 256, 768)
	_, err := f.keeper.Create(b.Context(), storetest.Operator(), nil)
	must(b, err)
	for b.Loop() {
		dir := filepath.Join(b.TempDir(), "new")
		r, err := backup.Restore(b.Context(), f.target, backup.RestoreOptions{Identities: []age.Identity{f.owner}, Dir: dir})
		must(b, err)
		b.SetBytes(r.Bytes)
		db, err := store.Open(dir, store.Options{Ballast: -1})
		must(b, err)
		must(b, db.Unlock(b.Context(), storetest.Operator(), storetest.Unlocker(f.dir)))
		must(b, backup.Conclude(b.Context(), db, storetest.Operator(), r))
		report, err := db.Check(b.Context(), storetest.Operator(), nil)
		must(b, err)
		if len(report.Faults) > 0 {
			b.Fatal(report.Faults)
		}
		must(b, db.Close())
		must(b, os.RemoveAll(dir))
	}
}

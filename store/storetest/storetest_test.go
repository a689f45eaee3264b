package storetest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
)

func TestNew(t *testing.T) {
	db := storetest.New(t, store.Options{})
	id := storetest.AddTenant(t, db, "Example Mutual")
	found, err := db.Named(t.Context(), "Example Mutual")
	if err != nil || found != id {
		t.Fatalf("tenant by name: %s, %v; added as %s", found, err, id)
	}
}

// TestNamesFaults damages a store behind its back and wants the check at the end to say so.
func TestNamesFaults(t *testing.T) {
	r := &recorder{T: t}
	dir := filepath.Join(t.TempDir(), "store")
	storetest.Create(t, dir, store.Options{})
	db := storetest.Open(r, dir, store.Options{})
	storetest.AddTenant(t, db, "Example Mutual")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(dir, "main.db")
	raw, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	// What is in use is at the front; the first two pages would not even open.
	for i := 2 * os.Getpagesize(); i < 256<<10; i += 100 {
		raw[i] ^= 1
	}
	if err := os.WriteFile(database, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	r.finish()
	if len(r.faults) == 0 {
		t.Error("changed bytes went unnoticed")
	}
}

// recorder is a test that keeps what is wrong to itself.
type recorder struct {
	*testing.T
	last   []func()
	faults []string
}

func (r *recorder) Cleanup(fn func()) { r.last = append(r.last, fn) }

func (r *recorder) Errorf(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatal(args ...any) {
	r.faults = append(r.faults, fmt.Sprint(args...))
	panic(r)
}

func (r *recorder) finish() {
	defer func() { _ = recover() }()
	for _, fn := range r.last {
		fn()
	}
}

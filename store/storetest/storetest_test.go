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
	// A changing byte with changing neighbours is part of a value or of a page's head.
	for i := len(raw) / 2; i < len(raw); i++ {
		if raw[i] != 0 && raw[i+1] != 0 && raw[i+2] != 0 {
			raw[i+1] ^= 1
			break
		}
	}
	if err := os.WriteFile(database, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	r.finish()
	if len(r.faults) == 0 {
		t.Error("a changed byte went unnoticed")
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

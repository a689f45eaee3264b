package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// copied keeps files of a closed store as they are now.
func copied(t *testing.T, dir string, names ...string) (restore func()) {
	t.Helper()
	held := map[string][]byte{}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		held[name] = content
	}
	return func() {
		for name, content := range held {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestRollback puts back earlier files, alone and together, and wants the alarm.
func TestRollback(t *testing.T) {
	for name, files := range map[string][]string{
		"database": {databaseFile}, "key file": {keysFile}, "both": {databaseFile, keysFile},
	} {
		t.Run(name, func(t *testing.T) {
			db, dir := opened(t, Options{})
			key := filepath.Join(filepath.Dir(dir), "root.key")
			h := tenantOfTest(t, db, Admin)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			restore := copied(t, dir, files...)
			again := reopened(t, dir, key, Options{Ballast: -1})
			if err := again.RotateKeys(t.Context(), operator(), h.id); err != nil {
				t.Fatal(err)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
			restore()
			var alarm string
			o := Options{Ballast: -1, Alarm: func(what string) { alarm = what }}
			back, err := Open(dir, o)
			if err != nil {
				t.Fatal(err)
			}
			var rollback *RollbackError
			if err := back.Unlock(t.Context(), operator(), KeyFile(key)); !errors.As(err, &rollback) || alarm == "" {
				t.Fatalf("unlock: %v, alarm %q", err, alarm)
			}
			if err := back.Close(); err != nil {
				t.Fatal(err)
			}
			if name != "both" {
				return // the two files do not fit each other: an operator restores both
			}
			o.AcceptRollback = true
			reopened(t, dir, key, o)
		})
	}
}

// TestErasureSurvivesRestores erases a tenant and puts back the files of before, alone and together: it stays erased.
func TestErasureSurvivesRestores(t *testing.T) {
	for name, files := range map[string][]string{"database": {databaseFile}, "database and key file": {databaseFile, keysFile}} {
		t.Run(name, func(t *testing.T) {
			db, dir := opened(t, Options{})
			key := filepath.Join(filepath.Dir(dir), "root.key")
			h := tenantOfTest(t, db, Admin)
			if err := write(t, h, ID{1: 1}, "secret"); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			restore := copied(t, dir, files...)
			again := reopened(t, dir, key, Options{Ballast: -1})
			if _, err := again.EraseTenant(t.Context(), operator(), h.id); err != nil {
				t.Fatal(err)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
			restore()
			back := reopened(t, dir, key, Options{Ballast: -1, AcceptRollback: true})
			if _, err := back.Tenant(t.Context(), h.principal, h.id); !errors.Is(err, ErrErased) {
				t.Errorf("tenant: %v", err)
			}
			infos, err := back.Tenants(t.Context(), operator())
			if err != nil || len(infos) != 1 || infos[0].Erased == nil {
				t.Errorf("tenants: %+v, %v", infos, err)
			}
			if c, err := back.Certificate(t.Context(), operator(), h.id); err != nil || c.Tenant != h.id {
				t.Errorf("certificate: %+v, %v", c, err)
			}
		})
	}
}

// TestClockGoesBack: entries stay in order, and say what the clock had said.
func TestClockGoesBack(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	db, _ := opened(t, Options{Now: func() time.Time { return now }})
	h := tenantOfTest(t, db, Admin)
	if err := write(t, h, ID{1: 1}, "before"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(-3 * time.Hour)
	if err := write(t, h, ID{1: 2}, "after"); err != nil {
		t.Fatal(err)
	}
	entries, err := h.Audit(t.Context(), Query{Action: "tenant.change"})
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	if entries[1].Time.Before(entries[0].Time) || entries[1].Clock == nil || !entries[1].Clock.Equal(now) {
		t.Errorf("second entry at %v, clock %v", entries[1].Time, entries[1].Clock)
	}
}

// TestWrongKey: nothing is written, and the store stays locked.
func TestWrongKey(t *testing.T) {
	db, dir := opened(t, Options{})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.key")
	if err := NewKeyFile(other, nil); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	again, err := Open(dir, Options{Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Unlock(t.Context(), operator(), KeyFile(other)); !errors.Is(err, ErrWrongKey) {
		t.Errorf("unlock: %v", err)
	}
	if _, err := again.Tenants(t.Context(), operator()); !errors.Is(err, ErrLocked) {
		t.Errorf("tenants of a locked store: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	after := contents(t, dir)
	for name := range before {
		if before[name] != after[name] && name != "LOCK" {
			t.Errorf("%s was changed", name)
		}
	}
}

// contents reads every file of a directory.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTwoProcesses: a directory is open once.
func TestTwoProcesses(t *testing.T) {
	_, dir := opened(t, Options{})
	_, err := Open(dir, Options{Ballast: -1})
	var inUse InUseError
	if !errors.As(err, &inUse) || inUse.PID != os.Getpid() {
		t.Errorf("second open: %v", err)
	}
}

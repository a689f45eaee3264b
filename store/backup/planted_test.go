package backup_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/backup"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// plant writes a file at the place of backups, as somebody does who may write there and has no key.
func (s *site) plant(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.folder, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		s.t.Fatal(err)
	}
}

// TestPlantedErasure has the list of erasures name a living tenant. The restore leaves it alone, and does not touch the anchor that was
// kept elsewhere before the store is proved.
func TestPlantedErasure(t *testing.T) {
	s := newSite(t)
	s.create()
	elsewhere := filepath.Join(t.TempDir(), "anchor")
	text, err := os.ReadFile(filepath.Join(s.dir, "anchor"))
	if err == nil {
		err = os.WriteFile(elsewhere, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.plant("erasures", fmt.Sprintf(`{"version":1,"erased":[{"owner":{"Hierarchy":1,"Space":%s},"at":"2026-01-02T03:04:05Z","generation":1,"keys":[]}]}`,
		strings.ReplaceAll(fmt.Sprint([16]byte(s.tenant)), " ", ",")))
	if all, err := backup.Erasures(t.Context(), s.target); err != nil || len(all) != 1 {
		t.Fatalf("the planted list is not read: %v, %v", all, err)
	}
	o := backup.RestoreOptions{Identities: []age.Identity{s.owner}, Dir: filepath.Join(t.TempDir(), "new"), Anchor: elsewhere, AcceptRollback: true}
	if _, err := backup.Restore(t.Context(), s.target, o); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(elsewhere); err != nil || !bytes.Equal(after, text) {
		t.Errorf("the anchor elsewhere was changed before the store was proved: %v", err)
	}
	o.Dir = filepath.Join(t.TempDir(), "another")
	_, db := s.restore(o, store.Options{Anchor: elsewhere, AcceptRollback: true})
	if _, err := db.Tenant(t.Context(), storetest.User(s.tenant, store.Admin), s.tenant); err != nil {
		t.Errorf("the tenant that the list names: %v", err)
	}
}

// TestRestoreBesideAnother refuses a folder that no restore has made, and one that another restore is at work in.
func TestRestoreBesideAnother(t *testing.T) {
	s := newSite(t)
	s.create()
	dir := filepath.Join(t.TempDir(), "new")
	o := backup.RestoreOptions{Identities: []age.Identity{s.owner}, Dir: dir}
	foreign := filepath.Join(dir+".restoring", "thesis.txt")
	if err := errors.Join(os.Mkdir(dir+".restoring", 0o700), os.WriteFile(foreign, []byte("years of work"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), s.target, o); !errors.Is(err, store.ErrExists) {
		t.Errorf("beside a folder of somebody else: %v", err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("it is gone: %v", err)
	}
	if err := os.RemoveAll(dir + ".restoring"); err != nil {
		t.Fatal(err)
	}
	other, err := store.Assemble(dir)
	if err != nil {
		t.Fatal(err)
	}
	var used store.InUseError
	if _, err := backup.Restore(t.Context(), s.target, o); !errors.As(err, &used) {
		t.Errorf("beside another restore: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir+".restoring", "RESTORING")); err != nil {
		t.Errorf("what the other restore has made is gone: %v", err)
	}
	if err := other.Abandon(); err != nil {
		t.Fatal(err)
	}
	s.restore(backup.RestoreOptions{Dir: dir}, store.Options{})
}

package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
)

// TestForgedErasureLeftOut notes erasures in the anchor that nobody with a key of the installation has written: of a tenant that lives, and,
// before the true one, of a tenant that is erased. The store unlocks, the first stays, the second goes, and all is told.
func TestForgedErasureLeftOut(t *testing.T) {
	db, dir := opened(t, Options{})
	key := filepath.Join(filepath.Dir(dir), "root.key")
	living, gone := tenantOfTest(t, db, Admin), tenantOfTest(t, db, Admin)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	restore := copied(t, dir, databaseFile, keysFile, anchorFile)
	again := reopened(t, dir, key, Options{Ballast: -1})
	if _, err := again.EraseTenant(t.Context(), operator(), gone.id); err != nil {
		t.Fatal(err)
	}
	genuine := again.Erasures()
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	restore()
	shadow := genuine[0]
	shadow.MAC = [32]byte{}
	if err := noteErasures(filepath.Join(dir, anchorFile), []Erasure{{Owner: dataOwner(living.id)}, shadow, genuine[0]}); err != nil {
		t.Fatal(err)
	}
	var alarms []string
	back := reopened(t, dir, key, Options{Ballast: -1, Alarm: func(what string) { alarms = append(alarms, what) }})
	if len(alarms) != 1 || !strings.Contains(alarms[0], "2 noted erasures were not written by this installation") {
		t.Errorf("alarms: %q", alarms)
	}
	if back.isErased(living.id) || !back.isErased(gone.id) {
		t.Errorf("living erased %v, gone erased %v", back.isErased(living.id), back.isErased(gone.id))
	}
	if noted := back.anchor.now().Erased; len(noted) != 1 || !noted[0].Equal(genuine[0]) {
		t.Errorf("the anchor still notes %+v", noted)
	}
	entries, err := back.appliance(operator()).Audit(t.Context(), Query{Action: "store.alarm"})
	if err != nil || len(entries) != 1 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}

// TestBroughtErasures opens a store that a restore has put in place, with its anchor elsewhere: what the restore noted is applied, and only
// what is genuine of it comes into the anchor.
func TestBroughtErasures(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "anchor")
	db, dir := opened(t, Options{Anchor: elsewhere})
	key := filepath.Join(filepath.Dir(dir), "root.key")
	living := tenantOfTest(t, db, Admin)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, anchorFile)
	if err := writeSummed(own, anchorContent{Version: 1, Erased: []keyring.Erasure{{Owner: dataOwner(living.id)}}}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := Open(dir, Options{Anchor: elsewhere, Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := locked.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(elsewhere); err != nil || string(after) != string(before) {
		t.Errorf("opening it has changed the anchor: %v", err)
	}
	back := reopened(t, dir, key, Options{Anchor: elsewhere, Ballast: -1})
	if back.isErased(living.id) || len(back.anchor.now().Erased) != 0 {
		t.Errorf("%+v", back.anchor.now().Erased)
	}
	if _, err := os.Stat(own); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the anchor of the restore is still there: %v", err)
	}
}

// TestAnchorByAnotherName names the store's own anchor by another path: it is not taken for one that a restore has left.
func TestAnchorByAnotherName(t *testing.T) {
	db, dir := opened(t, Options{})
	key := filepath.Join(filepath.Dir(dir), "root.key")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	own, other := filepath.Join(dir, anchorFile), filepath.Join(t.TempDir(), "store")
	if err := os.Symlink(dir, other); err != nil {
		t.Fatal(err)
	}
	alias := filepath.Join(other, anchorFile)
	locked, err := Open(dir, Options{Anchor: alias, Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	if locked.anchor.moved != "" {
		t.Errorf("%s is to be removed", locked.anchor.moved)
	}
	if err := locked.Close(); err != nil {
		t.Fatal(err)
	}
	if err := reopened(t, dir, key, Options{Anchor: alias, Ballast: -1}).Close(); err != nil {
		t.Fatal(err)
	}
	if err := MoveAnchor(dir, alias); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(own); err != nil {
		t.Errorf("the anchor is gone: %v", err)
	}
}

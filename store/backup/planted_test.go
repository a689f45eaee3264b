package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

// TestPlantedManifest: beside a manifest that nobody can read, backups go on, and the retention too; that is an alert of its own.
func TestPlantedManifest(t *testing.T) {
	s := newSite(t)
	first := s.create()
	other := storetest.AddTenant(t, s.db, "Atlantic")
	s.write(other, 1, 1000)
	s.pass(time.Minute)
	second := s.create()
	if _, err := s.db.EraseTenant(t.Context(), storetest.Operator(), other, storetest.Unlocker(s.dir)); err != nil { // nothing of it is in the next
		t.Fatal(err)
	}
	s.plant("manifests/20260101t000000z-00000000", "no manifest")
	s.pass(40 * 24 * time.Hour)
	b := s.create()
	if b.Outcome != backup.Done || !slices.Equal(b.Pruned, []string{first.Name, second.Name}) || !strings.Contains(b.Reason, "the backup is whole") {
		t.Errorf("%+v", b)
	}
	if len(s.alerts) != 1 || s.alerts[0].Kind != "prune-failed" || !strings.Contains(s.alerts[0].Reason, "20260101t000000z-00000000") {
		t.Errorf("alerts: %+v", s.alerts)
	}
	entries(t, s.db, "backup.prune", store.Failed)
	if left, err := s.target.List(t.Context(), "databases/"); err != nil || len(left) != 1 {
		t.Errorf("databases: %v, %v", left, err)
	}
	packs := func(want int) {
		t.Helper()
		if left, err := s.target.List(t.Context(), "packs/"); err != nil || len(left) != want {
			t.Errorf("packs: %v, %v; want %d", left, err, want)
		}
	}
	packs(2) // one that no backup needs that can be read
	schedule, err := s.keeper.PresentSchedule(t.Context())
	if err != nil || schedule.Succeeded.Before(schedule.Attempted) {
		t.Errorf("tried %s, succeeded %s, %v", schedule.Attempted, schedule.Succeeded, err)
	}
	if err := os.Remove(filepath.Join(s.folder, "manifests", "20260101t000000z-00000000")); err != nil {
		t.Fatal(err)
	}
	s.pass(time.Hour)
	if b := s.create(); b.Reason != "" {
		t.Errorf("without it: %+v", b)
	}
	packs(1)
	s.restore(backup.RestoreOptions{}, store.Options{})
}

// TestForgedBefore changes the earlier manifest, and marks a backup as verified that no drill has read: neither is built on.
func TestForgedBefore(t *testing.T) {
	s := newSite(t)
	first := s.create()
	path := filepath.Join(s.folder, "manifests", first.Name)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.plant("manifests/"+first.Name, strings.Replace(string(text), `"program": "test"`, `"program": "tesT"`, 1))
	s.pass(time.Minute)
	second := s.create()
	if second.Blobs != 3 || second.SentBytes < 3*40_000 {
		t.Errorf("built on a manifest that is not signed: %+v", second)
	}
	s.pass(time.Minute)
	third := s.create()
	if third.SentBytes > 3*40_000 {
		t.Errorf("not built on one that is: %+v", third)
	}
	// One that claims to be the newest for years to come keeps none from building on the true one.
	s.plant("manifests/20990101t000000z-00000000", strings.NewReplacer(first.Name, "20990101t000000z-00000000", `"time": "20`, `"time": "90`).Replace(string(text)))
	s.pass(time.Minute)
	if fourth := s.create(); fourth.SentBytes > 3*40_000 {
		t.Errorf("beside a planted one: %+v", fourth)
	}
	if err := os.Remove(filepath.Join(s.folder, "manifests", "20990101t000000z-00000000")); err != nil {
		t.Fatal(err)
	}
	page, err := s.keeper.Drills(t.Context(), storetest.Operator(), "", 1)
	if err != nil || !strings.HasPrefix(objects(t, page), "0 read") && !strings.HasPrefix(objects(t, page), "1 read") {
		t.Errorf("with a true mark: %q, %v", objects(t, page), err)
	}
	for _, l := range s.list() {
		s.plant("verified/"+l.Name, "trust me")
	}
	s.pass(time.Minute)
	s.create()
	if page, err = s.keeper.Drills(t.Context(), storetest.Operator(), "", 1); err != nil || !strings.HasPrefix(objects(t, page), "2 read, of 1 packs") {
		t.Errorf("with forged marks: %q, %v", objects(t, page), err)
	}
}

// objects is what the drill on a page says of the objects it has read.
func objects(t *testing.T, page store.Page[backup.Drill]) string {
	t.Helper()
	for _, r := range page.Records {
		for _, step := range r.Value.Report.Steps {
			if step.Name == "objects" {
				return step.Detail
			}
		}
	}
	return "none"
}

// TestListOfErasuresIsMended has somebody replace the list by one of the same length, and by no list: the next telling writes it anew.
func TestListOfErasuresIsMended(t *testing.T) {
	s := newSite(t)
	other := storetest.AddTenant(t, s.db, "Atlantic")
	s.create()
	if _, err := s.db.EraseTenant(t.Context(), storetest.Operator(), other, storetest.Unlocker(s.dir)); err != nil {
		t.Fatal(err)
	}
	for _, planted := range []string{`{"version":1,"erased":[{"generation":1}]}`, "garbage"} {
		s.plant("erasures", planted)
		s.pass(time.Minute)
		if err := s.keeper.Shred(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, err := backup.Erasures(t.Context(), s.target)
		if err != nil || len(all) != 1 || !all[0].Equal(s.db.Erasures()[0]) {
			t.Errorf("after %q: %+v, %v", planted, all, err)
		}
	}
}

// holding is a target whose bucket holds everything by a rule of its own.
type holding struct{ backup.Target }

func (h holding) Remove(_ context.Context, name string) error {
	return fmt.Errorf("%s: %w", name, backup.ErrHeld)
}

// TestKeyFilesAreHeld: an erasure that the target keeps from being completed is an alert, and backups go on.
func TestKeyFilesAreHeld(t *testing.T) {
	s := newSite(t)
	k := s.newKeeper(holding{s.target})
	if _, err := k.Create(t.Context(), storetest.Operator(), nil); err != nil {
		t.Fatal(err)
	}
	other := storetest.AddTenant(t, s.db, "Atlantic")
	if _, err := s.db.EraseTenant(t.Context(), storetest.Operator(), other, storetest.Unlocker(s.dir)); err != nil {
		t.Fatal(err)
	}
	s.pass(time.Minute)
	all, err := k.Create(t.Context(), storetest.Operator(), nil)
	if err != nil || all[0].Outcome != backup.Done || !strings.Contains(all[0].Reason, "take the default retention off the bucket") {
		t.Errorf("%+v, %v", all, err)
	}
	if len(s.alerts) != 1 || s.alerts[0].Kind != "keys-left" {
		t.Errorf("alerts: %+v", s.alerts)
	}
}

// TestScratchForEverybody refuses a scratch folder in which others could put theirs in the place of the copies.
func TestScratchForEverybody(t *testing.T) {
	s := newSite(t)
	scratch := t.TempDir()
	k := s.newKeeper(s.target, func(o *backup.Options) { o.Scratch = scratch })
	if err := os.Chmod(scratch, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Create(t.Context(), storetest.Operator(), nil); !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "chmod o-w") {
		t.Errorf("one that everybody may write to: %v", err)
	}
	if err := os.Chmod(scratch, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Create(t.Context(), storetest.Operator(), nil); err != nil {
		t.Errorf("a shared one whose folders are their owners': %v", err)
	}
}

package backup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/backup"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// site is a store with its backups: a folder for each, a clock that tests move, and the owner's identity.
type site struct {
	t        *testing.T
	dir      string // of the store
	db       *store.DB
	folder   string
	target   backup.Target
	owner    *age.X25519Identity
	keeper   *backup.Keeper
	mu       sync.Mutex
	later    time.Duration
	alerts   []backup.Alert
	tenant   store.ID
	contents map[string][]byte // of blobs, by what was written
}

func (s *site) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.later)
}

func (s *site) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.later += d
}

func newSite(t *testing.T, change ...func(*backup.Options)) *site {
	t.Helper()
	s := &site{t: t, dir: filepath.Join(t.TempDir(), "store"), folder: t.TempDir()}
	storetest.Create(t, s.dir, store.Options{})
	s.db = storetest.Open(t, s.dir, store.Options{Now: s.now})
	s.target = backup.Folder(s.folder)
	var err error
	if s.owner, err = age.GenerateX25519Identity(); err != nil {
		t.Fatal(err)
	}
	s.keeper = s.newKeeper(s.target, change...)
	s.tenant = storetest.AddTenant(t, s.db, "Gulf Mutual")
	s.write(s.tenant, 3, 40_000)
	return s
}

func (s *site) newKeeper(to backup.Target, change ...func(*backup.Options)) *backup.Keeper {
	s.t.Helper()
	o := backup.Options{
		Targets: []backup.Target{to}, Recipients: []string{s.owner.Recipient().String()}, Scratch: filepath.Join(s.t.TempDir(), "scratch"),
		Program: "test", Now: s.now, Alert: func(_ context.Context, a backup.Alert) { s.alerts = append(s.alerts, a) },
	}
	for _, fn := range change {
		fn(&o)
	}
	k, err := backup.NewKeeper(s.db, o)
	if err != nil {
		s.t.Fatal(err)
	}
	return k
}

// write keeps some random blobs in a tenant.
func (s *site) write(tenant store.ID, count, size int) {
	s.t.Helper()
	h, err := s.db.Tenant(s.t.Context(), storetest.User(tenant, store.Admin), tenant)
	if err != nil {
		s.t.Fatal(err)
	}
	a := store.Action{Verb: rights.PortfolioImport}
	for range count {
		ref, err := h.WriteBlob(s.t.Context(), a, io.LimitReader(rand.Reader, int64(size)))
		if err != nil {
			s.t.Fatal(err)
		}
		err = h.Update(s.t.Context(), a, func(tx *store.WriteTx) error { return tx.KeepBlob(ref, tx.NewID()) })
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *site) create() backup.Backup {
	s.t.Helper()
	all, err := s.keeper.Create(s.t.Context(), storetest.Operator(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return all[0]
}

func (s *site) list() []backup.Listed {
	s.t.Helper()
	all, err := backup.List(s.t.Context(), s.target)
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// restore restores a backup, unlocks and checks it, and returns it closed.
func (s *site) restore(o backup.RestoreOptions, with store.Options) (*backup.Restored, *store.DB) {
	s.t.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(s.t.TempDir(), "restored")
	}
	o.Identities = []age.Identity{s.owner}
	r, err := backup.Restore(s.t.Context(), s.target, o)
	if err != nil {
		s.t.Fatal(err)
	}
	with.Ballast = -1
	db, err := store.Open(o.Dir, with)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	if err := db.Unlock(s.t.Context(), storetest.Operator(), storetest.Unlocker(s.dir)); err != nil {
		s.t.Fatal(err)
	}
	if err := backup.Conclude(s.t.Context(), db, storetest.Operator(), r); err != nil {
		s.t.Fatal(err)
	}
	report, err := db.Check(s.t.Context(), storetest.Operator(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range report.Faults {
		s.t.Errorf("the restored store: %s", f)
	}
	return r, db
}

// TestRoundTrip backs up, changes, backs up again, and restores both: the second sends new blobs alone.
func TestRoundTrip(t *testing.T) {
	s := newSite(t)
	first := s.create()
	if first.Blobs != 3 || first.Drill != backup.Done || first.Outcome != backup.Done {
		t.Fatalf("first: %+v", first)
	}
	s.write(s.tenant, 2, 50_000)
	s.pass(time.Minute)
	second := s.create()
	if second.Blobs != 5 || second.SentBytes >= second.StoredBytes-100_000 {
		t.Errorf("second: %+v: want 5 blobs, of which 3 are not sent again", second)
	}
	all := s.list()
	if len(all) != 2 || all[0].Name != first.Name || !all[0].Verified || !all[1].Verified {
		t.Fatalf("list: %+v", all)
	}
	r, _ := s.restore(backup.RestoreOptions{}, store.Options{})
	if r.Backup != second.Name || r.Blobs != 5 || r.LaterKeys {
		t.Errorf("the newest: %+v", r)
	}
	r, _ = s.restore(backup.RestoreOptions{Backup: first.Name}, store.Options{})
	if r.Blobs != 3 {
		t.Errorf("the first: %+v", r)
	}
	page, err := s.keeper.Backups(t.Context(), storetest.Operator(), "", 10)
	if err != nil || len(page.Records) != 2 || page.Records[0].Value.Name != second.Name {
		t.Errorf("account: %+v, %v", page, err)
	}
	if len(s.alerts) != 0 {
		t.Errorf("alerts: %v", s.alerts)
	}
}

// TestNothingIsReadable looks for what is known of the store in all that is on the target.
func TestNothingIsReadable(t *testing.T) {
	s := newSite(t)
	s.create()
	err := filepath.WalkDir(s.folder, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("Gulf")) || bytes.Contains(b, []byte("QRSDKEYS")) || bytes.Contains(b, []byte("qrsdblob")) {
			t.Errorf("%s can be read", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFullDrill proves a backup with the appliance's own identity, and with the owner's; its report is signed.
func TestFullDrill(t *testing.T) {
	s := newSite(t, func(o *backup.Options) {
		o.Recompute = func(context.Context, *store.DB) (backup.Recomputed, error) {
			return backup.Recomputed{Tables: 7}, nil
		}
	})
	s.create()
	s.pass(time.Hour)
	for _, with := range [][]age.Identity{nil, {s.owner}} {
		r, err := s.keeper.Drill(t.Context(), storetest.Operator(), backup.Full, "", nil, with, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Outcome != backup.Done || r.Blobs != 3 || r.Records == 0 || r.RPO < 3600 || r.RPO > 3700 || r.RTO <= 0 || r.Recomputed.Tables != 7 {
			t.Errorf("report: %+v", r)
		}
	}
	page, err := s.keeper.Drills(t.Context(), storetest.Operator(), "", 10)
	if err != nil || len(page.Records) != 3 { // a quick one after the backup
		t.Fatalf("account: %d drills, %v", len(page.Records), err)
	}
	if _, err := s.db.OpenDocument([]byte(page.Records[0].Value.Signed)); err != nil {
		t.Error(err)
	}
	forged := strings.Replace(page.Records[0].Value.Signed, `"outcome": "done"`, `"outcome": "donE"`, 1)
	if _, err := s.db.OpenDocument([]byte(forged)); err == nil {
		t.Error("a changed report is verified")
	}
}

// TestRecomputedRunDiffers makes the drill fail, with alert, record and entry.
func TestRecomputedRunDiffers(t *testing.T) {
	s := newSite(t, func(o *backup.Options) {
		o.Recompute = func(context.Context, *store.DB) (backup.Recomputed, error) {
			return backup.Recomputed{Tables: 7, Differ: []string{"elt"}}, nil
		}
	})
	s.create()
	r, err := s.keeper.Drill(t.Context(), storetest.Operator(), backup.Full, "", nil, nil, nil)
	if err != nil || r.Outcome != backup.Failed {
		t.Fatalf("%+v, %v", r, err)
	}
	if len(s.alerts) != 1 || s.alerts[0].Kind != "drill-failed" || !strings.Contains(s.alerts[0].Reason, "differs in 1 of 7 tables (elt)") {
		t.Errorf("alerts: %+v", s.alerts)
	}
	entries(t, s.db, "backup.drill", store.Failed)
}

// entries wants an entry of that action with that outcome in the appliance's log.
func entries(t *testing.T, db *store.DB, action string, outcome store.Outcome) {
	t.Helper()
	h, err := db.Tenant(t.Context(), storetest.Operator(), store.Appliance)
	if err != nil {
		t.Fatal(err)
	}
	all, err := h.Audit(t.Context(), store.Query{Action: action, Outcome: outcome})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Errorf("no entry of %s says %s", action, outcome)
	}
}

// flaky is a target of which one operation fails, before it has an effect or after.
type flaky struct {
	backup.Target
	mu     sync.Mutex
	at     int // operation that fails; 0: none
	after  bool
	err    error
	count  int
	writes []string
	fired  bool
}

func (f *flaky) step(what string, do func() error) error {
	f.mu.Lock()
	f.count++
	mine := f.count == f.at
	f.writes = append(f.writes, what)
	f.mu.Unlock()
	if mine && !f.after {
		f.fired = true
		return fmt.Errorf("%s: %w", what, f.err)
	}
	if err := do(); err != nil || !mine {
		return err
	}
	f.fired = true
	return fmt.Errorf("%s: %w", what, f.err)
}

func (f *flaky) Put(ctx context.Context, name string, from *io.SectionReader, until time.Time) error {
	return f.step("put "+name, func() error { return f.Target.Put(ctx, name, from, until) })
}

func (f *flaky) Get(ctx context.Context, name string) (r io.ReadCloser, err error) {
	err = f.step("get "+name, func() error { r, err = f.Target.Get(ctx, name); return err })
	if err != nil && r != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, err
}

func (f *flaky) Remove(ctx context.Context, name string) error {
	return f.step("remove "+name, func() error { return f.Target.Remove(ctx, name) })
}

// TestInterrupted breaks every operation on the target once without and once with effect. Each time the backup says so, what was there
// stays restorable, and the next backup works.
func TestInterrupted(t *testing.T) {
	s := newSite(t)
	whole := s.create()
	count := &flaky{Target: s.target}
	s.write(s.tenant, 1, 10_000)
	if _, err := s.newKeeper(count).Create(t.Context(), storetest.Operator(), nil); err != nil {
		t.Fatal(err)
	}
	if count.count < 10 {
		t.Fatalf("only %d operations: %v", count.count, count.writes)
	}
	boom := errors.New("the wire was cut")
	for at := 1; at <= count.count; at++ {
		for _, after := range []bool{false, true} {
			if after && strings.HasPrefix(count.writes[at-1], "get ") {
				continue // reading has no effect
			}
			s.write(s.tenant, 1, 1000)
			f := &flaky{Target: s.target, at: at, after: after, err: boom}
			all, err := s.newKeeper(f).Create(t.Context(), storetest.Operator(), nil)
			told := len(all) > 0 && strings.Contains(all[0].Reason, "the backup is whole; removing what is past its time: ")
			if f.fired && !errors.Is(err, boom) && (len(all) == 0 || all[0].Outcome != backup.Failed) && !told {
				t.Errorf("operation %d (%s), effect %v: %+v, %v", at, f.writes[at-1], after, all, err)
			}
			if _, err := backup.List(t.Context(), s.target); err != nil {
				t.Errorf("operation %d: %v", at, err)
			}
		}
	}
	for _, l := range s.list() { // whatever has a manifest is whole
		r, err := backup.Verify(t.Context(), s.target, l.Name, []age.Identity{s.owner}, nil)
		if err != nil || len(r.Faults) > 0 {
			t.Errorf("%s: %+v, %v", l.Name, r, err)
		}
	}
	s.restore(backup.RestoreOptions{Backup: whole.Name}, store.Options{})
	s.create()
	s.restore(backup.RestoreOptions{}, store.Options{})
}

// TestTargetFull: the error says so, it is an alert and an entry, and the store goes on.
func TestTargetFull(t *testing.T) {
	s := newSite(t)
	f := &flaky{Target: s.target, at: 5, err: syscall.ENOSPC}
	all, err := s.newKeeper(f).Create(t.Context(), storetest.Operator(), nil)
	if !errors.Is(err, syscall.ENOSPC) || len(all) != 1 || !strings.Contains(all[0].Reason, "no space left on device") {
		t.Errorf("%+v, %v", all, err)
	}
	if len(s.alerts) != 1 || s.alerts[0].Kind != "backup-failed" {
		t.Errorf("alerts: %+v", s.alerts)
	}
	entries(t, s.db, "backup.create", store.Failed)
	s.write(s.tenant, 1, 10)
}

// TestAlertsOnceADay tells again of what still fails after a day, and of what fails again after it was well.
func TestAlertsOnceADay(t *testing.T) {
	s := newSite(t)
	f := &flaky{Target: s.target, err: syscall.ENOSPC}
	k := s.newKeeper(f)
	try := func(fails bool, alerts int) {
		t.Helper()
		f.mu.Lock()
		f.count, f.at = 0, 0
		if fails {
			f.at = 2
		}
		f.mu.Unlock()
		if _, err := k.Create(t.Context(), storetest.Operator(), nil); (err != nil) != fails {
			t.Fatal(err)
		}
		if len(s.alerts) != alerts {
			t.Errorf("%d alerts, want %d", len(s.alerts), alerts)
		}
	}
	try(true, 1)
	s.pass(time.Hour)
	try(true, 1)
	s.pass(23 * time.Hour)
	try(true, 2)
	try(false, 2)
	try(true, 3)
}

// TestSecondTarget: one that fails does not keep the other from its backup.
func TestSecondTarget(t *testing.T) {
	s := newSite(t)
	gone := backup.Folder(filepath.Join(t.TempDir(), "not mounted"))
	k := s.newKeeper(gone, func(o *backup.Options) { o.Targets = append(o.Targets, s.target) })
	all, err := k.Create(t.Context(), storetest.Operator(), nil)
	if err == nil || len(all) != 2 || all[0].Outcome != backup.Failed || all[1].Outcome != backup.Done || !strings.Contains(all[0].Reason, "mount its disk") {
		t.Fatalf("%+v, %v", all, err)
	}
	s.restore(backup.RestoreOptions{}, store.Options{})
}

func TestWrongIdentity(t *testing.T) {
	s := newSite(t)
	s.create()
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "new")
	_, err = backup.Restore(t.Context(), s.target, backup.RestoreOptions{Identities: []age.Identity{other}, Dir: dir})
	if !errors.Is(err, backup.ErrIdentity) {
		t.Errorf("restore: %v", err)
	}
	if all, _ := filepath.Glob(dir + "*"); len(all) > 0 {
		t.Errorf("left behind: %v", all)
	}
	if _, err := backup.Verify(t.Context(), s.target, "", []age.Identity{other}, nil); !errors.Is(err, backup.ErrIdentity) {
		t.Errorf("verify: %v", err)
	}
	r, err := s.keeper.Drill(t.Context(), storetest.Operator(), backup.Full, "", nil, []age.Identity{other}, nil)
	if err != nil || r.Outcome != backup.Failed || len(s.alerts) != 1 {
		t.Errorf("drill: %+v, %v", r, err)
	}
}

func TestRecipients(t *testing.T) {
	s := newSite(t)
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, "no recipient is named"},
		{[]string{s.owner.String()}, "does not belong here"},
		{[]string{"age1nonsense"}, "age1nonsense"},
		{[]string{s.owner.Recipient().String(), hybrid.Recipient().String()}, "both kinds"},
	} {
		k, err := backup.NewKeeper(s.db, backup.Options{Targets: []backup.Target{s.target}, Recipients: c.names, Scratch: t.TempDir()})
		if err == nil {
			_, err = k.Create(t.Context(), storetest.Operator(), nil)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), s.owner.String()) {
			t.Errorf("%v: %v", c.want, err)
		}
	}
	k := s.newKeeper(s.target, func(o *backup.Options) { o.Recipients = []string{hybrid.Recipient().String()} })
	if _, err := k.Create(t.Context(), storetest.Operator(), nil); err != nil {
		t.Fatal(err)
	}
	_, err = backup.Restore(t.Context(), s.target, backup.RestoreOptions{Identities: []age.Identity{hybrid}, Dir: filepath.Join(t.TempDir(), "new")})
	if err != nil {
		t.Error(err)
	}
}

// TestFlippedBytes changes one byte in every tenth part of every object of a backup. The drill says each time that something is wrong.
func TestFlippedBytes(t *testing.T) {
	s := newSite(t)
	b := s.create()
	m := s.list()[0].Manifest
	names := []string{"manifests/" + b.Name}
	for _, o := range m.Objects {
		names = append(names, o.Name)
	}
	slices.Sort(names)
	flips := 0
	for _, name := range slices.Compact(names) {
		path := filepath.Join(s.folder, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for tenth := range 10 {
			bad := bytes.Clone(good)
			bad[len(bad)*tenth/10+len(bad)/20] ^= 1
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			flips++
			r, err := s.keeper.Drill(t.Context(), storetest.Operator(), backup.Full, b.Name, nil, nil, nil)
			if err == nil && r.Outcome != backup.Failed {
				t.Errorf("%s, tenth %d: %+v", name, tenth, r)
			}
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := s.keeper.Drill(t.Context(), storetest.Operator(), backup.Full, b.Name, nil, nil, nil); err != nil || r.Outcome != backup.Done {
		t.Errorf("unchanged: %+v, %v", r, err)
	}
	t.Logf("%d bytes flipped, each found", flips)
}

func TestRestoreOverwritesNothing(t *testing.T) {
	s := newSite(t)
	s.create()
	_, err := backup.Restore(t.Context(), s.target, backup.RestoreOptions{Identities: []age.Identity{s.owner}, Dir: s.dir})
	if !errors.Is(err, store.ErrExists) || !strings.Contains(err.Error(), "name a new folder") {
		t.Errorf("onto a store: %v", err)
	}
	empty := t.TempDir()
	killed := empty + ".restoring"
	if err := errors.Join(os.MkdirAll(filepath.Join(killed, "blobs"), 0o700), os.WriteFile(filepath.Join(killed, "RESTORING"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	s.restore(backup.RestoreOptions{Dir: empty}, store.Options{})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	dir := filepath.Join(t.TempDir(), "new")
	if _, err := backup.Restore(cancelled, s.target, backup.RestoreOptions{Identities: []age.Identity{s.owner}, Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if all, _ := filepath.Glob(dir + "*"); len(all) > 0 {
		t.Errorf("left behind: %v", all)
	}
}

// TestBehindTheAnchor: with an anchor that was kept elsewhere, a backup from before is refused unless that is meant.
func TestBehindTheAnchor(t *testing.T) {
	s := newSite(t)
	s.create()
	s.write(s.tenant, 1, 10)
	if err := s.db.Lock(t.Context(), storetest.Operator()); err != nil { // which writes the anchor
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "anchor")
	text, err := os.ReadFile(filepath.Join(s.dir, "anchor"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(elsewhere, text, 0o600); err != nil {
		t.Fatal(err)
	}
	o := backup.RestoreOptions{Identities: []age.Identity{s.owner}, Dir: filepath.Join(t.TempDir(), "new"), Anchor: elsewhere}
	var back *store.RollbackError
	if _, err := backup.Restore(t.Context(), s.target, o); !errors.As(err, &back) {
		t.Fatalf("not refused: %v", err)
	}
	if all, _ := filepath.Glob(o.Dir + "*"); len(all) > 0 {
		t.Errorf("left behind: %v", all)
	}
	o.AcceptRollback = true
	s.restore(o, store.Options{Anchor: elsewhere, AcceptRollback: true})
}

// TestErasedTenantStaysErased restores a backup of before an erasure, with what is left of it on the target.
func TestErasedTenantStaysErased(t *testing.T) {
	s := newSite(t)
	other := storetest.AddTenant(t, s.db, "Atlantic")
	s.write(other, 2, 20_000)
	before := s.create()
	kept, err := filepath.Glob(filepath.Join(s.folder, "keys", "*"))
	if err != nil || len(kept) != 1 {
		t.Fatal(kept, err)
	}
	if _, err := s.db.EraseTenant(t.Context(), storetest.Operator(), other, storetest.Unlocker(s.dir)); err != nil {
		t.Fatal(err)
	}
	s.pass(time.Minute)
	if err := s.keeper.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(kept[0]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the key file of before the erasure is still there: %v", err)
	}
	r, db := s.restore(backup.RestoreOptions{Backup: before.Name}, store.Options{AcceptRollback: true})
	if !r.LaterKeys {
		t.Error("the key file of before was used")
	}
	if _, err := db.Tenant(t.Context(), storetest.User(other, store.Admin), other); !errors.Is(err, store.ErrErased) {
		t.Errorf("the erased tenant: %v", err)
	}
	if _, err := db.Tenant(t.Context(), storetest.User(s.tenant, store.Admin), s.tenant); err != nil {
		t.Errorf("the other tenant: %v", err)
	}
}

// TestErasureWithoutShred is the same where the host was lost before the target heard of the erasure, and the anchor was kept elsewhere.
func TestErasureWithoutShred(t *testing.T) {
	s := newSite(t)
	other := storetest.AddTenant(t, s.db, "Atlantic")
	s.write(other, 1, 20_000)
	s.create()
	if _, err := s.db.EraseTenant(t.Context(), storetest.Operator(), other, storetest.Unlocker(s.dir)); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Lock(t.Context(), storetest.Operator()); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "anchor")
	text, err := os.ReadFile(filepath.Join(s.dir, "anchor"))
	if err == nil {
		err = os.WriteFile(elsewhere, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, db := s.restore(backup.RestoreOptions{Anchor: elsewhere, AcceptRollback: true}, store.Options{Anchor: elsewhere, AcceptRollback: true})
	if _, err := db.Tenant(t.Context(), storetest.User(other, store.Admin), other); !errors.Is(err, store.ErrErased) {
		t.Errorf("the erased tenant: %v", err)
	}
}

// TestPrune keeps the last good backup whatever its age, and packs that a kept one needs.
func TestPrune(t *testing.T) {
	s := newSite(t)
	first := s.create()
	for range 5 {
		s.pass(10 * 24 * time.Hour)
		s.write(s.tenant, 1, 1000)
		s.create()
	}
	names := []string{}
	for _, l := range s.list() {
		names = append(names, l.Name)
	}
	if len(names) != 4 || slices.Contains(names, first.Name) { // of 0, 10, 20, 30 days
		t.Errorf("kept: %v", names)
	}
	for _, name := range names {
		s.restore(backup.RestoreOptions{Backup: name}, store.Options{AcceptRollback: true})
	}
	p, err := backup.Prune(t.Context(), s.target, backup.Retention, s.now().Add(1000*24*time.Hour))
	if err != nil || p.Kept != 1 {
		t.Errorf("long after: %+v, %v", p, err)
	}
	s.restore(backup.RestoreOptions{}, store.Options{})
	// A newer one that no drill has verified does not make the last good one go.
	good := s.list()[0].Name
	s.pass(24 * time.Hour)
	later := s.create()
	if err := os.Remove(filepath.Join(s.folder, "verified", later.Name)); err != nil {
		t.Fatal(err)
	}
	if p, err = backup.Prune(t.Context(), s.target, backup.Retention, s.now().Add(1000*24*time.Hour)); err != nil || p.Kept != 2 {
		t.Errorf("with one that is not verified: %+v, %v", p, err)
	}
	s.restore(backup.RestoreOptions{Backup: good}, store.Options{AcceptRollback: true})
}

// TestOtherInstallation refuses to mix two in one folder.
func TestOtherInstallation(t *testing.T) {
	one, two := newSite(t), newSite(t)
	one.create()
	_, err := two.newKeeper(one.target).Create(t.Context(), storetest.Operator(), nil)
	if !errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "a folder or prefix of its own") {
		t.Error(err)
	}
}

func TestOnlyOperators(t *testing.T) {
	s := newSite(t)
	var denied *store.DeniedError
	admin := storetest.User(s.tenant, store.Admin)
	if _, err := s.keeper.Create(t.Context(), admin, nil); !errors.As(err, &denied) {
		t.Errorf("create: %v", err)
	}
	if _, err := s.keeper.Drill(t.Context(), admin, backup.Full, "", nil, nil, nil); !errors.As(err, &denied) {
		t.Errorf("drill: %v", err)
	}
	if _, err := s.keeper.Prune(t.Context(), admin, 0); !errors.As(err, &denied) {
		t.Errorf("prune: %v", err)
	}
	if _, err := s.keeper.Backups(t.Context(), admin, "", 10); !errors.As(err, &denied) {
		t.Errorf("list: %v", err)
	}
}

// TestBySchedule lets time pass: a backup and a full drill at once, one backup a day whatever is asked in between, a drill a quarter later, and with a
// root key that was replaced a backup first.
func TestBySchedule(t *testing.T) {
	s := newSite(t, func(o *backup.Options) { o.Retention = 400 * 24 * time.Hour })
	look := func(backups, drills int) {
		t.Helper()
		if err := s.keeper.LookOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
		full := 0
		page, err := s.keeper.Drills(t.Context(), storetest.Operator(), "", 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Records {
			if d.Value.Report.Form == backup.Full {
				full++
			}
		}
		if all := s.list(); len(all) != backups || full != drills {
			t.Errorf("%d backups and %d full drills, want %d and %d", len(all), full, backups, drills)
		}
	}
	look(1, 1)
	look(1, 1)
	s.pass(24 * time.Hour)
	look(2, 1)
	if err := s.keeper.AskBackup(t.Context(), storetest.Operator()); err != nil {
		t.Fatal(err)
	}
	look(3, 1)
	look(3, 1)
	if err := s.keeper.AskDrill(t.Context(), storetest.Operator()); err != nil {
		t.Fatal(err)
	}
	look(3, 2)
	s.keeper = s.newKeeper(s.target, func(o *backup.Options) { o.Retention = 400 * 24 * time.Hour }) // a restart
	look(3, 2)
	if err := s.db.RewrapKeys(t.Context(), storetest.Operator(), nil, storetest.Unlocker(s.dir)); err != nil {
		t.Fatal(err)
	}
	if err := s.keeper.AskDrill(t.Context(), storetest.Operator()); err != nil {
		t.Fatal(err)
	}
	look(4, 3)
	s.pass(92 * 24 * time.Hour)
	look(5, 4)
}

// TestOnePlaceGoneFromTheStart: the other gets its backups all the same, also while erasures wait to be told.
func TestOnePlaceGoneFromTheStart(t *testing.T) {
	s := newSite(t)
	gone := backup.Folder(filepath.Join(t.TempDir(), "not mounted"))
	other := storetest.AddTenant(t, s.db, "Atlantic")
	if _, err := s.db.EraseTenant(t.Context(), storetest.Operator(), other, storetest.Unlocker(s.dir)); err != nil {
		t.Fatal(err)
	}
	k := s.newKeeper(gone, func(o *backup.Options) { o.Targets = append(o.Targets, s.target) })
	if err := k.LookOnce(t.Context()); err == nil {
		t.Error("nothing is said")
	}
	if all := s.list(); len(all) != 1 {
		t.Errorf("%d backups", len(all))
	}
}

// TestReplayIsEntered finds in the live log of the tenant that a drill has read its run.
func TestReplayIsEntered(t *testing.T) {
	run := store.ID{15: 7}
	var s *site
	s = newSite(t, func(o *backup.Options) {
		o.Recompute = func(context.Context, *store.DB) (backup.Recomputed, error) {
			return backup.Recomputed{Tenant: s.tenant, Run: run, Tables: 7}, nil
		}
	})
	s.create()
	if r, err := s.keeper.Drill(t.Context(), storetest.Operator(), backup.Full, "", nil, nil, nil); err != nil || r.Outcome != backup.Done {
		t.Fatalf("%+v, %v", r, err)
	}
	h, err := s.db.Tenant(t.Context(), storetest.User(s.tenant, store.Admin), s.tenant)
	if err != nil {
		t.Fatal(err)
	}
	all, err := h.Audit(t.Context(), store.Query{Action: "run.replay"})
	if err != nil || len(all) != 1 || all[0].Object != run.String() {
		t.Errorf("%+v, %v", all, err)
	}
}

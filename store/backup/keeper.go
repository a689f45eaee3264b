package backup

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"filippo.io/age"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Options of a Keeper.
type Options struct {
	Targets    []Target // each gets every backup
	Recipients []string // age1...; Create needs one at least
	// Scratch is a folder on a local disk for copies while they are made and verified; it is made where it is not there. It needs as
	// much room as the database twice, and for a full drill as much as the store.
	Scratch string
	// Retention is how long backups are kept; 0 is 35 days.
	Retention time.Duration
	// At is the time of day, UTC, of the daily backup; DrillEvery is how often the full drill runs by itself, 0: every 91 days.
	At         time.Duration
	DrillEvery time.Duration
	// Hold has targets refuse, for Retention, to remove what is sent; those that cannot do not.
	Hold bool
	// Program is the version of qrsd.
	Program string
	// Recompute computes a small run of a restored store again; nil: that is left out.
	Recompute func(ctx context.Context, restored *store.DB) (Recomputed, error)
	// Alert is told of what failed, in words, and once a day while it goes on failing; nil drops it: it is in the records and in the
	// audit log.
	Alert func(ctx context.Context, a Alert)
	// Made is told of every backup on every target, and Drilled of every drill, whatever came of it; nil drops it.
	Made    func(Backup)
	Drilled func(*Report)
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Alert is what an operator has to look at.
type Alert struct {
	Kind   string // backup-failed, drill-failed; prune-failed and keys-left where the backup is whole
	Target string
	Reason string
}

// Keeper makes backups of one store, keeps account of them in it, and proves them. One backup or drill is at work at a time. It is
// safe for many goroutines.
type Keeper struct {
	db      *store.DB
	o       Options
	to      recipients
	working sync.Mutex // held by a backup, drill or pruning
	wake    chan struct{}

	mu      sync.Mutex
	work    *Work                // at hand
	alerted map[string]time.Time // kinds and targets, since when they fail
}

// alertAgain is how long what goes on failing is told once.
const alertAgain = 24 * time.Hour

// alert tells of a failure, unless that was told within a day.
func (k *Keeper) alert(ctx context.Context, a Alert) {
	key, now := a.Kind+" "+a.Target, k.o.Now()
	k.mu.Lock()
	last, known := k.alerted[key]
	again := !known || now.Sub(last) >= alertAgain
	if again {
		k.alerted[key] = now
	}
	k.mu.Unlock()
	if again {
		k.o.Alert(ctx, a)
	}
}

// well forgets a failure that is over.
func (k *Keeper) well(kind, target string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.alerted, kind+" "+target)
}

// Work is what a keeper does now.
type Work struct {
	Kind  string    `json:"kind"` // backup or drill
	Began time.Time `json:"began"`
	What  string    `json:"what"`
	Done  int64     `json:"done"`  // bytes, or what What counts
	Total int64     `json:"total"` // -1: not known
}

// ErrBusy says that another backup or drill is at work.
var ErrBusy = fmt.Errorf("a backup or drill is at work: wait for its end: %w", store.ErrConflict)

// NewKeeper checks the options.
func NewKeeper(db *store.DB, o Options) (*Keeper, error) {
	var to recipients
	if len(o.Recipients) > 0 { // who makes none reads and removes backups all the same
		var err error
		if to, err = parseRecipients(o.Recipients); err != nil {
			return nil, err
		}
	}
	if len(o.Targets) == 0 || o.Scratch == "" {
		return nil, errors.New("backups need a target and a scratch folder")
	}
	o.Retention, o.DrillEvery = cmp.Or(o.Retention, Retention), cmp.Or(o.DrillEvery, 91*24*time.Hour)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Made == nil {
		o.Made = func(Backup) {}
	}
	if o.Drilled == nil {
		o.Drilled = func(*Report) {}
	}
	if o.Alert == nil {
		o.Alert = func(context.Context, Alert) {}
	}
	return &Keeper{db: db, o: o, to: to, wake: make(chan struct{}, 1), alerted: map[string]time.Time{}}, nil
}

// Working is what is being done now; nil: nothing.
func (k *Keeper) Working() *Work {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.work == nil {
		return nil
	}
	w := *k.work
	return &w
}

// begin takes the keeper for one piece of work.
func (k *Keeper) begin(kind string, also Progress) (Progress, func(), error) {
	if !k.working.TryLock() {
		return nil, nil, ErrBusy
	}
	k.mu.Lock()
	k.work = &Work{Kind: kind, Began: k.o.Now().UTC(), Total: -1}
	k.mu.Unlock()
	tell := func(what string, done, total int64) {
		k.mu.Lock()
		k.work.What, k.work.Done, k.work.Total = what, done, total
		k.mu.Unlock()
		if also != nil {
			also(what, done, total)
		}
	}
	return tell, func() {
		k.mu.Lock()
		k.work = nil
		k.mu.Unlock()
		k.working.Unlock()
	}, nil
}

// clearScratch makes the scratch folder, and removes from it what was cut short.
func (k *Keeper) clearScratch() (string, error) {
	if err := os.MkdirAll(k.o.Scratch, 0o700); err != nil {
		return "", fmt.Errorf("scratch folder: %w", err)
	}
	info, err := os.Stat(k.o.Scratch)
	if err != nil {
		return "", fmt.Errorf("scratch folder: %w", err)
	}
	if m := info.Mode(); m.Perm()&0o002 != 0 && m&os.ModeSticky == 0 {
		return "", fmt.Errorf("scratch folder %s: everybody may write to it (mode %04o), and could put a folder in the place of the copies: chmod o-w, or name another: %w", k.o.Scratch, m.Perm(), os.ErrPermission)
	}
	folder := filepath.Join(k.o.Scratch, "qrsd-backup-work")
	if err := os.RemoveAll(folder); err != nil {
		return "", fmt.Errorf("scratch folder: %w", err)
	}
	// Mkdir, not MkdirAll: in a shared folder somebody else may have made one of that name by now.
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", fmt.Errorf("scratch folder: %w", err)
	}
	return folder, nil
}

// Create makes a backup on every target, verifies it by a quick drill, and removes what is past its time. The records say of each target
// how that went; the error joins what failed. Errors: *store.DeniedError, ErrBusy, those of disk and targets.
func (k *Keeper) Create(ctx context.Context, by store.Principal, progress Progress) ([]Backup, error) {
	t, err := k.db.Tenant(ctx, by, store.Appliance)
	if err != nil {
		return nil, err
	}
	a := store.Action{Verb: rights.BackupCreate}
	tell, end, err := k.begin("backup", progress)
	if err != nil {
		return nil, t.View(ctx, a, func(*store.ReadTx) error { return err })
	}
	defer end()
	s, err := k.ensureState(ctx, t, func(s *state) { s.Attempted, s.AskedBackup = k.o.Now().UTC(), time.Time{} })
	if err != nil {
		return nil, err
	}
	all, err := k.create(ctx, by, s, tell)
	if err != nil && len(all) == 0 { // before any target
		all = []Backup{{Began: s.Attempted, Ended: k.o.Now().UTC(), Outcome: Failed, Reason: reason(err)}}
	}
	return all, errors.Join(err, k.conclude(ctx, t, a, all, err))
}

// conclude keeps the records and enters how it went.
func (k *Keeper) conclude(ctx context.Context, t *store.Tenant, a store.Action, all []Backup, failed error) error {
	ctx = context.WithoutCancel(ctx)
	err := t.Update(ctx, a, func(tx *store.WriteTx) error {
		for i := range all {
			all[i].ID = tx.NewID()
			if err := backups.Insert(tx, all[i].ID, all[i]); err != nil {
				return err
			}
		}
		if failed != nil {
			return nil
		}
		return change(tx, func(s *state) { s.Succeeded = k.o.Now().UTC() })
	})
	if failed == nil {
		return err
	}
	for _, b := range all {
		if b.Outcome == Failed {
			k.alert(ctx, Alert{"backup-failed", b.Target, b.Reason})
		}
	}
	// A reading that failed with this error leaves the entry that says so; the records are already written.
	entered := t.View(ctx, a, func(*store.ReadTx) error { return failed })
	if !errors.Is(entered, failed) {
		err = errors.Join(err, entered)
	}
	return err
}

// create makes one snapshot and sends it to every target; one that fails does not keep the others from theirs.
func (k *Keeper) create(ctx context.Context, by store.Principal, s state, tell Progress) (all []Backup, err error) {
	folder, err := k.clearScratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if len(k.to.all) == 0 {
		_, err := parseRecipients(nil)
		return nil, err
	}
	own, err := s.identity(k.to.hybrid)
	if err != nil {
		return nil, err
	}
	with, err := s.identities()
	if err != nil {
		return nil, err
	}
	tell("copying the database", 0, -1)
	snapshot, err := k.db.Snapshot(ctx, by, folder)
	if err != nil {
		return nil, fmt.Errorf("copying the store's files: %w", err)
	}
	defer snapshot.Release()
	m := &making{
		folder: folder, name: newName(snapshot.Time), program: k.o.Program, snapshot: snapshot, to: append([]age.Recipient{own.recipient}, k.to.all...),
		names: k.to.names, with: with, progress: tell,
	}
	if k.o.Hold {
		m.until = snapshot.Time.Add(k.o.Retention)
	}
	if err := m.stage(ctx); err != nil {
		return nil, err
	}
	for _, t := range k.o.Targets {
		b, failed := k.on(ctx, t, m, by)
		all = append(all, b)
		err = errors.Join(err, failed)
		if ctx.Err() != nil {
			break
		}
	}
	return all, err
}

// on makes the backup on one target.
func (k *Keeper) on(ctx context.Context, t Target, m *making, by store.Principal) (b Backup, err error) {
	b = Backup{Name: m.name, Target: t.Name(), Began: k.o.Now().UTC(), Snapshot: m.snapshot.Time, DatabaseBytes: m.snapshot.Bytes, Outcome: Done}
	var drill *Report
	manifest, sent, err := m.send(ctx, t, k.db)
	b.SentBytes = sent
	if err == nil {
		b.StoredBytes, b.Blobs = manifest.StoredBytes(), manifest.Blobs
		if drill, err = k.drill(ctx, t, m.name, Quick, m.with, m.folder, by, m.progress); err == nil {
			b.Drill, err = drill.Outcome, drill.failure()
		}
	}
	if err == nil {
		b.Pruned, b.Reason, err = k.tidy(ctx, t, m.left, by)
	}
	if b.Ended = k.o.Now().UTC(); err != nil {
		b.Outcome, b.Reason = Failed, reason(err)
	}
	if k.o.Made(b); b.Outcome == Done {
		k.well("backup-failed", b.Target)
	}
	return b, err
}

// tidy removes from a target what is to go, after a backup on it that is whole. What could not be removed is an alert and an entry of
// its own, and told, not a fault of the backup, which would be made again within the hour; left is of key files, which went before. The
// error is that of ctx.
func (k *Keeper) tidy(ctx context.Context, t Target, left error, by store.Principal) (pruned []string, told string, err error) {
	p, failed := Prune(ctx, t, k.o.Retention, k.o.Now())
	if p != nil {
		pruned = p.Backups
	}
	for _, one := range []struct {
		kind, what string
		err        error
	}{
		{"prune-failed", "removing what is past its time", failed},
		{"keys-left", "removing key files from before an erasure", left},
	} {
		if ctx.Err() != nil {
			return pruned, told, ctx.Err()
		}
		if one.err == nil {
			k.well(one.kind, t.Name())
			continue
		}
		failure := fmt.Errorf("the backup is whole; %s: %w", one.what, one.err)
		told = strings.TrimPrefix(told+"; "+reason(failure), "; ")
		k.alert(ctx, Alert{one.kind, t.Name(), reason(failure)})
		h, err := k.db.Tenant(ctx, by, store.Appliance)
		if err != nil {
			return pruned, told, err
		}
		if entered := h.View(ctx, store.Action{Verb: rights.BackupPrune}, func(*store.ReadTx) error { return failure }); !errors.Is(entered, failure) {
			return pruned, told, entered
		}
	}
	return pruned, told, nil
}

// failure is a report's faults as an error.
func (r *Report) failure() error {
	if r.Outcome != Failed {
		return nil
	}
	var lines []string
	for _, f := range r.Faults {
		lines = append(lines, f.String())
	}
	return fmt.Errorf("the drill failed: %w: %s", ErrDamaged, strings.Join(lines, "; "))
}

// reason bounds an error for a record.
func reason(err error) string {
	text := strings.ToValidUTF8(err.Error(), "?")
	if r := []rune(text); len(r) > 1000 {
		return string(r[:1000]) + "..."
	}
	return text
}

// drill restores one backup and keeps its report, signed.
func (k *Keeper) drill(ctx context.Context, t Target, name, form string, with []age.Identity, folder string, by store.Principal, tell Progress) (*Report, error) {
	m, signed, err := choose(ctx, t, name)
	if err != nil {
		return nil, err
	}
	d := &drilling{
		t: t, m: m, signed: signed, with: with, folder: folder, live: k.db, by: by, now: k.o.Now, progress: tell, recompute: k.o.Recompute,
		report: Report{Version: 1, Install: m.Install, Program: k.o.Program, Backup: m.Backup, Target: t.Name(), Form: form},
	}
	if form == Quick {
		if d.previous, err = k.read(ctx, t, m); err != nil {
			return nil, err
		}
	}
	r, err := d.run(ctx)
	if err != nil {
		return nil, err
	}
	if err := k.enterReplay(ctx, r.Recomputed); err != nil {
		return nil, fmt.Errorf("entering that a run was computed again: %w", err)
	}
	document, err := k.db.SignDocument(r)
	if err == nil && r.Outcome == Done {
		err = putBytes(ctx, t, verified+m.Backup, document, time.Time{})
	}
	if err != nil {
		return nil, fmt.Errorf("keeping the report of the drill: %w", err)
	}
	k.o.Drilled(r)
	return r, k.keepReport(ctx, by, r, document)
}

// enterReplay enters in the log of the tenant whose run a drill has computed again that its data was read: the entries of the copy go with
// the copy.
func (k *Keeper) enterReplay(ctx context.Context, c *Recomputed) error {
	if c == nil || c.Run.IsZero() {
		return nil
	}
	t, err := k.db.Tenant(ctx, rights.AtWork(c.Tenant), c.Tenant)
	if errors.Is(err, store.ErrErased) || errors.Is(err, store.ErrNotFound) { // since the backup
		return nil
	}
	if err != nil {
		return err
	}
	return t.View(context.WithoutCancel(ctx), store.Action{Verb: rights.RunReplay, Object: c.Run}, func(*store.ReadTx) error { return nil })
}

// read are the objects of verified backups on the target, as far as this installation has signed both the manifest and the report of the
// drill: by others' word nothing is passed over.
func (k *Keeper) read(ctx context.Context, t Target, m *Manifest) (map[string]bool, error) {
	all, err := List(ctx, t)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, l := range all {
		if l.Manifest == nil || !l.Verified || l.Name == m.Backup {
			continue
		}
		proved, err := k.proved(ctx, t, l.Name)
		if err != nil {
			return nil, err
		}
		if !proved {
			continue
		}
		for _, o := range l.Manifest.Objects {
			seen[o.Name] = true
		}
	}
	return seen, nil
}

// proved reports whether a backup's manifest is signed by this installation, and its mark a signed report of a drill of it without a fault.
func (k *Keeper) proved(ctx context.Context, t Target, name string) (bool, error) {
	if _, genuine, err := genuineManifest(ctx, t, name, k.db); err != nil || !genuine {
		return false, err
	}
	signed, err := readSmall(ctx, t, verified+name, maxReport)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	text, err := k.db.OpenDocument(signed)
	if err != nil {
		return false, nil //nolint:nilerr // somebody else wrote it: it proves nothing
	}
	var r Report
	err = json.Unmarshal(text, &r)
	return err == nil && r.Backup == name && r.Outcome == Done, nil
}

// keepReport writes a drill's record, whose entry says done or failed.
func (k *Keeper) keepReport(ctx context.Context, by store.Principal, r *Report, document []byte) error {
	ctx = context.WithoutCancel(ctx)
	t, err := k.db.Tenant(ctx, by, store.Appliance)
	if err != nil {
		return err
	}
	a := store.Action{Verb: rights.BackupDrill}
	err = t.Update(ctx, a, func(tx *store.WriteTx) error {
		id := tx.NewID()
		tx.Of(id)
		if err := drills.Insert(tx, id, Drill{Report: *r, Signed: string(document)}); err != nil {
			return err
		}
		return change(tx, func(s *state) {
			if r.Form == Full && r.Outcome == Done {
				s.Drilled = r.Ended
			}
		})
	})
	if r.Outcome == Done {
		k.well("drill-failed", r.Target)
	}
	if err != nil || r.Outcome == Done {
		return err
	}
	k.alert(ctx, Alert{"drill-failed", r.Target, reason(r.failure())})
	failure := r.failure()
	if entered := t.View(ctx, a, func(*store.ReadTx) error { return failure }); !errors.Is(entered, failure) {
		return entered
	}
	return nil
}

// Drill restores a backup of a target into the scratch folder and proves it: "" is the newest on the first target. identities are the
// owner's, to prove that they open it; none: the appliance's own. What is wrong is in the report, whose Outcome is then Failed.
func (k *Keeper) Drill(ctx context.Context, by store.Principal, form, name string, t Target, identities []age.Identity, progress Progress) (*Report, error) {
	h, err := k.db.Tenant(ctx, by, store.Appliance)
	if err != nil {
		return nil, err
	}
	a := store.Action{Verb: rights.BackupDrill}
	refused := func(err error) (*Report, error) {
		return nil, h.View(ctx, a, func(*store.ReadTx) error { return err })
	}
	if !by.May(a.Verb) {
		return refused(nil)
	}
	tell, end, err := k.begin("drill", progress)
	if err != nil {
		return refused(err)
	}
	defer end()
	s, err := k.ensureState(ctx, h, func(s *state) {
		if form == Full {
			s.DrillTried, s.AskedDrill = k.o.Now().UTC(), time.Time{}
		}
	})
	if err != nil {
		return nil, err
	}
	if len(identities) == 0 {
		if identities, err = s.identities(); err != nil {
			return nil, err
		}
	}
	if t == nil {
		t = k.o.Targets[0]
	}
	if name == "" { // not the newest that was verified: this is to find out
		all, err := List(ctx, t)
		if err != nil {
			return refused(err)
		}
		m := newest(all, false)
		if m == nil {
			return refused(fmt.Errorf("%s holds no backup that can be read: %w", t.Name(), store.ErrNotFound))
		}
		name = m.Backup
	}
	if m, _, err := choose(ctx, t, name); err == nil && m.Root != k.db.RootKeyID() {
		return refused(fmt.Errorf("the root key was replaced since %s was made, by an erasure or by qrsd key rewrap: make a backup, and let the drill be of that: %w", name, store.ErrConflict))
	}
	folder, err := k.clearScratch()
	if err != nil {
		return refused(err)
	}
	r, err := k.drill(ctx, t, name, form, identities, folder, by, tell)
	if err = errors.Join(err, os.RemoveAll(folder)); err != nil {
		return refused(err)
	}
	return r, nil
}

// Prune removes from every target what is older than keep; 0 is the keeper's own retention.
func (k *Keeper) Prune(ctx context.Context, by store.Principal, keep time.Duration) (all map[string]*Pruned, err error) {
	h, err := k.db.Tenant(ctx, by, store.Appliance)
	if err != nil {
		return nil, err
	}
	a := store.Action{Verb: rights.BackupPrune}
	if !by.May(a.Verb) {
		return nil, h.View(ctx, a, func(*store.ReadTx) error { return nil })
	}
	_, end, err := k.begin("pruning", nil)
	if err == nil {
		defer end()
		all = map[string]*Pruned{}
		for _, t := range k.o.Targets {
			p, failed := Prune(ctx, t, cmp.Or(keep, k.o.Retention), k.o.Now())
			if p != nil {
				all[t.Name()] = p
			}
			err = errors.Join(err, failed)
		}
	}
	return all, h.View(ctx, a, func(*store.ReadTx) error { return err })
}

// Shred brings every target's list of erasures up to date and removes key files from before them: an erased tenant must not come back
// with a backup.
func (k *Keeper) Shred(ctx context.Context) (err error) {
	for _, t := range k.o.Targets {
		err = errors.Join(err, k.shred(ctx, t))
	}
	return err
}

// shred first sends the present key file, without which nothing older could be restored.
func (k *Keeper) shred(ctx context.Context, t Target) error {
	erased := k.db.Erasures()
	there, err := readErasures(ctx, t)
	if err != nil && !errors.Is(err, ErrDamaged) || err == nil && hasAll(there, erased) {
		return err
	}
	// The newest manifest must name a key file that stays; a backup sends it.
	all, err := List(ctx, t)
	if err != nil || len(all) == 0 {
		return err
	}
	_, err = k.Create(ctx, rights.System(store.Appliance), nil)
	return err
}

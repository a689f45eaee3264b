package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// behind changes the database past everything that watches over it, as someone does who has the file and no keys.
func behind(t *testing.T, db *DB, fn func(*kv.Tx) error) {
	t.Helper()
	if err := db.kv.Update(t.Context(), kv.Op{Prepare: fn}); err != nil {
		t.Fatal(err)
	}
}

// unchecked makes a store that is not verified when the test ends: its test damages it.
func unchecked(t *testing.T, o Options) (*DB, string) {
	t.Helper()
	db, dir := opened(t, o)
	t.Cleanup(func() { // before that of opened, which verifies a store only while it is unlocked
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, dir
}

// TestAnchorMissing takes the anchor away, beside the present database and beside an old one, or replaces it by a blank one.
func TestAnchorMissing(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := write(t, h, ID{1: 1}, "x"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = restarted(t, db, dir, Options{})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	anchor := filepath.Join(dir, anchorFile)
	for name, replace := range map[string]func() error{
		"gone": func() error { return nil }, "blank": func() error { return createAnchor(anchor, db.now()) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := errors.Join(os.RemoveAll(anchor), replace()); err != nil {
				t.Fatal(err)
			}
			var alarms []string
			var asked error
			var back *DB
			o := Options{Ballast: -1, Alarm: func(what string) {
				alarms = append(alarms, what)
				_, asked = back.Tenants(t.Context(), operator()) // the store answers within an alarm
			}}
			back, err := Open(dir, o)
			if err != nil {
				t.Fatal(err)
			}
			var rollback *RollbackError
			err = back.Unlock(t.Context(), operator(), KeyFile(filepath.Join(filepath.Dir(dir), "root.key")))
			if !errors.As(err, &rollback) || !rollback.Missing || rollback.What != "anchor file" || len(alarms) != 1 || !errors.Is(asked, ErrLocked) {
				t.Errorf("unlock: %v; alarms %q; asked meanwhile: %v", err, alarms, asked)
			}
			if err := back.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
	if err := os.RemoveAll(anchor); err != nil {
		t.Fatal(err)
	}
	again := reopened(t, dir, filepath.Join(filepath.Dir(dir), "root.key"), Options{Ballast: -1, AcceptRollback: true})
	entries, err := again.logEntries(t.Context(), Appliance)
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for _, e := range entries {
		if e.Action == rights.StoreAlarm.String() && strings.HasPrefix(e.Reason, "missing anchor file accepted") {
			accepted++
		}
	}
	if accepted != 1 {
		t.Errorf("%d entries say that the missing anchor was accepted", accepted)
	}
}

// TestAnchorMoves: an anchor named elsewhere for the first time takes over, and the old one goes: without the name, or with
// the whole directory put back, the store is refused.
func TestAnchorMoves(t *testing.T) {
	db, dir := opened(t, Options{})
	tenantOfTest(t, db, Admin)
	elsewhere := Options{Ballast: -1, Anchor: filepath.Join(t.TempDir(), "anchor")}
	db = restarted(t, db, dir, elsewhere)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, anchorFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old anchor: %v", err)
	}
	restore := copied(t, dir, databaseFile, keysFile)
	refused := func(what string, o Options, missing bool) {
		t.Helper()
		back, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		var rollback *RollbackError
		err = back.Unlock(t.Context(), operator(), KeyFile(filepath.Join(filepath.Dir(dir), "root.key")))
		if !errors.As(err, &rollback) || rollback.Missing != missing {
			t.Errorf("%s: %v", what, err)
		}
		if err := back.Close(); err != nil {
			t.Fatal(err)
		}
	}
	refused("without the name", Options{Ballast: -1}, true)
	db = restarted(t, db, dir, elsewhere)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	restore()
	refused("the whole directory put back", elsewhere, false)
}

// TestAnchorOfAnotherHistory: a database that went another way since the anchor's checkpoint is as bad as an old one.
func TestAnchorOfAnotherHistory(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	restore := copied(t, dir, databaseFile, keysFile, anchorFile)
	db = restarted(t, db, dir, Options{})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	anchor, err := os.ReadFile(filepath.Join(dir, anchorFile))
	if err != nil {
		t.Fatal(err)
	}
	restore()
	db = restarted(t, db, dir, Options{}) // the other history, which becomes longer
	h, err = db.Tenant(t.Context(), h.principal, h.id)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := write(t, h, ID{1: 1, 2: byte(i)}, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.RotateKeys(t.Context(), operator(), h.id); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, anchorFile), anchor, 0o600); err != nil {
		t.Fatal(err)
	}
	back, err := Open(dir, Options{Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	var rollback *RollbackError
	err = back.Unlock(t.Context(), operator(), KeyFile(filepath.Join(filepath.Dir(dir), "root.key")))
	if !errors.As(err, &rollback) || !strings.Contains(rollback.What, "another history") || rollback.Have <= rollback.Anchor {
		t.Errorf("unlock: %v", err)
	}
	if err := back.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAnchorUnwritable: the store goes on without its anchor, an operator is told at every checkpoint, and the anchor has
// what it missed as soon as it can be written, though nothing else happened.
func TestAnchorUnwritable(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "other disk")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	alarm := ""
	o := Options{Anchor: filepath.Join(folder, "anchor"), Alarm: func(what string) { alarm = what }}
	db, _ := opened(t, o)
	h := tenantOfTest(t, db, Admin)
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := write(t, h, ID{1: 1}, "x"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // nothing is new for the second
		if err := db.checkpoint(t.Context()); err == nil || !strings.Contains(err.Error(), "anchor") {
			t.Errorf("checkpoint: %v", err)
		}
	}
	if _, err := h.Prove(t.Context(), Lineage, 0); err != nil {
		t.Errorf("a proof needs no anchor: %v", err)
	}
	db.report("checkpoint", db.checkpoint(t.Context()))
	if !strings.Contains(alarm, "anchor") {
		t.Errorf("alarm %q", alarm)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := db.checkpoint(t.Context()); err != nil {
		t.Errorf("writable again: %v", err)
	}
	a, err := openAnchor(o.Anchor)
	if err != nil {
		t.Fatal(err)
	}
	_, last, err := db.lastCheckpoint(t.Context(), db.logOf(Appliance, AuditLog))
	if err != nil || !strings.Contains(a.content.Checkpoint, last.Origin+"\n") || a.content.Checkpoint != db.anchor.now().Checkpoint {
		t.Errorf("the anchor holds %q, %v", a.content.Checkpoint, err)
	}
}

// TestCreateLocksFirst: nothing in the directory is touched before it is known that no other process makes a store there.
func TestCreateLocksFirst(t *testing.T) {
	dir := t.TempDir()
	release, err := kv.LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, keysFile)
	if err := os.WriteFile(other, []byte("of the other"), 0o600); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "root.key")
	if err := NewKeyFile(key, nil); err != nil {
		t.Fatal(err)
	}
	var inUse InUseError
	if _, err := Create(t.Context(), dir, Options{Ballast: -1}, KeyFile(key)); !errors.As(err, &inUse) {
		t.Errorf("create: %v", err)
	}
	if content, err := os.ReadFile(other); err != nil || string(content) != "of the other" {
		t.Errorf("the other's key file: %q, %v", content, err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(t.Context(), dir, Options{Ballast: -1}, KeyFile(key)); err != nil {
		t.Errorf("after a creation that was cut short: %v", err)
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "letters.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(t.Context(), foreign, Options{Ballast: -1}, KeyFile(key)); err == nil {
		t.Error("created among a user's files")
	}
	if names, err := os.ReadDir(foreign); err != nil || len(names) != 1 {
		t.Errorf("the refused directory holds %v, %v", names, err)
	}
}

// TestLockedAndClosed: the two errors are the same ones wherever they arise.
func TestLockedAndClosed(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := db.Lock(t.Context(), operator()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ring.DataKey(dataOwner(h.id), 1); !errors.Is(err, ErrLocked) {
		t.Errorf("a key of a locked store: %v", err)
	}
	if err := write(t, h, ID{1: 1}, "x"); !errors.Is(err, ErrLocked) {
		t.Errorf("a change in a locked store: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.kv.View(t.Context(), func(*kv.ReadTx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("reading a closed store: %v", err)
	}
	if err := write(t, h, ID{1: 1}, "x"); !errors.Is(err, ErrClosed) {
		t.Errorf("a change in a closed store: %v", err)
	}
}

// signedWhole holds every log to being signed to its end.
func signedWhole(t *testing.T, db *DB) (whole bool) {
	t.Helper()
	heads, err := db.Heads(t.Context(), operator())
	if err != nil {
		t.Fatal(err)
	}
	whole = true
	for _, h := range heads {
		if h.Size != h.Signed && !(h.Tenant == Appliance && h.Log == AuditLog.String()) { // asking for the heads is an entry
			whole = false
		}
	}
	return whole
}

// TestSignedAfterCrash: leaves that a crash left behind the last checkpoint are proved and exported at once, and signed
// without being asked for.
func TestSignedAfterCrash(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	for i := range 2 {
		if err := write(t, h, ID{1: byte(i), 2: 1}, "x"); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := db.checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	at := func() *Tenant {
		t.Helper()
		again, err := killed(t, db, dir).Tenant(t.Context(), h.principal, h.id)
		if err != nil {
			t.Fatal(err)
		}
		return again
	}
	if p, err := at().Prove(t.Context(), Lineage, 1); err != nil || p.Size != 2 {
		t.Errorf("proof of the leaf at the end: %+v, %v", p, err)
	}
	var out bytes.Buffer
	if n, err := at().Export(t.Context(), Lineage, &out); err != nil || n != 2 {
		t.Errorf("exported %d leaves of 2, %v", n, err)
	}
	c := killed(t, db, dir) // and nobody asks
	eventually(t, "all logs are signed", func() bool { return signedWhole(t, c) })
}

// TestSignedAfterRollback: a batch that is rolled back makes no log forgotten that others had written to.
func TestSignedAfterRollback(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := write(t, h, ID{1: 1}, "x"); err != nil {
		t.Fatal(err)
	}
	err := h.Update(t.Context(), Action{Verb: rights.TenantChange}, func(tx *WriteTx) error {
		tx.Enter(ledger.Lineage{Kind: ledger.ParameterChanged, Subject: ledger.ID{1}})
		tx.Enter(ledger.Lineage{Kind: "nonsense"})
		return nil
	})
	if err == nil {
		t.Fatal("a leaf of no kind was taken")
	}
	if size, _, err := h.LedgerHead(t.Context()); err != nil || size != 1 {
		t.Errorf("the ledger has %d leaves, %v", size, err)
	}
	if err := write(t, h, ID{1: 2}, "x"); err != nil { // chains with the leaf before, not with the one rolled back
		t.Fatal(err)
	}
	err = h.Update(t.Context(), Action{Verb: rights.TenantChange}, func(tx *WriteTx) error {
		tx.Enter(ledger.Lineage{Kind: ledger.ParameterChanged, Subject: ledger.ID{1}})
		tx.Enter(ledger.Lineage{Kind: "nonsense"})
		return nil
	})
	if err == nil {
		t.Fatal("a leaf of no kind was taken")
	}
	// The work after unlocking would sign them too; here the stop has to.
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := Open(dir, Options{Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	for _, kind := range []LogKind{AuditLog, Lineage} {
		err := raw.kv.View(context.Background(), func(tx *kv.ReadTx) error {
			l := raw.logOf(h.id, kind)
			size, err := l.size(tx)
			signed, err2 := l.signed(tx)
			if size != signed || size == 0 {
				t.Errorf("%s stands at %d, signed at %d", l, size, signed)
			}
			return errors.Join(err, err2)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// note is a record of the tests.
type memo struct {
	Text string `json:"text"`
}

var memos = Define[memo]("settings", 1)

// opened makes a store with a key file beside it, unlocked; it is closed and verified when the test ends.
func opened(t *testing.T, o Options) (*DB, string) {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "root.key")
	if err := NewKeyFile(key, nil); err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(dir, "store")
	if o.Ballast == 0 {
		o.Ballast = -1
	}
	if _, err := Create(t.Context(), store, o, KeyFile(key)); err != nil {
		t.Fatal(err)
	}
	return reopened(t, store, key, o), store
}

// reopened opens a store that exists.
func reopened(t *testing.T, dir, key string, o Options) *DB {
	t.Helper()
	db, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Unlock(t.Context(), operator(), KeyFile(key)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if db.ready() == nil {
			verified(t, db)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// restarted closes the store and opens it again.
func restarted(t *testing.T, db *DB, dir string, o Options) *DB {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	o.Ballast = -1
	return reopened(t, dir, filepath.Join(filepath.Dir(dir), "root.key"), o)
}

// eventually waits for what the store does by itself.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("it did not come about that %s", what)
}

// verified holds the whole store to its promises.
func verified(t *testing.T, db *DB) *CheckReport {
	t.Helper()
	report, err := db.Check(context.Background(), operator(), nil)
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	for _, f := range report.Faults {
		t.Errorf("check: %s", f)
	}
	return report
}

func operator() Principal {
	return rights.HostOperator(Appliance, "operations", Source{Address: "host", Request: "r1"})
}

// tenantOfTest makes a tenant and a handle on it in a role.
func tenantOfTest(t *testing.T, db *DB, role Role) *Tenant {
	t.Helper()
	id, err := db.AddTenant(t.Context(), operator(), "Gulf Mutual")
	if err != nil {
		t.Fatal(err)
	}
	handle, err := db.Tenant(t.Context(), rights.User(ID{7: 7}, id, role, Source{Address: "192.0.2.7", UserAgent: "test", Request: "r2"}, nil), id)
	if err != nil {
		t.Fatal(err)
	}
	return handle
}

func write(t *testing.T, h *Tenant, id ID, text string) error {
	t.Helper()
	return h.Update(t.Context(), Action{Verb: rights.TenantChange, Object: id}, func(tx *WriteTx) error {
		tx.Enter(ledger.Lineage{Kind: ledger.ParameterChanged, Subject: ledger.ID(id)})
		return memos.Insert(tx, id, memo{text})
	})
}

func TestChangeEntryAndLeafTogether(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	id := ID{1: 1}
	if err := write(t, h, id, "first"); err != nil {
		t.Fatal(err)
	}
	if err := write(t, h, id, "again"); !errors.Is(err, ErrExists) {
		t.Fatalf("second insert: %v", err)
	}
	var got Record[memo]
	err := h.View(t.Context(), Action{Verb: rights.TenantRead, Object: id}, func(tx *ReadTx) (err error) {
		got, err = memos.Get(tx, id)
		return err
	})
	if err != nil || got.Value.Text != "first" || got.Version != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	entries, err := h.Audit(t.Context(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range entries {
		lines = append(lines, fmt.Sprintf("%s %s %d %d", e.Action, e.Outcome, len(e.Changes), len(e.Lineage)))
	}
	want := "[tenant.add done 0 0 tenant.change done 1 1 tenant.change failed 0 0 tenant.read done 0 0]"
	if got := fmt.Sprint(lines); got != want {
		t.Errorf("audit log:\n got %s\nwant %s", got, want)
	}
	if p := entries[1].Person; p == nil || p.Address != "192.0.2.7" {
		t.Errorf("person of the entry: %+v", p)
	}
	leaves, err := h.Ledger(t.Context(), -1, 10)
	if err != nil || len(leaves) != 1 || leaves[0].Lineage.Actor != ledger.ID(h.principal.User()) {
		t.Fatalf("ledger: %+v, %v", leaves, err)
	}
	for sequence := range int64(len(entries)) {
		if _, err := h.Prove(t.Context(), AuditLog, sequence); err != nil {
			t.Errorf("proof of entry %d: %v", sequence, err)
		}
	}
}

func TestReopen(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	for i := range 50 {
		if err := write(t, h, ID{2: byte(i), 3: 1}, "text"); err != nil {
			t.Fatal(err)
		}
	}
	again := restarted(t, db, dir, Options{})
	infos, err := again.Tenants(t.Context(), operator())
	if err != nil || len(infos) != 1 || infos[0].Name != "Gulf Mutual" {
		t.Fatalf("%+v, %v", infos, err)
	}
}

func TestErase(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := write(t, h, ID{1: 1}, "secret"); err != nil {
		t.Fatal(err)
	}
	c, err := db.EraseTenant(t.Context(), operator(), h.id)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Keys) < 10 || c.Signed == "" || c.AuditSize == 0 {
		t.Errorf("certificate: %+v", c)
	}
	if err := write(t, h, ID{1: 2}, "more"); err == nil {
		t.Error("a handle on an erased tenant writes")
	}
	if _, err := db.Tenant(t.Context(), h.principal, h.id); !errors.Is(err, ErrErased) {
		t.Errorf("tenant: %v", err)
	}
	logs, err := db.VerifyLogs(t.Context(), operator(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range logs {
		if l.Fault != nil {
			t.Errorf("%+v", l)
		}
	}
}

// TestRotationCatchesUp moves the clock by 91 days across a restart.
func TestRotationCatchesUp(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	db, dir := opened(t, Options{Now: clock})
	h := tenantOfTest(t, db, Admin)
	version := func(db *DB) (v uint32) {
		for _, s := range db.ring.Owners() {
			if s.Owner == dataOwner(h.id) {
				v = s.Version
			}
		}
		return v
	}
	before := version(db)
	now = now.Add(91 * 24 * time.Hour)
	again := restarted(t, db, dir, Options{Now: clock})
	eventually(t, "a new version exists", func() bool { return version(again) == before+1 })
}

// logEntries reads a tenant's audit log past its rights.
func (db *DB) logEntries(ctx context.Context, tenant ID) (all []Entry, err error) {
	l := db.logOf(tenant, AuditLog)
	from, to, err := db.span(ctx, l, Query{})
	if err != nil {
		return nil, err
	}
	return all, db.eachLeaf(ctx, l, from, to, false, func(sequence int64, _ envelope.Box, plain []byte) (bool, error) {
		r, err := db.readEntry(l, sequence, plain)
		all = append(all, r.Entry)
		return true, err
	})
}

// unlockAgain unlocks with the key file beside the store.
func unlockAgain(t *testing.T, db *DB, dir string) error {
	t.Helper()
	return db.Unlock(t.Context(), operator(), KeyFile(filepath.Join(filepath.Dir(dir), "root.key")))
}

// logEntriesOf counts a tenant's audit entries without reading them.
func (db *DB) logEntriesOf(ctx context.Context, tenant ID) (size int64, err error) {
	err = db.kv.View(ctx, func(from *kv.ReadTx) (err error) {
		size, err = db.logOf(tenant, AuditLog).size(from)
		return err
	})
	return size, err
}

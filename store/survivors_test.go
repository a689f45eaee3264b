package store

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// TestEveryLeafOfATransaction: a transaction may enter several, and its audit entry names them all.
func TestEveryLeafOfATransaction(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	for round := range byte(2) {
		err := h.Update(t.Context(), Action{Verb: rights.TenantChange}, func(tx *WriteTx) error {
			for i := range byte(3) {
				tx.Enter(ledger.Lineage{Kind: ledger.ParameterChanged, Subject: ledger.ID{1, round, i}})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	leaves, err := h.Ledger(t.Context(), -1, 10)
	if err != nil || len(leaves) != 6 {
		t.Fatalf("%d leaves, %v", len(leaves), err)
	}
	for i, l := range leaves {
		if want := (ledger.ID{1, byte(i / 3), byte(i % 3)}); l.Lineage.Subject != want {
			t.Errorf("leaf %d is of %v", i, l.Lineage.Subject)
		}
	}
	entries, err := h.Audit(t.Context(), Query{Action: "tenant.change"})
	if err != nil || len(entries) != 2 || !slices.Equal(entries[0].Lineage, []int64{0, 1, 2}) || !slices.Equal(entries[1].Lineage, []int64{3, 4, 5}) {
		t.Errorf("entries: %+v, %v", entries, err)
	}
}

// TestCommitmentOfAText: a text that decrypts at its place, and is not the one that the leaf commits to, is found.
func TestCommitmentOfAText(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	l := db.logOf(h.id, AuditLog)
	at := l.at(leafCollection, 0)
	b := boxAt(t, db, at)
	plain, err := db.decryptLogRecord(l, l.leafOwner, at, b)
	if err != nil {
		t.Fatal(err)
	}
	key, err := db.ring.DataKey(l.leafOwner, leafCollection)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(plain []byte) error {
		box := key.Encrypt(db.place(l.id, leafCollection, at.Key), 1, b.Public(), plain)
		v := logCheck{db: db, log: l, report: &LogReport{}}
		return v.text(leafPart{boxes: []envelope.Box{box}})
	}
	if err := verify(bytes.Clone(plain)); err != nil {
		t.Errorf("the text itself: %v", err)
	}
	if err := verify(bytes.Replace(plain, []byte(`"done"`), []byte(`"fail"`), 1)); err == nil || !strings.Contains(err.Error(), "not the one committed to") {
		t.Errorf("another outcome: %v", err)
	}
}

// TestTreeHashesTooMany: a tree that has more than follows from the leaves had more leaves.
func TestTreeHashesTooMany(t *testing.T) {
	db, _ := unchecked(t, Options{})
	h := tenantOfTest(t, db, Admin)
	for i := range 3 {
		if err := write(t, h, ID{1: byte(i), 2: 1}, "x"); err != nil {
			t.Fatal(err)
		}
	}
	l := db.logOf(h.id, Lineage)
	b := boxAt(t, db, l.at(nodeCollection, 0))
	behind(t, db, func(tx *kv.Tx) error { return tx.Put(l.at(nodeCollection, ledger.StoredCount(3)), b) })
	if found := faultsOf(t, db); !strings.Contains(found, "is one too many: the last leaves are missing") {
		t.Errorf("check: %s", found)
	}
}

// TestUnwrapIsEntered: the first use of a tenant's keys since the store was unlocked is an entry, and no other.
func TestUnwrapIsEntered(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	db = restarted(t, db, dir, Options{})
	for range 3 {
		if _, err := db.Tenant(t.Context(), h.principal, h.id); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := db.logEntries(t.Context(), h.id)
	if err != nil {
		t.Fatal(err)
	}
	var of []string
	for _, e := range entries {
		if e.Action != rights.KeyUnwrap.String() {
			continue
		}
		for _, k := range e.Keys {
			of = append(of, k.Kind+" "+k.Of)
			if len(k.Keys) == 0 {
				t.Errorf("%s %s names no key", k.Kind, k.Of)
			}
		}
	}
	if want := []string{"unwrapped audit key-encryption key", "unwrapped data key-encryption key"}; !slices.Equal(of, want) {
		t.Errorf("entered: %q", of)
	}
}

// TestReasonsHaveNoData: what an error says may be a customer's; the log has its class.
func TestReasonsHaveNoData(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	boom := errors.New("the mailbox of jane.doe@insurer.example is full")
	if err := h.Update(t.Context(), Action{Verb: rights.TenantChange}, func(*WriteTx) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("update: %v", err)
	}
	if err := h.View(t.Context(), Action{Verb: rights.TenantRead}, func(*ReadTx) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("view: %v", err)
	}
	entries, err := h.Audit(t.Context(), Query{Outcome: Failed})
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for _, e := range entries {
		if e.Reason != "refused" {
			t.Errorf("%s says %q", e.Action, e.Reason)
		}
	}
}

// TestCancelledIsEntered: whoever gave up before the end was answered by an entry all the same.
func TestCancelledIsEntered(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	ctx, cancel := context.WithCancel(t.Context())
	err := h.View(ctx, Action{Verb: rights.TenantRead}, func(*ReadTx) error {
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("view: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	err = h.Update(ctx, Action{Verb: rights.TenantChange}, func(tx *WriteTx) error {
		cancel()
		return memos.Insert(tx, ID{1}, memo{"x"})
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("update: %v", err)
	}
	entries, err := h.Audit(t.Context(), Query{Outcome: Failed})
	if err != nil || len(entries) != 2 || entries[0].Reason != "cancelled" || entries[1].Reason != "cancelled" {
		t.Errorf("entries: %+v, %v", entries, err)
	}
}

// TestAbandonedChangeOfKeys: where nothing was changed, nothing stays announced.
func TestAbandonedChangeOfKeys(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	boom := errors.New("boom")
	err := db.appliance(operator()).changeKeys(t.Context(), keyChange{
		verb: rights.KeyRotate, intent: intent{Object: h.id}, do: func() ([]keyring.Event, error) { return nil, boom },
	})
	if !errors.Is(err, boom) {
		t.Errorf("change: %v", err)
	}
	if open, err := db.openIntents(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("announced still: %+v, %v", open, err)
	}
	entries, err := db.logEntries(t.Context(), Appliance)
	if err != nil {
		t.Fatal(err)
	}
	var outcomes []Outcome
	for _, e := range entries {
		if e.Action == rights.KeyRotate.String() {
			outcomes = append(outcomes, e.Outcome)
		}
	}
	if !slices.Equal(outcomes, []Outcome{Intent, Failed}) {
		t.Errorf("entered: %q", outcomes)
	}
}

// TestCollectionOfALaterVersion: a tenant from before a collection was known gets its data key at the next unlock.
func TestCollectionOfALaterVersion(t *testing.T) {
	db, dir := opened(t, Options{})
	id := ID{3: 3}
	earlier := grants(id)
	for i := range earlier {
		earlier[i].Purposes = slices.DeleteFunc(earlier[i].Purposes, func(p keyring.Purpose) bool { return p == keyring.Purpose(memos.number) })
	}
	a := db.appliance(operator())
	err := a.changeKeys(t.Context(), keyChange{
		verb: rights.TenantAdd, intent: intent{Object: id},
		do:   func() ([]keyring.Event, error) { return db.ring.Add(t.Context(), earlier) },
		then: func(tx *WriteTx) error { return tenantStates.Insert(tx, id, tenantState{Created: tx.now}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	p := rights.User(ID{7: 7}, id, Admin, Source{}, nil)
	h, err := db.Tenant(t.Context(), p, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(t, h, ID{1: 1}, "x"); !errors.Is(err, keyring.ErrUnknownKey) {
		t.Fatalf("a collection without a key was written: %v", err)
	}
	db = restarted(t, db, dir, Options{})
	if h, err = db.Tenant(t.Context(), p, id); err != nil {
		t.Fatal(err)
	}
	if err := write(t, h, ID{1: 1}, "x"); err != nil {
		t.Error(err)
	}
	entries, err := db.logEntries(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	made := slices.ContainsFunc(entries, func(e Entry) bool {
		return e.Action == rights.StoreRecover.String() && len(e.Keys) == 1 && e.Keys[0].Kind == string(keyring.Created)
	})
	if !made {
		t.Error("the new data key is not in the tenant's log")
	}
}

// TestNearlyFullDisk: changes are refused, reading goes on, and every attempt is entered.
func TestNearlyFullDisk(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := write(t, h, ID{1: 1}, "x"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	full, err := Open(dir, Options{Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := full.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := full.kv.Close(); err != nil {
		t.Fatal(err)
	}
	const more = 1 << 60 // than any disk has free
	if full.kv, err = kv.Open(filepath.Join(dir, databaseFile), kv.Options{Ballast: -1, LowWater: more, Journal: full.book}); err != nil {
		t.Fatal(err)
	}
	if err := full.Unlock(t.Context(), operator(), KeyFile(filepath.Join(filepath.Dir(dir), "root.key"))); err != nil {
		t.Fatal(err)
	}
	if h, err = full.Tenant(t.Context(), h.principal, h.id); err != nil {
		t.Fatal(err)
	}
	err = h.View(t.Context(), Action{Verb: rights.TenantRead}, func(tx *ReadTx) error {
		_, err := memos.Get(tx, ID{1: 1})
		return err
	})
	if err != nil {
		t.Errorf("reading: %v", err)
	}
	if err := write(t, h, ID{1: 2}, "x"); !errors.As(err, new(ErrReadOnly)) {
		t.Errorf("writing: %v", err)
	}
	if err := h.View(t.Context(), Action{Verb: rights.AuditSystem}, nil); !errors.As(err, new(*DeniedError)) {
		t.Errorf("what is not allowed: %v", err)
	}
	entries, err := full.logEntries(t.Context(), h.id)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries[len(entries)-3:] {
		got = append(got, e.Action+" "+string(e.Outcome))
	}
	if want := []string{"tenant.read done", "tenant.change failed", "audit.system denied"}; !slices.Equal(got, want) {
		t.Errorf("entered: %q", got)
	}
}

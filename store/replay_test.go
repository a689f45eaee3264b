package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// boxAt is what is stored at a place.
func boxAt(t *testing.T, db *DB, at kv.Address) (b envelope.Box) {
	t.Helper()
	err := db.kv.View(t.Context(), func(tx *kv.ReadTx) (err error) {
		b, _, err = tx.Get(at)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// faultsOf checks a store and returns what was found, as one text.
func faultsOf(t *testing.T, db *DB) string {
	t.Helper()
	report, err := db.Check(t.Context(), operator(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(report.Faults)
}

// cutOff removes the end of a log with its checkpoints and tree hashes, which takes no key.
func cutOff(t *testing.T, db *DB, l log, keep int64) {
	t.Helper()
	var size int64
	err := db.kv.View(t.Context(), func(tx *kv.ReadTx) (err error) {
		size, err = l.size(tx)
		return err
	})
	if err != nil || size <= keep {
		t.Fatalf("%s has %d leaves, %v", l, size, err)
	}
	behind(t, db, func(tx *kv.Tx) error {
		for s := keep; s < size; s++ {
			if err := tx.Delete(l.at(leafCollection, s)); err != nil {
				return err
			}
			if err := tx.Delete(l.at(checkpointCollection, s+1)); err != nil {
				return err
			}
		}
		for n := ledger.StoredCount(keep); n < ledger.StoredCount(size); n++ {
			if err := tx.Delete(l.at(nodeCollection, n)); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestLogCutOff: the heads in the appliance's log show that a tenant's log had been longer, whoever verifies.
func TestLogCutOff(t *testing.T) {
	for _, kind := range []LogKind{AuditLog, Lineage} {
		t.Run(kind.String(), func(t *testing.T) {
			db, _ := unchecked(t, Options{})
			h := tenantOfTest(t, db, Admin)
			for round := range 2 {
				for i := range 10 {
					if err := write(t, h, ID{1: byte(i), 2: byte(1 + round)}, "x"); err != nil {
						t.Fatal(err)
					}
				}
				if err := db.checkpoint(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if found := faultsOf(t, db); found != "[]" {
				t.Fatalf("before: %s", found)
			}
			cutOff(t, db, db.logOf(h.id, kind), 5)
			if found := faultsOf(t, db); !strings.Contains(found, "was entered in the appliance's log, and the log has only 5 leaves") {
				t.Errorf("check: %s", found)
			}
			for who, p := range map[string]Principal{"operator": operator(), "admin of the tenant": h.principal} {
				logs, err := db.VerifyLogs(t.Context(), p, nil, kind)
				if err != nil {
					t.Fatal(err)
				}
				found := ""
				for _, l := range logs {
					if l.Fault != nil {
						found += l.Fault.String()
					}
				}
				if !strings.Contains(found, "the last ones are missing") {
					t.Errorf("verified by the %s: %s", who, found)
				}
			}
		})
	}
}

// TestCheckpointTakenAway: of the checkpoints the last one that was entered must be there.
func TestCheckpointTakenAway(t *testing.T) {
	db, _ := unchecked(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := write(t, h, ID{1: 1}, "x"); err != nil {
		t.Fatal(err)
	}
	if err := db.checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	behind(t, db, func(tx *kv.Tx) error { return tx.Delete(db.logOf(h.id, Lineage).at(checkpointCollection, 1)) })
	if found := faultsOf(t, db); !strings.Contains(found, "checkpoint 1: is missing") {
		t.Errorf("check: %s", found)
	}
}

// TestEveryHeadIsEntered signs logs in every way there is: the appliance's log has the head of each checkpoint.
func TestEveryHeadIsEntered(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	err := h.Update(t.Context(), Action{Verb: rights.TenantChange}, func(tx *WriteTx) error {
		for i := range checkpointLeaves { // enough to be signed with the batch
			tx.Enter(ledger.Lineage{Kind: ledger.ParameterChanged, Subject: ledger.ID{1, byte(i), byte(i >> 8)}})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, c, err := db.lastCheckpoint(t.Context(), db.logOf(h.id, Lineage)); err != nil || c.Size != checkpointLeaves {
		t.Errorf("the ledger is signed at %d, %v", c.Size, err)
	}
	if _, err := h.Checkpoint(t.Context(), AuditLog); err != nil {
		t.Fatal(err)
	}
	entries, err := db.logEntries(t.Context(), Appliance)
	if err != nil {
		t.Fatal(err)
	}
	entered := map[string]bool{}
	for _, e := range entries {
		for _, head := range e.Heads {
			entered[fmt.Sprint(head.Tenant, head.Log, head.Size)] = true
		}
	}
	count := 0
	for _, kind := range []LogKind{AuditLog, Lineage} {
		l := db.logOf(h.id, kind)
		err := db.eachKey(t.Context(), l.id, checkpointCollection, func(key []byte) {
			count++
			if size, _ := indexOf(key); !entered[fmt.Sprint(h.id, kind.String(), size)] {
				t.Errorf("%s was signed at %d leaves, which the appliance's log does not say", l, size)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if count < 2 || !entered[fmt.Sprint(h.id, Lineage.String(), checkpointLeaves)] {
		t.Errorf("%d checkpoints; entered: %v", count, entered)
	}
}

var postsOfTest = DefineSignpost("test posts")

// TestRecordsBehindTheLog puts records back, takes them away and brings them in again, behind the log.
func TestRecordsBehindTheLog(t *testing.T) {
	db, _ := unchecked(t, Options{})
	h := tenantOfTest(t, db, Admin)
	id := ID{1: 1}
	if err := write(t, h, id, "role=admin"); err != nil {
		t.Fatal(err)
	}
	change := func(fn func(tx *WriteTx) error) {
		t.Helper()
		if err := h.Update(t.Context(), Action{Verb: rights.TenantChange}, fn); err != nil {
			t.Fatal(err)
		}
	}
	at := h.address(memos.number, id[:])
	before := boxAt(t, db, at)
	change(func(tx *WriteTx) error {
		r, err := memos.Get(tx, id)
		if err != nil {
			return err
		}
		r.Value.Text = "role=viewer"
		_, err = memos.Put(tx, r)
		return err
	})
	now := boxAt(t, db, at)
	wants := func(what, words string) {
		t.Helper()
		if found := faultsOf(t, db); words == "" && found != "[]" || !strings.Contains(found, words) {
			t.Errorf("%s: %s", what, found)
		}
	}
	wants("nothing happened", "")
	behind(t, db, func(tx *kv.Tx) error { return tx.Put(at, before) })
	wants("the earlier version put back", "put back to an earlier state")
	behind(t, db, func(tx *kv.Tx) error { return tx.Delete(at) })
	wants("taken away", "is missing: by the audit log it was written")
	behind(t, db, func(tx *kv.Tx) error { return tx.Put(at, now) })
	wants("as it was", "")
	change(func(tx *WriteTx) error { return memos.Delete(tx, id, 2) })
	wants("deleted in order", "")
	behind(t, db, func(tx *kv.Tx) error { return tx.Put(at, now) })
	wants("a deleted one brought back", "was never written, or deleted")
	behind(t, db, func(tx *kv.Tx) error { return tx.Delete(at) })
	profile := h.address(profiles.number, h.id[:])
	name := boxAt(t, db, profile)
	behind(t, db, func(tx *kv.Tx) error { return tx.Delete(profile) })
	wants("the tenant's name taken away", "profile")
	behind(t, db, func(tx *kv.Tx) error { return tx.Put(profile, name) })
	wants("as it was again", "")
}

// TestSignpostsBehindTheLog: entries name a signpost by nothing but its tenant; still none can be put back or taken away.
func TestSignpostsBehindTheLog(t *testing.T) {
	db, _ := unchecked(t, Options{})
	h := tenantOfTest(t, db, Admin)
	change := func(fn func(tx *WriteTx) error) {
		t.Helper()
		if err := h.Update(t.Context(), Action{Verb: rights.TenantChange}, fn); err != nil {
			t.Fatal(err)
		}
	}
	set := func(value string, id ID) { change(func(tx *WriteTx) error { return postsOfTest.Set(tx, value, id) }) }
	at := func(value string) kv.Address {
		t.Helper()
		keys, err := postsOfTest.keys(db, value, h.id)
		if err != nil {
			t.Fatal(err)
		}
		return kv.Address{Space: Appliance, Collection: register["signposts"], Key: keys[0]}
	}
	set("a", ID{1})
	old := boxAt(t, db, at("a"))
	set("a", ID{2})
	set("b", ID{3})
	gone := boxAt(t, db, at("b"))
	change(func(tx *WriteTx) error { return postsOfTest.Remove(tx, "b") })
	now := boxAt(t, db, at("a"))
	wants := func(what, words string) {
		t.Helper()
		if found := faultsOf(t, db); words == "" && found != "[]" || !strings.Contains(found, words) {
			t.Errorf("%s: %s", what, found)
		}
	}
	wants("nothing happened", "")
	behind(t, db, func(tx *kv.Tx) error { return tx.Put(at("a"), old) })
	wants("an earlier one put back", "1 are not in the audit logs, 1 of those logs are missing")
	behind(t, db, func(tx *kv.Tx) error { return tx.Put(at("a"), now) })
	behind(t, db, func(tx *kv.Tx) error { return tx.Put(at("b"), gone) })
	wants("one that was removed brought back", "1 are not in the audit logs, 0 of those logs are missing")
	behind(t, db, func(tx *kv.Tx) error { return tx.Delete(at("b")) })
	behind(t, db, func(tx *kv.Tx) error { return tx.Delete(at("a")) })
	wants("one taken away", "0 are not in the audit logs, 1 of those logs are missing")
	behind(t, db, func(tx *kv.Tx) error { return tx.Put(at("a"), now) })
	for _, tenant := range []ID{h.id, Appliance} {
		if err := db.Reencrypt(t.Context(), operator(), tenant, nil); err != nil {
			t.Fatal(err)
		}
		wants("encrypted anew under keys of "+tenant.String(), "")
	}
	if _, err := db.EraseTenant(t.Context(), operator(), h.id); err != nil {
		t.Fatal(err)
	}
	wants("after an erasure", "")
}

// TestTenantTakenAway: a tenant that is removed with all its logs is missed.
func TestTenantTakenAway(t *testing.T) {
	db, _ := unchecked(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := db.checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	behind(t, db, func(tx *kv.Tx) error {
		return tx.Delete(kv.Address{Space: Appliance, Collection: tenantStates.number, Key: h.id[:]})
	})
	if found := faultsOf(t, db); !strings.Contains(found, "is not in the list of tenants") || !strings.Contains(found, "is missing: by the audit log") {
		t.Errorf("check: %s", found)
	}
}

// TestCheckBesideWriters: what changes while the check walks is no fault.
func TestCheckBesideWriters(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	stop, done := make(chan struct{}), make(chan error)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			err := h.Update(t.Context(), Action{Verb: rights.TenantChange}, func(tx *WriteTx) error {
				id := ID{15: byte(i % 20)}
				r, err := memos.Get(tx, id)
				if err != nil {
					err = memos.Insert(tx, id, memo{"x"})
				} else if i%3 == 0 {
					err = memos.Delete(tx, id, r.Version)
				} else {
					_, err = memos.Put(tx, r)
				}
				if err != nil {
					return err
				}
				return postsOfTest.Set(tx, fmt.Sprint(i%7), id)
			})
			if err != nil {
				done <- err
				return
			}
		}
	}()
	for range 15 {
		if found := faultsOf(t, db); found != "[]" {
			t.Errorf("check: %s", found)
			break
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestCheckCancelled: a check that did not come to its end says so, and calls nothing damaged.
func TestCheckCancelled(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := write(t, h, ID{1: 1}, "x"); err != nil {
		t.Fatal(err)
	}
	for _, stage := range []string{"database pages", "log leaves", "records"} {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := db.Check(ctx, operator(), func(what string, _ int64) {
			if what == stage {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) || r != nil && len(r.Faults) > 0 {
			t.Errorf("cancelled at the %s: %+v, %v", stage, r, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := db.Check(ctx, operator(), nil); err == nil {
		t.Errorf("cancelled before: %+v", r)
	}
	before, err := db.logEntries(t.Context(), Appliance)
	if err != nil {
		t.Fatal(err)
	}
	if last := before[len(before)-1]; last.Action != rights.StoreCheck.String() || last.Outcome != Failed || last.Reason != "cancelled" {
		t.Errorf("entry of the cancelled check: %+v", last)
	}
}

// TestWhoVerifiesWhat: the ledger can be verified by roles that do not see the audit log.
func TestWhoVerifiesWhat(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Modeler)
	for _, x := range []struct {
		role  Role
		kinds []LogKind
		want  string
	}{
		{Modeler, nil, "[ledger]"}, {Modeler, []LogKind{Lineage}, "[ledger]"}, {Modeler, []LogKind{AuditLog}, "denied"},
		{Modeler, []LogKind{Lineage, AuditLog}, "denied"}, {Admin, nil, "[audit ledger]"}, {Admin, []LogKind{AuditLog}, "[audit]"},
	} {
		before, err := db.logEntries(t.Context(), h.id)
		if err != nil {
			t.Fatal(err)
		}
		p := rights.User(ID{7: 7}, h.id, x.role, Source{}, nil)
		logs, err := db.VerifyLogs(t.Context(), p, nil, x.kinds...)
		got := []string{}
		for _, l := range logs {
			got = append(got, l.Log)
		}
		var denied *DeniedError
		if text := fmt.Sprint(got); x.want == "denied" && !errors.As(err, &denied) || x.want != "denied" && (err != nil || text != x.want) {
			t.Errorf("%s verifies %v: %s, %v", x.role, x.kinds, text, err)
		}
		after, err := db.logEntries(t.Context(), h.id)
		if err != nil || len(after) != len(before)+1 {
			t.Errorf("%s verifies %v: %d entries, %v", x.role, x.kinds, len(after)-len(before), err)
		}
	}
}

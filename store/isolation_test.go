package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// TestNoWayAcross tries every way from one tenant to another.
func TestNoWayAcross(t *testing.T) {
	db, _ := opened(t, Options{})
	ours, theirs := tenantOfTest(t, db, Admin), tenantOfTest(t, db, Admin)
	id := ID{1: 1}
	if err := write(t, theirs, id, "theirs"); err != nil {
		t.Fatal(err)
	}
	var denied *DeniedError
	if _, err := db.Tenant(t.Context(), ours.principal, theirs.id); !errors.As(err, &denied) {
		t.Errorf("handle on another tenant: %v", err)
	}
	if _, err := db.Tenant(t.Context(), ours.principal, ID{5: 5}); !errors.As(err, &denied) {
		t.Errorf("handle on a tenant that does not exist: %v", err)
	}
	if _, err := db.Tenant(t.Context(), operator(), theirs.id); !errors.As(err, &denied) {
		t.Errorf("operator in a tenant: %v", err)
	}
	if _, err := db.Tenant(t.Context(), Principal{}, theirs.id); !errors.As(err, &denied) {
		t.Errorf("nobody in a tenant: %v", err)
	}
	if err := db.RotateKeys(t.Context(), ours.principal, theirs.id); !errors.As(err, &denied) {
		t.Errorf("rotation of another tenant's keys: %v", err)
	}
	err := ours.View(t.Context(), Action{Verb: rights.TenantRead, Object: id}, func(tx *ReadTx) error {
		_, err := memos.Get(tx, id)
		return err
	})
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("reading another tenant's record: %v", err)
	}
	crossings, err := db.appliance(operator()).Audit(t.Context(), Query{Outcome: Denied})
	if err != nil || len(crossings) != 5 {
		t.Errorf("%d denials in the appliance's log, %v", len(crossings), err)
	}
	own, err := ours.Audit(t.Context(), Query{Outcome: Denied})
	if err != nil || len(own) != 3 {
		t.Errorf("%d denials in the tenant's log, %v", len(own), err)
	}
}

// TestMovedRecordDoesNotDecrypt copies a box to another place: another record, collection and tenant.
func TestMovedRecordDoesNotDecrypt(t *testing.T) {
	db, _ := opened(t, Options{})
	ours, theirs := tenantOfTest(t, db, Admin), tenantOfTest(t, db, Admin)
	from, to := ID{1: 1}, ID{1: 2}
	if err := write(t, theirs, from, "theirs"); err != nil {
		t.Fatal(err)
	}
	source := theirs.address(memos.number, from[:])
	places := map[string]kv.Address{
		"record": theirs.address(memos.number, to[:]), "collection": theirs.address(profiles.number, from[:]), "tenant": ours.address(memos.number, from[:]),
	}
	for name, place := range places {
		err := db.kv.Update(t.Context(), kv.Op{Prepare: func(tx *kv.Tx) error {
			b, _, err := tx.Get(source)
			if err != nil {
				return err
			}
			return tx.Put(place, b)
		}})
		if err != nil {
			t.Fatal(err)
		}
		report, err := db.Check(t.Context(), operator(), nil)
		// It does not decrypt there, and no log says that it was written there.
		if err != nil || len(report.Faults) != 2 || !strings.Contains(fmt.Sprint(report.Faults[1]), "never written") {
			t.Errorf("%s: %v, %v", name, report.Faults, err)
		}
		if err := db.kv.Update(t.Context(), kv.Op{Prepare: func(tx *kv.Tx) error { return tx.Delete(place) }}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDenialsAreEntered: every role against a verb that it lacks.
func TestDenialsAreEntered(t *testing.T) {
	db, _ := opened(t, Options{})
	viewer := tenantOfTest(t, db, Viewer)
	err := viewer.Update(t.Context(), Action{Verb: rights.PortfolioImport}, func(*WriteTx) error {
		t.Error("the function of a denied action was run")
		return nil
	})
	var denied *DeniedError
	if !errors.As(err, &denied) {
		t.Errorf("import by a viewer: %v", err)
	}
	entries, err := db.logEntries(t.Context(), viewer.id)
	if err != nil {
		t.Fatal(err)
	}
	last := entries[len(entries)-1]
	if last.Outcome != Denied || last.Action != "portfolio.import" || last.Role != Viewer {
		t.Errorf("last entry: %+v", last)
	}
}

// TestConflict: a change to a version that is no longer the stored one is refused, with the other one kept.
func TestConflict(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	id := ID{1: 1}
	if err := write(t, h, id, "one"); err != nil {
		t.Fatal(err)
	}
	put := func(version uint64, text string) error {
		return h.Update(t.Context(), Action{Verb: rights.TenantChange, Object: id}, func(tx *WriteTx) error {
			_, err := memos.Put(tx, Record[memo]{ID: id, Version: version, Value: memo{text}})
			return err
		})
	}
	if err := put(1, "two"); err != nil {
		t.Fatal(err)
	}
	if err := put(1, "three"); !errors.Is(err, ErrConflict) {
		t.Errorf("stale change: %v", err)
	}
	// Two hundred changes of one record at once: each is on what the one before it left.
	done := make(chan error, 200)
	for range cap(done) {
		go func() {
			done <- h.Update(t.Context(), Action{Verb: rights.TenantChange, Object: id}, func(tx *WriteTx) error {
				r, err := memos.Get(tx, id)
				if err != nil {
					return err
				}
				r.Value.Text += "."
				_, err = memos.Put(tx, r)
				return err
			})
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	err := h.View(t.Context(), Action{Verb: rights.TenantRead}, func(tx *ReadTx) error {
		r, err := memos.Get(tx, id)
		if len(r.Value.Text) != 3+200 || r.Version != 202 {
			t.Errorf("%d characters in version %d", len(r.Value.Text), r.Version)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

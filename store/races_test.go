package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// heldUpdate begins a change and holds it between its writing and its commit. goOn lets it go, done is how it ended.
func heldUpdate(t *testing.T, h *Tenant, id ID) (goOn func(), done <-chan error) {
	t.Helper()
	prepared, held, ended := make(chan struct{}, 2), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- h.Update(context.WithoutCancel(t.Context()), Action{Verb: changeVerb}, func(tx *WriteTx) error {
			err := memos.Insert(tx, id, memo{"acknowledged"})
			prepared <- struct{}{}
			<-held
			return err
		})
	}()
	<-prepared
	return func() { close(held) }, ended
}

// TestChangeDuringReencryption: what was prepared under an old key and committed later is read after the old key is gone.
func TestChangeDuringReencryption(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	id := ID{1: 1}
	goOn, done := heldUpdate(t, h, id)
	finished := make(chan error, 1)
	go func() { finished <- db.Reencrypt(context.WithoutCancel(t.Context()), operator(), h.id, nil) }()
	select {
	case err := <-finished:
		t.Fatalf("the re-encryption did not wait for a change that was under way: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	goOn()
	if err := errors.Join(<-done, <-finished); err != nil {
		t.Fatal(err)
	}
	err := h.View(t.Context(), Action{Verb: rights.TenantRead}, func(tx *ReadTx) error { _, err := memos.Get(tx, id); return err })
	if err != nil {
		t.Errorf("an acknowledged change cannot be read: %v", err)
	}
}

// TestBlobDuringReencryption: a blob that was begun before is refused, and not kept unreadable.
func TestBlobDuringReencryption(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	w, err := h.CreateBlob(t.Context(), Action{Verb: changeVerb})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("bulk")); err != nil {
		t.Fatal(err)
	}
	if err := db.Reencrypt(t.Context(), operator(), h.id, nil); err != nil {
		t.Fatal(err)
	}
	ref, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	err = h.Update(t.Context(), Action{Verb: changeVerb}, func(tx *WriteTx) error { return tx.KeepBlob(ref, h.id) })
	if !errors.Is(err, ErrConflict) {
		t.Errorf("kept: %v", err)
	}
}

// TestReaderDuringReencryption: a reading sees its snapshot to its end, blobs included.
func TestReaderDuringReencryption(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	id := ID{1: 1}
	if err := write(t, h, id, "text"); err != nil {
		t.Fatal(err)
	}
	ref, err := h.WriteBlob(t.Context(), Action{Verb: changeVerb}, strings.NewReader("bulk"))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Update(t.Context(), Action{Verb: changeVerb}, func(tx *WriteTx) error { return tx.KeepBlob(ref, h.id) }); err != nil {
		t.Fatal(err)
	}
	finished := make(chan error, 1)
	err = h.View(t.Context(), Action{Verb: rights.TenantRead}, func(tx *ReadTx) error {
		go func() { finished <- db.Reencrypt(context.WithoutCancel(t.Context()), operator(), h.id, nil) }()
		time.Sleep(200 * time.Millisecond)
		if _, err := memos.Get(tx, id); err != nil {
			return err
		}
		r, err := tx.OpenBlob(ref)
		if err != nil {
			return err
		}
		return r.Close()
	})
	if err := errors.Join(err, <-finished); err != nil {
		t.Error(err)
	}
}

// TestChangeDuringErasure: a change that commits after the erasure does not happen.
func TestChangeDuringErasure(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	goOn, done := heldUpdate(t, h, ID{1: 1})
	if _, err := db.EraseTenant(t.Context(), operator(), h.id); err != nil {
		t.Fatal(err)
	}
	goOn()
	if err := <-done; !errors.Is(err, ErrErased) {
		t.Errorf("change of an erased tenant: %v", err)
	}
	spaces, err := db.spaces(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range spaces {
		if s == h.id {
			t.Error("something lies in the erased tenant's space")
		}
	}
}

// TestPanickedReadingIsEntered: what a function read before it panicked was read.
func TestPanickedReadingIsEntered(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	func() {
		defer func() { _ = recover() }()
		_ = h.View(t.Context(), Action{Verb: rights.TenantRead}, func(*ReadTx) error { panic("boom") })
	}()
	entries, err := db.logEntries(t.Context(), h.id)
	if err != nil {
		t.Fatal(err)
	}
	if last := entries[len(entries)-1]; last.Action != rights.TenantRead.String() || last.Outcome != Failed {
		t.Errorf("last entry: %+v", last)
	}
}

// TestHandleOutlivesLocking: a handle from before a locking works after the next unlocking.
func TestHandleOutlivesLocking(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := db.Lock(t.Context(), operator()); err != nil {
		t.Fatal(err)
	}
	if err := write(t, h, ID{1: 1}, "text"); !errors.Is(err, ErrLocked) {
		t.Errorf("change of a locked store: %v", err)
	}
	if err := unlockAgain(t, db, dir); err != nil {
		t.Fatal(err)
	}
	if err := write(t, h, ID{1: 1}, "text"); err != nil {
		t.Error(err)
	}
}

// TestErasedAddressesAreGone reads what an erased tenant's signposts and entries say, from an old copy of the database.
func TestErasedAddressesAreGone(t *testing.T) {
	const address = "user@insurer.example.com"
	db, _ := opened(t, Options{})
	h, other := tenantOfTest(t, db, Admin), tenantOfTest(t, db, Admin)
	err := h.Update(t.Context(), Action{Verb: changeVerb}, func(tx *WriteTx) error { return byMail.Set(tx, address, ID{1: 3}) })
	if err != nil {
		t.Fatal(err)
	}
	old := map[string]envelope.Box{} // the tenant's signposts, of its name too
	err = db.eachBox(t.Context(), Appliance, register["signposts"], func(k []byte, b envelope.Box) error {
		if bytes.HasSuffix(k, h.id[:]) {
			old[string(k)] = b
		}
		return nil
	})
	if err != nil || len(old) != 2 {
		t.Fatalf("%d signposts, %v", len(old), err)
	}
	// What the user does elsewhere stands in the appliance's log.
	if _, err := db.Tenant(t.Context(), h.principal, other.id); err == nil {
		t.Fatal("a handle on another tenant")
	}
	if err := db.RotateKeys(t.Context(), h.principal, h.id); err != nil {
		t.Fatal(err)
	}
	persons := func() (n int) {
		all, err := db.appliance(operator()).Audit(t.Context(), Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			if r.Person != nil && r.Person.Address == "192.0.2.7" {
				n++
			}
		}
		return n
	}
	if persons() == 0 {
		t.Error("before the erasure the appliance's log does not say where its callers were")
	}
	hashes, err := db.hashed(dataOwner(Appliance), byMail.name, address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.EraseTenant(t.Context(), operator(), h.id); err != nil {
		t.Fatal(err)
	}
	for key, b := range old {
		e, err := db.readIndexed(dataOwner(Appliance), Appliance, register["signposts"], []byte(key), b)
		if err != nil {
			t.Fatal(err)
		}
		if value, err := db.valueOf(e); err == nil {
			t.Errorf("an old copy of the database still gives %q", value)
		}
	}
	entries, err := db.logEntries(t.Context(), h.id)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		for _, c := range e.Changes {
			if strings.HasPrefix(c.Record, hex.EncodeToString(hashes[0])) {
				t.Errorf("entry %d confirms the address to whoever guesses it", e.Sequence)
			}
		}
	}
	if n := persons(); n > 0 {
		t.Errorf("after the erasure the appliance's log names the tenant's user in %d entries", n)
	}
}

// TestReencryptionIsForOperators: others are refused before anything is done, of an open job too.
func TestReencryptionIsForOperators(t *testing.T) {
	db, _ := opened(t, Options{})
	h, other := tenantOfTest(t, db, Admin), tenantOfTest(t, db, Viewer)
	if err := write(t, h, ID{1: 1}, "text"); err != nil {
		t.Fatal(err)
	}
	var denied *DeniedError
	err := db.Reencrypt(t.Context(), other.principal, h.id, func(string, int64) { t.Error("records were written anew") })
	if !errors.As(err, &denied) {
		t.Errorf("re-encryption by another tenant's viewer: %v", err)
	}
	if err := db.Reencrypt(t.Context(), other.principal, ID{9: 9}, nil); !errors.As(err, &denied) {
		t.Errorf("re-encryption of a tenant that is not: %v", err)
	}
}

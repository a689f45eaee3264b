package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// TestExamine examines a store as its doctor does: what is in order, one entry of it, and an anchor that somebody changed.
func TestExamine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	storetest.Create(t, dir, store.Options{})
	db := storetest.Open(t, dir, store.Options{})
	anchor := filepath.Join(dir, "anchor")
	older, err := os.ReadFile(anchor)
	if err != nil {
		t.Fatal(err)
	}
	storetest.AddTenant(t, db, "Example Mutual")
	by, verb := storetest.Operator(), verbNamed(t, "store.diagnose")
	before, err := db.Examine(t.Context(), by, verb)
	if err != nil || len(before.Faults) > 0 {
		t.Fatalf("a store in order: %+v, %v", before.Faults, err)
	}
	after, err := db.Examine(t.Context(), by, verbNamed(t, "support.bundle"))
	if err != nil {
		t.Fatal(err)
	}
	if entries := after.Status.AuditSize - before.Status.AuditSize; entries != 1 {
		t.Errorf("an examination left %d entries", entries)
	}
	if after.Keys.Owners < 4 || after.Keys.Oldest.IsZero() || after.Keys.Seal.IsZero() || after.Status.Tenants != 1 || len(after.Logs) < 2 {
		t.Errorf("examined: %+v", after)
	}
	peeked, ages, err := store.Peek(dir, store.Options{})
	if err != nil || peeked.Generation != after.Status.Generation || !ages.Oldest.Equal(after.Keys.Oldest) || peeked.Tenants != 1 {
		t.Errorf("peeked %+v, %+v, %v", peeked, ages, err)
	}
	whole, err := os.ReadFile(anchor)
	if err != nil {
		t.Fatal(err)
	}
	spoiled := map[string][]byte{
		"anchor": bytes.Replace(whole, []byte("generation"), []byte("generatiom"), 1), "file does not exist": nil, "somebody else changed it": older,
	}
	for what, text := range spoiled {
		if text == nil {
			err = os.Remove(anchor)
		} else {
			err = os.WriteFile(anchor, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		e, err := db.Examine(t.Context(), by, verb)
		if err != nil || len(e.Faults) != 1 || e.Faults[0].Where != "anchor" || !strings.Contains(e.Faults[0].Reason, what) {
			t.Errorf("%s: faults %v, %v", what, e.Faults, err)
		}
		if _, _, err := store.Peek(dir, store.Options{}); err == nil && what != "somebody else changed it" { // which is well-formed
			t.Errorf("%s: not seen from outside", what)
		}
	}
	if err := os.WriteFile(anchor, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	modeler := storetest.User(store.Appliance, store.Modeler)
	if _, err := db.Examine(t.Context(), modeler, verb); err == nil {
		t.Error("somebody examined the store who is no operator")
	}
}

// TestSignManifest signs what is handed to support, which passes as no seal and as no document of another type.
func TestSignManifest(t *testing.T) {
	db := storetest.New(t, store.Options{})
	const of = "application/vnd.qrsd.bundle-manifest+json"
	signed, err := db.SignManifest(t.Context(), of, []byte(`{"files":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := db.PublishedKeys()
	if err != nil {
		t.Fatal(err)
	}
	if payload, _, err := seal.VerifyDocument(signed, of, keys); err != nil || string(payload) != `{"files":[]}` {
		t.Errorf("%s, %v", payload, err)
	}
	if _, _, err := seal.VerifyDocument(signed, "application/vnd.qrsd.other+json", keys); err == nil {
		t.Error("it passes as a document of another type")
	}
	if seal.Verify(signed, keys, nil).OK() {
		t.Error("it passes as a seal")
	}
	for i := range signed {
		changed := bytes.Clone(signed)
		changed[i] ^= 1
		if _, _, err := seal.VerifyDocument(changed, of, keys); err == nil {
			t.Fatalf("byte %d was changed, and it verifies", i)
		}
	}
	if _, err := db.SignManifest(t.Context(), seal.PayloadType, nil); err == nil {
		t.Error("a seal was signed as a manifest")
	}
}

func verbNamed(t *testing.T, name string) store.Verb {
	t.Helper()
	v, err := store.ParseVerb(name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

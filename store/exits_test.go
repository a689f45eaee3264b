package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// entered counts the entries of all logs there are for the tenants.
func entered(t *testing.T, db *DB, tenants ...ID) (n int) {
	t.Helper()
	for _, id := range append(tenants, Appliance) {
		all, err := db.logEntries(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		n += len(all)
	}
	return n
}

// TestEveryRefusalIsEntered: commands that end early leave their entry, and a tenant's user does not learn from them which tenants
// exist.
func TestEveryRefusalIsEntered(t *testing.T) {
	db, _ := opened(t, Options{})
	h, other, gone := tenantOfTest(t, db, Viewer), tenantOfTest(t, db, Admin), tenantOfTest(t, db, Admin)
	if _, err := db.EraseTenant(t.Context(), operator(), gone.id); err != nil {
		t.Fatal(err)
	}
	none := ID{9: 9}
	erase := func(p Principal, id ID) error { _, err := db.EraseTenant(t.Context(), p, id); return err }
	add := func(p Principal, name string) error { _, err := db.AddTenant(t.Context(), p, name); return err }
	var denied *DeniedError
	for what, c := range map[string]struct {
		do   func() error
		want func(error) bool
	}{
		"erase none, a viewer":       {func() error { return erase(h.principal, none) }, func(err error) bool { return errors.As(err, &denied) }},
		"erase another, a viewer":    {func() error { return erase(h.principal, other.id) }, func(err error) bool { return errors.As(err, &denied) }},
		"erase none":                 {func() error { return erase(operator(), none) }, func(err error) bool { return errors.Is(err, ErrNotFound) }},
		"erase the erased":           {func() error { return erase(operator(), gone.id) }, func(err error) bool { return errors.Is(err, ErrErased) }},
		"erase the appliance":        {func() error { return erase(operator(), Appliance) }, func(err error) bool { return err != nil }},
		"add without a name":         {func() error { return add(operator(), " ") }, func(err error) bool { return err != nil }},
		"add, a viewer":              {func() error { return add(h.principal, "x") }, func(err error) bool { return errors.As(err, &denied) }},
		"rotate none":                {func() error { return db.RotateKeys(t.Context(), operator(), none) }, func(err error) bool { return errors.Is(err, ErrNotFound) }},
		"rotate the erased":          {func() error { return db.RotateKeys(t.Context(), operator(), gone.id) }, func(err error) bool { return errors.Is(err, ErrErased) }},
		"rotate its own, a viewer":   {func() error { return db.RotateKeys(t.Context(), h.principal, h.id) }, func(err error) bool { return errors.As(err, &denied) }},
		"certificate of none":        {func() error { _, err := db.Certificate(t.Context(), operator(), none); return err }, func(err error) bool { return errors.Is(err, ErrNotFound) }},
		"compact, a viewer":          {func() error { _, _, err := db.Compact(t.Context(), h.principal); return err }, func(err error) bool { return errors.As(err, &denied) }},
		"remove a slot that is none": {func() error { return db.RemoveSlot(t.Context(), operator(), [8]byte{1}) }, func(err error) bool { return errors.Is(err, ErrNotFound) }},
		"slots, a viewer":            {func() error { _, err := db.Slots(t.Context(), h.principal); return err }, func(err error) bool { return errors.As(err, &denied) }},
		"lock, a viewer":             {func() error { return db.Lock(t.Context(), h.principal) }, func(err error) bool { return errors.As(err, &denied) }},
	} {
		t.Run(what, func(t *testing.T) {
			before := entered(t, db, h.id, other.id, gone.id)
			err := c.do()
			if !c.want(err) {
				t.Errorf("error: %v", err)
			}
			if n := entered(t, db, h.id, other.id, gone.id) - before; n < 1 || n > 2 { // a change of keys is announced first
				t.Errorf("%d entries", n)
			}
		})
	}
	a, b := erase(h.principal, none), erase(h.principal, other.id)
	if a.Error() != b.Error() {
		t.Errorf("a viewer can tell: %v, %v", a, b)
	}
}

func TestCertificateIsReadUnderItsOwnVerb(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if _, err := db.EraseTenant(t.Context(), operator(), h.id); err != nil {
		t.Fatal(err)
	}
	erased, _ := said(t, db, Appliance, "tenant.erase", Done)
	if _, err := db.Certificate(t.Context(), operator(), h.id); err != nil {
		t.Fatal(err)
	}
	read, _ := said(t, db, Appliance, "certificate.read", Done)
	if again, _ := said(t, db, Appliance, "tenant.erase", Done); erased != 1 || again != 1 || read != 1 {
		t.Errorf("%d, %d erasures, %d readings", erased, again, read)
	}
}

// TestWhoUnlockedIsEntered: and whoever may not is not let in.
func TestWhoUnlockedIsEntered(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := db.Lock(t.Context(), operator()); err != nil {
		t.Fatal(err)
	}
	key := KeyFile(strings.TrimSuffix(dir, "store") + "root.key")
	var denied *DeniedError
	for _, p := range []Principal{{}, h.principal} {
		if err := db.Unlock(t.Context(), p, key); !errors.As(err, &denied) {
			t.Errorf("unlocked by %v: %v", p.Role(), err)
		}
	}
	if err := db.Unlock(t.Context(), operator(), key); err != nil {
		t.Fatal(err)
	}
	all, err := db.appliance(operator()).Audit(t.Context(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, e := range all {
		if strings.HasPrefix(e.Action, "store.") && e.Person != nil {
			seen[fmt.Sprint(e.Action, " ", e.Actor, " ", e.Person.Account)]++
		}
	}
	if seen["store.unlock operator operations"] != 2 || seen["store.lock operator operations"] != 1 {
		t.Errorf("the log says %v", seen)
	}
}

// TestSlots replaces what a store is unlocked by.
func TestSlots(t *testing.T) {
	db, dir := opened(t, Options{})
	tenantOfTest(t, db, Admin)
	words := Passphrase([]byte("seven marble lamps sing"))
	added, err := db.AddSlot(t.Context(), operator(), words)
	if err != nil || added.Method != keyring.MethodPassphrase {
		t.Fatalf("added %+v, %v", added, err)
	}
	all, err := db.Slots(t.Context(), operator())
	if err != nil || len(all) != 3 || !slices.Contains(all, added) {
		t.Fatalf("slots %+v, %v", all, err)
	}
	code, err := db.ReplaceRecovery(t.Context(), operator())
	if err != nil {
		t.Fatal(err)
	}
	root := db.ring.Root().KeyID
	first := all[slices.IndexFunc(all, func(s Slot) bool { return s.Method == keyring.MethodKeyFile })]
	if err := db.RemoveSlot(t.Context(), operator(), first.ID); err != nil {
		t.Fatal(err)
	}
	if db.ring.Root().KeyID == root {
		t.Error("the root key stayed")
	}
	if err := db.Lock(t.Context(), operator()); err != nil {
		t.Fatal(err)
	}
	if err := db.Unlock(t.Context(), operator(), KeyFile(strings.TrimSuffix(dir, "store")+"root.key")); err == nil {
		t.Error("the key file that was removed opens the store")
	}
	recovery, err := Recovery(code)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []Unlocker{recovery, words} {
		if err := db.Unlock(t.Context(), operator(), u); err != nil {
			t.Errorf("%s: %v", u.Method(), err)
		}
		if err := db.Lock(t.Context(), operator()); err != nil {
			t.Error(err)
		}
	}
	if err := db.Unlock(t.Context(), operator(), words); err != nil {
		t.Fatal(err)
	}
}

func TestCompact(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	boxes := boxesOf(t, db, h, 50)
	if err := db.kv.Purge(t.Context(), h.id); err != nil { // as records go that are deleted
		t.Fatal(err)
	}
	if !has(t, dir, boxes) {
		t.Fatal("nothing deleted is left in the file: the test looks in the wrong place")
	}
	before, after, err := db.Compact(t.Context(), operator())
	if err != nil || before.Size == 0 || after.Size == 0 || has(t, dir, boxes) {
		t.Errorf("%+v, %+v, %v", before, after, err)
	}
	if n, _ := said(t, db, Appliance, "store.compact", Done); n != 1 {
		t.Errorf("%d entries", n)
	}
	if err := db.compactDue(t.Context()); err != nil {
		t.Error(err)
	}
	if n, _ := said(t, db, Appliance, "store.compact", Done); n != 1 {
		t.Error("a small file was compacted unasked")
	}
	if _, err := db.EraseTenant(t.Context(), operator(), h.id); err != nil { // whose records are not what they were
		t.Fatal(err)
	}
}

// TestKeysAfterLockAndUnlock: a handle and a principal of before serve after a locking too.
func TestKeysAfterLockAndUnlock(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := db.Lock(t.Context(), operator()); err != nil {
		t.Fatal(err)
	}
	if err := db.Unlock(t.Context(), operator(), KeyFile(strings.TrimSuffix(dir, "store")+"root.key")); err != nil {
		t.Fatal(err)
	}
	if keys, err := db.Keys(t.Context(), h.principal); err != nil || len(keys) != 2 {
		t.Errorf("keys %v, %v", keys, err)
	}
	if err := h.View(t.Context(), Action{Verb: rights.TenantRead}, func(*ReadTx) error { return nil }); err != nil {
		t.Error(err)
	}
}

package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// killed is the store as a crash at this moment would leave it, opened and recovered.
func killed(t *testing.T, db *DB, dir string) *DB {
	t.Helper()
	beside := t.TempDir()
	to, key := filepath.Join(beside, "store"), filepath.Join(beside, "root.key")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer // between two commits of the work that the store does by itself
	if _, err := db.kv.WriteTo(&whole); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, databaseFile), whole.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "root.key"))
	if err == nil {
		err = os.WriteFile(key, secret, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return reopened(t, to, key, Options{Ballast: -1})
}

// announced writes an intent, and leaves what was announced to the test.
func announced(t *testing.T, db *DB, verb Verb, in intent) {
	t.Helper()
	in = db.before(in)
	in.Verb = verb.String()
	a := db.appliance(operator())
	err := a.commit(t.Context(), a.entry(Action{Verb: verb, Object: in.Object}, Intent), func(tx *WriteTx) error { return intents.Insert(tx, db.newID(db.now()), in) })
	if err != nil {
		t.Fatal(err)
	}
}

// said is what the entries of an action and outcome in a log say of keys.
func said(t *testing.T, db *DB, log ID, action string, outcome Outcome) (entries int, keys []KeyEvent) {
	t.Helper()
	all, err := db.logEntries(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Action == action && e.Outcome == outcome {
			entries++
			keys = append(keys, e.Keys...)
		}
	}
	return entries, keys
}

func count(keys []KeyEvent, kind, of string) (n int) {
	for _, k := range keys {
		if k.Kind == kind && strings.HasPrefix(k.Of, of) {
			n += len(k.Keys)
		}
	}
	return n
}

func TestRotationThatNeverBegan(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	announced(t, db, rights.KeyRotate, intent{Object: h.id})
	after := killed(t, db, dir)
	if n, keys := said(t, after, Appliance, "key.rotate", Failed); n != 1 || len(keys) != 0 {
		t.Errorf("%d entries say that the rotation failed, with keys %v", n, keys)
	}
	if n, _ := said(t, after, Appliance, "store.recover", Done); n != 0 {
		t.Errorf("%d entries say that something was recovered", n)
	}
	if open, err := after.openIntents(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("left open: %v, %v", open, err)
	}
}

func TestRotationThatWasCutShort(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	announced(t, db, rights.KeyRotate, intent{Object: h.id})
	events, err := db.ring.Rotate(t.Context(), []keyring.Owner{auditOwner(h.id), dataOwner(h.id)})
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	for _, e := range events {
		if e.Kind == keyring.Created {
			made = append(made, e.KeyID.String())
		}
	}
	_, keys := said(t, killed(t, db, dir), h.id, "store.recover", Done)
	var named []string
	for _, k := range keys {
		if k.Kind == "created" {
			named = append(named, k.Keys...)
		}
	}
	slices.Sort(made)
	slices.Sort(named)
	if !slices.Equal(made, named) {
		t.Errorf("made %d keys, the log names %d others or fewer:\n%v\n%v", len(made), len(named), made, named)
	}
}

// TestAdditionThatWasCutShort: nobody was told of the tenant, so it goes; but its keys were made, and destroyed.
func TestAdditionThatWasCutShort(t *testing.T) {
	for name, begun := range map[string]bool{"before its keys": false, "after its keys": true} {
		t.Run(name, func(t *testing.T) {
			db, dir := opened(t, Options{})
			id := db.newID(db.now())
			announced(t, db, rights.TenantAdd, intent{Object: id})
			if begun {
				if _, err := db.ring.Add(t.Context(), grants(id)); err != nil {
					t.Fatal(err)
				}
			}
			after := killed(t, db, dir)
			all, err := after.Tenants(t.Context(), operator())
			if err != nil {
				t.Fatal(err)
			}
			if !begun {
				if n, _ := said(t, after, Appliance, "tenant.add", Failed); len(all) != 0 || n != 1 {
					t.Errorf("tenants %v, %d entries of a failure", all, n)
				}
				return
			}
			if len(all) != 1 || all[0].Erased == nil || all[0].Name != "" {
				t.Fatalf("tenants %+v", all)
			}
			_, keys := said(t, after, id, "store.recover", Done)
			made, gone := count(keys, "created", "data"), count(keys, "destroyed", "data")
			if made == 0 || made != gone || count(keys, "created", "audit") == 0 {
				t.Errorf("the tenant's log says %d data keys made, %d destroyed: %v", made, gone, keys)
			}
			if _, err := after.Certificate(t.Context(), operator(), id); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestReencryptionKilledAfterTheRoll: the new keys exist, the job was not yet written.
func TestReencryptionKilledAfterTheRoll(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := write(t, h, ID{1: 1}, "x"); err != nil {
		t.Fatal(err)
	}
	old := db.replaceable(h.id)
	announced(t, db, rights.KeyReencrypt, intent{Object: h.id, Keys: old})
	if _, err := db.ring.Roll(t.Context(), dataOwner(h.id)); err != nil {
		t.Fatal(err)
	}
	after := killed(t, db, dir)
	if _, keys := said(t, after, h.id, "store.recover", Done); count(keys, "created", "data") < len(old)-2 {
		t.Errorf("new keys that the log names: %v", keys)
	}
	eventually(t, "the old keys are gone", func() bool {
		return !slices.ContainsFunc(after.replaceable(h.id), func(id string) bool { return slices.Contains(old, id) })
	})
}

func TestSlotOfBeforeACrash(t *testing.T) {
	db, dir := opened(t, Options{})
	announced(t, db, rights.SlotAdd, intent{})
	if _, err := db.ring.AddSlot(t.Context(), Passphrase([]byte("seven marble lamps sing"))); err != nil {
		t.Fatal(err)
	}
	all, err := killed(t, db, dir).logEntries(t.Context(), Appliance)
	if err != nil {
		t.Fatal(err)
	}
	found := slices.ContainsFunc(all, func(e Entry) bool {
		return e.Action == "store.recover" && slices.ContainsFunc(e.Keys, func(k KeyEvent) bool { return k.Kind == "created" && k.Of == "slot, passphrase" })
	})
	if !found {
		t.Error("nothing says that there is a new way to unlock")
	}
}

// TestNameOfTenantNotUnderAppliance reads the intents while a tenant is added: what is under the appliance's key outlives the tenant.
func TestNameOfTenantNotUnderAppliance(t *testing.T) {
	db, _ := opened(t, Options{})
	seen := 0
	look := func(events []keyring.Event, err error) ([]keyring.Event, error) {
		a := db.system()
		return events, errors.Join(err, db.eachBox(t.Context(), Appliance, register["intents"], func(key []byte, b envelope.Box) error {
			plain, err := a.decrypt(register["intents"], key, b)
			seen++
			if bytes.Contains(plain, []byte("Gulf")) {
				t.Errorf("an intent holds the name: %s", plain)
			}
			return err
		}))
	}
	id := db.newID(db.now())
	err := db.appliance(operator()).changeKeys(t.Context(), keyChange{
		verb: rights.TenantAdd, intent: intent{Object: id},
		do: func() ([]keyring.Event, error) {
			events, err := db.ring.Add(t.Context(), grants(id))
			if err == nil {
				_, err = db.ring.Open(dataOwner(id))
			}
			return look(events, err)
		},
		then: func(tx *WriteTx) error { return enrol(tx, id, "Gulf Mutual") },
	})
	if err != nil || seen != 1 {
		t.Fatal(seen, err)
	}
	if found, err := db.Named(t.Context(), "Gulf Mutual"); err != nil || found != id {
		t.Error(found, err)
	}
}

// TestErasureCutShort kills an erasure after each of its steps. Whichever it is, the next unlock ends with a database without a
// byte of what was the tenant's, and only then is there a certificate.
func TestErasureCutShort(t *testing.T) {
	for _, step := range []string{"announced", "keys destroyed", "entered", "purged"} {
		t.Run(step, func(t *testing.T) {
			db, dir := opened(t, Options{})
			h := tenantOfTest(t, db, Admin)
			boxes := boxesOf(t, db, h, 100)
			eraseUpTo(t, db, h.id, step)
			if _, err := db.Certificate(t.Context(), operator(), h.id); !errors.Is(err, ErrNotFound) {
				t.Errorf("a certificate before the end: %v", err)
			}
			if !has(t, dir, boxes) {
				t.Fatal("the database holds nothing of the tenant's before its end: the test looks in the wrong place")
			}
			after := killed(t, db, dir)
			if has(t, after.dir, boxes) {
				t.Error("main.db still holds what was the tenant's")
			}
			c, err := after.Certificate(t.Context(), operator(), h.id)
			if err != nil || len(c.Keys) == 0 || c.Rewritten.Before(c.Erased) {
				t.Errorf("certificate %+v, %v", c, err)
			}
			if open, err := after.openIntents(t.Context()); err != nil || len(open) != 0 {
				t.Errorf("left open: %v, %v", open, err)
			}
			if step == "announced" { // in the store itself it was not begun
				return
			}
			// The same command again, in the store that was not killed.
			if _, err := db.EraseTenant(t.Context(), operator(), h.id); err != nil {
				t.Fatal(err)
			}
			if has(t, dir, boxes) {
				t.Error("after the second command main.db still holds what was the tenant's")
			}
			if _, err := db.EraseTenant(t.Context(), operator(), h.id); !errors.Is(err, ErrErased) {
				t.Errorf("an erasure that is over, once more: %v", err)
			}
		})
	}
}

// eraseUpTo takes an erasure as far as a step, as EraseTenant does.
func eraseUpTo(t *testing.T, db *DB, id ID, step string) {
	t.Helper()
	announce := func() { announced(t, db, rights.TenantErase, intent{Object: id}) }
	switch step {
	case "announced":
		announce()
	case "keys destroyed":
		announce()
		if _, err := db.ring.Erase(t.Context(), []keyring.Owner{dataOwner(id)}); err != nil {
			t.Fatal(err)
		}
	default:
		if err := db.eraseKeys(t.Context(), db.appliance(operator()), id); err != nil {
			t.Fatal(err)
		}
		if step == "purged" {
			if err := db.purge(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// boxesOf writes records and returns them as they lie in the database.
func boxesOf(t *testing.T, db *DB, h *Tenant, n int) (boxes [][]byte) {
	t.Helper()
	for i := range n {
		id := ID{1: byte(i), 2: 7}
		if err := write(t, h, id, strings.Repeat("secret", 200)); err != nil {
			t.Fatal(err)
		}
		err := db.kv.View(t.Context(), func(tx *kv.ReadTx) error {
			b, _, err := tx.Get(h.address(memos.number, id[:]))
			boxes = append(boxes, bytes.Clone(b.Bytes()))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return boxes
}

// has reports whether the database file has one of the boxes, in use or not.
func has(t *testing.T, dir string, boxes [][]byte) bool {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(boxes, func(b []byte) bool { return bytes.Contains(file, b) })
}

// TestErasedFolderPutBack: blobs that come back after an erasure go again, and the certificate stays the one that it was.
func TestErasedFolderPutBack(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	first, err := db.EraseTenant(t.Context(), operator(), h.id)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(db.blobPath(h.id), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(db.blobPath(h.id), "put-back"), []byte("noise"), 0o600); err != nil {
		t.Fatal(err)
	}
	db = restarted(t, db, dir, Options{})
	if _, err := os.Lstat(db.blobPath(h.id)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	again, err := db.Certificate(t.Context(), operator(), h.id)
	if err != nil || again.Signed != first.Signed {
		t.Errorf("another certificate: %v", err)
	}
}

// TestErasureWithoutAnchor: the anchor cannot be written when the keys are destroyed already; the second call ends it.
func TestErasureWithoutAnchor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	db, _ := opened(t, Options{Anchor: filepath.Join(dir, "anchor")})
	h := tenantOfTest(t, db, Admin)
	if err := os.Rename(dir, dir+".gone"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.EraseTenant(t.Context(), operator(), h.id); err == nil || errors.Is(err, ErrErased) {
		t.Fatalf("without an anchor: %v", err)
	}
	if all, err := db.Tenants(t.Context(), operator()); err != nil || len(all) != 1 || all[0].Erased == nil {
		t.Errorf("tenants meanwhile: %+v, %v", all, err)
	}
	if err := os.Rename(dir+".gone", dir); err != nil {
		t.Fatal(err)
	}
	if c, err := db.EraseTenant(t.Context(), operator(), h.id); err != nil || c.Tenant != h.id {
		t.Fatalf("again: %+v, %v", c, err)
	}
	if _, keys := said(t, db, h.id, "tenant.erase", Done); count(keys, "destroyed", "data") == 0 {
		t.Error("the tenant's log does not say that its keys are destroyed")
	}
}

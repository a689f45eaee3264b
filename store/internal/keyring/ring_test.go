package keyring

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

var ctx = context.Background()

// TestLife goes through a ring's life: what is encrypted is read after each change and each restart until it is erased.
func TestLife(t *testing.T) {
	f, r, code := newFixture(t)
	a, b := owner(Data, 1), owner(Data, 2)
	audit := owner(Audit, 1)
	events := must[[]Event](t)(r.Add(ctx, []Grant{{a, []Purpose{2, 1}}, {audit, []Purpose{1}}}))
	wantEvents(t, events, Event{Kind: Created, Object: OwnerKey, Version: 1}, Event{Kind: Created, Object: OwnerKey, Version: 1},
		Event{Kind: Created, Object: DataKeys, Purpose: 1, Version: 1}, Event{Kind: Created, Object: DataKeys, Purpose: 2, Version: 1},
		Event{Kind: Created, Object: DataKeys, Purpose: 1, Version: 1})
	generation := r.Generation()
	if events = must[[]Event](t)(r.Add(ctx, []Grant{{a, []Purpose{1}}})); events != nil || r.Generation() != generation {
		t.Errorf("adding what exists wrote: %+v", events)
	}
	wantEvents(t, must[[]Event](t)(r.Open(a)), Event{Kind: Unwrapped, Object: OwnerKey, Version: 1})
	if again := must[[]Event](t)(r.Open(a)); again != nil {
		t.Errorf("opened twice: %+v", again)
	}
	must[[]Event](t)(r.Open(audit))
	first, trail := encrypt(t, r, a, 1, "first"), encrypt(t, r, audit, 1, "trail")
	add(t, r, b, 1)
	other := encrypt(t, r, b, 1, "other")

	events = must[[]Event](t)(r.Rotate(ctx, []Owner{a, a}))
	wantEvents(t, events, Event{Kind: Created, Object: OwnerKey, Version: 2}, Event{Kind: Destroyed, Object: OwnerKey, Version: 1},
		Event{Kind: Created, Object: DataKeys, Purpose: 1, Version: 2}, Event{Kind: Created, Object: DataKeys, Purpose: 2, Version: 2})
	second := encrypt(t, r, a, 1, "second")
	if first.KeyID() == second.KeyID() {
		t.Error("the old key still encrypts after a rotation")
	}
	wantText(t, r, a, first, "first")

	rewrapped := must[[]Event](t)(r.Rewrap(ctx, nil))
	wantEvents(t, rewrapped, Event{Kind: Destroyed, Object: RootKey, Version: 1}, Event{Kind: Created, Object: RootKey, Version: 2},
		Event{Kind: Created, Object: OwnerKey, Version: 3}, Event{Kind: Destroyed, Object: OwnerKey, Version: 2},
		Event{Kind: Created, Object: OwnerKey, Version: 2}, Event{Kind: Destroyed, Object: OwnerKey, Version: 1},
		Event{Kind: Created, Object: OwnerKey, Version: 2}, Event{Kind: Destroyed, Object: OwnerKey, Version: 1})
	r.Lock()
	_, err := r.DataKey(a, 1)
	wantError(t, err, ErrLocked)

	r = f.reopen()
	_, err = r.DataKey(a, 1)
	wantError(t, err, ErrUnopened)
	for _, x := range []struct {
		o    Owner
		b    envelope.Box
		want string
	}{{a, first, "first"}, {a, second, "second"}, {audit, trail, "trail"}, {b, other, "other"}} {
		wantText(t, r, x.o, x.b, x.want)
	}

	events = must[[]Event](t)(r.Erase(ctx, []Owner{a}))
	wantEvents(t, events, Event{Kind: Destroyed, Object: OwnerKey, Version: 3}, Event{Kind: Destroyed, Object: RootKey, Version: 2}, Event{Kind: Created, Object: RootKey, Version: 3},
		Event{Kind: Destroyed, Object: DataKeys, Purpose: 1, Version: 1}, Event{Kind: Destroyed, Object: DataKeys, Purpose: 1, Version: 2},
		Event{Kind: Destroyed, Object: DataKeys, Purpose: 2, Version: 1}, Event{Kind: Destroyed, Object: DataKeys, Purpose: 2, Version: 2})
	for range 2 { // in memory, then from disk, unlocked with the recovery key
		_, err = decrypt(r, a, first)
		wantError(t, err, ErrErased)
		wantText(t, r, audit, trail, "trail")
		wantText(t, r, b, other, "other")
		if e := r.Erased(); len(e) != 1 || e[0].Owner != a || len(e[0].Keys) != 5 || !e[0].At.Equal(f.clock) {
			t.Errorf("erased: %+v", e)
		}
		_, err = r.Add(ctx, []Grant{{a, []Purpose{1}}})
		wantError(t, err, ErrErased)
		if events = must[[]Event](t)(r.Erase(ctx, []Owner{a})); events != nil {
			t.Errorf("erased twice: %+v", events)
		}
		r.Lock()
		u, err := Recovery(strings.ToLower(code.Reveal()))
		if err != nil {
			t.Fatal(err)
		}
		if r, err = Open(f.path, f.options()); err != nil {
			t.Fatal(err)
		}
		if err := r.Unlock(ctx, u); err != nil {
			t.Fatal(err)
		}
	}
	_, err = r.Erase(ctx, []Owner{owner(Data, 99)})
	wantError(t, err, ErrUnknownOwner)
	f.wantTidy()
}

// TestRollAndRetire replaces data keys and destroys the old ones.
func TestRollAndRetire(t *testing.T) {
	f, r, _ := newFixture(t)
	o := owner(Data, 1)
	add(t, r, o, 1, 2, PurposeIndex)
	old := encrypt(t, r, o, 1, "old")
	_, err := r.Retire(ctx, o, []envelope.KeyID{old.KeyID()})
	if err == nil || !strings.Contains(err.Error(), "encrypts purpose 1") {
		t.Errorf("a current key was retired: %v", err)
	}
	wantEvents(t, must[[]Event](t)(r.Roll(ctx, o)), Event{Kind: Created, Object: DataKeys, Purpose: 1, Version: 2},
		Event{Kind: Created, Object: DataKeys, Purpose: 2, Version: 2}, Event{Kind: Created, Object: DataKeys, Purpose: PurposeIndex, Version: 2})
	kept := encrypt(t, r, o, 1, "new")
	wantText(t, r, o, old, "old")
	_, err = r.Retire(ctx, o, []envelope.KeyID{{9}})
	wantError(t, err, ErrUnknownKey)
	for range 2 {
		events := must[[]Event](t)(r.Retire(ctx, o, []envelope.KeyID{old.KeyID()}))
		if len(events) == 1 {
			wantEvents(t, events, Event{Kind: Destroyed, Object: DataKeys, Purpose: 1, Version: 1})
		} else if len(events) != 0 {
			t.Errorf("%+v", events)
		}
		_, err = decrypt(r, o, old)
		wantError(t, err, ErrDestroyed)
		wantText(t, r, o, kept, "new")
		r.Lock()
		r = f.reopen()
	}
	_, err = r.Key(o, envelope.KeyID{5})
	wantError(t, err, ErrUnopened)
	must[[]Event](t)(r.Open(o))
	_, err = r.Key(o, envelope.KeyID{5})
	wantError(t, err, ErrUnknownKey)
	_, err = r.DataKey(o, 3)
	wantError(t, err, ErrUnknownKey)
	must[[]Event](t)(r.Roll(ctx, o))
	if s := r.Owners(); len(s) != 1 || len(s[0].Retired) != 1 || s[0].DataKeys[len(s[0].DataKeys)-1].Epoch != 3 {
		t.Errorf("%+v", s)
	}
}

// TestWrongKey wants nothing written, whatever the wrong secret is, and words for each.
func TestWrongKey(t *testing.T) {
	f, r, _ := newFixture(t)
	if _, err := r.AddSlot(ctx, Passphrase([]byte("correct horse battery staple"))); err != nil {
		t.Fatal(err)
	}
	r.Lock()
	stranger := filepath.Join(t.TempDir(), "other.key")
	if err := NewKeyFile(stranger, rand.Reader); err != nil {
		t.Fatal(err)
	}
	other, err := newRecoveryCode(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	recovery, err := Recovery(other.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.path+".old", []byte("left by a crash"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := must[[]byte](t)(os.ReadFile(f.path))
	info := must[fs.FileInfo](t)(os.Stat(f.path))
	for name, c := range map[string]struct {
		u    Unlocker
		want error
	}{
		"passphrase": {Passphrase([]byte("correct horse battery stable")), ErrWrongKey},
		"key file":   {KeyFile(stranger), ErrWrongKey},
		"recovery":   {recovery, ErrWrongKey},
		"no file":    {KeyFile(stranger + "x"), fs.ErrNotExist},
		"no slot":    {External("aws-kms", "arn", nil), ErrNoSlot},
		"zero":       {Unlocker{}, ErrNoSlot},
	} {
		if r, err = Open(f.path, f.options()); err != nil {
			t.Fatal(err)
		}
		err := r.Unlock(ctx, c.u)
		if !errors.Is(err, c.want) || !r.Locked() {
			t.Errorf("%s: %v, locked %v", name, err, r.Locked())
		}
	}
	now := must[fs.FileInfo](t)(os.Stat(f.path))
	if !bytes.Equal(before, must[[]byte](t)(os.ReadFile(f.path))) || !now.ModTime().Equal(info.ModTime()) {
		t.Error("the key file was written")
	}
	if got := must[[]byte](t)(os.ReadFile(f.path + ".old")); string(got) != "left by a crash" {
		t.Error("a wrong key tidied up")
	}
	if err := r.Unlock(ctx, Passphrase([]byte("correct horse battery staple"))); err != nil {
		t.Error(err)
	}
	f.wantTidy()
	wantError(t, r.Unlock(ctx, KeyFile(stranger)), ErrWrongKey) // also on an unlocked ring
	if r.Locked() {
		t.Error("a wrong key locked the ring")
	}
}

// TestSlots adds and removes ways to unlock; a removed one opens neither the file nor, with the old file, the new one.
func TestSlots(t *testing.T) {
	f, r, code := newFixture(t)
	old := must[[]byte](t)(os.ReadFile(f.path))
	second := filepath.Join(t.TempDir(), "second.key")
	if err := NewKeyFile(second, rand.Reader); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, must[[]Event](t)(r.AddSlot(ctx, KeyFile(second))), Event{Kind: Created, Object: SlotKey})
	slots := r.Slots()
	if len(slots) != 3 || slots[0].Method != MethodKeyFile || slots[1].Method != MethodRecovery || slots[2].Method != MethodKeyFile {
		t.Fatalf("%+v", slots)
	}
	root := r.Root()
	wantEvents(t, must[[]Event](t)(r.RemoveSlot(ctx, slots[0].ID)), Event{Kind: Destroyed, Object: SlotKey},
		Event{Kind: Destroyed, Object: RootKey, Version: 1}, Event{Kind: Created, Object: RootKey, Version: 2})
	if r.Root().KeyID == root.KeyID {
		t.Error("the root is the same")
	}
	wantError(t, r.Unlock(ctx, f.unlock), ErrWrongKey)
	if err := r.Unlock(ctx, KeyFile(second)); err != nil {
		t.Error(err)
	}
	_, err := r.RemoveSlot(ctx, slots[0].ID)
	wantError(t, err, ErrNoSlot)
	if _, err := r.RemoveSlot(ctx, slots[2].ID); err == nil {
		t.Error("the last slot beside recovery was removed")
	}
	fresh, events, err := r.ReplaceRecovery(ctx)
	if err != nil || len(events) != 4 {
		t.Fatalf("%+v, %v", events, err)
	}
	u, err := Recovery(code.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, r.Unlock(ctx, u), ErrWrongKey)
	if u, err = Recovery(fresh.Reveal()); err != nil {
		t.Fatal(err)
	}
	if err := r.Unlock(ctx, u); err != nil {
		t.Error(err)
	}

	// Whoever has the old file and the removed secret has the old root: it does not open the new file.
	s, err := decode(old)
	if err != nil {
		t.Fatal(err)
	}
	oldRoot, err := s.openSlot(ctx, rand.Reader, f.unlock)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, verify(must[[]byte](t)(os.ReadFile(f.path)), oldRoot), ErrTampered)
	for range maxSlots - len(r.Slots()) {
		if _, err := r.AddSlot(ctx, KeyFile(second)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.AddSlot(ctx, KeyFile(second)); err == nil {
		t.Error("a slot too many")
	}
}

// TestCreateRefuses wants nothing overwritten and nothing half made.
func TestCreateRefuses(t *testing.T) {
	f, _, _ := newFixture(t)
	before := must[[]byte](t)(os.ReadFile(f.path))
	_, _, err := Create(ctx, f.path, f.install, Options{}, f.unlock)
	wantError(t, err, ErrExists)
	if !bytes.Equal(before, must[[]byte](t)(os.ReadFile(f.path))) {
		t.Error("overwritten")
	}
	dir := t.TempDir()
	for name, unlockers := range map[string][]Unlocker{
		"none": nil, "zero": {{}}, "short passphrase": {Passphrase([]byte("tooshort"))}, "empty": {Passphrase(nil)}, "no file": {KeyFile(dir + "/none")},
		"wrapper that fails": {External("kms", "x", failing{})},
	} {
		if _, _, err := Create(ctx, filepath.Join(dir, "keys.qrk"), f.install, Options{}, unlockers...); err == nil {
			t.Errorf("%s: created", name)
		}
		if entries := must[[]os.DirEntry](t)(os.ReadDir(dir)); len(entries) != 0 {
			t.Errorf("%s: left %v", name, entries)
		}
	}
}

type failing struct{}

func (failing) Wrap(context.Context, []byte, map[string]string) ([]byte, error) {
	return nil, errors.New("no answer")
}
func (failing) Unwrap(context.Context, []byte, map[string]string) ([]byte, error) {
	return nil, errors.New("no answer")
}

// TestCanary wants no secret in any file, in any spelling.
func TestCanary(t *testing.T) {
	f, r, code := newFixture(t)
	words := "planted canary passphrase"
	if _, err := r.AddSlot(ctx, Passphrase([]byte(words))); err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{"passphrase": []byte(words), "recovery code": []byte(code.Reveal()), "recovery secret": bytes.Clone(code.secret[:])}
	collect := func(when string) {
		for name, b := range secrets(t, r) {
			all[when+": "+name] = b
		}
		entries := must[[]os.DirEntry](t)(os.ReadDir(f.dir))
		for _, e := range entries {
			data := must[[]byte](t)(os.ReadFile(filepath.Join(f.dir, e.Name())))
			for name, b := range all {
				if bytes.Contains(data, b[:8]) || bytes.Contains(data, fmt.Appendf(nil, "%x", b[:8])) {
					t.Errorf("%s: %s holds the %s", when, e.Name(), name)
				}
			}
		}
	}
	o := owner(Data, 1)
	add(t, r, o, 1, 2)
	collect("added")
	must[[]Event](t)(r.Rotate(ctx, []Owner{o}))
	collect("rotated")
	must[[]Event](t)(r.Rewrap(ctx, nil))
	collect("rewrapped")
	must[[]Event](t)(r.AddSigner(ctx, CheckpointSeries))
	collect("new checkpoint key")
	must[[]Event](t)(r.Erase(ctx, []Owner{o}))
	collect("erased")
	if len(all) < 30 {
		t.Errorf("only %d canaries", len(all))
	}
}

// TestLockWipes looks at the memory behind the keys.
func TestLockWipes(t *testing.T) {
	_, r, _ := newFixture(t)
	o := owner(Data, 1)
	add(t, r, o, 1)
	k := must[*envelope.Key](t)(r.DataKey(o, 1))
	secret, mac, wrap := r.root.secret, r.root.mac, r.root.wrap
	r.Lock()
	if *secret != [32]byte{} || *mac != [32]byte{} {
		t.Error("the root is still in memory")
	}
	for name, k := range map[string]*envelope.Key{"root": wrap, "data key": k} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("the %s can still be exposed", name)
				}
			}()
			_ = k.Expose(func([]byte) error { return nil })
		}()
	}
	r.Lock()
	if !r.Locked() {
		t.Error("locked twice, open")
	}
}

// TestIndex has entries that are equal for equal texts and for nothing else, over rotations and restarts.
func TestIndex(t *testing.T) {
	f, r, _ := newFixture(t)
	a, b := owner(Data, 1), owner(Data, 2)
	add(t, r, a, 1, PurposeIndex)
	add(t, r, b, 1)
	_, err := r.Index(b, "email")
	wantError(t, err, ErrUnknownKey)
	must[[]Event](t)(r.Add(ctx, []Grant{{b, []Purpose{PurposeIndex}}}))
	sum := func(o Owner, field, text string) [16]byte {
		t.Helper()
		return must[*Index](t)(r.Index(o, field)).Sum(text)
	}
	entry := sum(a, "email", "ann@example.com")
	if entry[0] != 1 {
		t.Errorf("version byte %d", entry[0])
	}
	for name, other := range map[string][16]byte{
		"text": sum(a, "email", "bob@example.com"), "field": sum(a, "name", "ann@example.com"), "owner": sum(b, "email", "ann@example.com"),
	} {
		if other == entry {
			t.Errorf("the same entry for another %s", name)
		}
	}
	must[[]Event](t)(r.Rotate(ctx, []Owner{a}))
	must[[]Event](t)(r.Rewrap(ctx, nil))
	r.Lock()
	r = f.reopen()
	must[[]Event](t)(r.Open(a))
	if sum(a, "email", "ann@example.com") != entry {
		t.Error("another entry after a rotation and a restart")
	}
	must[[]Event](t)(r.Roll(ctx, a))
	all := must[[]*Index](t)(r.Indexes(a, "email"))
	if len(all) != 2 || all[0].Version() != 2 || all[0].Sum("ann@example.com") == entry || all[1].Sum("ann@example.com") != entry {
		t.Errorf("versions after Roll: %d", len(all))
	}
	if s := fmt.Sprintf("%v %+v %#v", all[0], all[0], all[0]); strings.Contains(s, "0x") || !strings.Contains(s, "redacted") {
		t.Error(s)
	}
}

// TestSigner signs checkpoints with the current key of a series and verifies those of all.
func TestSigner(t *testing.T) {
	f, r, _ := newFixture(t)
	const origin = "example.com/audit"
	sign := func(text string) []byte {
		t.Helper()
		signer := must[note.Signer](t)(r.Signer(CheckpointSeries, origin))
		return must[[]byte](t)(note.Sign(&note.Note{Text: text + "\n"}, signer))
	}
	first := sign("one")
	wantEvents(t, must[[]Event](t)(r.AddSigner(ctx, CheckpointSeries)), Event{Kind: Created, Object: CheckpointKey, Version: 2}, Event{Kind: Destroyed, Object: CheckpointKey, Version: 1})
	must[[]Event](t)(r.AddSigner(ctx, "a second series"))
	second := sign("two")
	must[[]Event](t)(r.Rewrap(ctx, nil))
	third := sign("three")
	r.Lock()
	_, err := r.Signer(CheckpointSeries, origin)
	wantError(t, err, ErrLocked)
	if r, err = Open(f.path, f.options()); err != nil {
		t.Fatal(err)
	}
	known := note.VerifierList(must[[]note.Verifier](t)(r.Verifiers(CheckpointSeries, origin))...)
	for _, msg := range [][]byte{first, second, third} {
		if n, err := note.Open(msg, known); err != nil || len(n.Sigs) != 1 {
			t.Errorf("%s: %v", msg, err)
		}
	}
	if a, b := bytes.Split(first, []byte(" ")), bytes.Split(second, []byte(" ")); bytes.Equal(a[len(a)-1][:5], b[len(b)-1][:5]) {
		t.Error("both were signed with the same key")
	}
	keys := r.CheckpointKeys(CheckpointSeries)
	if len(keys) != 2 || keys[0].Current || !keys[1].Current || len(r.CheckpointKeys("")) != 3 {
		t.Errorf("%+v", keys)
	}
	if text := must[[]string](t)(r.PublicKeys(CheckpointSeries, origin)); len(text) != 2 || !strings.HasPrefix(text[0], origin+"+") {
		t.Errorf("%v", text)
	}
	_, err = r.Verifiers("unknown", origin)
	wantError(t, err, ErrUnknownKey)
	_, err = r.Verifiers(CheckpointSeries, "no blanks allowed")
	if err == nil {
		t.Error("a name that no note can have")
	}
}

// TestApplyErased puts an old key file back and has the erasures of the new one repeated, forged ones refused.
func TestApplyErased(t *testing.T) {
	f, r, _ := newFixture(t)
	a, b := owner(Data, 1), owner(Data, 2)
	add(t, r, a, 1)
	add(t, r, b, 1)
	box, other := encrypt(t, r, a, 1, "secret"), encrypt(t, r, b, 1, "other")
	r.Lock()
	old := must[[]byte](t)(os.ReadFile(f.path))
	r = f.reopen()
	generation := r.Generation()
	must[[]Event](t)(r.Erase(ctx, []Owner{a}))
	list := r.Erased()
	text := must[[]byte](t)(json.Marshal(list)) // as in a certificate
	r.Lock()

	if err := os.WriteFile(f.path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	r = f.reopen()
	if r.Generation() > generation {
		t.Error("an old file cannot be told by its generation")
	}
	wantText(t, r, a, box, "secret")
	var parsed []Erasure
	if err := json.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	for name, forge := range map[string]func(*Erasure){
		"owner": func(e *Erasure) { e.Owner = b }, "time": func(e *Erasure) { e.At = e.At.Add(time.Second) },
		"generation": func(e *Erasure) { e.Generation++ }, "keys": func(e *Erasure) { e.Keys = e.Keys[1:] }, "mac": func(e *Erasure) { e.MAC[0] ^= 1 },
	} {
		forged := parsed[0]
		forge(&forged)
		_, err := r.ApplyErased(ctx, []Erasure{parsed[0], forged})
		if !errors.Is(err, ErrTampered) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	wantText(t, r, a, box, "secret")
	if events := must[[]Event](t)(r.ApplyErased(ctx, append(parsed, parsed...))); len(events) != 4 {
		t.Errorf("%+v", events)
	}
	_, err := decrypt(r, a, box)
	wantError(t, err, ErrErased)
	wantText(t, r, b, other, "other")
	if got := r.Erased(); len(got) != 1 || got[0].MAC != list[0].MAC || !got[0].At.Equal(list[0].At) {
		t.Errorf("%+v", got)
	}
	if events := must[[]Event](t)(r.ApplyErased(ctx, parsed)); events != nil {
		t.Errorf("applied twice: %+v", events)
	}
}

// memory is a keeper for tests of the ring; the kernel's own is tested in hostkeys.
type memory map[string][]byte

func (m memory) Keep(name string, secret []byte, _ time.Duration) error {
	m[name] = bytes.Clone(secret)
	return nil
}
func (m memory) Recall(name string) ([]byte, error) {
	if m[name] == nil {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(m[name]), nil
}
func (m memory) Forget(name string) error { delete(m, name); return nil }

// TestKeepUnlocked unlocks for another process, follows a new root, and ends with its time.
func TestKeepUnlocked(t *testing.T) {
	f, r, _ := newFixture(t)
	m := memory{}
	if err := r.KeepUnlocked(m, time.Hour); err != nil {
		t.Fatal(err)
	}
	other, err := Open(f.path, f.options())
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, other.KeepUnlocked(m, time.Hour), ErrLocked)
	if err := other.UnlockFrom(m); err != nil {
		t.Fatal(err)
	}
	o := owner(Data, 1)
	add(t, other, o, 1)
	must[[]Event](t)(other.Erase(ctx, []Owner{o})) // a new root
	third, err := Open(f.path, f.options())
	if err != nil {
		t.Fatal(err)
	}
	if err := third.UnlockFrom(m); err != nil {
		t.Fatalf("what is kept did not follow the new root: %v", err)
	}
	third.Lock()
	f.clock = f.clock.Add(61 * time.Minute)
	wantError(t, third.UnlockFrom(m), ErrWrongKey)
	f.clock = f.clock.Add(-61 * time.Minute)
	m["qrsd:01020300000000000000000000000000"][30] ^= 1
	wantError(t, third.UnlockFrom(m), ErrTampered)
	if err := third.Forget(m); err != nil || len(m) != 0 {
		t.Errorf("%v, %d kept", err, len(m))
	}
	wantError(t, third.UnlockFrom(m), fs.ErrNotExist)
	if err := other.KeepUnlocked(m, time.Millisecond); err == nil {
		t.Error("kept for no time")
	}
}

// TestDue has keys that are 90 days old, were made by a clock that ran ahead, or have encrypted enough.
func TestDue(t *testing.T) {
	f, r, _ := newFixture(t)
	a, b := owner(Data, 1), owner(Data, 2)
	add(t, r, a, 1, PurposeIndex)
	f.clock = f.clock.Add(24 * time.Hour)
	add(t, r, b, 1)
	made := f.clock
	due := func(at time.Time, want ...Owner) {
		t.Helper()
		if got := r.Due(at); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("due %v after: %v, want %v", at.Sub(made), got, want)
		}
	}
	due(made.Add(88 * 24 * time.Hour))
	due(made.Add(89*24*time.Hour), a)
	due(made.Add(90*24*time.Hour), a, b)
	due(made.Add(-12 * time.Hour))
	due(made.Add(-30*time.Hour), b) // a clock that had run ahead when b was made
	r.Lock()
	f.clock = made.Add(91 * 24 * time.Hour)
	r = f.reopen() // the dates have outlived the restart
	due(f.clock, a, b)
	must[[]Event](t)(r.Rotate(ctx, r.Due(f.clock)))
	due(f.clock)
	must[[]Event](t)(r.Open(a))
	must[*envelope.Key](t)(r.DataKey(a, 1)).CountFrom(dueAt)
	due(f.clock, a)
	must[[]Event](t)(r.Rotate(ctx, []Owner{a}))
	due(f.clock)
}

// TestWrittenSecrets reads off what writeDown wrote, and says what is wrong with the rest.
func TestWrittenSecrets(t *testing.T) {
	code, err := newRecoveryCode(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := code.Reveal()
	if len(text) != 41 || strings.Count(text, "-") != 5 {
		t.Errorf("%d characters: six groups of six are wanted", len(text))
	}
	for _, spelled := range []string{text, strings.ToLower(text), strings.ReplaceAll(text, "-", " "), strings.NewReplacer("0", "o", "1", "l").Replace(text) + "\n"} {
		if got, err := readOff(spelled, recoverySize); err != nil || !bytes.Equal(got, code.secret[:]) {
			t.Errorf("%v", err)
		}
	}
	for i, c := range text {
		if c == '-' {
			continue
		}
		wrong := []byte(text)
		if wrong[i]++; c == 'Z' || c == '9' {
			wrong[i] = '2'
		}
		if _, err := Recovery(string(wrong)); err == nil {
			t.Errorf("character %d mistyped, and taken", i)
		} else if strings.Contains(err.Error(), text[:12]) {
			t.Errorf("the error repeats the code: %v", err)
		}
	}
	if _, err := Recovery(text[:30]); err == nil {
		t.Error("part of a code was taken")
	}
	for _, s := range []string{fmt.Sprint(code), fmt.Sprintf("%+v %#v %s", code, code, code), fmt.Sprintf("%v", Passphrase([]byte("correct horse")))} {
		if strings.Contains(s, text[:6]) || strings.Contains(s, "horse") {
			t.Errorf("printed: %s", s)
		}
	}
	if _, err := json.Marshal(code); err == nil {
		t.Error("a recovery code became JSON")
	}
}

// TestKeyFile refuses files that others can read and files that are no key files.
func TestKeyFile(t *testing.T) {
	f, r, _ := newFixture(t)
	path := filepath.Join(t.TempDir(), "a.key")
	if err := NewKeyFile(path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	wantError(t, NewKeyFile(path, rand.Reader), fs.ErrExist)
	good := must[[]byte](t)(os.ReadFile(path))
	if _, err := r.AddSlot(ctx, KeyFile(path)); err != nil {
		t.Fatal(err)
	}
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o440: true, 0o660: false, 0o604: false, 0o644: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := r.Unlock(ctx, KeyFile(path)); (err == nil) != ok {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"empty": "", "other": "some text\n", "cut": string(good[:len(good)-9]), "longer": string(good) + "x", "huge": strings.Repeat("x", 1<<20)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := r.Unlock(ctx, KeyFile(path)); err == nil || !strings.Contains(err.Error(), "key file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantError(t, r.Unlock(ctx, KeyFile(f.dir)), fs.ErrInvalid)
}

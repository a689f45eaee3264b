package keyring

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	must[[]Event](t)(r.AddSealKey(ctx))
	collect("new seal key")
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

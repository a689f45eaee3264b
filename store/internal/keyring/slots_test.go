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
)

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

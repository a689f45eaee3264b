package keyring

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// fixture is a key file in a folder of its own, with the key file that unlocks it.
type fixture struct {
	t       testing.TB
	dir     string
	path    string
	install [16]byte
	unlock  Unlocker
	clock   time.Time
}

func (f *fixture) options() Options { return Options{Now: func() time.Time { return f.clock }} }

func newFixture(t testing.TB) (*fixture, *Ring, RecoveryCode) {
	t.Helper()
	dir := t.TempDir()
	f := &fixture{t: t, dir: filepath.Join(dir, "store"), install: [16]byte{1, 2, 3}, clock: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	f.path = filepath.Join(f.dir, "keys.qrk")
	if err := os.Mkdir(f.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "unlock.key")
	if err := NewKeyFile(key, rand.Reader); err != nil {
		t.Fatal(err)
	}
	f.unlock = KeyFile(key)
	r, code, err := Create(context.Background(), f.path, f.install, f.options(), f.unlock)
	if err != nil {
		t.Fatal(err)
	}
	return f, r, code
}

// reopen unlocks what is on disk in a new ring, as a new process would.
func (f *fixture) reopen() *Ring {
	f.t.Helper()
	r, err := Open(f.path, f.options())
	if err != nil {
		f.t.Fatal(err)
	}
	if err := r.Unlock(context.Background(), f.unlock); err != nil {
		f.t.Fatal(err)
	}
	return r
}

// wantTidy wants the key file alone in its folder.
func (f *fixture) wantTidy() {
	f.t.Helper()
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "keys.qrk" {
			f.t.Errorf("%s lies about", e.Name())
		}
	}
}

func owner(h Hierarchy, space byte) Owner { return Owner{h, [16]byte{space}} }

func at(o Owner) envelope.Place { return envelope.Place{Space: o.Space, Collection: 7} }

// must is for steps of which a test does not doubt.
func must[T any](t testing.TB) func(T, error) T {
	return func(x T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

func add(t testing.TB, r *Ring, o Owner, purposes ...Purpose) {
	t.Helper()
	must[[]Event](t)(r.Add(context.Background(), []Grant{{o, purposes}}))
	must[[]Event](t)(r.Open(o))
}

func encrypt(t testing.TB, r *Ring, o Owner, p Purpose, text string) envelope.Box {
	t.Helper()
	return must[*envelope.Key](t)(r.DataKey(o, p)).Encrypt(at(o), 1, nil, []byte(text))
}

// decrypt returns the text or why not.
func decrypt(r *Ring, o Owner, b envelope.Box) (string, error) {
	if _, err := r.Open(o); err != nil {
		return "", err
	}
	k, err := r.Key(o, b.KeyID())
	if err != nil {
		return "", err
	}
	plain, err := k.Decrypt(at(o), b)
	return string(plain), err
}

func wantText(t testing.TB, r *Ring, o Owner, b envelope.Box, want string) {
	t.Helper()
	if got, err := decrypt(r, o, b); err != nil || got != want {
		t.Errorf("%v: decrypted %q, %v; want %q", o, got, err, want)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

// wantEvents compares events by "kind object version".
func wantEvents(t testing.TB, got []Event, want ...Event) {
	t.Helper()
	count := func(all []Event, e Event) (n int) {
		for _, x := range all {
			if x.Kind == e.Kind && x.Object == e.Object && x.Version == e.Version && x.Purpose == e.Purpose {
				n++
			}
		}
		return n
	}
	for _, e := range want {
		if count(got, e) != count(want, e) {
			t.Errorf("%d of %s %s %d, purpose %d; want %d", count(got, e), e.Kind, e.Object, e.Version, e.Purpose, count(want, e))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d events, want %d: %+v", len(got), len(want), got)
	}
}

// secrets are all secret bytes that an unlocked ring has anything to do with.
func secrets(t testing.TB, r *Ring) map[string][]byte {
	t.Helper()
	all := map[string][]byte{
		"root secret": slices.Clone(r.root.secret[:]), "root wrapping key": derive(r.root.secret[:], "qrsd root: wrapping"), "root MAC key": slices.Clone(r.root.mac[:]),
	}
	keep := func(name string, k *envelope.Key) {
		_ = k.Expose(func(secret []byte) error { all[name] = bytes.Clone(secret); return nil })
	}
	for _, o := range r.state.owners {
		kek := must[*envelope.Key](t)(r.state.kek(r.root, o))
		keep("KEK of "+o.owner.String(), kek)
		for i := range o.keys {
			keep("data key "+o.keys[i].id.String(), must[*envelope.Key](t)(r.state.dataKey(kek, o, &o.keys[i])))
		}
	}
	keep("erasure key", must[*envelope.Key](t)(r.root.wrap.Unwrap(r.state.eraser[:], eraserContext(r.state.install))))
	for _, s := range r.state.signers {
		if s.live {
			keep("checkpoint key", must[*envelope.Key](t)(r.root.wrap.Unwrap(s.wrapped[:], signerContext(r.state.install, s.name, s.number))))
		}
	}
	for _, s := range r.state.sealKeys {
		if s.live() {
			keep("seal key", must[*envelope.Key](t)(r.root.wrap.Unwrap(s.wrapped[:], sealContext(r.state.install, s.number))))
		}
	}
	return all
}

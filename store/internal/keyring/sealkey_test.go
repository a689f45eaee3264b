package keyring

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// signed wants a signature by the current seal key that holds under the listed public one.
func signed(t *testing.T, r *Ring) (*ecdsa.PublicKey, []byte) {
	t.Helper()
	s := must[*SealSigner](t)(r.SealSigner())
	digest := sha256.Sum256([]byte("a statement"))
	der := must[[]byte](t)(s.Sign(ctx, digest[:]))
	keys := r.SealKeys()
	last := keys[len(keys)-1]
	if !last.Key.Equal(s.Public()) || !last.Retired.IsZero() || last.External {
		t.Errorf("the current key is listed as %+v", last)
	}
	if !ecdsa.VerifyASN1(last.Key, digest[:], der) {
		t.Error("the signature does not hold")
	}
	if again := must[[]byte](t)(s.Sign(ctx, digest[:])); !bytes.Equal(again, der) {
		t.Error("the same digest has another signature (RFC 6979)")
	}
	return last.Key, der
}

// TestSealKey signs, rotates, rewraps, locks and opens again.
func TestSealKey(t *testing.T) {
	f, r, _ := newFixture(t)
	first, _ := signed(t, r)
	f.clock = f.clock.Add(time.Hour)
	wantEvents(t, must[[]Event](t)(r.AddSealKey(ctx)), Event{Kind: Created, Object: SealingKey, Version: 2}, Event{Kind: Destroyed, Object: SealingKey, Version: 1})
	second, der := signed(t, r)
	if first.Equal(second) {
		t.Error("the same key again")
	}
	must[[]Event](t)(r.Rewrap(ctx, nil))
	if _, same := signed(t, r); !bytes.Equal(same, der) {
		t.Error("another key after a new root")
	}
	r.Lock()
	_, err := r.SealSigner()
	wantError(t, err, ErrLocked)
	_, err = r.AddSealKey(ctx)
	wantError(t, err, ErrLocked)
	r = must[*Ring](t)(Open(f.path, f.options()))
	keys := r.SealKeys()
	if len(keys) != 2 || !keys[0].Key.Equal(first) || !keys[1].Key.Equal(second) || !keys[0].Retired.Equal(f.clock) || !keys[1].Created.Equal(f.clock) {
		t.Errorf("listed while locked: %+v", keys)
	}
	if data := must[[]byte](t)(os.ReadFile(f.path)); must[*state](t)(decode(data)).sealKeys[0].wrapped != (wrapped{}) {
		t.Error("the private half of the old key is still in the file")
	}
	r = f.reopen()
	if _, same := signed(t, r); !bytes.Equal(same, der) {
		t.Error("another key after a restart")
	}
}

// TestSealKeyShowsNothing prints a signer in every way.
func TestSealKeyShowsNothing(t *testing.T) {
	_, r, _ := newFixture(t)
	s := must[*SealSigner](t)(r.SealSigner())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, s); got != "keyring.SealSigner(redacted)" {
			t.Errorf("%s: %s", verb, got)
		}
	}
	if out, err := json.Marshal(s); err == nil {
		t.Errorf("as JSON: %s", out)
	}
}

// TestAdoptSealKey goes to a key outside and back.
func TestAdoptSealKey(t *testing.T) {
	f, r, _ := newFixture(t)
	own, _ := signed(t, r)
	outside := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	wantEvents(t, must[[]Event](t)(r.AdoptSealKey(ctx, &outside.PublicKey)), Event{Kind: Created, Object: SealingKey, Version: 2}, Event{Kind: Destroyed, Object: SealingKey, Version: 1})
	wantEvents(t, must[[]Event](t)(r.AdoptSealKey(ctx, &outside.PublicKey)))
	_, err := r.SealSigner()
	wantError(t, err, ErrSealKeyElsewhere)
	must[[]Event](t)(r.Rewrap(ctx, nil))
	r.Lock()
	r = f.reopen()
	if keys := r.SealKeys(); len(keys) != 2 || !keys[1].External || !keys[1].Key.Equal(&outside.PublicKey) {
		t.Errorf("%+v", keys)
	}
	wantEvents(t, must[[]Event](t)(r.AddSealKey(ctx)), Event{Kind: Created, Object: SealingKey, Version: 3})
	signed(t, r)
	wrong := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	for name, key := range map[string]*ecdsa.PublicKey{"retired": own, "retired outside": &outside.PublicKey, "P-384": &wrong.PublicKey, "none": nil} {
		if _, err := r.AdoptSealKey(ctx, key); err == nil {
			t.Errorf("a key that cannot be: %s", name)
		}
	}
}

// TestKeyFileWithoutSealKeys reads a file of before there were seal keys, and gives it its first one.
func TestKeyFileWithoutSealKeys(t *testing.T) {
	f, r, _ := newFixture(t)
	o := owner(Data, 1)
	add(t, r, o, 1)
	box := encrypt(t, r, o, 1, "of before")
	r.Lock()
	s := must[*state](t)(decode(must[[]byte](t)(os.ReadFile(f.path))))
	r = f.reopen()
	s.sealKeys = nil
	old := must[[]byte](t)(s.encode(r.root))
	if old[len(magic)+1] != 1 {
		t.Errorf("written in format %d", old[len(magic)+1])
	}
	if err := os.WriteFile(f.path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	r = f.reopen()
	_, err := r.SealSigner()
	wantError(t, err, ErrNoSealKey)
	if len(r.SealKeys()) != 0 {
		t.Errorf("%+v", r.SealKeys())
	}
	wantEvents(t, must[[]Event](t)(r.AddSealKey(ctx)), Event{Kind: Created, Object: SealingKey, Version: 1})
	signed(t, r)
	r = f.reopen()
	signed(t, r)
	wantText(t, r, o, box, "of before")
}

// TestSealKeysRefused has files whose seal keys cannot be, with MAC and checksum right.
func TestSealKeysRefused(t *testing.T) {
	f, r, _ := newFixture(t)
	must[[]Event](t)(r.AddSealKey(ctx))
	data := must[[]byte](t)(os.ReadFile(f.path))
	for name, c := range map[string]struct {
		spoil func([]sealKeyRecord) []sealKeyRecord
		want  string
	}{
		"twice":             {func(k []sealKeyRecord) []sealKeyRecord { k[0].number = 2; return k }, "out of order"},
		"two current":       {func(k []sealKeyRecord) []sealKeyRecord { k[0].retired = 0; return k }, "the last is current"},
		"none current":      {func(k []sealKeyRecord) []sealKeyRecord { k[1].retired = 5; k[1].wrapped = wrapped{}; return k }, "the last is current"},
		"old private half":  {func(k []sealKeyRecord) []sealKeyRecord { k[0].wrapped = k[1].wrapped; return k }, "should not be there"},
		"kind":              {func(k []sealKeyRecord) []sealKeyRecord { k[0].kind = 3; return k }, "kind 3"},
		"not on the curve":  {func(k []sealKeyRecord) []sealKeyRecord { k[0].public[40] ^= 1; return k }, "not on curve"},
		"external, private": {func(k []sealKeyRecord) []sealKeyRecord { k[1].kind = sealExternal; return k }, "should not be there"},
	} {
		s := must[*state](t)(decode(data))
		s.sealKeys = c.spoil(s.sealKeys)
		if _, err := decode(must[[]byte](t)(s.encode(r.root))); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty := must[*state](t)(decode(data))
	empty.sealKeys = nil
	b := empty.body()
	b[len(magic)+1] = 2
	if _, err := decode(authenticated(r.root, append(b, 0, 0, 0, 0))); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "without seal keys") {
		t.Errorf("format 2 without any: %v", err)
	}
}

// TestSealKeyHalves finds a private half that belongs to another public one.
func TestSealKeyHalves(t *testing.T) {
	_, r, _ := newFixture(t)
	before := r.state.sealKeys[0].public
	must[[]Event](t)(r.AddSealKey(ctx))
	r.state.sealKeys[1].public = before
	_, err := r.SealSigner()
	wantError(t, err, ErrTampered)
}

// TestSealKeyEntropy has a source that gives no scalar, and one that ends.
func TestSealKeyEntropy(t *testing.T) {
	for name, source := range map[string]string{"out of range": strings.Repeat("\xff", 1000), "short": "short"} {
		_, _, err := newScalar(strings.NewReader(source))
		if err == nil {
			t.Errorf("%s: a key was drawn", name)
		}
	}
}

func authenticated(r *root, body []byte) []byte {
	mac := r.authenticate(body)
	data := append(bytes.Clone(body), mac[:]...)
	sum := sha256.Sum256(data)
	return append(data, sum[:]...)
}

func BenchmarkSealSign(b *testing.B) {
	_, r, _ := newFixture(b)
	s := must[*SealSigner](b)(r.SealSigner())
	digest := sha256.Sum256(nil)
	for b.Loop() {
		must[[]byte](b)(s.Sign(ctx, digest[:]))
	}
}

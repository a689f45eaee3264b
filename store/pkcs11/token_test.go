//go:build pkcs11

package pkcs11

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ThalesGroup/crypto11"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
)

const pin = "correct horse"

// newToken initialises a software token for this process. SoftHSM reads its configuration when the library is loaded, so all
// tests share one.
func newToken(t *testing.T) Options {
	t.Helper()
	module := "/usr/lib/softhsm/libsofthsm2.so"
	if _, err := os.Stat(module); err != nil {
		t.Skipf("SoftHSM2 is not installed here: %v", err)
	}
	if _, err := exec.LookPath("softhsm2-util"); err != nil {
		t.Skipf("SoftHSM2's program is not installed here: %v", err)
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", "test token", "--so-pin", "12345678", "--pin", pin).CombinedOutput()
	if err != nil {
		t.Fatalf("softhsm2-util: %v: %s", err, out)
	}
	return Options{Module: module, Token: "test token", Key: "qrsd root", PIN: []byte(pin)}
}

var place = map[string]string{"install": "00ff", "purpose": "qrsd root key", "root-generation": "3"}

func TestToken(t *testing.T) {
	o := newToken(t)
	if _, err := Open(o); !errors.Is(err, ErrNoKey) {
		t.Fatalf("an empty token: %v", err)
	}
	wrongPIN := o
	wrongPIN.PIN = []byte("wrong")
	if _, err := GenerateKey(wrongPIN); err == nil {
		t.Fatal("a wrong PIN opened the token")
	}
	k, err := GenerateKey(o)
	if err != nil {
		t.Fatal(err)
	}
	defer closeKey(t, k)
	t.Run("wrap", func(t *testing.T) { wrap(t, k) })
	t.Run("refusals", func(t *testing.T) { refusals(t, o, k) })
	t.Run("ring", func(t *testing.T) { ring(t, o, k) })
	t.Run("seal keys", func(t *testing.T) { sealKeys(t, o) })
}

func closeKey(t *testing.T, k *Key) {
	t.Helper()
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

func wrap(t *testing.T, k *Key) {
	ctx := context.Background()
	secret := []byte("forty bytes, as the root key has, are it")
	wrapped, err := k.Wrap(ctx, secret, place)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(wrapped, secret) {
		t.Error("the wrapped key shows the secret")
	}
	if got, err := k.Unwrap(ctx, wrapped, place); err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("unwrapped %q, %v", got, err)
	}
	for name := range place {
		wrong := maps.Clone(place)
		wrong[name] += "0"
		if _, err := k.Unwrap(ctx, wrapped, wrong); !errors.Is(err, ErrRefused) {
			t.Errorf("context %v: %v", wrong, err)
		}
	}
	for at := range wrapped {
		bad := bytes.Clone(wrapped)
		bad[at] ^= 1
		if _, err := k.Unwrap(ctx, bad, place); !errors.Is(err, ErrRefused) {
			t.Errorf("byte %d changed: %v", at, err)
		}
	}
	for n := range len(wrapped) {
		if _, err := k.Unwrap(ctx, wrapped[:n], place); !errors.Is(err, ErrRefused) {
			t.Errorf("%d bytes of it: %v", n, err)
		}
	}
}

func refusals(t *testing.T, o Options, k *Key) {
	noToken := o
	noToken.Token = "nobody's"
	if _, err := Open(noToken); err == nil {
		t.Error("a token that is not there was opened")
	}
	if _, err := GenerateKey(o); !errors.Is(err, ErrUnusable) {
		t.Errorf("a second key of the same label: %v", err)
	}
	open := o
	open.Key = "readable"
	attributes, err := crypto11.NewAttributeSetWithIDAndLabel([]byte{9}, []byte(open.Key))
	if err != nil {
		t.Fatal(err)
	}
	for a, v := range map[crypto11.AttributeType]bool{crypto11.CkaExtractable: true, crypto11.CkaSensitive: false} {
		if err := attributes.Set(a, v); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.token.GenerateSecretKeyWithAttributes(attributes, keyBits, crypto11.CipherAES); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(open); !errors.Is(err, ErrUnusable) {
		t.Errorf("a key that can be read out of the token: %v", err)
	}
	short := o
	short.Key = "short"
	if _, err := k.token.GenerateSecretKeyWithLabel([]byte{8}, []byte(short.Key), 128, crypto11.CipherAES); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(short); !errors.Is(err, ErrUnusable) {
		t.Errorf("a key of 128 bits: %v", err)
	}
}

// ring unlocks a ring by the token in a second session.
func ring(t *testing.T, o Options, k *Key) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "keys.qrk")
	r, _, err := keyring.Create(ctx, path, [16]byte{1}, keyring.Options{}, keyring.External(Method, k.Reference(), k))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rewrap(ctx, nil); err != nil {
		t.Fatal(err)
	}
	again, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer closeKey(t, again)
	if r, err = keyring.Open(path, keyring.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Unlock(ctx, keyring.External(Method, again.Reference(), again)); err != nil {
		t.Fatal(err)
	}
}

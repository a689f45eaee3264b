package keyring

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.qrk")
	kf := filepath.Join(dir, "key")
	if err := NewKeyFile(kf, newRing("", Options{}).rand); err != nil {
		t.Fatal(err)
	}
	r, code, err := Create(ctx, path, [16]byte{1}, Options{}, KeyFile(kf))
	if err != nil {
		t.Fatal(err)
	}
	var events []Event
	o := Owner{Data, [16]byte{2}}
	if events, err = r.Add(ctx, []Grant{{o, []Purpose{1, 2, PurposeIndex}}}); err != nil {
		t.Fatal(err)
	}
	t.Log(events)
	if _, err := r.Open(o); err != nil {
		t.Fatal(err)
	}
	k, err := r.DataKey(o, 1)
	if err != nil {
		t.Fatal(err)
	}
	box := k.Encrypt(envelope.Place{}, 1, nil, []byte("x"))
	if _, err := r.Rotate(ctx, []Owner{o}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rewrap(ctx, nil); err != nil {
		t.Fatal(err)
	}
	r.Lock()
	rec, err := Recovery(code.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if r, err = Open(path, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Unlock(ctx, rec); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Open(o); err != nil {
		t.Fatal(err)
	}
	k, err = r.Key(o, box.KeyID())
	if err != nil {
		t.Fatal(err)
	}
	if p, err := k.Decrypt(envelope.Place{}, box); err != nil || string(p) != "x" {
		t.Fatal(p, err)
	}
	if _, err := r.Erase(ctx, []Owner{o}); err != nil {
		t.Fatal(err)
	}
	t.Log(r.Erased(), r.Generation())
}

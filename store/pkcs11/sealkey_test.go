//go:build pkcs11

package pkcs11

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/ThalesGroup/crypto11"

	"github.com/qrsrisk/qrsd/store/seal"
)

var _ seal.Signer = (*SealKey)(nil)

// sealKeys goes through the seal key of the token that TestToken made.
func sealKeys(t *testing.T, o Options) {
	o.Key = "qrsd seal"
	if _, err := OpenSealKey(o); !errors.Is(err, ErrNoSealKey) {
		t.Fatalf("a token without one: %v", err)
	}
	k, err := GenerateSealKey(o)
	if err != nil {
		t.Fatal(err)
	}
	defer closeSealKey(t, k)
	again, err := OpenSealKey(o)
	if err != nil {
		t.Fatal(err)
	}
	defer closeSealKey(t, again)
	digest := sha256.Sum256([]byte("a statement"))
	der, err := again.Sign(context.Background(), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	if !ecdsa.VerifyASN1(k.Public(), digest[:], der) {
		t.Error("the signature does not hold")
	}
	if _, err := k.Sign(context.Background(), digest[:31]); err == nil {
		t.Error("31 bytes were signed")
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := k.Sign(ended, digest[:]); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := GenerateSealKey(o); !errors.Is(err, ErrUnusable) {
		t.Errorf("a second key of the same label: %v", err)
	}
	if _, err := k.token.GenerateECDSAKeyPairWithLabel([]byte{7}, []byte("P-384"), elliptic.P384()); err != nil {
		t.Fatal(err)
	}
	o.Key = "P-384"
	if _, err := OpenSealKey(o); !errors.Is(err, ErrUnusable) {
		t.Errorf("a key on P-384: %v", err)
	}
	readable(t, o, k)
}

// readable: a key pair whose private half can be read out of the token is refused.
func readable(t *testing.T, o Options, k *SealKey) {
	o.Key = "readable pair"
	public, err := crypto11.NewAttributeSetWithIDAndLabel([]byte{6}, []byte(o.Key))
	if err != nil {
		t.Fatal(err)
	}
	private := public.Copy()
	for a, v := range map[crypto11.AttributeType]bool{crypto11.CkaExtractable: true, crypto11.CkaSensitive: false} {
		if err := private.Set(a, v); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.token.GenerateECDSAKeyPairWithAttributes(public, private, elliptic.P256()); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSealKey(o); !errors.Is(err, ErrUnusable) {
		t.Errorf("a key that can be read out of the token: %v", err)
	}
}

func closeSealKey(t *testing.T, k *SealKey) {
	t.Helper()
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

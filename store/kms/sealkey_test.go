package kms_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/kms"
	"github.com/qrsrisk/qrsd/store/kms/kmstest"
)

func sealOptions(web *httptest.Server, arn string) kms.Options {
	return kms.Options{HTTP: web.Client(), Credentials: credentials(kmstest.ExampleSecretKey), ARN: arn, Endpoint: web.URL}
}

func newSealKey(t testing.TB, s *kmstest.Server, web *httptest.Server) *kms.SealKey {
	t.Helper()
	arn, err := s.CreateSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	k, err := kms.OpenSealKey(context.Background(), sealOptions(web, arn))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestSealKey signs digests, each in one request.
func TestSealKey(t *testing.T) {
	s, web := serve(t)
	k := newSealKey(t, s, web)
	for i := range 3 {
		digest := sha256.Sum256([]byte{byte(i)})
		der, err := k.Sign(context.Background(), digest[:])
		if err != nil {
			t.Fatal(err)
		}
		if !ecdsa.VerifyASN1(k.Public(), digest[:], der) {
			t.Error("the signature does not hold")
		}
	}
	requests := s.Requests()
	if len(requests) != 4 || requests[0].Operation != "GetPublicKey" || requests[3].Operation != "Sign" || requests[3].KeyID != k.Reference() {
		t.Errorf("KMS was asked %+v", requests)
	}
	if _, err := k.Sign(context.Background(), []byte("not a digest")); err == nil || !strings.Contains(err.Error(), "invalid length") {
		t.Errorf("what is no digest: %v", err)
	}
	if got := fmt.Sprint(k); got != k.Reference() {
		t.Errorf("prints as %s", got)
	}
}

// TestSealKeyErrors goes through keys of the wrong sort and what AWS answers when something is wrong on its side.
func TestSealKeyErrors(t *testing.T) {
	s, web := serve(t)
	ctx := context.Background()
	symmetric, err := s.CreateKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kms.OpenSealKey(ctx, sealOptions(web, symmetric)); !errors.Is(err, kms.ErrUnusable) || !strings.Contains(err.Error(), "ECC_NIST_P256") {
		t.Errorf("a symmetric key: %v", err)
	}
	k := newSealKey(t, s, web)
	wrapping, err := kms.New(sealOptions(web, k.Reference()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrapping.Wrap(ctx, []byte("secret"), place); !errors.Is(err, kms.ErrUnusable) || !strings.Contains(err.Error(), "ENCRYPT_DECRYPT") {
		t.Errorf("wrapped by a key that signs: %v", err)
	}
	if _, err := kms.OpenSealKey(ctx, kms.Options{}); err == nil {
		t.Error("options without anything")
	}
	digest := sha256.Sum256(nil)
	s.Deny(1)
	if _, err := k.Sign(ctx, digest[:]); !errors.Is(err, kms.ErrDenied) || !strings.Contains(err.Error(), "kms:Sign") {
		t.Errorf("denied: %v", err)
	}
	s.Deny(1)
	if _, err := kms.OpenSealKey(ctx, sealOptions(web, k.Reference())); !errors.Is(err, kms.ErrDenied) || !strings.Contains(err.Error(), "kms:GetPublicKey") {
		t.Errorf("denied: %v", err)
	}
	s.Throttle(1)
	if _, err := k.Sign(ctx, digest[:]); err != nil {
		t.Errorf("throttled once: %v", err)
	}
	s.SetState(k.Reference(), kmstest.Disabled)
	if _, err := k.Sign(ctx, digest[:]); !errors.Is(err, kms.ErrUnusable) {
		t.Errorf("disabled: %v", err)
	}
	o := sealOptions(web, k.Reference())
	o.Credentials = credentials("wrong")
	if _, err := kms.OpenSealKey(ctx, o); !errors.Is(err, kms.ErrDenied) {
		t.Errorf("a wrong secret key: %v", err)
	}
}

// TestSealKeyAnswers has KMS, or somebody on the way, answer with another signature or for another key.
func TestSealKeyAnswers(t *testing.T) {
	s, web := serve(t)
	other := newSealKey(t, s, web)
	var change func([]byte) []byte
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if change == nil {
			s.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, r)
		w.WriteHeader(answer.Code)
		_, _ = w.Write(change(answer.Body.Bytes())) // the client sees what is missing
	}))
	t.Cleanup(between.Close)
	k := newSealKey(t, s, between)
	digest := sha256.Sum256(nil)
	var first []byte
	change = func(b []byte) []byte { first = bytes.Clone(b); return b }
	if _, err := k.Sign(context.Background(), digest[:]); err != nil {
		t.Fatal(err)
	}
	next := sha256.Sum256([]byte("next"))
	for name, fn := range map[string]func([]byte) []byte{
		"an old signature": func([]byte) []byte { return first },
		"another key": func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte(k.Reference()), []byte(other.Reference()))
		},
		"another algorithm": func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("ECDSA_SHA_256"), []byte("ECDSA_SHA_384")) },
	} {
		change = fn
		if _, err := k.Sign(context.Background(), next[:]); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

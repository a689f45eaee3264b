package kms_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/kms"
	"github.com/qrsrisk/qrsd/store/kms/kmstest"
)

func credentials(secret string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: kmstest.ExampleKeyID, SecretAccessKey: secret}, nil
	})
}

func serve(t *testing.T) (*kmstest.Server, *httptest.Server) {
	t.Helper()
	s := kmstest.New(kmstest.Options{Rand: rand.Reader})
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return s, web
}

func newKey(t *testing.T, s *kmstest.Server, web *httptest.Server) *kms.Key {
	t.Helper()
	arn, err := s.CreateKey()
	if err != nil {
		t.Fatal(err)
	}
	k, err := kms.New(kms.Options{HTTP: web.Client(), Credentials: credentials(kmstest.ExampleSecretKey), ARN: arn, Endpoint: web.URL})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var place = map[string]string{"install": "00ff", "purpose": "qrsd root key", "root-generation": "3"}

// TestWrap binds a secret to every part of the context and to its bytes.
func TestWrap(t *testing.T) {
	s, web := serve(t)
	k := newKey(t, s, web)
	ctx := context.Background()
	secret := []byte("thirty-two bytes and then eight.")
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
	if r := s.Requests()[0]; r.Operation != "Encrypt" || r.KeyID != k.Reference() || !maps.Equal(r.Context, place) {
		t.Errorf("KMS was asked %+v", r)
	}
	for name := range place {
		for _, other := range []func(map[string]string){
			func(m map[string]string) { m[name] += "0" },
			func(m map[string]string) { delete(m, name) },
			func(m map[string]string) { m["more"] = "x" },
		} {
			wrong := maps.Clone(place)
			other(wrong)
			if _, err := k.Unwrap(ctx, wrapped, wrong); !errors.Is(err, kms.ErrRefused) {
				t.Errorf("context %v: %v", wrong, err)
			}
		}
	}
	for _, at := range []int{0, 9, 40, len(wrapped) - 1} {
		bad := bytes.Clone(wrapped)
		bad[at] ^= 1
		if _, err := k.Unwrap(ctx, bad, place); !errors.Is(err, kms.ErrRefused) {
			t.Errorf("byte %d changed: %v", at, err)
		}
	}
	if _, err := newKey(t, s, web).Unwrap(ctx, wrapped, place); !errors.Is(err, kms.ErrRefused) || !strings.Contains(err.Error(), "another KMS key") {
		t.Errorf("with another key: %v", err)
	}
}

// TestErrorsSayWhatToDo goes through what AWS answers when something is wrong on its side.
func TestErrorsSayWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		wrong func(*kmstest.Server, string)
		kind  error
		mend  string
	}{
		"denied":           {func(s *kmstest.Server, _ string) { s.Deny(1) }, kms.ErrDenied, "allow the action"},
		"disabled":         {func(s *kmstest.Server, arn string) { s.SetState(arn, kmstest.Disabled) }, kms.ErrUnusable, "enable-key"},
		"pending deletion": {func(s *kmstest.Server, arn string) { s.SetState(arn, kmstest.PendingDeletion) }, kms.ErrUnusable, "cancel-key-deletion"},
		"throttled":        {func(s *kmstest.Server, _ string) { s.Throttle(4) }, kms.ErrBusy, "too many requests"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, web := serve(t)
			k := newKey(t, s, web)
			c.wrong(s, k.Reference())
			_, err := k.Wrap(context.Background(), []byte("secret"), place)
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.mend) || !strings.Contains(err.Error(), k.Reference()) {
				t.Errorf("%v", err)
			}
			if strings.Contains(err.Error(), "secret\"") {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

// TestThrottledOnce is tried again without the caller noticing.
func TestThrottledOnce(t *testing.T) {
	s, web := serve(t)
	k := newKey(t, s, web)
	s.Throttle(1)
	if _, err := k.Wrap(context.Background(), []byte("secret"), place); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Requests()); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

// TestWrongWay has credentials, a key and an endpoint that are not there.
func TestWrongWay(t *testing.T) {
	s, web := serve(t)
	arn, err := s.CreateKey()
	if err != nil {
		t.Fatal(err)
	}
	gone := httptest.NewServer(s)
	gone.Close()
	for name, c := range map[string]struct {
		options kms.Options
		kind    error
	}{
		"wrong secret key": {kms.Options{ARN: arn, Credentials: credentials("wrong"), Endpoint: web.URL}, kms.ErrDenied},
		"no such key":      {kms.Options{ARN: arn[:len(arn)-4] + "0000", Credentials: credentials(kmstest.ExampleSecretKey), Endpoint: web.URL}, kms.ErrUnusable},
		"nobody there":     {kms.Options{ARN: arn, Credentials: credentials(kmstest.ExampleSecretKey), Endpoint: gone.URL}, kms.ErrBusy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.options.HTTP = web.Client()
			k, err := kms.New(c.options)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := k.Wrap(context.Background(), []byte("secret"), place); !errors.Is(err, c.kind) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestNewRefuses wants options that cannot be told before a request.
func TestNewRefuses(t *testing.T) {
	const arn = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	_, web := serve(t)
	good := kms.Options{HTTP: web.Client(), Credentials: credentials("x"), ARN: arn}
	if k, err := kms.New(good); err != nil || k.Destination() != "kms.us-east-1.amazonaws.com:443" {
		t.Fatalf("%v, %v", k, err)
	}
	for name, spoil := range map[string]func(*kms.Options){
		"no client":      func(o *kms.Options) { o.HTTP = nil },
		"no credentials": func(o *kms.Options) { o.Credentials = nil },
		"no key":         func(o *kms.Options) { o.ARN = "" },
		"alias":          func(o *kms.Options) { o.ARN = "arn:aws:kms:us-east-1:111122223333:alias/root" },
		"bare id":        func(o *kms.Options) { o.ARN = "1234abcd-12ab-34cd-56ef-1234567890ab" },
		"endpoint":       func(o *kms.Options) { o.Endpoint = "https://kms.example.com/path" },
	} {
		o := good
		spoil(&o)
		if _, err := kms.New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestRing unlocks a ring by KMS, gives its slot a new root, and cannot do so while KMS refuses.
func TestRing(t *testing.T) {
	s, web := serve(t)
	k := newKey(t, s, web)
	ctx := context.Background()
	u := keyring.External(kms.Method, k.Reference(), k)
	path := filepath.Join(t.TempDir(), "keys.qrk")
	ring, code, err := keyring.Create(ctx, path, [16]byte{1}, keyring.Options{}, u)
	if err != nil {
		t.Fatal(err)
	}
	owner := keyring.Owner{Hierarchy: keyring.Data, Space: [16]byte{2}}
	if _, err := ring.Add(ctx, []keyring.Grant{{Owner: owner, Purposes: []keyring.Purpose{1}}}); err != nil {
		t.Fatal(err)
	}
	s.SetState(k.Reference(), kmstest.Disabled)
	generation := ring.Generation()
	if _, err := ring.Erase(ctx, []keyring.Owner{owner}); !errors.Is(err, kms.ErrUnusable) || ring.Generation() != generation {
		t.Fatalf("erased with %v, generation %d after %d", err, ring.Generation(), generation)
	}
	s.SetState(k.Reference(), kmstest.Enabled)
	if _, err := ring.Erase(ctx, []keyring.Owner{owner}); err != nil {
		t.Fatal(err)
	}
	requests := s.Requests()
	if last := requests[len(requests)-1].Context; last["root-generation"] != "2" || last["install"] == "" || last["purpose"] == "" {
		t.Errorf("the new root was wrapped for %v", last)
	}

	again, err := keyring.Open(path, keyring.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Unlock(ctx, u); err != nil {
		t.Fatal(err)
	}
	again.Lock()
	recovery, err := keyring.Recovery(code.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Unlock(ctx, recovery); err != nil {
		t.Fatal(err)
	}
	if _, err := again.Rewrap(ctx, nil); err != nil { // this ring has been unlocked by KMS before
		t.Fatal(err)
	}
	third, err := keyring.Open(path, keyring.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := third.Unlock(ctx, recovery); err != nil {
		t.Fatal(err)
	}
	if _, err := third.Rewrap(ctx, nil); !errors.Is(err, keyring.ErrNotAttached) {
		t.Errorf("a ring that does not know KMS gave it a new root: %v", err)
	}
	if _, err := third.Rewrap(ctx, nil, u); err != nil {
		t.Error(err)
	}
}

package seal_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/seal/sealtest"
)

func keysOf(t *testing.T, list ...seal.Key) *seal.Keys {
	t.Helper()
	keys, err := seal.NewKeys(list...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestKeysOfARotation: old keys verify what they signed in their time. An unknown key, one of another role, one that had expired and one
// that was not yet in force are refused in words of their own.
func TestKeysOfARotation(t *testing.T) {
	a, other := sealtest.New(1), sealtest.New(40)
	text := sealed(t, a, sample(0))
	at := a.Time.Add(2 * time.Second) // of the seal
	during := func(k seal.Key, before, after time.Time) seal.Key {
		k.NotBefore, k.NotAfter = before, after
		return k
	}
	var open time.Time
	for name, c := range map[string]struct {
		keys        *seal.Keys
		step, words string
	}{
		"rotated since":             {keysOf(t, during(a.SealKey(), at.Add(-time.Hour), at), during(other.SealKey(), at, open), a.CheckpointKey()), "", ""},
		"no keys":                   {nil, "signing key", "unknown: it is none of the 0 keys"},
		"another appliance's":       {other.Keys(), "signing key", "unknown"},
		"expired":                   {keysOf(t, during(a.SealKey(), open, at.Add(-1)), a.CheckpointKey()), "key in force", "had expired"},
		"not yet":                   {keysOf(t, during(a.SealKey(), at.Add(1), open), a.CheckpointKey()), "key in force", "not yet in force"},
		"no checkpoint key":         {keysOf(t, a.SealKey()), "checkpoint", "none of which is a known key"},
		"another checkpoint key":    {keysOf(t, a.SealKey(), other.CheckpointKey()), "checkpoint", "none of which is a known key"},
		"checkpoint key expired":    {keysOf(t, a.SealKey(), during(a.CheckpointKey(), open, at.Add(-time.Hour))), "checkpoint key in force", "had expired"},
		"one checkpoint key of two": {keysOf(t, a.SealKey(), during(other.CheckpointKey(), open, at.Add(-time.Hour)), a.CheckpointKey()), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			checks := seal.Verify(text, c.keys, nil).Checks
			if c.step == "" {
				wantOK(t, checks)
				return
			}
			wantFailure(t, checks, c.step, c.words)
		})
	}
	laboratory, err := seal.NewLaboratoryKey(a.Signer.Public(), "Example")
	if err != nil {
		t.Fatal(err)
	}
	wantFailure(t, seal.Verify(text, keysOf(t, laboratory, a.CheckpointKey()), nil).Checks, "signing key", "known as a laboratory key")
}

// TestJWKS: keys come back from their published form; crypto/x509 has the same ids.
func TestJWKS(t *testing.T) {
	a := sealtest.New(1)
	old := a.SealKey()
	old.NotBefore, old.NotAfter = a.Time, a.Time.Add(time.Hour)
	keys := keysOf(t, old, a.CheckpointKey(), a.LaboratoryKey())
	again, err := seal.ParseKeys(keys.JWKS())
	if err != nil || !reflect.DeepEqual(again, keys) {
		t.Errorf("%v: %s is not what was written: %s", err, again.JWKS(), keys.JWKS())
	}
	der, err := x509.MarshalPKIXPublicKey(a.Signer.Public())
	mine, err2 := seal.SPKI(a.Signer.Public())
	if err != nil || err2 != nil || !bytes.Equal(der, mine) || digest(string(der)).String() != old.ID {
		t.Errorf("SPKI %x, %v; crypto/x509 says %x, %v", mine, err2, der, err)
	}
	if public, err := seal.ParseSPKI(der); err != nil || !public.Equal(a.Signer.Public()) {
		t.Errorf("parsed %v, %v", public, err)
	}
	var set struct{ Keys []struct{ SPKI []byte } }
	if err := json.Unmarshal(keys.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	for i, k := range set.Keys {
		if _, err := x509.ParsePKIXPublicKey(k.SPKI); err != nil || digest(string(k.SPKI)).String() != keys.All()[i].ID {
			t.Errorf("spki of key %d: %v", i, err)
		}
	}
}

func TestParseSPKIRefuses(t *testing.T) {
	der, _ := seal.SPKI(sealtest.New(1).Signer.Public())
	offCurve := bytes.Clone(der)
	offCurve[40]++
	for name, text := range map[string][]byte{"none": nil, "cut": der[:90], "more": append(bytes.Clone(der), 0), "off the curve": offCurve} {
		if _, err := seal.ParseSPKI(text); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	p384, err := ecdsa.ParseRawPrivateKey(elliptic.P384(), bytes.Repeat([]byte{1}, 48))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seal.SPKI(&p384.PublicKey); err == nil {
		t.Error("a key on P-384 was taken")
	}
	if _, err := seal.SPKI(nil); err == nil {
		t.Error("no key was taken")
	}
}

// TestParseKeysRefuses: each fault with its place; foreign kinds of keys are passed over.
func TestParseKeysRefuses(t *testing.T) {
	a := sealtest.New(1)
	good := string(a.Keys().JWKS())
	id := a.SealKey().ID
	x := good[strings.Index(good, `"x":"`)+5:]
	x = x[:43]
	for name, c := range map[string]struct{ text, words string }{
		"no JSON":          {"keys", "canonical JSON"},
		"none":             {`{"keys":[]}`, "no P-256 or Ed25519 key"},
		"foreign only":     {`{"keys":[{"kty":"RSA","n":"AQAB"}]}`, "no P-256 or Ed25519 key"},
		"wrong id":         {strings.Replace(good, id, strings.Repeat("0", 64), 1), "key 1 of 3: kid"},
		"no role":          {strings.Replace(good, `"role":"seal"`, `"role":"root"`, 1), "key 1 of 3: role"},
		"role of another":  {strings.Replace(good, `"role":"seal"`, `"role":"checkpoint"`, 1), "key 1 of 3: role"},
		"off the curve":    {strings.Replace(good, x, strings.Repeat("A", 43), 1), "key 1 of 3"},
		"short x":          {strings.Replace(good, x, "AA", 1), "have 32"},
		"no base64":        {strings.Replace(good, x, "*", 1), "x or y"},
		"name twice":       {`{"keys":[],"keys":[]}`, "twice"},
		"long":             {strings.Repeat(" ", seal.MaxKeys+1), "at most"},
		"deep":             {strings.Repeat("[", 1000), "within one another"},
		"other spki":       {strings.Replace(good, `"spki":"MFkw`, `"spki":"MFkx`, 1), "spki is another key"},
		"key twice":        {`{"keys":[` + key(good) + `,` + key(good) + `]}`, "twice"},
		"period backwards": {strings.Replace(good, `"role":"seal"`, `"role":"seal","not_before":"2026-01-02T00:00:00Z","not_after":"2026-01-01T00:00:00Z"`, 1), "before not_before"},
		"no time":          {strings.Replace(good, `"role":"seal"`, `"role":"seal","not_after":"soon"`, 1), "keys"},
		"no holder":        {strings.Replace(good, `"holder":"Example Laboratory"`, `"holder":""`, 1), "holder"},
		"holder of lines":  {strings.Replace(good, `"holder":"Example Laboratory"`, `"holder":"a\nb"`, 1), "holder"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.text == good {
				t.Fatal("not changed")
			}
			if _, err := seal.ParseKeys([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v, want %q", err, c.words)
			}
		})
	}
	mixed := strings.Replace(good, `{"keys":[`, ` {"keys": [{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"1"}, `, 1)
	if keys, err := seal.ParseKeys([]byte(mixed)); err != nil || len(keys.All()) != 3 {
		t.Errorf("beside a foreign key: %v", err)
	}
}

// key is the first key of a set.
func key(set string) string {
	return set[strings.Index(set, "[")+1 : strings.Index(set, "}")+1]
}

// TestParseCheckpointKey takes what the ledger's verifiers take.
func TestParseCheckpointKey(t *testing.T) {
	a := sealtest.New(1)
	want := a.CheckpointKey()
	verifier := a.VerifierKey()
	if _, err := ledger.ParseKeys(verifier); err != nil {
		t.Fatal(err)
	}
	if got, err := seal.ParseCheckpointKey(verifier); err != nil || got.ID != want.ID {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "a+b", "a+b+*", "a+b+AAAA", verifier[:len(verifier)-4]} {
		if _, err := seal.ParseCheckpointKey(text); err == nil {
			t.Errorf("%q: taken", text)
		}
	}
}

// TestCheckpointOfTwoKeys: at a rotation a tree head bears the signatures of both keys; one in force is enough.
func TestCheckpointOfTwoKeys(t *testing.T) {
	a, old := sealtest.New(1), sealtest.New(40)
	s := sample(0)
	if err := a.Enter(&s, 5, 11); err != nil {
		t.Fatal(err)
	}
	second := head(old, a.Origin, 11, s.Predicate.Ledger.Root)
	first := head(a, a.Origin, 11, s.Predicate.Ledger.Root)
	s.Predicate.Ledger.Checkpoint = first + second[strings.Index(second, "\u2014"):]
	text, err := seal.Sign(t.Context(), s, a.Signer)
	if err != nil {
		t.Fatal(err)
	}
	expired := old.CheckpointKey()
	expired.NotAfter = a.Time.Add(-time.Hour)
	wantOK(t, seal.Verify(text, keysOf(t, expired, a.SealKey(), a.CheckpointKey()), nil).Checks)
	wantFailure(t, seal.Verify(text, keysOf(t, expired, a.SealKey()), nil).Checks, "checkpoint key in force", "had expired")
}

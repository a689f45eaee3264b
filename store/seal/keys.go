package seal

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"golang.org/x/mod/sumdb/note"

	"github.com/qrsrisk/qrsd/internal/canonical"
)

// MaxKeys is the largest file of keys in bytes.
const MaxKeys = 1 << 20

// Keys are published public keys, old ones among them. The zero value and nil have none.
type Keys struct{ list []Key }

// NewKeys gathers keys. It refuses a key twice, and a period that ends before it begins.
func NewKeys(list ...Key) (*Keys, error) {
	keys := new(Keys)
	for _, k := range list {
		if k.ID == "" {
			return nil, errors.New("key without an id: make it with NewSealKey, NewCheckpointKey or NewLaboratoryKey")
		}
		if _, found := keys.find(k.ID); found {
			return nil, fmt.Errorf("key %s: it is there twice", k.ID)
		}
		if !k.NotAfter.IsZero() && k.NotAfter.Before(k.NotBefore) {
			return nil, fmt.Errorf("key %s: not_after %s is before not_before %s", k.ID, stamp(k.NotAfter), stamp(k.NotBefore))
		}
		keys.list = append(keys.list, k)
	}
	return keys, nil
}

// All are the keys in order.
func (k *Keys) All() []Key {
	if k == nil {
		return nil
	}
	return append([]Key(nil), k.list...)
}

func (k *Keys) find(id string) (Key, bool) {
	for _, key := range k.All() {
		if key.ID == id {
			return key, true
		}
	}
	return Key{}, false
}

// checkpointVerifiers are the checkpoint keys under the name of a log.
func (k *Keys) checkpointVerifiers(origin string) (note.Verifiers, error) {
	var list []note.Verifier
	for _, key := range k.All() {
		if key.Role != CheckpointKey {
			continue
		}
		text, err := note.NewEd25519VerifierKey(origin, key.eddsa)
		if err != nil {
			return nil, err
		}
		v, err := note.NewVerifier(text)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return note.VerifierList(list...), nil
}

// jwks is a JWK Set (RFC 7517 §5).
type jwks struct {
	Keys []jwk `json:"keys"`
}

// jwk is a JWK (RFC 7517 §4; RFC 7518 §6.2 for P-256, RFC 8037 for Ed25519), with members of our own: role, holder,
// not_after, not_before, and spki, the key as SubjectPublicKeyInfo in base64, as other tools take it.
type jwk struct {
	Algorithm string     `json:"alg"`
	Curve     string     `json:"crv"`
	Holder    string     `json:"holder,omitempty"`
	ID        string     `json:"kid"`
	Type      string     `json:"kty"`
	NotAfter  *time.Time `json:"not_after,omitempty"`
	NotBefore *time.Time `json:"not_before,omitempty"`
	Role      Role       `json:"role"`
	SPKI      []byte     `json:"spki,omitempty"`
	Use       string     `json:"use"`
	X         string     `json:"x"`
	Y         string     `json:"y,omitempty"`
}

// JWKS is the keys as a JWK Set, canonical JSON.
func (k *Keys) JWKS() []byte {
	set := jwks{Keys: []jwk{}}
	for _, key := range k.All() {
		set.Keys = append(set.Keys, key.jwk())
	}
	text, err := canonical.Marshal(set)
	if err != nil {
		panic("seal: keys as JSON: " + err.Error())
	}
	return text
}

func (k Key) jwk() jwk {
	der := k.spki()
	j := jwk{ID: k.ID, Use: "sig", Role: k.Role, Holder: k.Holder, SPKI: der, NotBefore: timeOrNil(k.NotBefore), NotAfter: timeOrNil(k.NotAfter)}
	b64 := base64.RawURLEncoding
	if k.Role == CheckpointKey {
		j.Type, j.Curve, j.Algorithm, j.X = "OKP", "Ed25519", "EdDSA", b64.EncodeToString(k.eddsa)
		return j
	}
	point := der[len(spkiP256)+1:]
	j.Type, j.Curve, j.Algorithm = "EC", "P-256", "ES256"
	j.X, j.Y = b64.EncodeToString(point[:32]), b64.EncodeToString(point[32:])
	return j
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// ParseKeys reads a JWK Set. Keys of other types than ours are passed over, as RFC 7517 §5 wants it; a key of ours
// that is malformed, has a wrong id or no known role is refused with its place.
func ParseKeys(text []byte) (*Keys, error) {
	if len(text) > MaxKeys {
		return nil, fmt.Errorf("keys of %d bytes: at most %d are read", len(text), MaxKeys)
	}
	strict, err := canonical.Transform(text) // refuses names twice and deep nesting
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	var set jwks
	if err := json.Unmarshal(strict, &set); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	var list []Key
	for i, j := range set.Keys {
		if !(j.Type == "EC" && j.Curve == "P-256" || j.Type == "OKP" && j.Curve == "Ed25519") {
			continue
		}
		k, err := j.key()
		if err != nil {
			return nil, fmt.Errorf("keys: key %d of %d: %w", i+1, len(set.Keys), err)
		}
		list = append(list, k)
	}
	if len(list) == 0 {
		return nil, errors.New("keys: there is no P-256 or Ed25519 key in it: give the keys that the appliance publishes")
	}
	keys, err := NewKeys(list...)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return keys, nil
}

// key reads one JWK and holds its id, and spki where it is given, to the key itself.
func (j jwk) key() (k Key, err error) {
	x, errX := base64.RawURLEncoding.Strict().DecodeString(j.X)
	y, errY := base64.RawURLEncoding.Strict().DecodeString(j.Y)
	if err := errors.Join(errX, errY); err != nil {
		return k, fmt.Errorf("x or y: %w", err)
	}
	switch {
	case j.Role == CheckpointKey && j.Type == "OKP":
		k, err = NewCheckpointKey(ed25519.PublicKey(x))
	case (j.Role == SealKey || j.Role == LaboratoryKey) && j.Type == "EC":
		k, err = j.p256(x, y)
	default:
		return k, fmt.Errorf("role %.40q of a key of type %s: want %s or %s for EC, %s for OKP", j.Role, j.Type, SealKey, LaboratoryKey, CheckpointKey)
	}
	if err != nil {
		return k, err
	}
	if j.ID != k.ID {
		return k, fmt.Errorf("kid %.80q: the SHA-256 of the key is %s", j.ID, k.ID)
	}
	if j.SPKI != nil && string(j.SPKI) != string(k.spki()) {
		return k, errors.New("spki is another key than x and y")
	}
	if j.NotBefore != nil {
		k.NotBefore = j.NotBefore.UTC()
	}
	if j.NotAfter != nil {
		k.NotAfter = j.NotAfter.UTC()
	}
	return k, nil
}

func (j jwk) p256(x, y []byte) (Key, error) {
	if len(x) != 32 || len(y) != 32 {
		return Key{}, fmt.Errorf("x of %d and y of %d bytes: coordinates on P-256 have 32", len(x), len(y))
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil {
		return Key{}, fmt.Errorf("x and y: %w", err)
	}
	if j.Role == LaboratoryKey {
		return NewLaboratoryKey(public, j.Holder)
	}
	return NewSealKey(public)
}

// period says why a key does not sign for a time, or "".
func (k Key) period(t time.Time) string {
	switch {
	case !k.NotBefore.IsZero() && t.Before(k.NotBefore):
		return "the key was not yet in force: it signs from " + stamp(k.NotBefore) + " on"
	case !k.NotAfter.IsZero() && t.After(k.NotAfter):
		return "the key had expired: it signed until " + stamp(k.NotAfter)
	}
	return ""
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

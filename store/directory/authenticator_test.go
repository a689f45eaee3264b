package directory_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/qrsrisk/qrsd/store/directory"
)

// Flags of authenticator data (WebAuthn level 3 section 6.1).
const (
	userPresent   = 1 << 0
	userVerified  = 1 << 2
	eligible      = 1 << 3
	backedUp      = 1 << 4
	attestedAdded = 1 << 6
)

// authenticator is an authenticator and the browser around it, as far as the appliance sees of them: discoverable ES256 keys,
// no attestation. What it says of itself can be bent.
type authenticator struct {
	testing.TB
	origin, site string // where the browser is, and the relying party whose keys it uses
	flags        byte
	step         uint32 // of the counter at each signature; 0: it does not count
	keys         []*softKey
}

type softKey struct {
	id, handle []byte
	private    *ecdsa.PrivateKey
	count      uint32
}

const site = "qrsd.example.com"

func party() directory.RelyingParty {
	return directory.RelyingParty{ID: site, Name: "Example Mutual", Origins: []string{"https://" + site}}
}

func newAuthenticator(t testing.TB) *authenticator {
	return &authenticator{TB: t, origin: "https://" + site, site: site, flags: userPresent | userVerified, step: 1}
}

// asked is what the authenticator reads of the options of either ceremony.
type asked struct {
	Challenge string `json:"challenge"`
	RPID      string `json:"rpId"`
	RP        struct {
		ID, Name string
	} `json:"rp"`
	User struct {
		ID, Name, DisplayName string
	} `json:"user"`
	Exclude []struct{ ID string } `json:"excludeCredentials"`
	Allow   []struct{ ID string } `json:"allowCredentials"`
	UV      string                `json:"userVerification"`
	Chosen  struct {
		ResidentKey      string `json:"residentKey"`
		UserVerification string `json:"userVerification"`
	} `json:"authenticatorSelection"`
	Attestation string `json:"attestation"`
	Parameters  []struct {
		Alg int `json:"alg"`
	} `json:"pubKeyCredParams"`
}

func (a *authenticator) read(c directory.Ceremony) (o asked) {
	a.Helper()
	a.must(json.Unmarshal(c.Options, &o))
	return o
}

func (a *authenticator) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (a *authenticator) unb64(text string) []byte {
	a.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	a.must(err)
	return b
}

// clientData is what the browser says of the ceremony.
func (a *authenticator) clientData(kind, challenge string) []byte {
	a.Helper()
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	a.must(err)
	return b
}

// data is authenticator data without or with a new key.
func (a *authenticator) data(flags byte, count uint32, added []byte) []byte {
	hash := sha256.Sum256([]byte(a.site))
	b := binary.BigEndian.AppendUint32(append(hash[:], flags), count)
	return append(b, added...)
}

// create makes a passkey, as navigator.credentials.create does.
func (a *authenticator) create(c directory.Ceremony) directory.PasskeyAnswer {
	a.Helper()
	o := a.read(c)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	k := &softKey{id: make([]byte, 24), handle: a.unb64(o.User.ID), private: private}
	_, _ = rand.Read(k.id)
	a.keys = append(a.keys, k)
	return directory.PasskeyAnswer{Ceremony: c.ID, Response: a.attest(k, o.Challenge)}
}

// attest is the answer that a key was made.
func (a *authenticator) attest(k *softKey, challenge string) []byte {
	a.Helper()
	point, err := k.private.PublicKey.Bytes()
	a.must(err)
	public, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]}) // RFC 9053 section 7.1.1
	a.must(err)
	added := append(make([]byte, 16), 0, byte(len(k.id)))
	added = append(append(added, k.id...), public...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": a.data(a.flags|attestedAdded, k.count, added)})
	a.must(err)
	return a.answer(k, map[string]any{
		"clientDataJSON": b64(a.clientData("webauthn.create", challenge)), "attestationObject": b64(object), "transports": []string{"internal", "hybrid"},
	})
}

// get signs with the key that is asked for, or the newest, as navigator.credentials.get does.
func (a *authenticator) get(c directory.Ceremony) directory.PasskeyAnswer {
	a.Helper()
	o := a.read(c)
	k := a.keys[len(a.keys)-1]
	for _, allowed := range o.Allow {
		for _, mine := range a.keys {
			if b64(mine.id) == allowed.ID {
				k = mine
			}
		}
	}
	return directory.PasskeyAnswer{Ceremony: c.ID, Response: a.sign(k, o.Challenge)}
}

func (a *authenticator) sign(k *softKey, challenge string) []byte {
	a.Helper()
	k.count += a.step
	said, data := a.clientData("webauthn.get", challenge), a.data(a.flags, k.count, nil)
	hash := sha256.Sum256(said)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.private, digest[:])
	a.must(err)
	return a.answer(k, map[string]any{
		"clientDataJSON": b64(said), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": b64(k.handle),
	})
}

func (a *authenticator) answer(k *softKey, response map[string]any) []byte {
	a.Helper()
	b, err := json.Marshal(map[string]any{
		"id": b64(k.id), "rawId": b64(k.id), "type": "public-key", "authenticatorAttachment": "platform",
		"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}}, // which nobody asked for
		"response":               response,
	})
	a.must(err)
	return b
}

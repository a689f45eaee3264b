package seal

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Role is what a key may sign. A signature by a key of another role counts for nothing.
type Role string

// The roles of published keys.
const (
	SealKey       Role = "seal"       // P-256: run seals and meta-seals
	CheckpointKey Role = "checkpoint" // Ed25519: tree heads of all logs of an appliance
	LaboratoryKey Role = "laboratory" // P-256: countersignatures of an independent laboratory
)

// Key is a published public key. The zero value is none; see NewSealKey, NewCheckpointKey, NewLaboratoryKey.
type Key struct {
	// ID is the SHA-256 of the key as SubjectPublicKeyInfo (DER), in hexadecimal.
	ID   string
	Role Role
	// Holder names whose key it is, of a laboratory; "" else.
	Holder string
	// NotBefore and NotAfter bound the time of what it signed; zero: no bound. A key that was rotated keeps verifying what
	// it signed before NotAfter.
	NotBefore, NotAfter time.Time

	ecdsa *ecdsa.PublicKey
	eddsa ed25519.PublicKey
}

// NewSealKey publishes a key that signs run seals and meta-seals. It refuses other curves than P-256.
func NewSealKey(public *ecdsa.PublicKey) (Key, error) {
	spki, err := SPKI(public)
	if err != nil {
		return Key{}, err
	}
	return Key{ID: keyID(spki), Role: SealKey, ecdsa: public}, nil
}

// NewLaboratoryKey publishes the key with which an independent laboratory countersigns; holder is the laboratory's name.
func NewLaboratoryKey(public *ecdsa.PublicKey, holder string) (Key, error) {
	k, err := NewSealKey(public)
	k.Role, k.Holder = LaboratoryKey, holder
	if err == nil && !validHolder(holder) {
		err = fmt.Errorf("holder %.80q of a laboratory's key: want 1 to 200 bytes in one line", holder)
	}
	return k, err
}

func validHolder(name string) bool {
	return strings.TrimSpace(name) == name && name != "" && len(name) <= 200 && printable(name)
}

// NewCheckpointKey publishes the key that signs the tree heads of an appliance's logs.
func NewCheckpointKey(public ed25519.PublicKey) (Key, error) {
	if len(public) != ed25519.PublicKeySize {
		return Key{}, fmt.Errorf("checkpoint key of %d bytes: an Ed25519 public key has %d", len(public), ed25519.PublicKeySize)
	}
	public = bytes.Clone(public)
	return Key{ID: keyID(append([]byte(spkiEd25519), public...)), Role: CheckpointKey, eddsa: public}, nil
}

// ParseCheckpointKey publishes a key given as a verifier key of signed-note (name+hash+key, as `qrsd key public`
// prints them). The name is dropped: one key signs all logs of an appliance.
func ParseCheckpointKey(verifier string) (Key, error) {
	_, rest, _ := strings.Cut(verifier, "+")
	_, text, found := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(text)
	if !found || err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != noteEd25519 {
		return Key{}, fmt.Errorf("checkpoint key %.120q: want name+hash+key of an Ed25519 key, as qrsd key public prints it", verifier)
	}
	return NewCheckpointKey(raw[1:])
}

// noteEd25519 is the algorithm's byte in verifier keys (C2SP signed-note).
const noteEd25519 = 1

// The SubjectPublicKeyInfo of these keys is a fixed beginning (RFC 5480 §2, RFC 8410 §4) and the key, which is why no
// X.509 library is needed.
const (
	spkiP256    = "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"
	spkiEd25519 = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"
)

// SPKI is a P-256 public key as SubjectPublicKeyInfo (DER, 91 bytes). It refuses other curves.
func SPKI(public *ecdsa.PublicKey) ([]byte, error) {
	if public == nil || public.Curve != elliptic.P256() {
		return nil, errors.New("public key of another curve than P-256: seals are signed with ECDSA P-256")
	}
	point, err := public.Bytes()
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	return append([]byte(spkiP256), point...), nil
}

// ParseSPKI reads a P-256 public key as SubjectPublicKeyInfo in DER, such as AWS KMS returns from GetPublicKey.
func ParseSPKI(der []byte) (*ecdsa.PublicKey, error) {
	point, ok := bytes.CutPrefix(der, []byte(spkiP256))
	if !ok || len(point) != 65 {
		return nil, fmt.Errorf("public key of %d bytes: want SubjectPublicKeyInfo of an uncompressed P-256 key, %d bytes", len(der), len(spkiP256)+65)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	return public, nil
}

func keyID(spki []byte) string {
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:])
}

func (k Key) spki() []byte {
	if k.Role == CheckpointKey {
		return append([]byte(spkiEd25519), k.eddsa...)
	}
	der, err := SPKI(k.ecdsa)
	if err != nil {
		panic("seal: a key without a key: " + err.Error())
	}
	return der
}

// Signer signs seals: the key ring's own key, or one that never leaves its device.
type Signer interface {
	// Sign signs a SHA-256 digest (32 bytes) with ECDSA P-256 and returns the signature as ASN.1 DER, with either of the two values of s.
	Sign(ctx context.Context, digest []byte) ([]byte, error)
	// Public is the key that verifies, on P-256.
	Public() *ecdsa.PublicKey
}

// LocalSigner signs with a private key in memory. Signatures are deterministic (RFC 6979): nothing random can fail.
type LocalSigner struct {
	private *ecdsa.PrivateKey
	_       [0]func() // not comparable
}

// NewLocalSigner takes the private scalar, 32 bytes big-endian. It refuses zero and values from the group's order on.
func NewLocalSigner(scalar []byte) (*LocalSigner, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return nil, fmt.Errorf("seal key of %d bytes: not a P-256 private key: %w", len(scalar), err)
	}
	return &LocalSigner{private: private}, nil
}

// GenerateScalar draws a new private scalar for NewLocalSigner from entropy, 32 bytes, by rejection (FIPS 186-5 A.2.2).
// It is a secret: encrypt it where it is kept.
func GenerateScalar(entropy io.Reader) ([]byte, error) {
	scalar := make([]byte, 32)
	for range 100 {
		if _, err := io.ReadFull(entropy, scalar); err != nil {
			return nil, fmt.Errorf("drawing a seal key: %w", err)
		}
		if _, err := NewLocalSigner(scalar); err == nil {
			return scalar, nil
		}
	}
	return nil, errors.New("drawing a seal key: 100 draws were out of range: the source is not random")
}

// Sign implements Signer.
func (s *LocalSigner) Sign(_ context.Context, digest []byte) ([]byte, error) {
	return s.private.Sign(nil, digest, crypto.SHA256)
}

// Public implements Signer.
func (s *LocalSigner) Public() *ecdsa.PublicKey { return &s.private.PublicKey }

// String keeps the key out of prints.
func (s *LocalSigner) String() string { return "seal.LocalSigner" }

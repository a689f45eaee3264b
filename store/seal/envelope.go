package seal

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"

	"github.com/qrsrisk/qrsd/internal/canonical"
)

// PayloadType is the type of an in-toto statement in an envelope.
const PayloadType = "application/vnd.in-toto+json"

// MaxSeal is the largest envelope in bytes. A seal of a run with 17 tables has about 20 kB.
const MaxSeal = 4 << 20

// maxSignatures bounds what an envelope makes a verifier do.
const maxSignatures = 16

// envelope is a DSSE envelope (secure-systems-lab/dsse, envelope.md).
type envelope struct {
	Payload     []byte      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []signature `json:"signatures"`
}

// signature is a signature by one key: ASN.1 DER over SHA-256 of the PAE.
type signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// PAE is DSSE's pre-authentication encoding, the bytes that are signed: "DSSEv1", the type and the payload, each with its
// length before it (DSSE protocol.md).
func PAE(payloadType string, payload []byte) []byte {
	b := append([]byte("DSSEv1 "), strconv.Itoa(len(payloadType))...)
	b = append(append(b, ' '), payloadType...)
	b = append(strconv.AppendInt(append(b, ' '), int64(len(payload)), 10), ' ')
	return append(b, payload...)
}

// parseEnvelope reads the one form in which we write envelopes.
func parseEnvelope(text []byte) (e envelope, err error) {
	if len(text) > MaxSeal {
		return e, fmt.Errorf("more than %d bytes: no seal is so long", MaxSeal)
	}
	if err := canonical.Check(text); err != nil {
		return e, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil {
		return e, fmt.Errorf("no DSSE envelope: %w", err)
	}
	again, err := canonical.Marshal(e)
	if err != nil {
		return e, err
	}
	if !bytes.Equal(again, text) {
		return e, fmt.Errorf("not in its exact form: a member is missing or written otherwise, from byte %d on", differsAt(again, text))
	}
	switch {
	case e.PayloadType != PayloadType:
		return e, fmt.Errorf("payload of type %.80q: want %q", e.PayloadType, PayloadType)
	case len(e.Signatures) == 0 || len(e.Signatures) > maxSignatures:
		return e, fmt.Errorf("%d signatures: there are 1 to %d", len(e.Signatures), maxSignatures)
	}
	for i, s := range e.Signatures {
		for _, before := range e.Signatures[:i] {
			if s.KeyID == before.KeyID {
				return e, fmt.Errorf("two signatures by key %.80q: each key signs once", s.KeyID)
			}
		}
	}
	return e, nil
}

func (e envelope) encode() []byte {
	text, err := canonical.Marshal(e)
	if err != nil {
		panic("seal: an envelope as JSON: " + err.Error())
	}
	return text
}

func (e envelope) digest() []byte {
	sum := sha256.Sum256(PAE(e.PayloadType, e.Payload))
	return sum[:]
}

// sign adds a signature. What a signer returns is brought into the one form and verified before it counts: a device
// that holds another key than it says is found here.
func (e *envelope) sign(ctx context.Context, s Signer) error {
	public := s.Public()
	der, err := SPKI(public)
	if err != nil {
		return err
	}
	id := keyID(der)
	for _, there := range e.Signatures {
		if there.KeyID == id {
			return fmt.Errorf("key %s has signed already", id)
		}
	}
	digest := e.digest()
	raw, err := s.Sign(ctx, digest)
	if err != nil {
		return fmt.Errorf("signing with key %s: %w", id, err)
	}
	sig, err := lowS(raw)
	if err != nil {
		return fmt.Errorf("signing with key %s: %w", id, err)
	}
	if !ecdsa.VerifyASN1(public, digest, sig) {
		return fmt.Errorf("signing with key %s: the signature does not verify with the public key of the signer: it holds another key", id)
	}
	e.Signatures = append(e.Signatures, signature{KeyID: id, Sig: sig})
	return nil
}

// dsaSignature is Ecdsa-Sig-Value (RFC 3279 §2.2.3).
type dsaSignature struct{ R, S *big.Int }

// halfOrder is half of the order of P-256, rounded down.
func halfOrder() *big.Int { return new(big.Int).Rsh(elliptic.P256().Params().N, 1) }

// lowS is a signature with the smaller of the two values of s that both verify.
func lowS(der []byte) ([]byte, error) {
	v, err := parseSignature(der)
	if err != nil {
		return nil, err
	}
	if v.S.Cmp(halfOrder()) > 0 {
		v.S = new(big.Int).Sub(elliptic.P256().Params().N, v.S)
	}
	return asn1.Marshal(v)
}

func parseSignature(der []byte) (v dsaSignature, err error) {
	if len(der) > 72 {
		return v, fmt.Errorf("signature of %d bytes: in DER it has at most 72", len(der))
	}
	rest, err := asn1.Unmarshal(der, &v)
	if err != nil || len(rest) > 0 {
		return v, errors.New("signature is not ASN.1 DER of two integers")
	}
	order := elliptic.P256().Params().N
	if v.R.Sign() <= 0 || v.S.Sign() <= 0 || v.R.Cmp(order) >= 0 || v.S.Cmp(order) >= 0 {
		return v, errors.New("signature with r or s out of range")
	}
	return v, nil
}

// checkForm refuses a signature that is not in the one form, of which there would be a second that verifies as well.
func checkForm(der []byte) error {
	v, err := parseSignature(der)
	if err != nil {
		return err
	}
	if v.S.Cmp(halfOrder()) > 0 {
		return errors.New("signature with the larger of the two values of s: it was changed after it was made")
	}
	if again, err := asn1.Marshal(v); err != nil || !bytes.Equal(again, der) {
		return errors.New("signature is not in DER: it was changed after it was made")
	}
	return nil
}

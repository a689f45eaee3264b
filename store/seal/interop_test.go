package seal_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/signerverifier"

	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/seal/sealtest"
)

// verifierOf is the independent implementation's verifier of our published key.
func verifierOf(t *testing.T, k seal.Key, s *seal.LocalSigner) dsse.Verifier {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.Public())
	if err != nil {
		t.Fatal(err)
	}
	v, err := signerverifier.NewECDSASignerVerifierFromSSLibKey(&signerverifier.SSLibKey{
		KeyIDHashAlgorithms: []string{"sha256"}, KeyType: signerverifier.ECDSAKeyType, Scheme: signerverifier.ECDSAKeyScheme, KeyID: k.ID,
		KeyVal: signerverifier.KeyVal{Public: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))},
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestDSSEByAnotherImplementation: run seals and countersigned meta-seals verify with go-securesystemslib, and what it
// reads is in-toto's Statement v1. A changed envelope does not verify there either.
func TestDSSEByAnotherImplementation(t *testing.T) {
	a := sealtest.New(1)
	f, _ := release(t, a, true)
	meta, err := seal.Countersign(t.Context(), f.Envelope, a.Laboratory)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := verifierOf(t, a.SealKey(), a.Signer), verifierOf(t, a.LaboratoryKey(), a.Laboratory)
	for name, c := range map[string]struct {
		text      []byte
		threshold int
		verifiers []dsse.Verifier
	}{
		"run seal": {f.Seals[0].Envelope, 1, []dsse.Verifier{ours}}, "meta-seal": {meta, 2, []dsse.Verifier{ours, theirs}},
	} {
		v, err := dsse.NewMultiEnvelopeVerifier(c.threshold, c.verifiers...)
		if err != nil {
			t.Fatal(err)
		}
		var e dsse.Envelope
		if err := json.Unmarshal(c.text, &e); err != nil {
			t.Fatal(err)
		}
		accepted, err := v.Verify(t.Context(), &e)
		if err != nil || len(accepted) != c.threshold || accepted[0].KeyID != a.SealKey().ID {
			t.Errorf("%s: accepted %v, %v", name, accepted, err)
		}
		payload, err := e.DecodeB64Payload()
		if err != nil || !bytes.Equal(payload, seal.Payload(c.text)) || !bytes.Equal(dsse.PAE(e.PayloadType, payload), seal.PAE(seal.PayloadType, payload)) {
			t.Errorf("%s: another payload or encoding (%v)", name, err)
		}
		var statement struct {
			Type    string `json:"_type"`
			Subject []struct {
				Name   string
				Digest map[string]string
			}
		}
		if err := json.Unmarshal(payload, &statement); err != nil || statement.Type != "https://in-toto.io/Statement/v1" || len(statement.Subject[0].Digest["sha256"]) != 64 {
			t.Errorf("%s: statement %+v, %v", name, statement, err)
		}
		e.Payload = e.Payload[:20] + "AAAA" + e.Payload[24:]
		if _, err := v.Verify(t.Context(), &e); err == nil {
			t.Errorf("%s: changed, and it verifies there", name)
		}
	}
}

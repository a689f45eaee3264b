package seal_test

import (
	"bytes"
	"testing"

	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/seal/sealtest"
)

// FuzzVerify: whatever the bytes are, a verdict comes, and only the seals that were made verify.
func FuzzVerify(f *testing.F) {
	a := sealtest.New(1)
	good := sealed(f, a, sample(0))
	f.Add(good)
	f.Add([]byte(`{"payload":"","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"","sig":""}]}`))
	keys := a.Keys()
	f.Fuzz(func(t *testing.T, text []byte) {
		v := seal.Verify(text, keys, nil)
		if v.OK() && !bytes.Equal(text, good) {
			t.Fatalf("%q verifies", text)
		}
		if len(v.Checks) == 0 {
			t.Fatal("no verdict")
		}
		seal.Unsigned(text, nil)
	})
}

// FuzzStatement: whatever a key has signed, a verdict comes.
func FuzzStatement(f *testing.F) {
	a := sealtest.New(1)
	f.Add(seal.Payload(sealed(f, a, sample(0))))
	keys := a.Keys()
	f.Fuzz(func(t *testing.T, payload []byte) {
		seal.Verify(seal.SignPayload(payload, a.Signer), keys, nil)
	})
}

// FuzzParseKeys: what is taken is written in one form, and taken again.
func FuzzParseKeys(f *testing.F) {
	f.Add(sealtest.New(1).Keys().JWKS())
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := seal.ParseKeys(text)
		if err != nil {
			return
		}
		again, err := seal.ParseKeys(keys.JWKS())
		if err != nil || !bytes.Equal(again.JWKS(), keys.JWKS()) {
			t.Fatalf("%s: %v", keys.JWKS(), err)
		}
	})
}

// FuzzParseMetaFile: what is taken encodes to itself, and gets a verdict.
func FuzzParseMetaFile(f *testing.F) {
	a := sealtest.New(1)
	made, _ := release(f, a, true)
	made.Seals = made.Seals[:1]
	text, err := made.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := seal.ParseMetaFile(text)
		if err != nil {
			return
		}
		again, err := file.Encode()
		if err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%v: another form", err)
		}
		seal.VerifyMeta(file, a.Keys(), nil)
	})
}

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/benchlab"
	"github.com/qrsrisk/qrsd/internal/canonical"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/seal/sealtest"
)

func benchlabCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){"seal-replicates": sealReplicates, "write-key": writeKey}
}

// seal-replicates FOLDER SEALS writes what an appliance that has run the replicates of a benchmark would give out: their
// seals into the folder SEALS, and SEALS.keys.json.
func sealReplicates(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: seal-replicates FOLDER SEALS")
	}
	appliance := sealtest.New(1)
	out := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(out, 0o755))
	for i := range benchlab.K {
		var file struct{ Content benchlab.Replicate }
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(filepath.Join(args[0], fmt.Sprintf("replicate-%02d.json", i+1)))), &file))
		r := &file.Content
		spec, err := canonical.Marshal(r.Spec)
		ts.Check(err)
		p := seal.Predicate{
			Build: seal.Build{Commit: strings.Repeat("0a", 20), Engine: r.Engine, Flags: map[string]string{}, Go: "go1.26.0", Module: modulePath, Modules: []seal.Module{}},
			Model: ledgerDigest(ts, r.Model), Portfolio: ledgerDigest(ts, r.Portfolio), Run: ledger.ID{byte(i + 1)}, Seed: r.Spec.Seed, Spec: spec,
			Tables: map[string]ledger.Digest{},
		}
		for name, digest := range r.Tables {
			p.Tables[name] = ledgerDigest(ts, digest)
		}
		envelope, err := appliance.Seal(seal.Statement{Subjects: []seal.Subject{{Digest: ledger.Digest{9}, Name: "gu_selt.csv"}}, Predicate: p})
		ts.Check(err)
		ts.Check(os.WriteFile(filepath.Join(out, fmt.Sprintf("run-%02d.seal.json", i+1)), envelope, 0o644))
	}
	keys, err := seal.NewKeys(appliance.SealKey(), appliance.CheckpointKey())
	ts.Check(err)
	ts.Check(os.WriteFile(out+".keys.json", keys.JWKS(), 0o644))
}

func ledgerDigest(ts *testscript.TestScript, text string) ledger.Digest {
	b, err := hex.DecodeString(strings.TrimPrefix(text, "sha256:"))
	ts.Check(err)
	return ledger.Digest(b)
}

// write-key FILE BYTE writes a private key for tests, P-256 in PEM, for its owner alone.
func writeKey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || len(args[1]) != 1 {
		ts.Fatalf("usage: write-key FILE BYTE")
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte(args[1]), 32))
	ts.Check(err)
	der, err := x509.MarshalECPrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600))
}

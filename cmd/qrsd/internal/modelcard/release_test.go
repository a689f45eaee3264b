package modelcard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/benchlab"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/modelcard"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/seal/sealtest"
)

// release writes a meta-seal over thirty runs of a model, and the keys that verify it.
func release(t *testing.T, model ledger.Digest, countersigned bool) modelcard.Release {
	t.Helper()
	a := sealtest.New(1)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	f := seal.MetaFile{Keys: a.Keys()}
	for i := range seal.MetaRuns {
		envelope, err := a.Seal(seal.Statement{Subjects: []seal.Subject{{Digest: ledger.Digest{9}, Name: "gu_selt.csv"}}, Predicate: seal.Predicate{
			Build: seal.Build{Commit: strings.Repeat("0a", 20), Engine: engine.Version, Flags: map[string]string{}, Go: "go1.26.0", Module: "example.com/qrsd", Modules: []seal.Module{}},
			Model: model, Portfolio: ledger.Digest{2}, Run: ledger.ID{byte(i + 1)}, Seed: uint64(i + 1),
			Spec: json.RawMessage(fmt.Sprintf(`{"seed":%d,"years":100}`, i+1)), Tables: map[string]ledger.Digest{"gu_selt": {3}},
		}})
		must(err)
		f.Seals = append(f.Seals, seal.Seal{Name: fmt.Sprintf("run-%02d.seal.json", i+1), Envelope: envelope})
	}
	m, err := seal.NewMeta(f.Seals, seal.Subject{Name: "plan.json", Digest: ledger.Digest{4}}, seal.Subject{Name: "report.json", Digest: ledger.Digest{5}}, true, a.Time.Add(time.Hour))
	must(err)
	f.Envelope, err = seal.SignMeta(context.Background(), m, a.Signer)
	must(err)
	if countersigned {
		f.Envelope, err = seal.Countersign(context.Background(), f.Envelope, a.Laboratory)
		must(err)
	}
	text, err := f.Encode()
	must(err)
	folder := t.TempDir()
	r := modelcard.Release{MetaSeal: filepath.Join(folder, "meta.seal.json"), Keys: filepath.Join(folder, "keys.json")}
	must(os.WriteFile(r.MetaSeal, text, 0o600))
	must(os.WriteFile(r.Keys, a.Keys().JWKS(), 0o600))
	return r
}

// TestRelease: the card says that a laboratory has signed only where a meta-seal verifies with the trusted keys, is of this model, and is
// countersigned; otherwise the sign-off is pending, with the reason.
func TestRelease(t *testing.T) {
	var own ledger.Digest
	if err := own.UnmarshalText([]byte(modelcard.New(modelcard.Release{}).Digest())); err != nil {
		t.Fatal(err)
	}
	altered := func(r modelcard.Release) modelcard.Release {
		text, err := os.ReadFile(r.MetaSeal)
		if err != nil {
			t.Fatal(err)
		}
		at := len(text) / 2
		for text[at] < 'a' || text[at] > 'y' {
			at++
		}
		text[at]++
		if err := os.WriteFile(r.MetaSeal, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return r
	}
	strangers := release(t, own, true)
	if err := os.WriteFile(strangers.Keys, sealtest.New(60).Keys().JWKS(), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := release(t, own, true)
	gone.MetaSeal += ".gone"
	for name, c := range map[string]struct {
		release       modelcard.Release
		valid, signed bool
		reason        string
	}{
		"countersigned": {release(t, own, true), true, true, ""},
		"not yet":       {release(t, own, false), true, false, "no independent laboratory"},
		"another model": {release(t, ledger.Digest{1}, true), false, false, "another model"},
		"another's key": {strangers, false, false, "does not verify"},
		"altered":       {altered(release(t, own, true)), false, false, ""},
		"not there":     {gone, false, false, "meta.seal.json.gone: no such file"},
	} {
		cards := modelcard.New(c.release)
		card := cards.Card(cards.Digest())
		got := card.Release
		if got == nil || got.Valid != c.valid || got.Pending == c.signed || !strings.Contains(got.Reason, c.reason) || !c.signed && got.Reason == "" {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		want := benchlab.PendingSignoff
		if c.signed {
			want = "independent K=30 signoff by Example Laboratory"
		}
		if card.Signoff != want {
			t.Errorf("%s: the card says %q", name, card.Signoff)
		}
		if strings.Contains(got.Reason, filepath.Dir(c.release.MetaSeal)) {
			t.Errorf("%s: the reason names a folder: %s", name, got.Reason)
		}
	}
}

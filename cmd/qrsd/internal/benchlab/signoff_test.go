package benchlab

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/seal/sealtest"
)

// evidence is that of a sound benchmark.
func evidence(t testing.TB) *Evidence {
	t.Helper()
	s := newSound(t)
	_, e := s.verdicts(t)
	for i, r := range s.replicates {
		r.Tables = map[string]string{"gu_selt": "sha256:" + strings.Repeat("ab", 31) + hex.EncodeToString([]byte{byte(i)})}
	}
	return &Evidence{
		Plan: seal.Subject{Name: PlanFile, Digest: ledger.Digest{1}}, Report: seal.Subject{Name: ReportFile, Digest: ledger.Digest{2}},
		Evaluation: e, Replicates: s.replicates,
	}
}

func digestOf(t testing.TB, text string) (d ledger.Digest) {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(text, "sha256:"))
	if err != nil || len(b) != len(d) {
		t.Fatalf("%q is no digest", text)
	}
	return ledger.Digest(b)
}

// sealRun seals what a replicate says, after a change.
func sealRun(t testing.TB, a *sealtest.Appliance, r *Replicate, change func(*seal.Predicate)) seal.Seal {
	t.Helper()
	spec, err := encode(r.Spec)
	if err != nil {
		t.Fatal(err)
	}
	p := seal.Predicate{
		Build: seal.Build{Commit: strings.Repeat("0a", 20), Engine: r.Engine, Flags: map[string]string{}, Go: "go1.26.0",
			Module: "github.com/qrsrisk/qrsd", Modules: []seal.Module{}},
		Model: digestOf(t, r.Model), Portfolio: digestOf(t, r.Portfolio), Run: ledger.ID{byte(r.Number)}, Seed: r.Spec.Seed, Spec: spec,
		Tables: map[string]ledger.Digest{"gu_selt": digestOf(t, r.Tables["gu_selt"])},
	}
	if change != nil {
		change(&p)
	}
	envelope, err := a.Seal(seal.Statement{Subjects: []seal.Subject{{Digest: ledger.Digest{9}, Name: "gu_selt.csv"}}, Predicate: p})
	if err != nil {
		t.Fatal(err)
	}
	return seal.Seal{Name: replicateFile(r.Number-1) + ".seal", Envelope: envelope}
}

func sealAll(t testing.TB, a *sealtest.Appliance, ev *Evidence) (list []seal.Seal) {
	t.Helper()
	for i := range ev.Replicates {
		list = append(list, sealRun(t, a, ev.Replicates[K-1-i], nil)) // in another order
	}
	return list
}

// released is a meta-seal over the evidence, countersigned or not, as its verification finds it.
func released(t testing.TB, a *sealtest.Appliance, ev *Evidence, countersigned bool) *seal.MetaVerdict {
	t.Helper()
	m, ordered, err := ev.Bind(sealAll(t, a, ev), a.Keys(), a.Time.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	text, err := seal.SignMeta(t.Context(), m, a.Signer)
	if err == nil && countersigned {
		text, err = seal.Countersign(t.Context(), text, a.Laboratory)
	}
	if err != nil {
		t.Fatal(err)
	}
	return seal.VerifyMeta(seal.MetaFile{Envelope: text, Seals: ordered, Keys: a.Keys()}, a.Keys(), ev.Files())
}

// TestStanding: only a counter-signature of this plan and report, of the protocol of record with all checks passed, ends
// the waiting.
func TestStanding(t *testing.T) {
	a, ev := sealtest.New(1), evidence(t)
	v := released(t, a, ev, true)
	if !v.OK() || v.Runs != K {
		t.Fatalf("%+v", v.Checks)
	}
	if got := ev.Standing(v); got != "independent K=30 signoff by Example Laboratory" {
		t.Errorf("%q: %+v", got, v.SignOff)
	}
	if got := (seal.SignOff{Pending: true}).String(); got != PendingSignoff {
		t.Errorf("seals say %q, reports %q", got, PendingSignoff)
	}
	for name, other := range map[string]*seal.MetaVerdict{"none": nil, "not countersigned": released(t, a, ev, false)} {
		if got := ev.Standing(other); got != PendingSignoff {
			t.Errorf("%s: %q", name, got)
		}
	}
	for name, change := range map[string]func(*Evidence){
		"another plan":   func(e *Evidence) { e.Plan.Digest[5]++ },
		"another report": func(e *Evidence) { e.Report.Digest[5]++ },
		"short plan":     func(e *Evidence) { e.Evaluation.ForSignoff = false },
		"a failed check": func(e *Evidence) { e.Evaluation.Passed = false },
	} {
		e, evaluation := *ev, *ev.Evaluation
		e.Evaluation = &evaluation
		change(&e)
		if got := e.Standing(v); got != PendingSignoff {
			t.Errorf("%s: %q", name, got)
		}
		if strings.Contains(name, "other") {
			continue
		}
		if again := released(t, a, &e, true); !again.OK() || !again.SignOff.Pending || e.Standing(again) != PendingSignoff {
			t.Errorf("%s, bound and countersigned: %+v", name, again.SignOff)
		}
	}
}

// TestBindRefuses: a seal that is missing, too many, twice, or not of its replicate's run is named.
func TestBindRefuses(t *testing.T) {
	a, ev := sealtest.New(1), evidence(t)
	good := sealAll(t, a, ev) // of replicates 30 … 1
	with := func(change func(*seal.Predicate)) []seal.Seal {
		return append([]seal.Seal{sealRun(t, a, ev.Replicates[K-1], change)}, good[1:]...)
	}
	stranger := *ev.Replicates[0]
	stranger.Spec.Seed++
	twice := append([]seal.Seal{{Name: "copy.seal", Envelope: good[3].Envelope}}, good...)
	broken := append([]seal.Seal{{Name: "broken.seal", Envelope: good[3].Envelope[1:]}}, good[1:]...)
	for _, x := range []struct {
		name  string
		seals []seal.Seal
		says  string
	}{
		{"one missing", good[1:], "replicate 30: no seal of a run with its seed"},
		{"one too many", append([]seal.Seal{sealRun(t, a, &stranger, nil)}, good...), "no replicate of the plan has its seed"},
		{"one twice", twice, "as copy.seal has"},
		{"no envelope", broken, "broken.seal: does not verify"},
		{"another model", with(func(p *seal.Predicate) { p.Model[0]++ }), "replicate-30.json.seal: is not of replicate 30: its model"},
		{"another portfolio", with(func(p *seal.Predicate) { p.Portfolio[0]++ }), "its portfolio"},
		{"another engine", with(func(p *seal.Predicate) { p.Build.Engine = "9.9.9" }), "its engine is 9.9.9"},
		{"another table", with(func(p *seal.Predicate) { p.Tables["gu_selt"] = ledger.Digest{3} }), "its table gu_selt has digest"},
		{"a table more", with(func(p *seal.Predicate) { p.Tables["gu_ept"] = ledger.Digest{3} }), "number of result tables is 2"},
	} {
		if _, _, err := ev.Bind(x.seals, a.Keys(), a.Time.Add(time.Hour)); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v, want %q", x.name, err, x.says)
		}
	}
	if _, _, err := ev.Bind(good, sealtest.New(60).Keys(), a.Time.Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "does not verify") {
		t.Errorf("keys of another appliance: %v", err)
	}
}

package seal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/internal/canonical"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/seal/sealtest"
)

const plan, findings = "the plan\n", "the report\n"

func planAndReport() (p, r seal.Subject) {
	return seal.Subject{Name: "plan.json", Digest: digest(plan)}, seal.Subject{Name: "report.html", Digest: digest(findings)}
}

// runSeals are the seals of a release's 30 runs.
func runSeals(t testing.TB, a *sealtest.Appliance) (list []seal.Seal) {
	t.Helper()
	for i := range seal.MetaRuns {
		list = append(list, seal.Seal{Name: fmt.Sprintf("run-%02d.seal.json", i+1), Envelope: sealed(t, a, sample(i))})
	}
	return list
}

// release is a meta-seal with all it binds.
func release(t testing.TB, a *sealtest.Appliance, signOff bool) (seal.MetaFile, seal.MetaPredicate) {
	t.Helper()
	seals := runSeals(t, a)
	p, r := planAndReport()
	m, err := seal.NewMeta(seals, p, r, signOff, a.Time.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	text, err := seal.SignMeta(context.Background(), m, a.Signer)
	if err != nil {
		t.Fatal(err)
	}
	return seal.MetaFile{Envelope: text, Seals: seals, Keys: a.Keys()}, m
}

func metaFiles() []seal.File {
	p, r := planAndReport()
	return []seal.File{{Name: p.Name, Digest: p.Digest}, {Name: r.Name, Digest: r.Digest}}
}

// TestMetaSeal: what a release ships verifies from one file, and tag, count and rollup are computed.
func TestMetaSeal(t *testing.T) {
	a := sealtest.New(1)
	f, m := release(t, a, true)
	text, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := seal.ParseMetaFile(text)
	if err != nil {
		t.Fatal(err)
	}
	v := seal.VerifyMeta(read, a.Keys(), metaFiles())
	wantOK(t, v.Checks)
	if v.Tag != "engine-v1.0.0" || v.Runs != 30 || v.Rollup != m.Rollup || v.Rollup != rollupByHand(f.Seals) {
		t.Errorf("tag %s, %d runs, rollup %s", v.Tag, v.Runs, v.Rollup)
	}
}

// rollupByHand is RFC 6962 §2.1 as it is written there.
func rollupByHand(seals []seal.Seal) ledger.Digest {
	var hash func(list []seal.Seal) ledger.Digest
	hash = func(list []seal.Seal) ledger.Digest {
		if len(list) == 1 {
			d := digest(string(list[0].Envelope))
			return digest("\x00" + string(d[:]))
		}
		k := 1
		for 2*k < len(list) {
			k *= 2
		}
		left, right := hash(list[:k]), hash(list[k:])
		return digest("\x01" + string(left[:]) + string(right[:]))
	}
	return hash(seals)
}

// TestSignOff: the software decides whether a release is signed off, from a laboratory's signature and the protocol.
func TestSignOff(t *testing.T) {
	a := sealtest.New(1)
	record, _ := release(t, a, true)
	quick, _ := release(t, a, false)
	countersigned := func(f seal.MetaFile, by seal.Signer) seal.MetaFile {
		text, err := seal.Countersign(t.Context(), f.Envelope, by)
		if err != nil {
			t.Fatal(err)
		}
		f.Envelope = text
		return f
	}
	late := a.LaboratoryKey()
	late.NotBefore = a.Time.Add(48 * time.Hour) // laboratories sign after the release's time
	for name, c := range map[string]struct {
		file    seal.MetaFile
		keys    *seal.Keys
		pending bool
		words   string
	}{
		"nobody":             {record, a.Keys(), true, "no independent laboratory"},
		"laboratory":         {countersigned(record, a.Laboratory), a.Keys(), false, ""},
		"laboratory later":   {countersigned(record, a.Laboratory), keysOf(t, a.SealKey(), a.CheckpointKey(), late), false, ""},
		"quick profile":      {countersigned(quick, a.Laboratory), a.Keys(), true, "not the protocol of record"},
		"laboratory unknown": {countersigned(record, a.Laboratory), keysOf(t, a.SealKey(), a.CheckpointKey()), true, "does not verify"},
		"not a laboratory":   {countersigned(record, sealtest.New(40).Signer), keysOf(t, append(a.Keys().All(), sealtest.New(40).SealKey())...), true, "does not verify"},
	} {
		t.Run(name, func(t *testing.T) {
			v := seal.VerifyMeta(c.file, c.keys, nil)
			if v.SignOff.Pending != c.pending || !strings.Contains(v.SignOff.Reason, c.words) || v.OK() != (c.words != "does not verify") {
				t.Errorf("%+v: %s", v.SignOff, lines(v.Checks))
			}
			want := "pending independent K=30 signoff"
			if !c.pending {
				want = "independent K=30 signoff by Example Laboratory"
			}
			if v.SignOff.String() != want {
				t.Errorf("%q, want %q", v.SignOff, want)
			}
		})
	}
	if _, err := seal.Countersign(t.Context(), record.Envelope, a.Signer); err == nil || !strings.Contains(err.Error(), "has signed already") {
		t.Errorf("the appliance countersigns its own meta-seal: %v", err)
	}
	if _, err := seal.Countersign(t.Context(), record.Seals[0].Envelope, a.Laboratory); err == nil {
		t.Error("a run seal was countersigned")
	}
}

// TestMetaTampered: one missing, altered or displaced constituent is named; plan, report, tag and rollup are held to what was signed.
func TestMetaTampered(t *testing.T) {
	a := sealtest.New(1)
	other := sealtest.New(40)
	for name, c := range map[string]struct {
		change      func(f *seal.MetaFile)
		step, words string
	}{
		"missing":     {func(f *seal.MetaFile) { f.Seals = slices.Delete(f.Seals, 6, 7) }, "constituents", "missing: run-07.seal.json"},
		"one more":    {func(f *seal.MetaFile) { f.Seals = append(f.Seals, f.Seals[0]) }, "constituents", "more seals than"},
		"reordered":   {func(f *seal.MetaFile) { f.Seals[3], f.Seals[4] = f.Seals[4], f.Seals[3] }, "constituent run-05.seal.json", "binds run-04.seal.json"},
		"swapped":     {func(f *seal.MetaFile) { f.Seals[3].Envelope = f.Seals[4].Envelope }, "constituent run-04.seal.json", "altered, or is another"},
		"other key's": {func(f *seal.MetaFile) { f.Seals[3].Envelope = sealed(t, other, sample(3)) }, "constituent run-04.seal.json", "altered, or is another"},
		"altered": {func(f *seal.MetaFile) {
			f.Seals[3].Envelope = bytes.Replace(f.Seals[3].Envelope, []byte("A"), []byte("B"), 1)
		}, "constituent run-04.seal.json", "altered"},
		"renamed":         {func(f *seal.MetaFile) { f.Seals[3].Name = "run-99.seal.json" }, "constituent run-99.seal.json", "binds run-04.seal.json"},
		"no envelope":     {func(f *seal.MetaFile) { f.Envelope = []byte("{}") }, "meta-seal envelope", "exact form"},
		"a run's seal":    {func(f *seal.MetaFile) { f.Envelope = f.Seals[0].Envelope }, "meta-seal statement", "predicate of type"},
		"other appliance": {func(f *seal.MetaFile) { g, _ := release(t, other, true); f.Envelope = g.Envelope }, "meta-seal signing key", "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := release(t, a, true)
			c.change(&f)
			v := seal.VerifyMeta(f, a.Keys(), nil)
			wantFailure(t, v.Checks, c.step, c.words)
			if !v.SignOff.Pending {
				t.Error("signed off")
			}
		})
	}
	f, _ := release(t, a, true)
	for _, file := range metaFiles() {
		file.Digest[0]++
		wantFailure(t, seal.VerifyMeta(f, a.Keys(), []seal.File{file}).Checks, "file "+file.Name, "not what was sealed")
	}
}

// TestMetaLies: meta-seals that the right key signed and that say other things than their runs.
func TestMetaLies(t *testing.T) {
	a := sealtest.New(1)
	f, _ := release(t, a, true)
	eachChange(t, seal.Payload(f.Envelope), func(path string, payload []byte) {
		g := f
		g.Envelope = seal.SignPayload(payload, a.Signer)
		v := seal.VerifyMeta(g, a.Keys(), metaFiles())
		if free := path == "/predicate/sign_off" || path == "/predicate/time"; v.OK() && !free {
			t.Errorf("%s: it verifies", path)
		}
	})
	for _, c := range []struct{ member, value, step, words string }{
		{"tag", "engine-v2.0.0", "tag", "not that of the engine which ran"},
		{"rollup", digest("x").String(), "rollup", "not that of the constituents"},
	} {
		var d map[string]any
		if err := json.Unmarshal(seal.Payload(f.Envelope), &d); err != nil {
			t.Fatal(err)
		}
		d["predicate"].(map[string]any)[c.member] = c.value
		payload, err := canonical.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		g := f
		g.Envelope = seal.SignPayload(payload, a.Signer)
		wantFailure(t, seal.VerifyMeta(g, a.Keys(), nil).Checks, c.step, c.words)
	}
}

// TestNewMetaRefuses: runs that are not 30 of one program, model, portfolio and spec, each with its own seed.
func TestNewMetaRefuses(t *testing.T) {
	a := sealtest.New(1)
	p, r := planAndReport()
	for name, c := range map[string]struct {
		change func(s *seal.Statement)
		words  string
	}{
		"model":     {func(s *seal.Statement) { s.Predicate.Model[0]++ }, "one model: run-09.seal.json differs"},
		"portfolio": {func(s *seal.Statement) { s.Predicate.Portfolio[0]++ }, "one portfolio: run-09"},
		"engine":    {func(s *seal.Statement) { s.Predicate.Build.Engine = "1.0.1" }, "one engine: run-09"},
		"commit":    {func(s *seal.Statement) { s.Predicate.Build.Commit = "" }, "one commit: run-09"},
		"spec":      {func(s *seal.Statement) { s.Predicate.Spec = json.RawMessage(`{"years":9,"seed":49}`) }, "one spec: run-09"},
		"seed": {func(s *seal.Statement) {
			s.Predicate.Spec, s.Predicate.Seed = sample(0).Predicate.Spec, sample(0).Predicate.Seed
		}, "different seeds: run-09.seal.json has the same as run-01.seal.json"},
		"run": {func(s *seal.Statement) { s.Predicate.Run = sample(0).Predicate.Run }, "different runs: run-09.seal.json has the same as run-01"},
	} {
		seals := runSeals(t, a)
		s := sample(8)
		c.change(&s)
		seals[8].Envelope = sealed(t, a, s)
		if _, err := seal.NewMeta(seals, p, r, true, a.Time); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", name, err, c.words)
		}
	}
	seals := runSeals(t, a)
	for _, list := range [][]seal.Seal{nil, seals[:29], append(seals[:30:30], seals[0])} {
		if _, err := seal.NewMeta(list, p, r, true, a.Time); err == nil || !strings.Contains(err.Error(), "exactly so many") {
			t.Errorf("%d seals: %v", len(list), err)
		}
	}
	seals[4].Envelope = []byte("x")
	if _, err := seal.NewMeta(seals, p, r, true, a.Time); err == nil || !strings.Contains(err.Error(), "run-05.seal.json") {
		t.Errorf("%v, want the seal named", err)
	}
}

// TestMetaFileForm: the container has one form too.
func TestMetaFileForm(t *testing.T) {
	a := sealtest.New(1)
	f, _ := release(t, a, true)
	text, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, words string }{
		"empty":       {"", "ends within"},
		"format":      {strings.Replace(string(text), seal.MetaFormat, "qrsd-meta-seal/2", 1), "of format"},
		"member more": {strings.Replace(string(text), `,"format"`, `,"foo":1,"format"`, 1), "exact form"},
		"newline":     {string(text) + "\n", "more than one value"},
		"cut":         {string(text[:len(text)/2]), "ends within"},
		"long":        {strings.Repeat(" ", seal.MaxMetaFile+1), "more than"},
		"no keys":     {strings.Replace(string(text), `"keys":`, `"keyz":`, 1), "keys"},
		"many": {`{"constituents":[` + strings.TrimSuffix(strings.Repeat(`{"name":"a","seal":{}},`, 301), ",") +
			`],"format":"` + seal.MetaFormat + `","keys":{},"meta_seal":{}}`, "with 301 seals"},
	} {
		if _, err := seal.ParseMetaFile([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", name, err, c.words)
		}
	}
}

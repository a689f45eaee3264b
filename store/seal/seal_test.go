package seal_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/seal/sealtest"
)

var update = flag.Bool("update", false, "write the goldens anew: only for a new version of a format")

func digest(text string) ledger.Digest { return sha256.Sum256([]byte(text)) }

// contents are the sample run's files.
var contents = map[string]string{
	"aal.csv": "SummaryId,AAL\n1,12.5\n", "ept.csv": "SummaryId,Loss\n1,99\n", "estimate.json": "{}\n", "manifest.json": "{\"format\":1}\n",
}

// sample is the evidence of a run with everything in it; number tells runs apart.
func sample(number int) seal.Statement {
	var subjects []seal.Subject
	for name, text := range contents {
		subjects = append(subjects, seal.Subject{Name: name, Digest: digest(text)})
	}
	return seal.Statement{Subjects: subjects, Predicate: seal.Predicate{
		Build: seal.Build{
			Commit: "0123456789abcdef0123456789abcdef01234567", Engine: "1.0.0", Go: "go1.26.0", Module: "example.com/qrsd", Time: "2026-05-01T00:00:00Z",
			Flags:   map[string]string{"-trimpath": "true", "GOARCH": "amd64", "GOAMD64": "v1"},
			Modules: []seal.Module{{Path: "example.com/a", Version: "v1.2.3", Sum: "h1:AAAA="}, {Path: "example.com/b", Version: "v0.1.0", Sum: "h1:BBBB="}},
		},
		Estimate: &seal.Estimate{Backends: []string{"simulator"}, Digest: digest(contents["estimate.json"]), File: "estimate.json", Qubits: 8, Simulated: true},
		Model:    digest("model"), Portfolio: digest("portfolio"), Run: ledger.ID{0xaa, 15: byte(number)}, Seed: uint64(41 + number),
		Spec:   json.RawMessage(fmt.Sprintf(`{"years": 2000, "seed": %d, "correlation": {"event": 0.05}, "return_periods": [10, 100.5]}`, 41+number)),
		Tables: map[string]ledger.Digest{"aal": digest("table aal"), "ept": digest("table ept")},
	}}
}

func sealed(t testing.TB, a *sealtest.Appliance, s seal.Statement) []byte {
	t.Helper()
	text, err := a.Seal(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func files() (list []seal.File) {
	for name, text := range contents {
		list = append(list, seal.File{Name: name, Digest: digest(text)})
	}
	return list
}

// wantOK reports every step that fails.
func wantOK(t *testing.T, checks []seal.Check) {
	t.Helper()
	if !seal.AllOK(checks) {
		t.Errorf("want all steps to hold:%s", lines(checks))
	}
}

func lines(checks []seal.Check) string {
	var b strings.Builder
	for _, c := range checks {
		fmt.Fprintf(&b, "\n  %v %s: got %s, want %s: %s", c.OK, c.Name, c.Got, c.Want, c.Reason)
	}
	return b.String()
}

// wantFailure wants the first failing step and words of its reason.
func wantFailure(t *testing.T, checks []seal.Check, step, words string) {
	t.Helper()
	for _, c := range checks {
		if c.OK {
			continue
		}
		if c.Name != step || !strings.Contains(c.Reason, words) {
			t.Errorf("fails at %q: %s; want %q: %s", c.Name, c.Reason, step, words)
		}
		return
	}
	t.Errorf("everything holds, want %q to fail: %s", step, words)
}

// TestSealOfARun: what is signed comes back, every step holds, and the same evidence has the same bytes.
func TestSealOfARun(t *testing.T) {
	a := sealtest.New(1)
	text := sealed(t, a, sample(0))
	v := seal.Verify(text, a.Keys(), files())
	wantOK(t, v.Checks)
	want := sample(0).Predicate
	got := v.Statement.Predicate
	if got.Seed != want.Seed || got.Run != want.Run || !reflect.DeepEqual(got.Build, want.Build) || !reflect.DeepEqual(got.Tables, want.Tables) ||
		!reflect.DeepEqual(got.Estimate, want.Estimate) || got.SpecDigest != digest(`{"correlation":{"event":0.05},"return_periods":[10,100.5],"seed":41,"years":2000}`) {
		t.Errorf("signed %+v, read %+v", want, got)
	}
	if v.KeyID != a.SealKey().ID || len(v.Statement.Subjects) != len(contents) {
		t.Errorf("key %s, %d subjects", v.KeyID, len(v.Statement.Subjects))
	}
	if !bytes.Equal(text, sealed(t, a, sample(0))) {
		t.Error("the same evidence gives other bytes")
	}
	partly := seal.Verify(text, a.Keys(), nil)
	wantOK(t, partly.Checks)
	if last := partly.Checks[len(partly.Checks)-1]; last.Name != "files not given" || last.Got != "4 of 4" {
		t.Errorf("without files the last step is %+v", last)
	}
	statement, checks := seal.Unsigned(text, files())
	wantOK(t, checks)
	if statement == nil || !strings.Contains(lines(checks), "signature: got , want : not verified") {
		t.Errorf("unsigned: %s", lines(checks))
	}
}

// TestGolden: the formats are promises. DO NOT CHANGE TESTDATA TO FIX A BUILD: seals that were given out must verify for ever.
func TestGolden(t *testing.T) {
	a := sealtest.New(1)
	meta, _ := release(t, a, true)
	for name, made := range map[string][]byte{"run.seal.json": sealed(t, a, sample(0)), "keys.json": a.Keys().JWKS(), "meta.json": meta.Envelope} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, made, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(kept, made) {
			t.Errorf("%s is made otherwise now:\n%s", name, made)
		}
	}
	kept, _ := os.ReadFile("testdata/run.seal.json")
	published, _ := os.ReadFile("testdata/keys.json")
	keys, err := seal.ParseKeys(published)
	if err != nil {
		t.Fatal(err)
	}
	wantOK(t, seal.Verify(kept, keys, files()).Checks)
}

// TestDirtyBuild: a build that nobody can repeat verifies, and is said to be one.
func TestDirtyBuild(t *testing.T) {
	a := sealtest.New(1)
	for name, c := range map[string]struct {
		info  *debug.BuildInfo
		words string
	}{
		"no information": {nil, "does not say its commit"},
		"no commit":      {&debug.BuildInfo{GoVersion: "go1.26.0"}, "does not say its commit"},
		"changed":        {&debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "ab"}, {Key: "vcs.modified", Value: "true"}}}, "changed work tree"},
		"folder": {&debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "ab"}}, Deps: []*debug.Module{
			{Path: "example.com/a", Version: "v1.0.0", Sum: "h1:A=", Replace: &debug.Module{Path: "../a"}}}}, "module from a folder"},
	} {
		s := sample(0)
		s.Predicate.Build = seal.BuildOf(c.info, "1.0.0")
		if !s.Predicate.Build.Dirty {
			t.Errorf("%s: not dirty", name)
		}
		v := seal.Verify(sealed(t, a, s), a.Keys(), nil)
		wantOK(t, v.Checks)
		for _, check := range v.Checks {
			if check.Name == "build" && !strings.Contains(check.Reason, c.words) {
				t.Errorf("%s: %q, want %q", name, check.Reason, c.words)
			}
		}
	}
	clean := seal.BuildOf(&debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Path: "example.com/qrsd"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "ab"}, {Key: "vcs.time", Value: "2026-05-01T00:00:00Z"}, {Key: "vcs.modified", Value: "false"}, {Key: "-trimpath", Value: "true"},
	}, Deps: []*debug.Module{{Path: "example.com/b", Version: "v1", Sum: "h1:B="}, {Path: "example.com/a", Version: "v1", Sum: "h1:A="}}}, "1.0.0")
	want := seal.Build{Commit: "ab", Engine: "1.0.0", Flags: map[string]string{"-trimpath": "true"}, Go: "go1.26.0", Module: "example.com/qrsd",
		Modules: []seal.Module{{Path: "example.com/a", Sum: "h1:A=", Version: "v1"}, {Path: "example.com/b", Sum: "h1:B=", Version: "v1"}}, Time: "2026-05-01T00:00:00Z"}
	if !reflect.DeepEqual(clean, want) {
		t.Errorf("build %+v, want %+v", clean, want)
	}
}

// TestSignRefuses: a statement that would not verify is not signed, nor by a key that is not the signer's.
func TestSignRefuses(t *testing.T) {
	a := sealtest.New(1)
	for name, c := range map[string]struct {
		change func(*seal.Statement)
		words  string
	}{
		"no subjects":    {func(s *seal.Statement) { s.Subjects = nil }, "0 subjects"},
		"folder in name": {func(s *seal.Statement) { s.Subjects[0].Name = "../etc" }, "without folders"},
		"name twice":     {func(s *seal.Statement) { s.Subjects[1].Name = s.Subjects[0].Name }, "different names"},
		"seed":           {func(s *seal.Statement) { s.Predicate.Seed++ }, "seed"},
		"seed too large": {func(s *seal.Statement) { s.Predicate.Spec = json.RawMessage(`{"seed":18446744073709551615}`) }, "the spec"},
		"tables":         {func(s *seal.Statement) { s.Predicate.Tables["aal"] = digest("other") }, "tables in the ledger"},
		"run":            {func(s *seal.Statement) { s.Predicate.Run[3]++ }, "entry's run"},
		"salt":           {func(s *seal.Statement) { s.Predicate.Ledger.Salt[3]++ }, "commitment"},
		"no spec":        {func(s *seal.Statement) { s.Predicate.Spec = nil }, "the spec"},
		"estimate":       {func(s *seal.Statement) { s.Predicate.Estimate.File = "other.json" }, "not among the subjects"},
	} {
		s := sample(0)
		if err := a.Enter(&s, 5, 11); err != nil {
			t.Fatal(err)
		}
		c.change(&s)
		if _, err := seal.Sign(t.Context(), s, a.Signer); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", name, err, c.words)
		}
	}
	s := sample(0)
	if err := a.Enter(&s, 5, 11); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		signer seal.Signer
		words  string
	}{
		"another key":  {swapped{a.Laboratory, a.Signer}, "it holds another key"},
		"no signature": {broken{a.Signer, []byte("x")}, "not ASN.1 DER"},
		"error":        {broken{a.Signer, nil}, "device is gone"},
	} {
		if _, err := seal.Sign(t.Context(), s, c.signer); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", name, err, c.words)
		}
	}
}

// swapped is a device that signs with another key than it shows.
type swapped struct {
	seal.Signer
	other seal.Signer
}

func (s swapped) Sign(ctx context.Context, d []byte) ([]byte, error) { return s.other.Sign(ctx, d) }

// broken is a device that answers with these bytes, or not at all.
type broken struct {
	seal.Signer
	answer []byte
}

func (b broken) Sign(context.Context, []byte) ([]byte, error) {
	if b.answer == nil {
		return nil, fmt.Errorf("the device is gone")
	}
	return b.answer, nil
}

// TestLocalSigner: scalars out of range are refused, entropy that ends is an error, and the key does not print.
func TestLocalSigner(t *testing.T) {
	for name, scalar := range map[string][]byte{"zero": make([]byte, 32), "order": bytes.Repeat([]byte{0xff}, 32), "short": {1}, "none": nil} {
		if _, err := seal.NewLocalSigner(scalar); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	scalar, err := seal.GenerateScalar(bytes.NewReader(append(bytes.Repeat([]byte{0xff}, 32), bytes.Repeat([]byte{9}, 32)...)))
	if err != nil || scalar[0] != 9 {
		t.Errorf("%x, %v: want the first draw in range", scalar, err)
	}
	if _, err := seal.GenerateScalar(bytes.NewReader(scalar[:31])); err == nil {
		t.Error("a key from 31 bytes of entropy")
	}
	s, _ := seal.NewLocalSigner(scalar)
	if shown := fmt.Sprintf("%v %+v %s", s, s, s); strings.Contains(shown, "0909") || strings.Contains(shown, "9 9") {
		t.Errorf("the key prints: %s", shown)
	}
}

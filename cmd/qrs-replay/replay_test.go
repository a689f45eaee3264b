package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/qrsrisk/qrsd/cmd/internal/runestimate"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/seal/sealtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"qrs-replay": main})
}

// TestScripts runs testdata/script: each file shows one thing that a reviewer does, and what comes of it. The folder that a script starts in
// holds a sealed run of 40 accounts, with the seals that newWorld describes.
func TestScripts(t *testing.T) {
	w := newWorld(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "enlarge": enlarge},
		Setup: func(e *testscript.Env) error { return os.CopyFS(e.WorkDir, os.DirFS(w)) },
	})
}

// exits CODE program args... runs a program and wants this exit code of it.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program args...")
	}
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("running %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// enlarge FILE makes a file a gigabyte long, without the bytes.
func enlarge(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.Truncate(ts.MkAbs(args[0]), 1<<30))
}

// newWorld is a folder with location.csv and account.csv, the result in out/, run.seal.json and keys.json, and for refusals:
// lie.seal.json and out-lie/, sealed with the right key over a table in which one value is another; other.keys.json of somebody
// else; expired.keys.json; dirty.seal.json of a build without a commit. release.meta-seal.json binds 30 seals.
func newWorld(t *testing.T) string {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), appliance: sealtest.New(1)}
	w.write("location.csv", w.sample("location.csv"))
	w.write("account.csv", w.sample("account.csv"))
	w.write("keys.json", w.appliance.Keys().JWKS())
	w.write("other.keys.json", sealtest.New(40).Keys().JWKS())
	w.write("expired.keys.json", w.expired())
	s := w.execute()
	w.seal("run.seal.json", s)
	w.lie(s)
	dirty := s
	dirty.Predicate.Build = seal.BuildOf(nil, engine.Version)
	w.seal("dirty.seal.json", dirty)
	other := s
	other.Predicate.Build.Engine = "0.9.0"
	w.seal("engine.seal.json", other)
	other = s
	other.Predicate.Model[0]++
	w.seal("model.seal.json", other)
	w.seal("hardware.seal.json", measured(s))
	w.seal("more.seal.json", withTable(s, "extra"))
	w.release(s)
	return w.dir
}

type world struct {
	t         *testing.T
	dir       string
	appliance *sealtest.Appliance
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) write(name string, text []byte) seal.Subject {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	w.must(os.MkdirAll(filepath.Dir(path), 0o755))
	w.must(os.WriteFile(path, text, 0o644))
	d, err := digest(path)
	w.must(err)
	return seal.Subject{Name: filepath.Base(name), Digest: d}
}

func (w *world) seal(name string, s seal.Statement) []byte {
	w.t.Helper()
	text, err := w.appliance.Seal(s)
	w.must(err)
	w.write(name, text)
	return text
}

// sample is the first 40 accounts of an example file.
func (w *world) sample(name string) []byte {
	file, err := os.Open("../../examples/florida/" + name)
	w.must(err)
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	w.must(err)
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	for i, row := range rows {
		if i == 0 || row[1] <= "A0000040" {
			w.must(out.Write(row))
		}
	}
	out.Flush()
	return b.Bytes()
}

func (w *world) expired() []byte {
	old := w.appliance.SealKey()
	old.NotAfter = w.appliance.Time.Add(-time.Hour)
	keys, err := seal.NewKeys(old, w.appliance.CheckpointKey())
	w.must(err)
	return keys.JWKS()
}

// execute runs the engine over the sample and gives the evidence.
func (w *world) execute() seal.Statement {
	model, err := modelpack.Florida(vulnerability.Options{})
	w.must(err)
	x := recomputeCommand{Location: filepath.Join(w.dir, "location.csv"), Account: filepath.Join(w.dir, "account.csv")}
	portfolio, err := x.portfolio(model.Ground)
	w.must(err)
	spec := engine.Spec{Years: 320, Samples: 2, Seed: 7, Correlation: loss.DefaultCorrelation(), ReturnPeriods: []float64{5, 10, 50.5}}
	result, err := engine.Run(context.Background(), model, portfolio, spec, engine.Options{})
	w.must(err)
	text, err := json.Marshal(spec)
	w.must(err)
	s := seal.Statement{Predicate: seal.Predicate{
		Build: thisBuild(), Model: ledger.Digest(model.Digest), Portfolio: portfolio.Digest(), Run: ledger.ID{0xaa}, Seed: spec.Seed, Spec: text,
		Tables: map[string]ledger.Digest{},
	}}
	s.Predicate.Build.Commit, s.Predicate.Build.Dirty = strings.Repeat("c0", 20), false
	for _, table := range results.Tables(result.Table, result.Report) {
		var b bytes.Buffer
		w.must(results.WriteCSV(&b, table))
		s.Predicate.Tables[table.Name] = results.Digest(table)
		s.Subjects = append(s.Subjects, w.write("out/"+table.Name+".csv", b.Bytes()))
	}
	report, err := runestimate.Report(context.Background(), result, portfolio.Currency, 6)
	w.must(err)
	estimate, err := runestimate.Text(report)
	w.must(err)
	subject := w.write("out/"+runestimate.File, estimate)
	s.Subjects = append(s.Subjects, subject, w.write("out/manifest.json", []byte("{}\n")))
	s.Predicate.Estimate = &seal.Estimate{Backends: []string{runestimate.Backend}, Digest: subject.Digest, File: subject.Name, Qubits: 6, Simulated: true}
	return s
}

// lie seals what was not computed: in line 3 of gr_aal.csv another AAL, with a digest of its own.
func (w *world) lie(s seal.Statement) {
	text, err := os.ReadFile(filepath.Join(w.dir, "out/gr_aal.csv"))
	w.must(err)
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	w.must(err)
	rows[2][1] = "123456.5"
	var b bytes.Buffer
	w.must(csv.NewWriter(&b).WriteAll(rows))
	changed := w.write("out-lie/gr_aal.csv", b.Bytes())
	s.Subjects = append([]seal.Subject(nil), s.Subjects...)
	for i := range s.Subjects {
		if s.Subjects[i].Name == changed.Name {
			s.Subjects[i] = changed
		}
	}
	s.Predicate.Tables = maps.Clone(s.Predicate.Tables)
	s.Predicate.Tables["gr_aal"] = changed.Digest
	w.seal("lie.seal.json", s)
}

// measured is a run whose estimate was not made by the simulator alone.
func measured(s seal.Statement) seal.Statement {
	estimate := *s.Predicate.Estimate
	estimate.Backends, estimate.Simulated = []string{"device", runestimate.Backend}, false
	s.Predicate.Estimate = &estimate
	return s
}

// withTable is a run with a table that the engine does not make.
func withTable(s seal.Statement, name string) seal.Statement {
	s.Predicate.Tables = maps.Clone(s.Predicate.Tables)
	s.Predicate.Tables[name] = ledger.Digest{1}
	return s
}

// release is a meta-seal over 30 seals that differ in run and seed, whole and with one thing changed.
func (w *world) release(s seal.Statement) {
	var seals []seal.Seal
	for i := range seal.MetaRuns {
		s.Predicate.Run, s.Predicate.Seed = ledger.ID{0xbb, byte(i)}, uint64(100+i)
		s.Predicate.Spec = fmt.Appendf(nil, `{"seed":%d,"years":50000}`, 100+i)
		text, err := w.appliance.Seal(s)
		w.must(err)
		seals = append(seals, seal.Seal{Name: fmt.Sprintf("run-%02d.seal.json", i+1), Envelope: text})
	}
	plan, report := w.write("plan.json", []byte("the plan\n")), w.write("report.html", []byte("the report\n"))
	m, err := seal.NewMeta(seals, plan, report, true, w.appliance.Time.Add(time.Hour))
	w.must(err)
	text, err := seal.SignMeta(context.Background(), m, w.appliance.Signer)
	w.must(err)
	w.meta("release.meta-seal.json", text, seals)
	countersigned, err := seal.Countersign(context.Background(), text, w.appliance.Laboratory)
	w.must(err)
	w.meta("countersigned.meta-seal.json", countersigned, seals)
	w.meta("missing.meta-seal.json", text, seals[:29])
	altered := append([]seal.Seal(nil), seals...)
	altered[11].Envelope = bytes.Replace(altered[11].Envelope, []byte("A"), []byte("B"), 1)
	w.meta("altered.meta-seal.json", text, altered)
	w.write("rollup", []byte("sha256:"+m.Rollup.String()))
}

func (w *world) meta(name string, envelope []byte, seals []seal.Seal) {
	text, err := seal.MetaFile{Envelope: envelope, Seals: seals, Keys: w.appliance.Keys()}.Encode()
	w.must(err)
	w.write(name, text)
}

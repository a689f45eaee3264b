package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// The reference run is the first 400 locations of the sample portfolio through 200 years. Its digests are committed.
// They are a promise that a sealed result can be computed again, on any machine, in years to come.
//
// DO NOT CHANGE THE GOLDEN TO FIX A BUILD. A difference means that results have moved: find out why.
// Where that is the purpose of a change, raise engine.Version, say so in the changelog, and run
//
//	go test ./cmd/qrsd -run TestReferenceRun -update-reference
const referenceGolden = "testdata/reference-digests.json"

var updateReference = flag.Bool("update-reference", false, "rewrite "+referenceGolden+" from this build's run")

const referenceLocations = 400

// reference is what a run's manifest says of its inputs and results.
type reference struct {
	Note      string            `json:"note,omitempty"`
	Engine    string            `json:"engine"`
	Model     string            `json:"model"`
	Portfolio string            `json:"portfolio"`
	Digests   map[string]string `json:"digests"`
	Estimate  string            `json:"estimate"` // of the quantum simulator, which stands beside the result
}

// referenceProgram is the run without the rest of the program, for builds that nothing else needs: they compile everything anew.
const referenceProgram = "./testdata/reference"

// TestReferenceRun wants the same bits from every way to build and run the program.
func TestReferenceRun(t *testing.T) {
	folder := t.TempDir()
	plain := exposureFiles(t, folder, "plain", nil)
	program := buildProgram(t, filepath.Join(folder, "qrsd"))
	golden := goldenReference(t, program, plain)

	same := func(name string, w way) {
		t.Run(name, func(t *testing.T) { compare(t, golden, w.run(t)) })
	}
	ordinary := way{program: []string{program}, files: plain}
	same("1 worker", ordinary.with("--workers", "1"))
	same("2 workers", ordinary.with("--workers", "2"))
	same("GOMAXPROCS=1", ordinary.env("GOMAXPROCS=1"))
	same("GOMAXPROCS=2", ordinary.env("GOMAXPROCS=2"))
	same("GOMAXPROCS=8", ordinary.env("GOMAXPROCS=8"))
	// Without FMA, AVX and the rest, math.FMA is computed in software; assembly gives way to plain Go.
	same("no CPU features", ordinary.env("GODEBUG=cpu.all=off"))

	t.Run("rows in another order", func(t *testing.T) {
		shuffled := exposureFiles(t, t.TempDir(), "shuffled", rand.New(rand.NewPCG(20, 26)))
		compare(t, golden, way{program: []string{program}, files: shuffled}.run(t))
	})
	t.Run("killed and resumed", func(t *testing.T) {
		out := t.TempDir()
		ordinary.killAfterFirstBlock(t, out)
		compare(t, golden, ordinary.with("--resume").runInto(t, out))
	})
	t.Run("GOAMD64=v3", func(t *testing.T) {
		// The compiler fuses products and sums here wherever the source lets it.
		if runtime.GOARCH != "amd64" || testing.Short() {
			t.Skip("amd64 only, not in short mode")
		}
		v3 := buildProgram(t, filepath.Join(folder, "reference-v3"), referenceProgram, "GOAMD64=v3")
		if text, err := exec.CommandContext(t.Context(), v3, "run", "--help").CombinedOutput(); err != nil && bytes.Contains(text, []byte("microarchitecture")) {
			t.Skip("this processor does not have the v3 instructions")
		}
		compare(t, golden, way{program: []string{v3}, files: plain}.run(t))
	})
	t.Run("race detector", func(t *testing.T) {
		// Not for the digests, which could be right by luck: the program stops with an error when it sees a race.
		if testing.Short() || !compilesC(t) {
			t.Skip("short mode, or no C compiler: the race detector needs one")
		}
		racy := buildProgram(t, filepath.Join(folder, "reference-race"), referenceProgram, "CGO_ENABLED=1", "-race")
		compare(t, golden, way{program: []string{racy}, files: plain}.with("--workers", "8").run(t))
	})
	t.Run("GOEXPERIMENT=simd", func(t *testing.T) {
		if !anySource(t, "goexperiment.simd") || testing.Short() {
			t.Skip("no source has a variant for the experiment, or short mode")
		}
		compare(t, golden, way{program: []string{buildProgram(t, filepath.Join(folder, "reference-simd"), referenceProgram, "GOEXPERIMENT=simd")}, files: plain}.run(t))
	})
	t.Run("arm64", func(t *testing.T) {
		if runtime.GOARCH == "arm64" || testing.Short() {
			t.Skip("the other runs are on arm64 already, or short mode")
		}
		emulator := emulatorOf("aarch64")
		if emulator == "" {
			t.Skip("qemu-user is not installed")
		}
		arm := buildProgram(t, filepath.Join(folder, "reference-arm64"), referenceProgram, "GOARCH=arm64", "CGO_ENABLED=0")
		compare(t, golden, way{program: []string{emulator, arm}, files: plain}.run(t))
	})
}

// goldenReference is the committed golden, after rewriting it where that was asked for.
func goldenReference(t *testing.T, program string, files [2]string) reference {
	t.Helper()
	if *updateReference {
		r := way{program: []string{program}, files: files}.run(t)
		r.Note = "Do not change to fix a build: see determinism_test.go."
		text, err := json.MarshalIndent(r, "", "  ")
		if err == nil {
			err = os.WriteFile(referenceGolden, append(text, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	golden := readReference(t, referenceGolden)
	t.Run("golden", func(t *testing.T) { compare(t, golden, way{program: []string{program}, files: files}.run(t)) })
	return golden
}

func readReference(t *testing.T, name string) (r reference) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// compare reports every difference, inputs first: a changed model explains changed tables.
func compare(t *testing.T, want, got reference) {
	t.Helper()
	differ := func(what, want, got string) {
		if want != got {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	differ("engine version", want.Engine, got.Engine)
	differ("model pack", want.Model, got.Model)
	differ("portfolio", want.Portfolio, got.Portfolio)
	tables := map[string]bool{}
	for _, digests := range []map[string]string{want.Digests, got.Digests} {
		for name := range digests {
			tables[name] = true
		}
	}
	if len(tables) == 0 {
		t.Error("no table has a digest")
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		differ("table "+name, want.Digests[name], got.Digests[name])
	}
	if want.Estimate == "" {
		t.Error("the estimate has no digest")
	}
	differ("quantum estimate", want.Estimate, got.Estimate)
}

// way is one way to run the program over the reference portfolio.
type way struct {
	program     []string  // command, perhaps behind an emulator
	files       [2]string // location, account
	arguments   []string
	environment []string
}

func (w way) with(arguments ...string) way { w.arguments = arguments; return w }

func (w way) env(variables ...string) way { w.environment = variables; return w }

func (w way) command(t *testing.T, out string) *exec.Cmd {
	arguments := append(slices.Clone(w.program), "run", "--location", w.files[0], "--account", w.files[1],
		"--years", "200", "--samples", "3", "--seed", "7", "-o", out, "--json")
	arguments = append(arguments, w.arguments...)
	c := exec.CommandContext(t.Context(), arguments[0], arguments[1:]...)
	c.Env = append(os.Environ(), w.environment...)
	return c
}

func (w way) run(t *testing.T) reference {
	t.Helper()
	return w.runInto(t, t.TempDir())
}

func (w way) runInto(t *testing.T, out string) reference {
	t.Helper()
	if text, err := w.command(t, out).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return readReference(t, filepath.Join(out, "manifest.json"))
}

// killAfterFirstBlock lets a run keep at least one block of years and ends it as a power cut would.
func (w way) killAfterFirstBlock(t *testing.T, out string) {
	t.Helper()
	c := w.with("--workers", "1").command(t, out)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for !holdsFile(out) {
		select {
		case err := <-ended:
			t.Fatalf("the run ended (%v) before it kept a block", err)
		case <-time.After(time.Millisecond):
		}
	}
	if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Fatal("the run was finished before it could be killed")
	}
}

func holdsFile(folder string) (found bool) {
	_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		found = found || err == nil && d.Type().IsRegular()
		return nil // files come and go while we look
	})
	return found
}

// buildProgram builds cmd/qrsd, or the program that is named by its folder, with the given flags and environment variables. The commit is
// left out: it is no part of what is compared.
func buildProgram(t testing.TB, to string, with ...string) string {
	t.Helper()
	arguments, program := []string{"build", "-buildvcs=false", "-o", to}, "."
	environment := os.Environ()
	for _, w := range with {
		switch {
		case strings.HasPrefix(w, "-"):
			arguments = append(arguments, w)
		case strings.HasPrefix(w, "./"):
			program = w
		default:
			environment = append(environment, w)
		}
	}
	c := exec.CommandContext(t.Context(), "go", append(arguments, program)...)
	c.Env = environment
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("building: %v: %s", err, text)
	}
	return to
}

// exposureFiles writes the reference portfolio: the first locations of the sample and the policies of
// their accounts, rows in the given random order or, with nil, as they stand.
func exposureFiles(t *testing.T, folder, name string, order *rand.Rand) (files [2]string) {
	t.Helper()
	locations := readRows(t, "../../examples/florida/location.csv")[:1+referenceLocations]
	accounts := readRows(t, "../../examples/florida/account.csv")
	at := slices.Index(locations[0], "AccNumber")
	if at < 0 || slices.Index(accounts[0], "AccNumber") < 0 {
		t.Fatal("the sample has no column AccNumber")
	}
	wanted := map[string]bool{}
	for _, row := range locations[1:] {
		wanted[row[at]] = true
	}
	at = slices.Index(accounts[0], "AccNumber")
	accounts = slices.DeleteFunc(accounts, func(row []string) bool { return row[at] != "AccNumber" && !wanted[row[at]] })

	for i, rows := range [][][]string{locations, accounts} {
		if body := rows[1:]; order != nil {
			order.Shuffle(len(body), func(i, j int) { body[i], body[j] = body[j], body[i] })
		}
		var text bytes.Buffer
		if err := csv.NewWriter(&text).WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		files[i] = filepath.Join(folder, name+[]string{"-location.csv", "-account.csv"}[i])
		if err := os.WriteFile(files[i], text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func readRows(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 1+referenceLocations/10 {
		t.Fatalf("%s: %d rows, %v", name, len(rows), err)
	}
	return rows
}

// compilesC reports whether the C compiler that Go would call is there.
func compilesC(t *testing.T) bool {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), "go", "env", "CC").Output()
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	_, err = exec.LookPath(name)
	return err == nil
}

// anySource reports whether a Go file of the engine or below internal has a build constraint on the tag.
func anySource(t *testing.T, tag string) (found bool) {
	t.Helper()
	for _, tree := range []string{"../../engine", "../../internal"} {
		err := filepath.WalkDir(tree, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(name) != ".go" {
				return err
			}
			text, err := os.ReadFile(name)
			for line := range strings.Lines(string(text)) {
				found = found || strings.HasPrefix(line, "//go:build") && strings.Contains(line, tag)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// emulatorOf is the qemu-user program of an architecture, or "".
func emulatorOf(architecture string) string {
	for _, name := range []string{"qemu-" + architecture, "qemu-" + architecture + "-static"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	return ""
}

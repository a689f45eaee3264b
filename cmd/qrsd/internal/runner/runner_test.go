package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	parquetgo "github.com/parquet-go/parquet-go"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

const locations = `PortNumber,AccNumber,LocNumber,CountryCode,AreaCode,PostalCode,OccupancyCode,ConstructionCode,YearBuilt,BuildingTIV,LocCurrency,LocPerilsCovered
Book,Home,1,US,FL,33139,1051,5100,1958,400000,USD,WTC
Book,Cabin,1,US,FL,33931,1051,5050,1975,300000,USD,WTC
`

// fileOf is a file of the given content in a folder of the test's own.
func fileOf(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// request is a short run that writes into a new folder.
func request(t testing.TB) Request {
	return Request{
		Files: Files{Location: fileOf(t, "location.csv", locations)},
		Spec:  engine.Spec{Years: 192, Samples: 1, Seed: 1, Correlation: loss.DefaultCorrelation(), ReturnPeriods: []float64{10, 100}},
		Out:   filepath.Join(t.TempDir(), "out"),
	}
}

func mustRun(t *testing.T, r Request) *Outcome {
	t.Helper()
	out, err := Run(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func readManifest(t *testing.T, folder string) *Manifest {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, ManifestFile))
	m := new(Manifest)
	if err == nil {
		err = json.Unmarshal(text, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// stopAfter runs a request and stops it when so many years are done.
func stopAfter(t *testing.T, r Request, years int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.Progress = func(p engine.Progress) {
		if p.Stage == "years" && p.Done >= years {
			cancel()
		}
	}
	if _, err := Run(ctx, r); !errors.Is(err, context.Canceled) {
		t.Fatalf("a run stopped after %d years: %v, want context.Canceled", years, err)
	}
}

func keptBlocks(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, blocksFolder, "*", "*.block"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestManifest: what the manifest says of the files is so, and nothing else lies in the folder.
func TestManifest(t *testing.T) {
	r := request(t)
	out := mustRun(t, r)
	m := readManifest(t, r.Out)
	if !reflect.DeepEqual(m, out.Manifest) {
		t.Errorf("the manifest on disk is %+v, that of the outcome %+v", m, out.Manifest)
	}
	if m.Format != 1 || m.Engine != engine.Version || !reflect.DeepEqual(m.Spec, r.Spec) || m.Build != ThisBuild() {
		t.Errorf("manifest %+v", m)
	}
	if len(m.Files) != 2*len(m.Digests)+1 || len(m.Digests) != 17 {
		t.Errorf("%d files and %d digests, want a CSV and a Parquet file for each of 17 tables, and the estimate", len(m.Files), len(m.Digests))
	}
	for _, f := range m.Files {
		content, err := os.ReadFile(filepath.Join(r.Out, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); int64(len(content)) != f.Bytes || hex.EncodeToString(sum[:]) != f.SHA256 {
			t.Errorf("%s has %d bytes and another digest than the manifest says (%d bytes)", f.Name, len(content), f.Bytes)
		}
		if f.Name == EstimateFile {
			if m.Estimate != "sha256:"+f.SHA256 {
				t.Errorf("the estimate's digest is %s, its file's %s", m.Estimate, f.SHA256)
			}
			continue
		}
		if _, ok := m.Digests[strings.TrimSuffix(f.Name, filepath.Ext(f.Name))]; !ok {
			t.Errorf("%s is of no table with a digest", f.Name)
		}
	}
	entries, err := os.ReadDir(r.Out)
	if err != nil || len(entries) != len(m.Files)+1 {
		t.Errorf("%d entries in the folder (%v), want %d files and the manifest", len(entries), err, len(m.Files))
	}
}

// TestWithoutFolder: the digests are the same, and no file is written.
func TestWithoutFolder(t *testing.T) {
	r := request(t)
	with := mustRun(t, r)
	r.Out = ""
	without := mustRun(t, r)
	if !reflect.DeepEqual(without.Manifest.Digests, with.Manifest.Digests) || without.Manifest.Estimate != with.Manifest.Estimate || len(without.Manifest.Files) != 0 {
		t.Errorf("manifest without a folder %+v", without.Manifest)
	}
}

// TestStaleManifest: while tables are written there is no manifest that speaks of others.
func TestStaleManifest(t *testing.T) {
	r := request(t)
	mustRun(t, r)
	if err := os.Mkdir(filepath.Join(r.Out, "summary-info.csv.part"), 0o755); err != nil { // the table cannot be written
		t.Fatal(err)
	}
	r.Spec.Seed++
	if _, err := Run(t.Context(), r); err == nil || !strings.Contains(err.Error(), "writing summary-info.csv") {
		t.Fatalf("%v, want an error that names the table", err)
	}
	if _, err := os.Stat(filepath.Join(r.Out, ManifestFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the manifest of the run before is still there (%v)", err)
	}
	if len(keptBlocks(t, r.Out)) == 0 {
		t.Error("the blocks are gone, although the run has not finished")
	}
}

// TestResume: a stopped run leaves blocks and no results; resumed it uses them and ends like one that was not stopped.
func TestResume(t *testing.T) {
	whole := request(t)
	want := mustRun(t, whole)
	r := request(t)
	r.Workers = 1
	stopAfter(t, r, 90)
	kept := keptBlocks(t, r.Out)
	if len(kept) < 10 || len(kept) > 60 {
		t.Fatalf("%d blocks kept after 90 of 192 years", len(kept))
	}
	if _, err := os.Stat(filepath.Join(r.Out, ManifestFile)); err == nil {
		t.Error("a run that was stopped has written a manifest")
	}
	// One block is damaged, one is half written: both are computed again.
	if err := os.WriteFile(kept[3], []byte("not a block"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(kept[4], kept[4]+".part"); err != nil {
		t.Fatal(err)
	}
	r.Resume = true
	got := mustRun(t, r)
	if !reflect.DeepEqual(got.Manifest, want.Manifest) {
		t.Errorf("resumed: manifest %+v, want %+v", got.Manifest, want.Manifest)
	}
	if got.Result.SiteEvents == 0 || got.Result.SiteEvents >= want.Result.SiteEvents {
		t.Errorf("resumed: %d site-events computed, in the whole run %d", got.Result.SiteEvents, want.Result.SiteEvents)
	}
	if _, err := os.Stat(filepath.Join(r.Out, blocksFolder)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the blocks of the finished run are still there (%v)", err)
	}
}

// TestBlocksOfAnotherRun: blocks are taken by the run alone that they belong to; without Resume by none.
func TestBlocksOfAnotherRun(t *testing.T) {
	changes := map[string]func(*Request){
		"seed":        func(r *Request) { r.Spec.Seed++ },
		"years":       func(r *Request) { r.Spec.Years *= 2 },
		"samples":     func(r *Request) { r.Spec.Samples = 0 },
		"correlation": func(r *Request) { r.Spec.Correlation = loss.Correlation{} },
		"portfolio": func(r *Request) {
			r.Files.Location = fileOf(t, "other.csv", strings.Replace(locations, ",400000,", ",400001,", 1))
		},
		"judgements": func(r *Request) { r.Spec.Without = []string{"contents"} },
		"no resume":  func(r *Request) { r.Resume = false },
	}
	stopped := request(t)
	stopped.Workers = 1
	stopAfter(t, stopped, 90)
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			r := stopped
			r.Out, r.Resume = filepath.Join(t.TempDir(), "out"), true
			if err := os.CopyFS(r.Out, os.DirFS(stopped.Out)); err != nil || len(keptBlocks(t, r.Out)) < 10 {
				t.Fatal(len(keptBlocks(t, r.Out)), err)
			}
			change(&r)
			got := mustRun(t, r)
			r.Out, r.Resume = "", false
			want := mustRun(t, r)
			if got.Result.SiteEvents != want.Result.SiteEvents || !reflect.DeepEqual(got.Manifest.Digests, want.Manifest.Digests) {
				t.Errorf("%d site-events computed beside another run's blocks, %d without", got.Result.SiteEvents, want.Result.SiteEvents)
			}
		})
	}
}

// TestRefusedRun: faults and bad specs leave no output folder.
func TestRefusedRun(t *testing.T) {
	var faults *exposure.FaultsError
	r := request(t)
	r.Files.Location = fileOf(t, "faulty.csv", strings.Replace(locations, ",400000,", ",-1,", 1))
	r.Files.BadRows = filepath.Join(t.TempDir(), "bad")
	if _, err := Run(t.Context(), r); !errors.As(err, &faults) || faults.Count != 1 {
		t.Errorf("%v, want one fault", err)
	}
	if bad, err := os.ReadFile(filepath.Join(r.Files.BadRows, "bad-location.csv")); err != nil || !strings.Contains(string(bad), ",-1,") {
		t.Errorf("bad rows %q, %v", bad, err)
	}
	if _, err := os.Stat(filepath.Join(r.Files.BadRows, "bad-account.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file of bad account rows where there are none (%v)", err)
	}
	var usage *ErrUsage
	bad := request(t)
	bad.Spec.Years = 0
	if _, err := Run(t.Context(), bad); !errors.As(err, &usage) || !strings.Contains(err.Error(), "years 0") {
		t.Errorf("%v, want a usage error that names years 0", err)
	}
	for _, out := range []string{r.Out, bad.Out} {
		if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the output folder was made (%v)", err)
		}
	}
}

// TestParquetExposure: the ending chooses the reader; the portfolio is the same.
func TestParquetExposure(t *testing.T) {
	type row struct {
		PortNumber, AccNumber, LocNumber, CountryCode, AreaCode, PostalCode string
		OccupancyCode, ConstructionCode, YearBuilt                          int32
		BuildingTIV                                                         float64
		LocCurrency, LocPerilsCovered                                       string
	}
	rows := []row{
		{"Book", "Cabin", "1", "US", "FL", "33931", 1051, 5050, 1975, 300000, "USD", "WTC"},
		{"Book", "Home", "1", "US", "FL", "33139", 1051, 5100, 1958, 400000, "USD", "WTC"},
	}
	path := filepath.Join(t.TempDir(), "location.PARQUET")
	if err := parquetgo.WriteFile(path, rows); err != nil {
		t.Fatal(err)
	}
	m, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fromParquet, _, err := Files{Location: path}.Read(m.Ground)
	if err != nil {
		t.Fatal(err)
	}
	fromCSV, _, err := Files{Location: fileOf(t, "location.csv", locations)}.Read(m.Ground)
	if err != nil {
		t.Fatal(err)
	}
	if fromParquet.Digest() != fromCSV.Digest() {
		t.Errorf("Parquet gives portfolio %x, CSV %x", fromParquet.Digest(), fromCSV.Digest())
	}
}

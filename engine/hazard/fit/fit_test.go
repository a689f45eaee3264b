package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
	"github.com/qrsrisk/qrsd/engine/registry"
)

const packFolder = "../../modelpack/florida"

// TestFitReproducesTheCommittedFiles derives everything but the landfall weights, which take 200,000 simulated years, from
// HURDAT2 again.
func TestFitReproducesTheCommittedFiles(t *testing.T) {
	storms, err := readTracks(sharedFile(t, "data/hurdat2-1851-2025.txt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	ground, committed := openPack(t)
	c := &hazard.Climatology{Source: committed.Source, FirstYear: firstRateYear, LastYear: lastYear(storms)}
	c.PressureWind = fitPressureWind(storms)
	steps := makeSteps(storms, ground, c.PressureWind)
	c.Entries = findEntries(storms, c)
	c.Intensity = fitIntensity(steps)
	c.Motion = committed.Motion
	if !testing.Short() {
		c.Motion = fitMotion(steps)
	}
	round(c)

	out := t.TempDir()
	if _, err := writeRecord(c, storms, ground, out); err != nil {
		t.Fatal(err)
	}
	if err := writeScenarios(storms, out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{hazard.RecordFile, hazard.ScenariosFile} {
		sameFile(t, filepath.Join(out, name), filepath.Join(packFolder, name))
	}
	c.Landfall = committed.Landfall
	if err := write(c, filepath.Join(out, hazard.ClimatologyFile)); err != nil {
		t.Fatal(err)
	}
	sameFile(t, filepath.Join(out, hazard.ClimatologyFile), filepath.Join(packFolder, hazard.ClimatologyFile))
}

func sameFile(t *testing.T, made, committed string) {
	t.Helper()
	got, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	window := func(b []byte) string { return string(b[max(0, min(at-60, len(b))):min(at+60, len(b))]) }
	t.Errorf("%s differs from the committed file at byte %d:\nmade      …%s…\ncommitted …%s…", filepath.Base(made), at, window(got), window(want))
}

func openPack(t *testing.T) (*geography.Florida, *hazard.Climatology) {
	t.Helper()
	ground, err := geography.Open(os.DirFS(packFolder))
	if err != nil {
		t.Fatal(err)
	}
	c, err := hazard.ReadClimatology(os.DirFS(packFolder))
	if err != nil {
		t.Fatal(err)
	}
	return ground, c
}

// sharedFile is the path of a file of ../shared beside the repository; without it the test is skipped.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("../../../../shared", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no ../shared/%s beside the repository", name)
	}
	return path
}

// The committed weights bring the committed rates to the targets, and the targets are the record shrunk towards the model.
func TestCommittedWeightsReachTheirTargets(t *testing.T) {
	_, c := openPack(t)
	years := float64(c.LastYear - c.FirstYear + 1)
	if c.Landfall.Trials != 200000 || len(c.Landfall.Hits) != 12 {
		t.Errorf("%d trial years, %d kinds of strike", c.Landfall.Trials, len(c.Landfall.Hits))
	}
	largest := 0.0
	for _, h := range c.Landfall.Hits {
		if want := (float64(h.Record) + h.Prior*h.Model) / (years + h.Prior); math.Abs(h.Target/want-1) > 1e-5 {
			t.Errorf("%s major=%v: target %g, the record and the model give %g", h.Region, h.Major, h.Target, want)
		}
		if math.Abs(h.Rate-h.Target) > 3e-4 { // the ridge's doing
			t.Errorf("%s major=%v: rate %g, target %g", h.Region, h.Major, h.Rate, h.Target)
		}
		if h.Prior != priorYears {
			t.Errorf("%s major=%v: %g prior years", h.Region, h.Major, h.Prior)
		}
		largest += math.Max(h.Lambda, 0)
	}
	if bound := math.Exp(largest); c.Landfall.MaxWeight > bound || c.Landfall.MaxWeight < 1 {
		t.Errorf("largest weight %g, at most %g is possible", c.Landfall.MaxWeight, bound)
	}
}

// A small problem with a known answer: two independent kinds of strike, each halved or doubled.
func TestWeightsOfAKnownProblem(t *testing.T) {
	c := &hazard.Climatology{Landfall: hazard.LandfallFit{Hits: []hazard.HitFit{{Region: "A", Target: 0.2}, {Region: "B", Target: 0.1}}}}
	const trials = 1000
	var hits [][]bool
	for range 100 {
		hits = append(hits, []bool{true, false})
	}
	for range 200 {
		hits = append(hits, []bool{false, true})
	}
	if err := solveWeights(c, hits, trials); err != nil {
		t.Fatal(err)
	}
	for j, want := range []float64{math.Log(2), math.Log(0.5)} {
		h := c.Landfall.Hits[j]
		if math.Abs(h.Lambda-want) > 2e-3 || math.Abs(h.Rate-h.Target) > 2e-4 {
			t.Errorf("%s: λ %g and rate %g, want %g and %g", h.Region, h.Lambda, h.Rate, want, h.Target)
		}
	}
	if math.Abs(c.Landfall.MaxWeight-2) > 5e-3 {
		t.Errorf("largest weight %g, want 2", c.Landfall.MaxWeight)
	}
	// Strikes that overlap: one in both kinds weighs the product.
	hits = append(hits, []bool{true, true})
	if err := solveWeights(c, hits, trials); err != nil {
		t.Fatal(err)
	}
	if rate(hits, 0, []float64{math.Log(2), 0}) != 202 {
		t.Errorf("rate %g", rate(hits, 0, []float64{math.Log(2), 0}))
	}
}

func TestRegressionFindsItsLine(t *testing.T) {
	ones, x, y, w := []float64{1, 1, 1, 1, 1}, []float64{1, 2, 3, 4, 90}, []float64{5, 7, 9, 11, -700}, []float64{1, 2, 3, 1, 0}
	b := regress([][]float64{ones, x}, y, w)
	if math.Abs(b[0]-3) > 1e-9 || math.Abs(b[1]-2) > 1e-9 {
		t.Errorf("line %v, want 3 + 2x, the outlier having no weight", b)
	}
	b = regress([][]float64{ones[:4], x[:4]}, y[:4], nil)
	if math.Abs(b[0]-3) > 1e-9 || math.Abs(b[1]-2) > 1e-9 {
		t.Errorf("line without weights %v", b)
	}
}

func TestSixDigitsAreKept(t *testing.T) {
	c := &hazard.Climatology{PressureWind: hazard.PressureWind{A: 14.36921234, P: -0.457349999, SD: 0}}
	c.Landfall.MaxWeight, c.Intensity.Local = 123456789, []float64{1.00000049e-7}
	round(c)
	if c.PressureWind.A != 14.3692 || c.PressureWind.P != -0.45735 || c.PressureWind.SD != 0 || c.Landfall.MaxWeight != 123457000 || c.Intensity.Local[0] != 1e-7 {
		t.Errorf("rounded to %+v, %g, %g", c.PressureWind, c.Landfall.MaxWeight, c.Intensity.Local[0])
	}
	once, _ := json.Marshal(c)
	if twice, _ := json.Marshal(round(c)); !bytes.Equal(once, twice) {
		t.Error("rounding again changes the numbers")
	}
}

// Entries are first states within the domain at 30 kt or more; steps last six hours between synoptic fixes of
// one tropical storm.
func TestEntriesAndStepsOfAShortRecord(t *testing.T) {
	const text = `AL012001, A, 7,
20010901, 0000,  , TD, 24.0N,  70.0W,  25, 1010
20010901, 0600,  , TS, 24.0N,  71.0W,  35, 1005
20010901, 1200,  , TS, 24.5N,  74.5W,  40, 1003
20010901, 1500, L, TS, 24.6N,  75.0W,  45, 1001
20010901, 1800,  , TS, 24.7N,  75.5W,  45, 1000
20010902, 0000,  , HU, 25.0N,  76.5W,  65,  990
20010902, 0600,  , EX, 26.0N,  77.5W,  60,  992
`
	storms, err := besttrack.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	ground, committed := openPack(t)
	c := &hazard.Climatology{FirstYear: 1900, LastYear: 2001, PressureWind: committed.PressureWind}
	entries := findEntries(storms, c)
	if len(entries) != 1 {
		t.Fatalf("entries %+v", entries)
	}
	e := entries[0]
	if e.Storm != "AL012001" || e.Day != 244 || e.Lat != 24.5 || e.DP != 10 || math.Abs(e.Trend-math.Log(13.0/10)) > 1e-12 || e.U >= 0 || e.V <= 0 {
		t.Errorf("entry %+v", e)
	}
	steps := makeSteps(storms, ground, c.PressureWind)
	if len(steps) != 4 { // 00-06, 06-12, 12-18, 18-00; not into the extratropical fix, not by way of 15 UTC
		t.Fatalf("%d steps", len(steps))
	}
	for i, s := range steps {
		if s.previous != i-1 || s.storm != "AL012001" || !s.water {
			t.Errorf("step %d: %+v", i, s)
		}
	}
	if math.Abs(steps[1].u-(-3.5*hazard.EarthRadius*hazard.Degree*1000/21600*math.Cos(24.25*hazard.Degree))) > 1e-9 {
		t.Errorf("eastward translation %g", steps[1].u)
	}
	if kept := overWater(steps); len(kept) != 3 {
		t.Errorf("%d of the steps have one over water before them, want 3", len(kept))
	}
}

// The registry names constants of the fit that the climatology does not hold.
func TestRegistryAgreesWithTheFit(t *testing.T) {
	_, c := openPack(t)
	list := c.Parameters()
	for name, want := range map[string]float64{
		"kernel width of the motion, distance":               motionKm,
		"kernel width of the motion, time of year":           motionDays,
		"kernel width of the local term of intensity":        intensityKm,
		"largest pressure deficit":                           maxDP,
		"first year of the record that rates are taken from": firstRateYear,
	} {
		at := slices.IndexFunc(list, func(p registry.Parameter) bool { return p.Name == name })
		if at < 0 {
			t.Errorf("%q is not in the registry", name)
			continue
		}
		if v, err := strconv.ParseFloat(list[at].Value, 64); err != nil || v != want {
			t.Errorf("%q is registered as %s, the fit uses %g", name, list[at].Value, want)
		}
	}
}

package quantum_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/quantum"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/simulator"
)

var simulatorOptions = quantum.Options{Backend: quantum.Provenance{Name: "simulator", Simulated: true}, Seed: 5}

func panelOf(t testing.TB, p *quantum.Problem, seed uint64) *quantum.Panel {
	t.Helper()
	o := simulatorOptions
	o.Seed = seed
	panel, err := quantum.Estimate(t.Context(), p, &simulator.Backend{Seed: seed}, o)
	if err != nil {
		t.Fatal(err)
	}
	return panel
}

// TestPanelCoverage: over many seeds the intervals of all four kinds of answers hold the exact value of the bins at least as
// often as they say, and those of stratified sampling always.
func TestPanelCoverage(t *testing.T) {
	const repetitions = 200
	p := newProblem(t, heavy(10_000), 6, 10, 100, 1000)
	held := map[string]int{}
	for seed := range uint64(repetitions) {
		for _, a := range panelOf(t, p, seed).Answers {
			key := string(a.Kind)
			held[key+" asked"]++
			if a.Estimate.HoldsExact {
				held[key]++
			}
			if a.Estimate.HoldsExact != (a.Estimate.Low <= a.Exact && a.Exact <= a.Estimate.High) || !a.Estimate.Reached {
				t.Fatalf("%+v", a)
			}
			if s := a.Stratified; s.Method != quantum.Bounds || *s.Low > a.Exact*(1+1e-12) || *s.High < a.Exact*(1-1e-12) {
				t.Errorf("%v 1 in %v: stratified %v to %v does not hold %v", a.Kind, a.ReturnPeriod, *s.Low, *s.High, a.Exact)
			}
			if a.Queries.Draws != a.Estimate.Queries || a.Stratified.Draws != a.Estimate.Queries || a.Shots.Draws != a.Estimate.Shots {
				t.Errorf("draws %d, %d and %d beside %d queries and %d shots", a.Queries.Draws, a.Stratified.Draws, a.Shots.Draws, a.Estimate.Queries, a.Estimate.Shots)
			}
		}
	}
	for _, k := range []quantum.Kind{quantum.ExceedanceProbability, quantum.ValueAtRisk, quantum.TailValueAtRisk, quantum.ExpectedLayerLoss} {
		if n := held[string(k)+" asked"]; n != 3*repetitions || held[string(k)] < n*95/100 {
			t.Errorf("%s: %d of %d intervals hold the exact value", k, held[string(k)], n)
		}
	}
}

// TestValueAtRiskCoverage where the bins are finer than the precision asked for: several edges cannot be told from the right one, and the
// interval must hold them all.
func TestValueAtRiskCoverage(t *testing.T) {
	const repetitions = 300
	p := newProblem(t, heavy(10_000), 10, 20)
	held, wide := 0, 0
	for seed := range uint64(repetitions) {
		e := panelOf(t, p, seed).Answer(quantum.ValueAtRisk, 20).Estimate
		if e.HoldsExact {
			held++
		}
		if e.Low < e.Value && e.Value < e.High {
			wide++
		}
	}
	if held < repetitions*95/100 || wide < repetitions/4 {
		t.Errorf("%d of %d intervals hold the value, %d have room on both sides", held, repetitions, wide)
	}
}

// TestPanelPrecision: intervals are as narrow as was asked.
func TestPanelPrecision(t *testing.T) {
	p := newProblem(t, heavy(10_000), 8, periods...)
	panel := panelOf(t, p, 1)
	if len(panel.Answers) != 4*len(periods) {
		t.Fatalf("%d answers to %d periods", len(panel.Answers), len(periods))
	}
	for _, a := range panel.Answers {
		half := (a.Estimate.High - a.Estimate.Low) / 2
		switch {
		case a.Kind == quantum.ExceedanceProbability && half > 0.0501/a.ReturnPeriod, a.Kind == quantum.ExpectedLayerLoss && half > 0.0501*a.Empirical,
			a.Kind == quantum.TailValueAtRisk && half > 0.051*a.Empirical:
			t.Errorf("%s 1 in %v: %v to %v", a.Kind, a.ReturnPeriod, a.Estimate.Low, a.Estimate.High)
		}
		if a.DiscretisationError != 0 {
			t.Errorf("%s 1 in %v: discretisation error %v where the period is an edge", a.Kind, a.ReturnPeriod, a.DiscretisationError)
		}
	}
}

// TestEqualLosses: several years with the loss of the return period itself belong to the tail only as far as the run's tables take them, and
// the bins make no error of it.
func TestEqualLosses(t *testing.T) {
	p := newProblem(t, quantum.Losses{Name: "ties", Years: 100, Positive: []float64{10, 7, 7, 7}}, 3, 20, 25, 50, 100)
	panel := panelOf(t, p, 1)
	for i, want := range []float64{7.75, 8.5, 10} {
		if a := panel.Answer(quantum.TailValueAtRisk, []float64{25, 50, 100}[i]); a.Exact != want || a.Empirical != want || a.DiscretisationError != 0 || !a.Estimate.HoldsExact {
			t.Errorf("1 in %v: sum of bins %v, losses %v, error %v; want %v and none", a.ReturnPeriod, a.Exact, a.Empirical, a.DiscretisationError, want)
		}
	}
	if len(panel.Omitted) != 1 || panel.Omitted[0].ReturnPeriod != 20 {
		t.Errorf("omitted %v, want 20 years, whose loss is zero", panel.Omitted)
	}
	rapid.Check(t, func(t *rapid.T) {
		years := rapid.SampledFrom([]int{100, 200, 1000}).Draw(t, "years")
		l := quantum.Losses{Name: "ties", Years: years}
		for _, x := range rapid.SliceOfN(rapid.IntRange(1, 5), years/10, years/2).Draw(t, "losses") {
			l.Positive = append(l.Positive, float64(x)*1.1)
		}
		p, err := quantum.NewProblem(l, rapid.IntRange(3, 6).Draw(t, "qubits"), []float64{10, 20, 50, 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range p.Periods {
			tail := p.Edges[x.Bin] + x.ReturnPeriod*p.Excess(x.Bin).Exact()
			if !near(tail, x.TVaR, 1e-12) || p.Edges[x.Bin] != x.Loss || !near(p.Exceedance(x.Bin).Exact(), x.Exceedance, 1e-12) {
				t.Fatalf("1 in %v: tail %v from edge %v; the losses have %v and %v", x.ReturnPeriod, tail, p.Edges[x.Bin], x.TVaR, x.Loss)
			}
		}
	})
}

// TestDiscretisationError: a period between two losses is no edge, and the panel says how far off the bins are.
func TestDiscretisationError(t *testing.T) {
	p := newProblem(t, heavy(10_000), 4, 30, 300)
	for _, a := range panelOf(t, p, 1).Answers {
		if a.DiscretisationError != a.Exact-a.Empirical {
			t.Errorf("%s: error %v of %v and %v", a.Kind, a.DiscretisationError, a.Exact, a.Empirical)
		}
		if a.Kind == quantum.ValueAtRisk && !(math.Abs(a.DiscretisationError) > 0 && math.Abs(a.DiscretisationError) < 0.05*a.Empirical) {
			t.Errorf("value at risk 1 in %v: %v in bins, %v without", a.ReturnPeriod, a.Exact, a.Empirical)
		}
	}
}

// TestSimulatorWaysAgree: gate by gate gives the panel that two reflections give.
func TestSimulatorWaysAgree(t *testing.T) {
	p := newProblem(t, heavy(2000), 3, 10, 100)
	o := simulatorOptions
	o.Precision = 0.2
	fast, err := quantum.Estimate(t.Context(), p, &simulator.Backend{Seed: 2}, o)
	if err != nil {
		t.Fatal(err)
	}
	gates, err := quantum.Estimate(t.Context(), p, &simulator.Backend{Seed: 2, GateByGate: true}, o)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(fast, gates) {
		t.Error("another panel gate by gate")
	}
}

// TestOneLoss: a distribution with a single positive value has questions whose answer is certain.
func TestOneLoss(t *testing.T) {
	p := newProblem(t, quantum.Losses{Name: "one", Years: 100, Positive: []float64{7, 7, 7}}, 2, 50)
	panel := panelOf(t, p, 1)
	if a := panel.Answer(quantum.TailValueAtRisk, 50); a.Estimate.Value != 7 || a.Estimate.Queries != 0 || !a.Estimate.HoldsExact || *a.Queries.Value != 7 {
		t.Errorf("tail value at risk %+v", a)
	}
	if a := panel.Answer(quantum.ExpectedLayerLoss, 50); a.Estimate.Value != 0 || a.Exact != 0 {
		t.Errorf("layer from 7 to 7: %+v", a)
	}
	if a := panel.Answer(quantum.ValueAtRisk, 50); a.Estimate.Value != 7 || a.Exact != 7 {
		t.Errorf("value at risk %+v", a)
	}
	if a := panel.Answer(quantum.ValueAtRisk, 51); a != nil {
		t.Errorf("an answer that was not asked for: %+v", a)
	}
}

// broken is a backend with an answer of its own.
type broken struct {
	out []circuit.Outcome
	err error
}

func (b broken) Measure(context.Context, []circuit.Experiment) ([]circuit.Outcome, error) {
	return b.out, b.err
}

func TestEstimateRefuses(t *testing.T) {
	p := newProblem(t, heavy(1000), 4, 10)
	for says, change := range map[string]func(o *quantum.Options){
		"backend without a name": func(o *quantum.Options) { o.Backend.Name = "" },
		"confidence 2":           func(o *quantum.Options) { o.Confidence = 2 },
		"precision -1":           func(o *quantum.Options) { o.Precision = -1 },
	} {
		o := simulatorOptions
		change(&o)
		if _, err := quantum.Estimate(t.Context(), p, &simulator.Backend{}, o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	offline := errors.New("device offline")
	if _, err := quantum.Estimate(t.Context(), p, broken{err: offline}, simulatorOptions); !errors.Is(err, offline) || !strings.Contains(err.Error(), "gross_aep, return period 10") {
		t.Errorf("%v, want the backend's error and the question", err)
	}
	for _, out := range [][]circuit.Outcome{nil, {{Shots: 99, Ones: 1}}, {{Shots: 100, Ones: 101}}} {
		if _, err := quantum.Estimate(t.Context(), p, broken{out: out}, simulatorOptions); err == nil {
			t.Errorf("outcomes %v are taken", out)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := quantum.Estimate(ended, p, &simulator.Backend{}, simulatorOptions); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

var update = flag.Bool("update", false, "rewrite testdata/report.json: see TestReportGolden")

// TestReportGolden holds the file's field names and numbers: users keep such files. A number that moves without cause
// is a broken promise; a field that moves asks for another Format.
func TestReportGolden(t *testing.T) {
	p := newProblem(t, quantum.Losses{Name: "gross_oep", Years: 40, Samples: 2, Positive: heavy(100).Positive[:30]}, 3, 4, 10, 20, 50)
	report := &quantum.Report{Format: quantum.Format, Notice: quantum.Notice, Currency: "USD", Panels: []*quantum.Panel{panelOf(t, p, 7)},
		Without: []quantum.Missing{{Name: "gross_aep", Reason: quantum.ErrNoLoss.Error()}}}
	text, err := json.MarshalIndent(report, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	golden := filepath.Join("testdata", "report.json")
	if *update {
		if err := os.WriteFile(golden, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Error("the report is another than testdata/report.json")
	}
	read, err := quantum.ReadReport(bytes.NewReader(want))
	if err != nil || !reflect.DeepEqual(read, report) {
		t.Errorf("the golden reads as another report (%v)", err)
	}
	if read.Panel("gross_oep") == nil || read.Panel("gross_aep") != nil {
		t.Error("Panel finds another name")
	}
}

func TestReadReportRefuses(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	for says, spoiled := range map[string]string{
		"format 2":        strings.Replace(string(text), `"format": 1`, `"format": 2`, 1),
		"unknown field":   strings.Replace(string(text), `"seed"`, `"sead"`, 1),
		"no problem":      `{"format":1,"panels":[null]}`,
		"unexpected EOF":  string(text[:len(text)/2]),
		"reading the qua": "[]",
		"sum to":          strings.Replace(string(text), `"probabilities": [`, `"probabilities": [0.5,`, 1),
	} {
		_, err := quantum.ReadReport(strings.NewReader(spoiled))
		if says == "sum to" { // one bin too many is seen first
			says = "9 probabilities"
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

func FuzzReadReport(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "report.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		report, err := quantum.ReadReport(bytes.NewReader(text))
		if err != nil {
			return
		}
		// What is read can be asked.
		for _, p := range report.Panels {
			for _, x := range p.Problem.Periods {
				for _, q := range []quantum.Amplitude{p.Problem.Exceedance(x.Bin), p.Problem.Excess(x.Bin), p.Problem.Layer(x.Loss, x.Limit)} {
					if err := q.Table.Check(); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}

// BenchmarkPanel is the estimate of a run: four loss distributions of 10,000 years, all return periods, 256 bins, one core.
func BenchmarkPanel(b *testing.B) {
	l := heavy(10_000)
	for b.Loop() {
		queries := 0
		for seed := range uint64(4) {
			p := newProblem(b, l, 8, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000)
			for _, a := range panelOf(b, p, seed).Answers {
				queries += a.Estimate.Queries
			}
		}
		b.ReportMetric(float64(queries), "queries")
	}
}

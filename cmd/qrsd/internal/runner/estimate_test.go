package runner

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/quantum"
)

// TestEstimateBesideTheFigures: what the estimate holds itself against is the run's own curve, to the last bit, and
// the file reads back as what the run returned.
func TestEstimateBesideTheFigures(t *testing.T) {
	r := request(t)
	r.Spec.Years, r.Spec.Samples, r.Spec.ReturnPeriods = 1000, 2, []float64{2, 30, 100, 333, 5000}
	out := mustRun(t, r)
	file, err := os.Open(filepath.Join(r.Out, EstimateFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	read, err := quantum.ReadReport(file)
	if err != nil || !reflect.DeepEqual(read, out.Estimate) {
		t.Errorf("the file reads as another report than the run's (%v)", err)
	}
	if len(read.Panels) != 4 || read.Currency != "USD" || read.Notice != quantum.Notice {
		t.Fatalf("%d panels in %s", len(read.Panels), read.Currency)
	}
	if read.Seed != r.Spec.Seed || read.Seed == 0 {
		t.Errorf("the report has seed %d, and the run %d", read.Seed, r.Spec.Seed)
	}
	seeds := map[uint64]bool{}
	for i, name := range []string{"ground_up_oep", "ground_up_aep", "gross_oep", "gross_aep"} {
		panel := read.Panel(name)
		seeds[panel.Seed] = true
		m := &out.Result.Report.Summaries[0].Perspectives[i/2]
		curve := m.Curve([]metrics.EPType{metrics.OEP, metrics.AEP}[i%2], metrics.Full)
		compared := 0
		for _, x := range curve.Points {
			v := panel.Answer(quantum.ValueAtRisk, x.ReturnPeriod)
			if v == nil {
				if x.Loss != 0 {
					t.Errorf("%s: no answer for %v years, whose loss is %v", name, x.ReturnPeriod, x.Loss)
				}
				continue
			}
			compared++
			if tail := panel.Answer(quantum.TailValueAtRisk, x.ReturnPeriod); v.Empirical != x.Loss || tail.Empirical != x.TVaR {
				t.Errorf("%s, %v years: loss %v and TVaR %v, the run's curve has %v and %v", name, x.ReturnPeriod, v.Empirical, tail.Empirical, x.Loss, x.TVaR)
			}
			if !v.Estimate.Simulated || v.Estimate.Backend != "simulator" || v.Estimate.Cost != 0 {
				t.Errorf("%s: %+v is not said to be simulated and free", name, v.Estimate)
			}
		}
		if compared < 3 {
			t.Errorf("%s: %d return periods compared", name, compared)
		}
		if o := panel.Omitted; len(o) == 0 || o[len(o)-1].ReturnPeriod != 5000 {
			t.Errorf("%s: omitted %v, want 5000 years among them", name, o)
		}
	}
	if len(seeds) != 4 {
		t.Errorf("%d seeds of 4 panels", len(seeds))
	}
}

// TestEstimateIsDeterministic: the same run has the same estimate, another seed another.
func TestEstimateIsDeterministic(t *testing.T) {
	r := request(t)
	want := mustRun(t, r).Manifest
	r.Workers = 1
	if got := mustRun(t, r).Manifest; got.Estimate != want.Estimate || want.Estimate == "" {
		t.Errorf("estimate %s, want %s", got.Estimate, want.Estimate)
	}
	r.Spec.Seed++
	if got := mustRun(t, r).Manifest; got.Estimate == want.Estimate {
		t.Error("another seed has the same estimate")
	}
}

// TestEstimateLeftOut: without an estimate none is in the folder, not even an earlier run's, and the tables are the same.
func TestEstimateLeftOut(t *testing.T) {
	r := request(t)
	with := mustRun(t, r)
	r.Quantum.Off = true
	without := mustRun(t, r)
	if without.Estimate != nil || without.Manifest.Estimate != "" {
		t.Errorf("estimate %q although none was wanted", without.Manifest.Estimate)
	}
	if !reflect.DeepEqual(with.Manifest.Digests, without.Manifest.Digests) {
		t.Error("the estimate moves the tables")
	}
	if _, err := os.Stat(filepath.Join(r.Out, EstimateFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an earlier run's estimate is still there (%v)", err)
	}
	r.Quantum.Off, r.Scenario.Name = false, "ian"
	if storm := mustRun(t, r); storm.Estimate != nil {
		t.Error("an estimate of return periods of a single storm")
	}
}

// TestEstimateOfNoLoss: a run without any loss says why it has no panel.
func TestEstimateOfNoLoss(t *testing.T) {
	r := request(t)
	r.Spec.Years = 1
	out := mustRun(t, r)
	for ; len(out.Result.Table.Events) != 0; out = mustRun(t, r) {
		r.Spec.Seed++ // until a year without a storm
	}
	if w := out.Estimate.Without; len(w) != 4 || len(out.Estimate.Panels) != 0 || w[0].Reason != quantum.ErrNoLoss.Error() {
		t.Errorf("without %+v, want all four distributions and the reason", w)
	}
}

// TestEstimateRefusedBeforeTheRun: what could not be estimated is said before the years are simulated.
func TestEstimateRefusedBeforeTheRun(t *testing.T) {
	for says, change := range map[string]func(*Request){
		"13 qubits: give 1 to 12":                func(r *Request) { r.Quantum.Qubits = 13 },
		"-1 qubits: give 1 to 12":                func(r *Request) { r.Quantum.Qubits = -1 },
		"2 return periods do not fit into the 2": func(r *Request) { r.Quantum.Qubits = 1 },
	} {
		r := request(t)
		change(&r)
		var usage *ErrUsage
		if _, err := Run(t.Context(), r); !errors.As(err, &usage) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want a usage error that says %q", err, says)
		}
		if _, err := os.Stat(r.Out); !errors.Is(err, os.ErrNotExist) {
			t.Error("the output folder was made")
		}
	}
}

package quantum_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/quantum"
)

var periods = []float64{5, 10, 25, 50, 100, 250, 500, 1000}

// heavy is a loss distribution as a portfolio has it: most years nothing, few years very much.
func heavy(years int) quantum.Losses {
	r := rand.New(rand.NewPCG(20, 26))
	l := quantum.Losses{Name: "gross_aep", Years: years}
	for range years {
		if r.Float64() < 0.4 {
			l.Positive = append(l.Positive, math.Exp(12+2*r.NormFloat64()))
		}
	}
	return l
}

func newProblem(t testing.TB, l quantum.Losses, qubits int, periods ...float64) *quantum.Problem {
	t.Helper()
	p, err := quantum.NewProblem(l, qubits, periods)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p
}

func near(a, b, relative float64) bool {
	return math.Abs(a-b) <= relative*math.Max(math.Abs(a), math.Abs(b))
}

// TestBinsKeepTheMean: bins lie at conditional means, so the mean annual loss and every layer between return periods are
// those of the losses; return periods that divide the years are edges, and then the value and the tail value at risk are too.
func TestBinsKeepTheMean(t *testing.T) {
	l := heavy(10_000)
	for _, qubits := range []int{4, 6, 8, 10} {
		p := newProblem(t, l, qubits, periods...)
		mean, largest := 0.0, 0.0
		for _, x := range l.Positive {
			mean += x / float64(l.Years)
			largest = max(largest, x)
		}
		if got := p.Layer(0, largest).Exact(); !near(got, mean, 1e-12) {
			t.Errorf("%d qubits: mean annual loss %v, of the losses %v", qubits, got, mean)
		}
		for _, x := range p.Periods {
			chance, excess := p.Exceedance(x.Bin).Exact(), p.Excess(x.Bin).Exact()
			if !near(chance, 1/x.ReturnPeriod, 1e-12) || p.Edges[x.Bin] != x.Loss || x.Exceedance != 1/x.ReturnPeriod {
				t.Errorf("%d qubits, %v years: edge %v is exceeded with probability %v; the loss is %v", qubits, x.ReturnPeriod, p.Edges[x.Bin], chance, x.Loss)
			}
			if tvar := p.Edges[x.Bin] + excess/chance; !near(tvar, x.TVaR, 1e-12) {
				t.Errorf("%d qubits, %v years: tail value %v, of the losses %v", qubits, x.ReturnPeriod, tvar, x.TVaR)
			}
			if layer := p.Layer(x.Loss, x.Limit).Exact(); !near(layer, x.LayerLoss, 1e-12) {
				t.Errorf("%d qubits, %v years: layer %v, of the losses %v", qubits, x.ReturnPeriod, layer, x.LayerLoss)
			}
		}
	}
}

// TestBinsAreFinerInTheTail: a bin of the tail has far less probability than one of the body, and all bins are used.
func TestBinsAreFinerInTheTail(t *testing.T) {
	p := newProblem(t, heavy(10_000), 8, periods...)
	if p.Probabilities[255] == 0 || p.Probabilities[254] > 5e-4 || p.Probabilities[0] < 0.55 || p.Edges[0] != 0 || p.Losses[0] != 0 {
		t.Errorf("bins: first %v (loss %v), last %v", p.Probabilities[0], p.Losses[0], p.Probabilities[254:])
	}
	if body := slices.Max(p.Probabilities[1:]); body > 0.006 || body < 0.002 {
		t.Errorf("the largest bin with losses has probability %v; 0.4 is spread over about 130 of equal probability", body)
	}
}

// TestProblemProperties over small random losses with many ties.
func TestProblemProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		years := rapid.IntRange(1, 200).Draw(t, "years")
		samples := rapid.IntRange(0, 3).Draw(t, "samples")
		amounts := rapid.SliceOfN(rapid.IntRange(1, rapid.SampledFrom([]int{1, 4, 1000}).Draw(t, "amounts")), 1, years*max(samples, 1)).Draw(t, "losses")
		l := quantum.Losses{Name: "some", Years: years, Samples: samples}
		sum := 0.0
		for _, x := range amounts {
			l.Positive = append(l.Positive, float64(x)*1.1)
			sum += float64(x) * 1.1
		}
		qubits := rapid.IntRange(2, 9).Draw(t, "qubits")
		p, err := quantum.NewProblem(l, qubits, []float64{2, 30})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		n := float64(years * max(samples, 1))
		if mean := p.Layer(0, 2000).Exact(); !near(mean, sum/n, 1e-12) {
			t.Fatalf("mean %v, of the losses %v", mean, sum/n)
		}
		for i, edge := range p.Edges {
			// An edge parts no equal losses: what reaches it is counted by its bin and those above.
			reaching := 0.0
			for _, x := range l.Positive {
				if x >= edge && edge > 0 {
					reaching++
				}
			}
			if edge > 0 && p.Probabilities[i] > 0 && !near(p.Exceedance(i).Exact(), reaching/n, 1e-12) {
				t.Fatalf("bin %d, edge %v: exceeded with probability %v, by %v losses of %v", i, edge, p.Exceedance(i).Exact(), reaching, n)
			}
			if i > 0 && p.Probabilities[i] > 0 && p.Edges[i] < p.Losses[i-1] {
				t.Fatalf("bin %d begins at %v, below the mean %v of the one before", i, p.Edges[i], p.Losses[i-1])
			}
		}
		if len(p.Periods)+len(p.Omitted) != 2 {
			t.Fatalf("periods %v, omitted %v: 2 were asked about", p.Periods, p.Omitted)
		}
	})
}

func TestOmittedPeriods(t *testing.T) {
	p := newProblem(t, quantum.Losses{Name: "x", Years: 10, Positive: []float64{3, 4}}, 3, 20, 2, 5, 10, 5)
	if len(p.Periods) != 2 || p.Periods[0].ReturnPeriod != 5 || p.Periods[1].ReturnPeriod != 10 {
		t.Errorf("periods %+v, want 5 and 10 years", p.Periods)
	}
	want := []quantum.Omitted{{ReturnPeriod: 2, Reason: "the loss is zero"}, {ReturnPeriod: 20, Reason: "longer than the simulated years"}}
	if !slices.Equal(p.Omitted, want) {
		t.Errorf("omitted %v, want %v", p.Omitted, want)
	}
	// Two of ten years: the 5-year loss is the second largest, the tail value the mean of both; the layer from 3 to 4 is hit once.
	if x := p.Periods[0]; x.Loss != 3 || x.TVaR != 3.5 || x.Exceedance != 0.2 || x.Limit != 1 || x.LayerLoss != 0.1 {
		t.Errorf("5 years: %+v", x)
	}
}

// TestExactRanks: a return period of n/k years is the k-th largest loss, whatever the quotients' rounding.
func TestExactRanks(t *testing.T) {
	for n := 1; n <= 300; n += 7 {
		l := quantum.Losses{Name: "x", Years: n}
		for i := range n {
			l.Positive = append(l.Positive, float64(n-i))
		}
		for k := 1; k <= n; k++ {
			p := newProblem(t, l, 4, float64(n)/float64(k))
			if x := p.Periods[0]; x.Loss != float64(n-k+1) || x.Exceedance != float64(k)/float64(n) || p.Edges[x.Bin] != x.Loss {
				t.Fatalf("%d years, rank %d: %+v, edge %v", n, k, x, p.Edges[x.Bin])
			}
		}
	}
}

func TestProblemRefuses(t *testing.T) {
	ok := quantum.Losses{Name: "gross_oep", Years: 4, Positive: []float64{1, 2}}
	for says, c := range map[string]struct {
		l       quantum.Losses
		qubits  int
		periods []float64
	}{
		"gross_oep: 3 losses of 2 years":        {quantum.Losses{Name: "gross_oep", Years: 2, Positive: []float64{1, 2, 3}}, 4, nil},
		"gross_oep, loss 1: -2":                 {quantum.Losses{Name: "gross_oep", Years: 2, Positive: []float64{1, -2}}, 4, nil},
		"loss 0: NaN":                           {quantum.Losses{Years: 2, Positive: []float64{math.NaN()}}, 4, nil},
		"loss 0: +Inf":                          {quantum.Losses{Years: 2, Positive: []float64{math.Inf(1)}}, 4, nil},
		"0 qubits: give 1 to 12":                {ok, 0, nil},
		"13 qubits":                             {ok, 13, nil},
		"return period 0.5":                     {ok, 3, []float64{0.5}},
		"return period NaN":                     {ok, 3, []float64{math.NaN()}},
		"2 return periods in 2 bins":            {ok, 1, []float64{2, 4}},
		"0 losses of 0 years":                   {quantum.Losses{}, 3, nil},
		"some: no simulated year has a loss":    {quantum.Losses{Name: "some", Years: 3}, 3, nil},
		"2 losses of -1 years with 0 samples: ": {quantum.Losses{Years: -1, Positive: []float64{1, 2}}, 3, nil},
	} {
		if _, err := quantum.NewProblem(c.l, c.qubits, c.periods); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if _, err := quantum.NewProblem(quantum.Losses{Years: 3}, 3, nil); !errors.Is(err, quantum.ErrNoLoss) {
		t.Errorf("%v, want ErrNoLoss", err)
	}
}

func TestCheckRefuses(t *testing.T) {
	for says, spoil := range map[string]func(p *quantum.Problem){
		"99 qubits":               func(p *quantum.Problem) { p.Qubits = 99 },
		"for 32 bins":             func(p *quantum.Problem) { p.Qubits = 5 },
		"sum to":                  func(p *quantum.Problem) { p.Probabilities[0] += 0.1 },
		"bin 2: edge":             func(p *quantum.Problem) { p.Edges[3] = p.Edges[2] - 1 },
		"bin 15: edge":            func(p *quantum.Problem) { p.Losses[15] = math.Inf(1) },
		"bin 0: edge":             func(p *quantum.Problem) { p.Losses[0] = -1 },
		"bin 5: edge":             func(p *quantum.Problem) { p.Losses[5] = p.Edges[6] + 1; p.Losses[6] = p.Losses[5] },
		"bin 4: edge":             func(p *quantum.Problem) { p.Losses[4] = (p.Losses[3] + p.Edges[4]) / 2 },
		"period 0: return period": func(p *quantum.Problem) { p.Periods[0].Bin = 16 },
		"period 1: return period": func(p *quantum.Problem) { p.Periods[1].Limit = -1 },
	} {
		p := newProblem(t, heavy(1000), 4, 5, 10)
		spoil(p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

package quantum

import (
	"math"
	"testing"

	"github.com/qrsrisk/qrsd/internal/rng"
)

// someBins have very different probabilities, none among them.
var someBins = []float64{0.6, 0, 0.25, 0.1, 0.04, 0.009, 0.0009, 0.0001}

// TestAliasDraws: bins come with their probabilities, by Pearson's chi-square.
func TestAliasDraws(t *testing.T) {
	const n = 1_000_000
	d := newAlias(someBins).draw(rng.New(3), n)
	chi := 0.0
	for i, p := range someBins {
		if p == 0 && d.counts[i] != 0 {
			t.Errorf("bin %d has probability 0 and %d draws", i, d.counts[i])
		}
		if p > 0 {
			miss := float64(d.counts[i]) - n*p
			chi += miss * miss / (n * p)
		}
	}
	if chi > 22.5 { // 0.1 % with 6 degrees of freedom
		t.Errorf("chi-square %v of counts %v", chi, d.counts)
	}
}

// TestStratifiedDraws: no count of a bin and those above is a whole draw from what is expected.
func TestStratifiedDraws(t *testing.T) {
	for _, n := range []int{1, 7, 1000, 12_345} {
		d := stratify(someBins, rng.New(3), n)
		chance := 1.0
		for i, p := range someBins {
			if k := d.reaching(i); math.Abs(float64(k)-float64(n)*chance) >= 1+1e-9 {
				t.Errorf("%d draws: %d from bin %d on, expected %v", n, k, i, float64(n)*chance)
			}
			chance -= p
		}
		if d.reaching(0) != n {
			t.Errorf("%d draws, want %d", d.reaching(0), n)
		}
	}
}

// TestDrawsAlike: a sample whose draws are all alike does not claim to know its mean exactly.
func TestDrawsAlike(t *testing.T) {
	p := &Problem{Qubits: 1, Probabilities: []float64{0.999, 0.001}, Losses: []float64{0, 5}, Edges: []float64{0, 5}}
	d := draws{counts: []int{100, 0}, n: 100}
	s := d.mean(p.Layer(0, 5), 0.05)
	if *s.Value != 0 || *s.Low != 0 || math.Abs(*s.High/5-0.0362) > 1e-3 || s.Method != ClopperPearson {
		t.Errorf("mean %v, %v to %v by %s", *s.Value, *s.Low, *s.High, s.Method)
	}
	if tail := d.tail(p, Period{ReturnPeriod: 1000, Bin: 1}, 0.05); tail.Value != nil || tail.Low != nil || tail.Draws != 100 {
		t.Errorf("a tail without a draw: %+v", tail)
	}
}

// TestTailDraws against the mean and standard error of the draws' excess over the edge.
func TestTailDraws(t *testing.T) {
	p := &Problem{Qubits: 2, Probabilities: []float64{0.25, 0.25, 0.25, 0.25}, Losses: []float64{0, 10, 30, 70}, Edges: []float64{0, 8, 20, 60}}
	d := draws{counts: []int{40, 30, 20, 10}, n: 100}
	s := d.tail(p, Period{ReturnPeriod: 2, Bin: 1}, 0.05)
	mean := (30*2 + 20*22 + 10*62) / 100.0
	variance := (40*mean*mean + 30*(2-mean)*(2-mean) + 20*(22-mean)*(22-mean) + 10*(62-mean)*(62-mean)) / 99
	half := 1.959963984540054 * math.Sqrt(variance/100)
	if math.Abs(*s.Value-(8+2*mean)) > 1e-9 || math.Abs(*s.Low-(8+2*(mean-half))) > 1e-9 || math.Abs(*s.High-(8+2*(mean+half))) > 1e-9 {
		t.Errorf("tail %v, %v to %v; want %v ± %v", *s.Value, *s.Low, *s.High, 8+2*mean, 2*half)
	}
}

func BenchmarkDraw(b *testing.B) {
	a := newAlias(someBins)
	for b.Loop() {
		a.draw(rng.New(3), 1_000_000)
	}
	b.ReportMetric(1e6*float64(b.N)/b.Elapsed().Seconds(), "draws/s")
}

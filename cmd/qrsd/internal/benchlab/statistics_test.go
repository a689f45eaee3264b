package benchlab

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

func near(t *testing.T, what string, got, want, relative float64) {
	t.Helper()
	if !(math.Abs(got-want) <= relative*math.Abs(want)) {
		t.Errorf("%s: %.12g, want %.12g", what, got, want)
	}
}

// TestDistributions holds the quantiles and probabilities to gonum's.
func TestDistributions(t *testing.T) {
	for _, nu := range []float64{1, 2, 5, 29, 200} {
		student, chi := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: nu}, distuv.ChiSquared{K: nu}
		for _, p := range []float64{0.005, 0.025, 0.3, 0.5, 0.9, 0.975, 0.9999} {
			if p != 0.5 {
				near(t, "student", studentQuantile(p, nu), student.Quantile(p), 1e-7)
			} else if q := studentQuantile(p, nu); q != 0 {
				t.Errorf("median of Student's t: %g", q)
			}
			near(t, "chi-square quantile", chiSquareQuantile(p, nu), chi.Quantile(p), 1e-7)
		}
		for _, x := range []float64{1e-3, 0.5, 3, 20, 45, 400} {
			below, above := chiSquareCDF(x, nu)
			near(t, "chi-square below", below, mathext.GammaIncReg(nu/2, x/2), 1e-10)
			if want := mathext.GammaIncRegComp(nu/2, x/2); want > 1e-100 {
				near(t, "chi-square above", above, want, 1e-9)
			}
		}
	}
	if below, above := chiSquareCDF(0, 29); below != 0 || above != 1 {
		t.Errorf("chi-square at 0: %g and %g", below, above)
	}
}

// TestProtocolNumbers: the factors that the protocol states for 30 replicates.
func TestProtocolNumbers(t *testing.T) {
	near(t, "t(29, .975)", studentQuantile(0.975, 29), 2.045, 2e-4)
	var values []float64
	for i := range K {
		values = append(values, float64(i*i))
	}
	i := newInterval(values, 0.05)
	near(t, "half-width", (i.High-i.Low)/2/i.SD, 0.373, 2e-3)
	near(t, "least sd", i.SDLow/i.SD, 0.796, 1e-3)
	near(t, "most sd", i.SDHigh/i.SD, 1.344, 1e-3)
	near(t, "mean", i.Mean, stat.Mean(values, nil), 1e-14)
	near(t, "sd", i.SD, stat.StdDev(values, nil), 1e-14)
	near(t, "pooled", i.Share, i.SD/math.Sqrt(K)/i.Mean, 1e-14)
	binomial := distuv.Binomial{N: K, P: 0.95}
	if least := float64(protocolLimits().CoverageLeast); binomial.CDF(least-1) > 0.025 || binomial.CDF(least) < 0.025 {
		t.Errorf("coverage: P(X < %g) = %g, P(X <= %g) = %g", least, binomial.CDF(least-1), least, binomial.CDF(least))
	}
}

// TestDispersion: the chi-square of counts, too wide and too narrow alike.
func TestDispersion(t *testing.T) {
	counts := []int{12, 9, 14, 7, 11, 10}
	chi2, p := dispersion(counts)
	near(t, "chi-square", chi2, (1.5*1.5+1.5*1.5+3.5*3.5+3.5*3.5+.5*.5+.5*.5)/10.5, 1e-12)
	near(t, "p", p, 2*distuv.ChiSquared{K: 5}.CDF(chi2), 1e-9)
	if _, p := dispersion([]int{5, 5, 5, 5}); p != 0 {
		t.Errorf("counts that agree exactly: p = %g", p)
	}
	if _, p := dispersion([]int{1, 20, 1, 20}); p > 1e-6 {
		t.Errorf("counts far apart: p = %g", p)
	}
	if _, p := dispersion([]int{0, 0, 0}); p != 0 {
		t.Errorf("no counts: p = %g", p)
	}
}

// TestKolmogorov: critical values of the asymptotic distribution (Smirnov 1948), and the distance to gonum's.
func TestKolmogorov(t *testing.T) {
	for x, want := range map[float64]float64{1.2239: 0.10, 1.3581: 0.05, 1.6276: 0.01} {
		near(t, "critical value", kolmogorov(x/1000, 1_000_000), want, 2e-3)
	}
	if p := kolmogorov(0, 60); p != 1 {
		t.Errorf("distance 0: p = %g", p)
	}
	record, model := []float64{1, 2, 2, 5, 9}, []float64{0.5, 1, 1.5, 2, 3, 4, 5, 5, 8, 10}
	near(t, "distance", distance(against("", record, model)), stat.KolmogorovSmirnov(record, nil, model, nil), 1e-12)
	low := []float64{-9, -8, -7, -6, 0.5, 20} // now the catalogue lies before the record
	near(t, "distance before", distance(against("", record, low)), stat.KolmogorovSmirnov(record, nil, low, nil), 1e-12)
	// Catalogues pooled by their counts are the catalogue of all values.
	more := []float64{0, 2, 2, 7}
	pooled := pool([]Quantity{against("", record, model), against("", record, more)})
	all := append(slices.Clone(model), more...)
	slices.Sort(all)
	near(t, "pooled distance", distance(pooled), distance(against("", record, all)), 1e-15)
}

// TestHolm: the worked example of Holm's procedure, in whatever order.
func TestHolm(t *testing.T) {
	got := holm([]float64{0.04, 0.01, 0.03, 0.005})
	for i, want := range []float64{0.06, 0.03, 0.06, 0.02} {
		near(t, "adjusted p", got[i], want, 1e-12)
	}
	if got := holm([]float64{0.6, 0.7}); got[0] != 1 || got[1] != 1 {
		t.Errorf("adjusted p above 1: %g", got)
	}
}

func TestSlope(t *testing.T) {
	x, y := []float64{0, 1, 2, 5, 7}, []float64{1, 0.6, -0.1, -1.4, -2.7}
	_, want := stat.LinearRegression(x, y, nil, false)
	near(t, "slope", slope(x, y), want, 1e-12)
}

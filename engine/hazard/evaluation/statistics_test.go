package evaluation

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %.8g, want %.8g", what, got, want)
	}
}

// Published exact limits of a Poisson mean (Garwood 1936; tables in Johnson, Kotz and Kemp).
func TestPoissonIntervalIsGarwoods(t *testing.T) {
	for _, c := range []struct {
		n         int
		low, high float64
	}{{0, 0, 3.689}, {1, 0.0253, 5.572}, {3, 0.6187, 8.767}, {5, 1.623, 11.668}, {10, 4.795, 18.390}, {31, 21.063, 44.002}, {75, 58.992, 94.013}, {100, 81.364, 121.627}} {
		low, high := Interval(c.n)
		near(t, "lower limit", low, c.low, 6e-4)
		near(t, "upper limit", high, c.high, 6e-4)
		if c.n > 0 {
			near(t, "chance of n or more at the lower limit", 1-poissonCDF(c.n-1, low), 0.025, 1e-9)
		}
		near(t, "chance of n or fewer at the upper limit", poissonCDF(c.n, high), 0.025, 1e-9)
	}
}

func TestPoissonCDF(t *testing.T) {
	near(t, "P(0 | 2)", poissonCDF(0, 2), math.Exp(-2), 1e-15)
	near(t, "P(<=3 | 2)", poissonCDF(3, 2), math.Exp(-2)*(1+2+2+8.0/6), 1e-15)
	near(t, "P(<=40 | 2)", poissonCDF(40, 2), 1, 1e-12)
}

// Critical values of the Kolmogorov distribution: 1.2238, 1.3581, 1.6276 at 10, 5, 1 %.
func TestKolmogorovHasItsCriticalValues(t *testing.T) {
	for _, n := range []int{20, 75, 100000} {
		root := math.Sqrt(float64(n))
		for _, c := range []struct{ x, p float64 }{{0.8276, 0.5}, {1.2238, 0.10}, {1.3581, 0.05}, {1.6276, 0.01}} {
			near(t, "p", kolmogorov(c.x/(root+0.12+0.11/root), n), c.p, 1e-3)
		}
	}
	near(t, "p of no distance", kolmogorov(0, 50), 1, 0)
	near(t, "p of the largest distance", kolmogorov(1, 75), 0, 1e-12)
	if !math.IsNaN(kolmogorov(0.1, 0)) {
		t.Error("a p without data")
	}
	last := 1.0
	for d := 0.0; d <= 1; d += 0.01 {
		p := kolmogorov(d, 75)
		if p > last+1e-9 {
			t.Errorf("p rises from %g to %g at %g", last, p, d)
		}
		last = p
	}
}

func TestCompareEqualAndDifferentSamples(t *testing.T) {
	var sample []float64
	for i := range 200 {
		sample = append(sample, float64((i*73)%200))
	}
	d := compare("x", "1", append([]float64(nil), sample...), append([]float64(nil), sample...))
	near(t, "distance of equal samples", d.Distance, 0, 1e-12)
	near(t, "p of equal samples", d.P, 1, 0)
	near(t, "median", d.Record[2], 99.5, 1e-12)
	near(t, "5 % quantile", d.Model[0], 9.95, 1e-12)
	if d.N != 200 || d.Name != "x" {
		t.Errorf("%+v", d)
	}
	// All of the record above, or below, all of the model.
	near(t, "distance of separate samples", compare("x", "1", []float64{10, 11}, []float64{1, 2, 3}).Distance, 1, 0)
	near(t, "distance of separate samples", compare("x", "1", []float64{1, 2}, []float64{10, 11, 12}).Distance, 1, 0)
	// The record's steps at 1 and 3 against the model's at 2 and 4: half.
	near(t, "distance of interleaved samples", compare("x", "1", []float64{1, 3}, []float64{2, 4}).Distance, 0.5, 0)
	// Ties in both.
	near(t, "distance of ties", compare("x", "1", []float64{5, 5}, []float64{5, 5, 5}).Distance, 0.5, 0.5)
	if empty := compare("x", "1", nil, []float64{1}); !math.IsNaN(empty.Record[0]) || empty.N != 0 {
		t.Errorf("no record: %+v", empty)
	}
}

// The annual maxima 1 to 1,000 of 2,000 years: the level of T years is exceeded in 2,000/T of them.
func TestReturnLevelsOfAKnownSample(t *testing.T) {
	var maxima []float64
	for i := 1; i <= 1000; i++ {
		maxima = append(maxima, float64(i)*mph)
	}
	levels := gustLevels("Tampa", maxima, 2000)
	if len(levels) != 5 {
		t.Fatalf("levels %+v", levels)
	}
	for i, c := range []struct{ period, want float64 }{{10, 801}, {50, 961}, {100, 981}, {700, 1001 - 2000.0/700}, {1700, 1001 - 2000.0/1700}} {
		g := levels[i]
		if g.Period != c.period || !(g.Low <= g.Gust && g.Gust <= g.High) {
			t.Errorf("level %+v", g)
		}
		near(t, "level", g.Gust, min(c.want, 1000), 1e-9)
	}
	// 200 exceedances: 90 % of the counts lie within 200 ± 1.645·√(200·0.9).
	near(t, "lower limit at 10 years", levels[0].Low, 801-1.645*math.Sqrt(180), 1e-9)
	near(t, "upper limit at 10 years", levels[0].High, 801+1.645*math.Sqrt(180), 1e-9)
	if levels[0].Target != 0 || levels[3].Target != 140 || levels[4].Target != 150 || levels[3].Within || levels[3].Tolerance != 0.12 {
		t.Errorf("targets %+v", levels[3:])
	}
	if got := gustLevels("Miami", maxima, 200); len(got) != 3 {
		t.Errorf("200 years give %d levels, want those of 10, 50 and 100 years", len(got))
	}
	if got := gustLevels("Miami", maxima[:3], 2000)[0]; got.Gust != 0 || got.Low != 0 {
		t.Errorf("3 years with wind in 2,000: 10-year level %+v, want 0", got)
	}
}

func TestGustTargetsByTolerance(t *testing.T) {
	for _, c := range []struct {
		city   string
		gust   float64
		within bool
	}{{"Miami", 185, true}, {"Miami", 187, false}, {"Miami", 153, true}, {"Miami", 151, false}, {"Tampa", 156, true}, {"Tampa", 158, false}} {
		maxima := []float64{c.gust * mph, c.gust * mph, c.gust * mph}
		if g := gustLevels(c.city, maxima, 1500)[3]; g.Period != 700 || g.Within != c.within {
			t.Errorf("%s at %g mph: %+v", c.city, c.gust, g)
		}
	}
}

func TestQuantileInterpolates(t *testing.T) {
	for _, c := range []struct{ p, want float64 }{{0, 1}, {0.25, 2}, {0.5, 3}, {0.9, 4.6}, {1, 5}} {
		near(t, "quantile", quantile([]float64{1, 2, 3, 4, 5}, c.p), c.want, 1e-12)
	}
}

func TestCityRateBesideTheRecord(t *testing.T) {
	c := newCityRate("Miami", false, 28, 126, 2200, 10000)
	if !c.Within || c.RecordPeriod != 4.5 {
		t.Errorf("%+v", c)
	}
	near(t, "model period", c.ModelPeriod, 10000.0/2200, 1e-12)
	if c := newCityRate("Miami", true, 0, 126, 400, 10000); c.Within || c.RecordPeriod != 0 {
		t.Errorf("never in the record, 0.04 a year in the model: %+v", c)
	}
	if c := newCityRate("Miami", true, 0, 126, 0, 100); !c.Within || c.ModelPeriod != 0 {
		t.Errorf("never in either: %+v", c)
	}
}

func TestStationsAgreeWithTheWindField(t *testing.T) {
	m := florida(t)
	storms, err := hazard.ReadScenarios(os.DirFS("../../modelpack/florida"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := CompareStations(storms, m.climate, m.ground, windfield.Standard())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Gusts) < 20 || r.Mean < 0.90 || r.Mean > 1.10 || r.SD > 0.20 {
		t.Errorf("%d stations: geometric mean %.3f, want 0.90-1.10; sd %.3f, want at most 0.20", len(r.Gusts), r.Mean, r.SD)
	}
	sum, squares := 0.0, 0.0
	for _, g := range r.Gusts {
		near(t, "ratio", g.Ratio, g.Model/g.At10m, 1e-12)
		if g.Height == 10 && g.At10m != g.Measured || g.Height > 10 && g.At10m >= g.Measured {
			t.Errorf("%s at %g m: %g kt measured, %g at 10 m", g.Place, g.Height, g.Measured, g.At10m)
		}
		sum += math.Log(g.Ratio)
		squares += math.Log(g.Ratio) * math.Log(g.Ratio)
	}
	n := float64(len(r.Gusts))
	near(t, "geometric mean", r.Mean, math.Exp(sum/n), 1e-9)
	near(t, "standard deviation", r.SD, math.Sqrt(squares/n-sum*sum/n/n), 1e-9)
	// A wind field half as strong is seen.
	weak := windfield.Standard()
	weak.Inner, weak.Outer = 0.355, 0.375
	if half, err := CompareStations(storms, m.climate, m.ground, weak); err != nil || half.Mean > 0.6*r.Mean {
		t.Errorf("half the wind: %+v, %v", half, err)
	}
	if _, err := CompareStations([]besttrack.Storm{}, m.climate, m.ground, windfield.Standard()); err == nil || !strings.Contains(err.Error(), "AL041992") {
		t.Errorf("no storms: error %v", err)
	}
}

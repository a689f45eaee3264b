package benchlab

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/evaluation"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

var openFlorida = sync.OnceValues(func() (*modelpack.Model, error) { return modelpack.Florida(vulnerability.Options{}) })

// florida is the embedded model, opened once for all tests.
func florida(t testing.TB) *modelpack.Model {
	t.Helper()
	m, err := openFlorida()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func portfolioOf(t testing.TB, v Variant) *exposure.Portfolio {
	t.Helper()
	p, err := ReferencePortfolio(florida(t).Ground, v)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// trial is a plan of few years.
func trial(t testing.TB, years int) *Plan {
	t.Helper()
	p, err := NewPlan(florida(t), PlanOptions{Profile: Trial, Years: years, MasterSeed: 7})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestReferencePortfolio: every ZIP code with every archetype; both variants are worth the same, and in the second counties
// are worth what their people are.
func TestReferencePortfolio(t *testing.T) {
	ground := florida(t).Ground
	total := map[Variant]float64{}
	for _, v := range Variants() {
		p := portfolioOf(t, v)
		if want := len(ground.ZIPs()) * len(Archetypes()); len(p.Locations) != want || len(p.Accounts) != want {
			t.Fatalf("%s: %d locations in %d accounts, want %d", v, len(p.Locations), len(p.Accounts), want)
		}
		counties, people := map[string]float64{}, 0.0
		for i := range p.Locations {
			l := &p.Locations[i]
			if !l.CoversWind || l.Terms != nil {
				t.Fatalf("%s: %+v: want wind and no terms", v, l)
			}
			tiv := l.TIV[0] + l.TIV[1] + l.TIV[2] + l.TIV[3]
			total[v] += tiv
			counties[l.CountyFIPS] += tiv
		}
		if len(counties) != 67 {
			t.Errorf("%s: houses in %d counties, want 67", v, len(counties))
		}
		for _, c := range ground.Counties() {
			people += float64(c.Population)
		}
		if v == Population {
			for _, c := range ground.Counties() {
				near(t, "value of "+c.Name, counties[c.FIPS]/total[v], float64(c.Population)/people, 1e-9)
			}
		}
	}
	near(t, "value of all houses", total[Population], total[Equal], 1e-9)
	near(t, "value of all houses", total[Equal], 180_000*float64(len(ground.ZIPs())*len(Archetypes())), 1e-12)
}

// TestFileIsThePortfolio: what WriteOED writes reads back as the portfolio of the plan, also from rows in another order.
func TestFileIsThePortfolio(t *testing.T) {
	ground := florida(t).Ground
	plan := trial(t, 50)
	for _, v := range Variants() {
		var file bytes.Buffer
		if err := WriteOED(&file, ground, v); err != nil {
			t.Fatal(err)
		}
		p, report, err := exposure.Read(exposure.CSV("file", strings.NewReader(file.String())), nil, exposure.Options{Geocoder: geography.Geocoder{Florida: ground}})
		if err != nil {
			t.Fatalf("%v: %+v", err, report)
		}
		if got := hexDigest(p.Digest()); got != plan.Exposure[v] {
			t.Errorf("%s: file has digest %s, the plan %s", v, got, plan.Exposure[v])
		}
	}
	if plan.Exposure[Equal] == plan.Exposure[Population] {
		t.Error("both variants have one digest")
	}
	order := permutation(7, len(portfolioOf(t, Equal).Locations))
	if sorted := slices.Sorted(slices.Values(order)); sorted[0] != 0 || sorted[len(sorted)-1] != len(sorted)-1 || !distinct(order) || slices.IsSorted(order) {
		t.Error("the order is no permutation, or the one there was")
	}
}

// TestFigures: the population-weighted figures, made of the counties' losses, are those of a run over the
// population-weighted portfolio; classes and counties add up to the state; batches are means of years.
func TestFigures(t *testing.T) {
	m, plan := florida(t), trial(t, 120)
	equal, people := portfolioOf(t, Equal), portfolioOf(t, Population)
	run := func(p *exposure.Portfolio) *engine.Result {
		r, err := engine.Run(t.Context(), m, p, plan.Spec(0), engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	weights := countyWeights(m.Ground, Population)
	result := run(equal)
	got, err := figuresOf(result, equal, weights, plan)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range result.Report.Summaries[0].Perspectives[loss.GroundUp].Curve(metrics.OEP, metrics.Full).Points {
		if p.Available && !p.LossBand.Unbounded { // the band is one of 90 %
			near(t, "error of the band", got[Equal].OEP[i].BandError, (p.LossBand.High-p.LossBand.Low)/2/1.6448536269514722, 1e-9)
		}
	}
	one := map[string]float64{}
	for fips := range weights {
		one[fips] = 1
	}
	want, err := figuresOf(run(people), people, one, plan)
	if err != nil {
		t.Fatal(err)
	}
	sameFigures(t, got[Population], want[Equal])
	if a, b := got[Population].AAL, got[Equal].AAL; math.Abs(a/b-1) < 1e-3 {
		t.Errorf("both variants have the average annual loss %g", a)
	}
	for _, v := range Variants() {
		f := got[v]
		for what, parts := range map[string][]Part{"counties": f.Counties, "classes": f.Classes} {
			sum, value := 0.0, 0.0
			for _, p := range parts {
				sum, value = sum+p.AAL, value+p.TIV
			}
			near(t, string(v)+", loss of "+what, sum, f.AAL, 1e-9)
			near(t, string(v)+", value of "+what, value, 180_000*float64(len(equal.Locations)), 1e-9)
		}
		for _, b := range f.Batches {
			if want := plan.Years / b.Years; len(b.Means) != want {
				t.Errorf("%d batches of %d years, want %d", len(b.Means), b.Years, want)
			}
		}
		near(t, "the batch of all years", f.Batches[len(f.Batches)-1].Means[0], f.AAL, 1e-9)
		near(t, "batches of one length", mean(f.Batches[0].Means), f.AAL, 1e-9)
		if p := at(f.OEP, 100); p == nil || p.Loss <= 0 || at(f.OEP, 200) != nil {
			t.Errorf("OEP of 120 years: %+v", f.OEP)
		}
	}
}

func sameFigures(t *testing.T, got, want *LossFigures) {
	t.Helper()
	const relative = 1e-9
	near(t, "AAL", got.AAL, want.AAL, relative)
	near(t, "its error", got.AALError, want.AALError, relative)
	near(t, "SD", got.SD, want.SD, relative)
	for i := range want.OEP {
		near(t, "OEP", got.OEP[i].Loss, want.OEP[i].Loss, relative)
		near(t, "OEP band", got.OEP[i].BandError, want.OEP[i].BandError, relative)
		near(t, "AEP", got.AEP[i].Loss, want.AEP[i].Loss, relative)
		near(t, "TVaR", got.AEP[i].TVaR, want.AEP[i].TVaR, relative)
	}
	for i := range want.Counties {
		near(t, got.Counties[i].Name, got.Counties[i].AAL, want.Counties[i].AAL, relative)
	}
	for i := range want.Classes {
		near(t, got.Classes[i].Name, got.Classes[i].AAL, want.Classes[i].AAL, relative)
	}
	for i := range want.Batches {
		for k := range want.Batches[i].Means {
			near(t, "batch", got.Batches[i].Means[k], want.Batches[i].Means[k], relative)
		}
	}
}

// TestTableDigests: the tables are those of the run, and the plan's spec is one that `qrsd run` takes.
func TestTableDigests(t *testing.T) {
	m, plan := florida(t), trial(t, 50)
	r, err := engine.Run(t.Context(), m, portfolioOf(t, Equal), plan.Spec(1), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := TableDigests(r)
	if len(d) != 1+8*int(loss.NumPerspectives) || d["gu_selt"] == "" {
		t.Errorf("digests of %d tables", len(d))
	}
}

// TestCatalogueCounts holds the counts to the evaluation of the same catalogue, whatever the number of workers.
func TestCatalogueCounts(t *testing.T) {
	const years, seed = 600, 5
	m := florida(t)
	report, err := evaluation.Run(t.Context(), hazard.NewCatalog(m.Climate, m.Ground, seed), m.Record, m.Ground,
		evaluation.Options{Years: years, Workers: 2, Field: windfield.Standard()})
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{1, 3} {
		var done sync.Map
		falls, gusts, err := countCatalogue(t.Context(), m, seed, years, workers, []float64{10, 50, 100, 700}, func(n int) { done.Store(n, true) })
		if err != nil {
			t.Fatal(err)
		}
		for i, rate := range report.Rates {
			c := falls.Coasts[i/2]
			hits := c.All
			if rate.Major {
				hits = c.Major
			}
			if c.Region != rate.Region || float64(hits)/years != rate.ModelRate {
				t.Errorf("%s major %v: %d in %d years, the evaluation has %g", c.Region, rate.Major, hits, years, rate.ModelRate)
			}
			near(t, "interval", newCoastRate(c.Region, rate.Major, rate.Recorded, report.RecordYears, hits, years).High, rate.High, 1e-12)
		}
		for i, n := range report.AnnualCounts {
			if float64(falls.Annual[i])/years != n.Model {
				t.Errorf("%d landfalls in %d years, the evaluation has %g", i, falls.Annual[i], n.Model)
			}
		}
		for i, k := range []int{0, 2} { // pressure and speed; the evaluation has no heading
			near(t, "distance", distance(falls.Quantities[i]), report.Distributions[k].Distance, 1e-12)
			near(t, "p", kolmogorov(distance(falls.Quantities[i]), len(falls.Quantities[i].Below)), report.Distributions[k].P, 1e-12)
		}
		levels := map[[2]any]float64{}
		for _, g := range report.Gusts {
			levels[[2]any{g.City, g.Period}] = g.Gust
		}
		for _, g := range gusts {
			if len(g.Gust) != 3 {
				t.Fatalf("%s: gusts %v, want those of 10, 50 and 100 years", g.City, g.Gust)
			}
			for i, period := range []float64{10, 50, 100} {
				near(t, g.City, g.Gust[i]/0.44704, levels[[2]any{g.City, period}], 1e-12)
			}
		}
	}
}

func TestFromNorth(t *testing.T) {
	for heading, want := range map[float64]float64{0: 0, 90: 90, 180: 180, 181: -179, 359: -1} {
		if got := fromNorth(heading); got != want {
			t.Errorf("%g: %g, want %g", heading, got, want)
		}
	}
}

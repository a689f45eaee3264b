package evaluation

import (
	"context"
	"errors"
	"math"
	"os"
	"reflect"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
)

type model struct {
	climate *hazard.Climatology
	record  *hazard.Record
	ground  *geography.Florida
	err     error
}

var openModel = sync.OnceValue(func() (m model) {
	pack := os.DirFS("../../modelpack/florida")
	if m.climate, m.err = hazard.ReadClimatology(pack); m.err != nil {
		return m
	}
	if m.record, m.err = hazard.ReadRecord(pack); m.err != nil {
		return m
	}
	m.ground, m.err = geography.Open(pack)
	return m
})

func florida(t *testing.T) model {
	t.Helper()
	m := openModel()
	if m.err != nil {
		t.Fatal(m.err)
	}
	return m
}

func (m model) catalog(seed uint64) *hazard.Catalog {
	return hazard.NewCatalog(m.climate, m.ground, seed)
}

func TestReportDoesNotDependOnWorkers(t *testing.T) {
	m := florida(t)
	var reports []*Report
	for _, workers := range []int{0, 1, 3, 8} {
		last := 0
		r, err := Run(t.Context(), m.catalog(5), m.record, m.ground, Options{Years: 610, Workers: workers, Field: windfield.Standard(),
			Progress: func(years int) {
				if years <= last {
					t.Errorf("progress goes from %d to %d", last, years)
				}
				last = years
			}})
		if err != nil {
			t.Fatal(err)
		}
		if last != 610 {
			t.Errorf("progress ends at %d of 610 years", last)
		}
		reports = append(reports, r)
	}
	shares := 0.0
	for _, c := range reports[0].AnnualCounts {
		shares += c.Model
	}
	if math.Abs(shares-1) > 1e-12 {
		t.Errorf("shares of the years add up to %g", shares)
	}
	for _, r := range reports[1:] {
		if !reflect.DeepEqual(r, reports[0]) {
			t.Fatal("reports differ with the number of workers")
		}
	}
}

func TestRunStopsWithItsContext(t *testing.T) {
	m := florida(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, m.catalog(1), m.record, m.ground, Options{Years: 1000, Field: windfield.Standard()}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

// The checks of a release in small: rates in the record's interval on every coast, gusts near the design speeds.
func TestTwentyThousandYearsBesideTheRecord(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates 20,000 years")
	}
	m := florida(t)
	r, err := Run(t.Context(), m.catalog(1), m.record, m.ground, Options{Years: 20000, Workers: 2, Field: windfield.Standard()})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rates) != 10 {
		t.Fatalf("%d rates, want four coasts and the state, all and major", len(r.Rates))
	}
	for _, x := range r.Rates {
		if !x.Within || x.ModelRate < x.Low || x.ModelRate > x.High {
			t.Errorf("%s major=%v: %.3f a year, the record has %.3f (%.3f-%.3f)", x.Region, x.Major, x.ModelRate, x.RecordRate, x.Low, x.High)
		}
	}
	checkDesignGusts(t, r.Gusts)
	checkDistributions(t, r)
	outside := 0
	for _, c := range r.Cities {
		if !c.Within {
			outside++
			t.Logf("%s major=%v: return period %.1f, recorded %d in %d years", c.City, c.Major, c.ModelPeriod, c.Recorded, r.RecordYears)
		}
	}
	if len(r.Cities) != 32 || outside > 3 { // at 95 % one or two of 32 lie outside by chance
		t.Errorf("%d of %d city rates outside the record's interval", outside, len(r.Cities))
	}
}

// checkDesignGusts: at 700 years at most two of the six cities of ASCE 7 lie outside their tolerance, and levels
// rise with the return period and lie in their own sampling interval.
func checkDesignGusts(t *testing.T, gusts []GustLevel) {
	t.Helper()
	targets, outside, last := 0, 0, GustLevel{}
	for _, g := range gusts {
		if g.Period == 700 && g.Target > 0 {
			targets++
			if !g.Within {
				outside++
				t.Logf("%s: %.0f mph at 700 years, design speed %.0f", g.City, g.Gust, g.Target)
			}
		}
		if g.City == last.City && g.Gust <= last.Gust || !(g.Low <= g.Gust && g.Gust <= g.High) {
			t.Errorf("gust levels %+v after %+v", g, last)
		}
		last = g
	}
	if targets != 6 || outside > 2 {
		t.Errorf("%d of %d design gusts outside", outside, targets)
	}
}

func checkDistributions(t *testing.T, r *Report) {
	t.Helper()
	for _, d := range r.Distributions {
		if !(d.P > 0.05/3) { // three tests at 5 % together
			t.Errorf("%s: distance %.3f from the record, p %.4f", d.Name, d.Distance, d.P)
		}
	}
	years, mean := 0.0, 0.0
	for _, c := range r.AnnualCounts {
		years += c.Model
		mean += c.Model * float64(c.Landfalls)
	}
	if math.Abs(years-1) > 1e-9 || math.Abs(mean-r.Rates[8].ModelRate) > 1e-9 {
		t.Errorf("shares of years add up to %g, with %g landfalling hurricanes a year; the state's rate is %g", years, mean, r.Rates[8].ModelRate)
	}
	sums := map[string]float64{}
	for _, s := range r.Shares {
		sums[s.Kind] += s.Model
	}
	for kind, sum := range sums {
		if sum < 0.98 || sum > 1+1e-9 {
			t.Errorf("shares by %s add up to %g", kind, sum)
		}
	}
}

func TestAblationMovesGustsTheRightWay(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates 1,700 years nine times")
	}
	m := florida(t)
	all, err := Ablate(t.Context(), m.catalog(2), m.ground, Options{Years: 1700, Workers: 2, Field: windfield.Standard()})
	if err != nil {
		t.Fatal(err)
	}
	signs := map[string]float64{ // 0: either way, as what the right side of a storm gains the left side loses, and a larger storm turns more
		"no asymmetry": 0, "surface wind 0.775 of gradient (FPHLM) in place of 0.71-0.75": 1, "gust factor over land 1.52 in place of 1.55": -1,
		"gust factor at the coast 1.30 (at sea) in place of 1.40": -1, "gust factor at the coast 1.45 (off the sea) in place of 1.40": 1,
		"land to sea 0.80 in place of 0.83": -1, "B 10 % larger": 1, "Rmax 25 % larger": 0,
	}
	if len(all) != len(signs)*len(designSpeeds) {
		t.Errorf("%d rows for %d changes and %d cities", len(all), len(signs), len(designSpeeds))
	}
	for _, a := range all {
		sign, ok := signs[a.Change]
		if !ok || sign*a.Percent700 < 0 || math.Abs(a.Percent700) > 25 {
			t.Errorf("%q moves the 700-year gust at %s by %+.2f %%", a.Change, a.City, a.Percent700)
		}
	}
}

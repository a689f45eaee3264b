package loss_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/terms"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/internal/rng"
)

// This file computes the losses of a year a second time, slowly and location by location, from what the parts promise
// (terms.Program.Apply, the wind at the centre of a cell, the means of a damage function, and the keys of the random
// numbers), and holds the kernel's table against it. Damage at one gust and normal is the kernel's own here:
// its lookup subtracts float32 neighbours, which shows in the ninth figure; TestDamageRatios holds it against
// vulnerability.Function.Building.

// row is one event's sums over one summary.
type row struct {
	footprint           float64
	gu, gross, impacted []float64
}

// expected is what the table of one year must hold.
type expected struct {
	rows     map[string]*row // by event and summary: "129 county 12071"
	zips     map[string][2][]float64
	accounts map[string][2][]float64
	width    int

	siteEvents int64 // pairs of location and event with damaging wind
}

// cellCentre is the centre of the wind cell that holds a place, and the cell's identity.
func cellCentre(lat, lon float64) (clat, clon float64, id uint64) {
	r, c := math.Floor((lat+90)/windfield.CellDegrees), math.Floor((lon+180)/windfield.CellDegrees)
	return (r+0.5)*windfield.CellDegrees - 90, (c+0.5)*windfield.CellDegrees - 180, uint64(r)<<32 | uint64(c)
}

// gustOf is the gust of an event at a location: the wind of its cell, the gust factors of its 200-m square.
func gustOf(m *modelpack.Model, e *hazard.Event, l *exposure.Location) float64 {
	lat, lon, _ := cellCentre(l.Latitude, l.Longitude)
	field := windfield.Standard()
	print := field.NewFootprinter(windfield.NewPlaces([]float64{lat}, []float64{lon})).Of(e)
	square := func(v, origin float64) float64 { return (math.Floor((v+origin)/0.002)+0.5)*0.002 - origin }
	factors := field.GustFactors(m.Ground.Fetch(square(l.Latitude, 90), square(l.Longitude, 180)))
	return float64(print.Mean[0]) * float64(factors[print.From[0]])
}

// functionOf is the damage function of a location without modifiers.
func functionOf(t *testing.T, m *modelpack.Model, l *exposure.Location) *vulnerability.Function {
	t.Helper()
	region := map[geography.CodeRegion]vulnerability.Region{
		geography.Interior: vulnerability.Interior, geography.WindBorneDebris: vulnerability.WBDR, geography.HVHZ: vulnerability.HVHZ,
	}[m.Ground.Region(l.Latitude, l.Longitude, l.CountyFIPS)]
	f, err := m.Curves.Function(vulnerability.AttributesOf(l, region, vulnerability.Terrain(m.Ground.Terrain(l.PostalCode, l.Latitude, l.Longitude))))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// groundUp are one location's losses of the four coverages in one event, [coverage][sample]; nil below the threshold.
func groundUp(t *testing.T, m *modelpack.Model, e *hazard.Event, l *exposure.Location, d loss.Draw) [][]float64 {
	t.Helper()
	gust := gustOf(m, e, l)
	if gust < windfield.Threshold {
		return nil
	}
	f := functionOf(t, m, l)
	out := make([][]float64, exposure.NumTIV)
	add := func(b, o, c, bi float64) {
		for i, ratio := range []float64{b, o, c, bi} {
			out[i] = append(out[i], ratio*l.TIV[i])
		}
	}
	if d.Samples == 0 {
		add(vulnerability.MeanAt(f.Mean, gust), vulnerability.MeanAt(f.Other, gust), vulnerability.MeanAt(f.Contents, gust), vulnerability.MeanAt(f.TimeElement, gust))
		return out
	}
	_, _, cell := cellCentre(l.Latitude, l.Longitude)
	storm := rng.New(d.Seed).Derive(1 << 40).Derive(uint64(e.ID))
	for j := range uint64(d.Samples) {
		z := math.Sqrt(d.Correlation.Event)*storm.Derive(1).Normal(j) +
			math.Sqrt(d.Correlation.Local)*storm.Derive(2).Derive(cell).NormalFast(j) +
			math.Sqrt(math.Max(0, 1-d.Correlation.Event-d.Correlation.Local))*storm.Derive(3).Derive(l.Key).NormalFast(j)
		add(loss.DamageRatios(f, gust, z))
	}
	return out
}

// expect computes the year of the events.
func expect(t *testing.T, p *exposure.Portfolio, events []hazard.Event, d loss.Draw) *expected {
	t.Helper()
	m := florida(t)
	program, err := terms.Compile(p, terms.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := &expected{rows: map[string]*row{}, zips: map[string][2][]float64{}, accounts: map[string][2][]float64{}, width: max(d.Samples, 1)}
	var scratch terms.Scratch
	for i := range events {
		for number, a := range p.Accounts {
			ground := make([]float64, a.Count*exposure.NumTIV*x.width)
			gross := make([]float64, a.Count*x.width)
			damaged := make([]bool, a.Count)
			for n := range a.Count {
				l := &p.Locations[a.First+n]
				if n > 0 && l.SameSite(&p.Locations[a.First+n-1]) || !l.CoversWind {
					continue
				}
				losses := groundUp(t, m, &events[i], l, d)
				damaged[n] = losses != nil
				for c := range losses {
					copy(ground[(n*exposure.NumTIV+c)*x.width:], losses[c])
				}
			}
			program.Apply(number, x.width, ground, gross, &scratch)
			for n := range a.Count {
				if damaged[n] {
					x.siteEvents++
					x.add(&events[i], a, &p.Locations[a.First+n], ground[n*exposure.NumTIV*x.width:(n+1)*exposure.NumTIV*x.width], gross[n*x.width:(n+1)*x.width])
				}
			}
		}
	}
	return x
}

// add adds one location's losses to every sum it belongs to.
func (x *expected) add(e *hazard.Event, a exposure.Account, l *exposure.Location, ground, gross []float64) {
	tiv := l.TIV[0] + l.TIV[1] + l.TIV[2] + l.TIV[3]
	w := x.width
	for _, summary := range []string{"portfolio ", "lob " + a.LOB(), "county " + l.CountyFIPS} {
		key := fmt.Sprintf("%d %s", e.ID, summary)
		if x.rows[key] == nil {
			x.rows[key] = &row{gu: make([]float64, w), gross: make([]float64, w), impacted: make([]float64, w)}
		}
		r := x.rows[key]
		r.footprint += tiv
		for j := range w {
			gu := ground[j] + ground[w+j] + ground[2*w+j] + ground[3*w+j]
			r.gu[j] += gu
			r.gross[j] += gross[j]
			if gu > 0 {
				r.impacted[j] += tiv
			}
		}
	}
	for _, place := range []struct {
		annual map[string][2][]float64
		key    string
	}{{x.zips, l.PostalCode}, {x.accounts, a.PortNumber + "/" + a.AccNumber}} {
		sums, ok := place.annual[place.key]
		if !ok {
			sums = [2][]float64{make([]float64, w), make([]float64, w)}
			place.annual[place.key] = sums
		}
		for j := range w {
			sums[0][j] += ground[j] + ground[w+j] + ground[2*w+j] + ground[3*w+j]
			sums[1][j] += gross[j]
		}
	}
}

func TestDamageRatios(t *testing.T) {
	p, m := portfolio(t), florida(t)
	const float32Step = 1.0 / (1 << 23) // two roundings of a difference of numbers up to 1
	key := rng.New(1)
	for n := range uint64(20_000) {
		f := functionOf(t, m, &p.Locations[n%uint64(len(p.Locations))])
		gust := windfield.Threshold + 95*key.Float64(2*n)
		z := 10*key.Float64(2*n+1) - 5
		b, o, c, bi := loss.DamageRatios(f, gust, z)
		want := f.Building(gust, z)
		for i, pair := range [][2]float64{{b, want}, {o, vulnerability.Ratio(f.Ratios.Other, want)}, {c, vulnerability.Ratio(f.Ratios.Contents, want)}, {bi, vulnerability.Ratio(f.Ratios.TimeElement, want)}} {
			slope := []float64{1, 1.1, 2, 10}[i] // of the ratios by building damage; the time element's is steep near none
			if math.Abs(pair[0]-pair[1]) > slope*float32Step {
				t.Fatalf("coverage %d of %s at gust %v, z %v: %v, want %v", i, p.Locations[n%uint64(len(p.Locations))].AccNumber, gust, z, pair[0], pair[1])
			}
		}
		if (b == 0) != (want == 0) {
			t.Fatalf("gust %v, z %v: damage %v, want %v", gust, z, b, want)
		}
	}
}

func TestKernelAgreesWithSlowComputation(t *testing.T) {
	p := portfolio(t)
	events := storms(t, 1, "AL092022", "AL112017", "AL171995") // Ian, Irma; Opal reaches FAR alone
	s := newSites(t, p)
	for _, d := range []loss.Draw{
		{Samples: 0, Seed: 7, Correlation: loss.DefaultCorrelation()},
		{Samples: 1, Seed: 7, Correlation: loss.DefaultCorrelation()},
		{Samples: 13, Seed: 8, Correlation: loss.DefaultCorrelation()},
		{Samples: 5, Seed: 9},
		{Samples: 5, Seed: 9, Correlation: loss.Correlation{Event: 1}},
		{Samples: 5, Seed: 9, Correlation: loss.Correlation{Local: 1}},
		{Samples: 5, Seed: 9, Correlation: loss.Correlation{Event: 0.3, Local: 0.7}},
	} {
		t.Run(fmt.Sprintf("samples=%d,event=%g,local=%g", d.Samples, d.Correlation.Event, d.Correlation.Local), func(t *testing.T) {
			want := expect(t, p, events, d)
			got := simulate(s, years{1: events}, 1, d)
			if len(got.Events) != 3 || len(want.rows) != 2*5+3 {
				t.Fatalf("%d events and %d rows; two storms damage two lines of business in two counties, the third one home", len(got.Events), len(want.rows))
			}
			kernel := loss.NewKernel(s, years{1: events}, d)
			if kernel.Year(1, kernel.Begin()); kernel.SiteEvents() != want.siteEvents {
				t.Errorf("%d site-events, want %d", kernel.SiteEvents(), want.siteEvents)
			}
			compareRows(t, got, want)
			compareMoments(t, "ZIP", got.ZIPs, want.zips)
			compareMoments(t, "account", got.Accounts, want.accounts)
		})
	}
}

// compareRows holds every row of the table against what is expected, both ways.
func compareRows(t *testing.T, got *loss.Table, want *expected) {
	t.Helper()
	seen := map[string]bool{}
	w := got.Width()
	for i := range got.RowEvent {
		summary := got.Summaries[got.RowSummary[i]]
		key := fmt.Sprintf("%d %s %s", got.Events[got.RowEvent[i]].ID, summary.Level, summary.Key)
		x := want.rows[key]
		if x == nil {
			t.Errorf("row %s: not expected", key)
			continue
		}
		if seen[key] {
			t.Errorf("row %s: twice", key)
		}
		seen[key] = true
		near(t, key+" footprint", got.Footprint[i], x.footprint)
		for j := range w {
			near(t, fmt.Sprintf("%s ground-up of sample %d", key, j), got.Loss[loss.GroundUp][i*w+j], x.gu[j])
			near(t, fmt.Sprintf("%s gross of sample %d", key, j), got.Loss[loss.Gross][i*w+j], x.gross[j])
			near(t, fmt.Sprintf("%s impacted of sample %d", key, j), got.Impacted[i*w+j], x.impacted[j])
		}
	}
	for key := range want.rows {
		if !seen[key] {
			t.Errorf("row %s: missing", key)
		}
	}
}

func compareMoments(t *testing.T, what string, got []loss.Moments, want map[string][2][]float64) {
	t.Helper()
	seen := 0
	for _, m := range got {
		annual, ok := want[m.Summary.Key]
		if ok {
			seen++
		}
		for p := range loss.NumPerspectives {
			sum, squares := 0.0, 0.0
			for _, v := range annual[p] {
				sum += v
				squares += v * v
			}
			near(t, fmt.Sprintf("%s %s, %v sum", what, m.Summary.Key, p), m.Sum[p], sum)
			near(t, fmt.Sprintf("%s %s, %v squares", what, m.Summary.Key, p), m.SumSquares[p], squares)
		}
	}
	if seen != len(want) {
		t.Errorf("%ss: %d of %d with losses are in the table", what, seen, len(want))
	}
}

// near compares to 12 figures: the order of summation is the kernel's own.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-12*math.Max(math.Abs(want), 1) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

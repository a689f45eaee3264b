package metrics_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/internal/fmath"
)

// builder makes a table event by event.
type builder struct{ t *loss.Table }

func newBuilder(years, samples, summaries int) builder {
	t := &loss.Table{Years: years, Samples: samples}
	for i := range summaries {
		level := loss.ByCounty
		if i == 0 {
			level = loss.ByPortfolio
		}
		t.Summaries = append(t.Summaries, loss.Summary{Level: level, Key: string(rune('A' + i%26)), TIV: 1e6})
	}
	return builder{t}
}

// event adds an event of a year; gross is half of ground-up.
func (b builder) event(year int, bySummary map[int][]float64) {
	t := b.t
	id := uint32(len(t.Events))
	t.Events = append(t.Events, loss.Event{ID: int32(id) + 1, Year: int32(year), Month: 9, Day: 1})
	for s := range t.Summaries {
		x, ok := bySummary[s]
		if !ok {
			continue
		}
		t.RowEvent = append(t.RowEvent, id)
		t.RowSummary = append(t.RowSummary, uint16(s))
		t.Footprint = append(t.Footprint, 1e6)
		for _, v := range x {
			t.Impacted = append(t.Impacted, 5e5)
			t.Loss[loss.GroundUp] = append(t.Loss[loss.GroundUp], v)
			t.Loss[loss.Gross] = append(t.Loss[loss.Gross], v/2)
		}
	}
}

func random(r *rand.Rand, years, samples, summaries int) *loss.Table {
	b := newBuilder(years, samples, summaries)
	for y := 1; y <= years; y++ {
		for range r.IntN(4) {
			x := map[int][]float64{}
			for s := range summaries {
				if s > 0 && r.IntN(2) == 0 {
					continue
				}
				for range max(samples, 1) {
					v := math.Floor(100 * math.Exp(r.NormFloat64()))
					if r.IntN(3) == 0 {
						v = 0
					}
					x[s] = append(x[s], v)
				}
			}
			b.event(y, x)
		}
	}
	return b.t
}

func summarise(t *testing.T, table *loss.Table, opt metrics.Options) *metrics.Report {
	t.Helper()
	r, err := metrics.Summarise(table, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-12*max(1, math.Abs(a), math.Abs(b)) }

// bruteCells is [year][sample] of sums and largest, dense.
func bruteCells(t *loss.Table, s int, p loss.Perspective) (sum, largest [][]float64) {
	for range t.Years {
		sum = append(sum, make([]float64, t.Width()))
		largest = append(largest, make([]float64, t.Width()))
	}
	for i, e := range t.RowEvent {
		if int(t.RowSummary[i]) != s {
			continue
		}
		y := t.Events[e].Year - 1
		for k := range t.Width() {
			x := t.Loss[p][i*t.Width()+k]
			sum[y][k] += x
			largest[y][k] = max(largest[y][k], x)
		}
	}
	return
}

// bruteCurve is loss and TVaR at return period T of a list of n values by the documented
// rule, written as a search through all return periods.
func bruteCurve(values []float64, period float64) (l, tvar float64) {
	v := slices.Clone(values)
	slices.Sort(v)
	slices.Reverse(v)
	n := float64(len(v))
	sum := 0.0
	for i, x := range v {
		rp := n / float64(i+1)
		if rp > period {
			sum += x
			continue
		}
		l = x
		if rp < period && x > 0 && i > 0 {
			prev := n / float64(i)
			l = x + (period-rp)/(prev-rp)*(v[i-1]-x)
		}
		return l, (sum + l) / float64(i+1)
	}
	panic("return period below 1")
}

func bruteFull(cells [][]float64) (list []float64) {
	for _, y := range cells {
		list = append(list, y...)
	}
	return
}

func bruteMeanSample(cells [][]float64) (list []float64) {
	for _, y := range cells {
		m := 0.0
		for _, x := range y {
			m += x
		}
		list = append(list, m/float64(len(y)))
	}
	return
}

func brutePerSample(cells [][]float64) []float64 {
	list := make([]float64, len(cells))
	width := len(cells[0])
	for k := range width {
		var column []float64
		for _, y := range cells {
			column = append(column, y[k])
		}
		slices.Sort(column)
		for i, x := range column {
			list[i] += x / float64(width)
		}
	}
	return list
}

func TestAgainstBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ years, samples, summaries int }{{1, 0, 1}, {1, 3, 2}, {7, 1, 1}, {40, 5, 3}, {100, 0, 2}, {250, 4, 2}} {
		table := random(r, c.years, c.samples, c.summaries)
		periods := []float64{1, 1.5, 2, 3, 7, 10, 33.3, 40, 100, 250, 1000}
		report := summarise(t, table, metrics.Options{ReturnPeriods: periods})
		for s, sm := range report.Summaries {
			for p := range loss.NumPerspectives {
				sum, largest := bruteCells(table, s, p)
				m := sm.Perspectives[p]
				all := bruteFull(sum)
				mean, sd := meanSD(all)
				_, sdYears := meanSD(bruteMeanSample(sum))
				if !near(m.Annual.AAL, mean) || !near(m.Annual.SD, sd) || !near(m.Annual.SDYears, sdYears) || !near(m.Annual.AALStdErr, sdYears/math.Sqrt(float64(c.years))) ||
					m.Annual.Largest != slices.Max(all) {
					t.Errorf("%+v summary %d %v: %+v, want AAL %v, SD %v, %v", c, s, p, m.Annual, mean, sd, sdYears)
				}
				for _, curve := range m.Curves {
					cells := sum
					if curve.Type == metrics.OEP {
						cells = largest
					}
					list := map[metrics.EPCalc]func([][]float64) []float64{metrics.Full: bruteFull, metrics.MeanDR: bruteFull,
						metrics.MeanSample: bruteMeanSample, metrics.PerSampleMean: brutePerSample}[curve.Calc](cells)
					for i, pt := range curve.Points {
						if want := periods[i] <= float64(c.years); pt.Available != want || pt.ReturnPeriod != periods[i] {
							t.Fatalf("%+v: point %+v, want available %v", c, pt, want)
						}
						if !pt.Available {
							if pt != (metrics.Point{ReturnPeriod: periods[i]}) {
								t.Errorf("unavailable point carries figures: %+v", pt)
							}
							continue
						}
						l, tvar := bruteCurve(list, periods[i])
						if !near(pt.Loss, l) || !near(pt.TVaR, tvar) {
							t.Errorf("%+v summary %d %v %v %v at %v: loss %v, TVaR %v; want %v, %v", c, s, p, curve.Type, curve.Calc, periods[i], pt.Loss, pt.TVaR, l, tvar)
						}
						if curve.Banded && (pt.LossBand.Low > pt.Loss || !pt.LossBand.Unbounded && pt.LossBand.High < pt.Loss) {
							t.Errorf("band %+v does not hold the loss %v (T %v, %+v)", pt.LossBand, pt.Loss, periods[i], c)
						}
					}
				}
			}
		}
	}
}

func meanSD(x []float64) (mean, sd float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	if len(x) < 2 {
		return mean, 0
	}
	for _, v := range x {
		sd += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sd / float64(len(x)-1))
}

// Ten years with losses 1 … 10, by hand.
func TestRule(t *testing.T) {
	b := newBuilder(10, 0, 1)
	for y, x := range []float64{4, 7, 1, 10, 2, 9, 3, 8, 6, 5} {
		b.event(y+1, map[int][]float64{0: {x}})
	}
	r := summarise(t, b.t, metrics.Options{ReturnPeriods: []float64{10, 5, 4, 2, 1, 11}})
	c := r.Summaries[0].Perspectives[loss.GroundUp].Curve(metrics.OEP, r.Headline())
	for i, want := range []struct{ period, loss, tvar float64 }{{1, 1, 5.5}, {2, 6, 8}, {4, 8.4, (10 + 9 + 8.4) / 3}, {5, 9, 9.5}, {10, 10, 10}} {
		if p := c.Points[i]; p.ReturnPeriod != want.period || !near(p.Loss, want.loss) || !near(p.TVaR, want.tvar) {
			t.Errorf("T = %v: %+v, want %+v", want.period, p, want)
		}
	}
	if c.Points[5].Available {
		t.Error("11 years are available from 10")
	}
	// One loss in ten years: below its return period nothing, not a share of it.
	b = newBuilder(10, 0, 1)
	b.event(4, map[int][]float64{0: {9}})
	r = summarise(t, b.t, metrics.Options{ReturnPeriods: []float64{7, 10}})
	c = r.Summaries[0].Perspectives[loss.GroundUp].Curve(metrics.AEP, r.Headline())
	if p := c.Points; p[0].Loss != 0 || p[0].TVaR != 4.5 || p[1].Loss != 9 || p[1].TVaR != 9 {
		t.Errorf("one loss in ten years: %+v", p)
	}
}

func TestNoLoss(t *testing.T) {
	for _, samples := range []int{0, 3} {
		table := newBuilder(100, samples, 2).t
		r := summarise(t, table, metrics.Options{})
		for _, s := range r.Summaries {
			for _, m := range s.Perspectives {
				if m.Annual.AAL != 0 || m.Annual.SD != 0 || m.Annual.SDStdErr != 0 {
					t.Errorf("annual of nothing: %+v", m.Annual)
				}
				for _, c := range m.Curves {
					for _, p := range c.Points {
						if p.Loss != 0 || p.TVaR != 0 || p.LossBand.Low != 0 || p.LossBand.High != 0 {
							t.Errorf("point of nothing: %+v", p)
						}
					}
				}
			}
		}
	}
}

// simulate draws Poisson years of lognormal events; the samples of an event share part rho of
// its log variance, so each cell has the same known distribution.
func simulate(r *rand.Rand, years, samples int, rate, mu, sigma, rho float64) *loss.Table {
	b := newBuilder(years, samples, 1)
	x := make([]float64, samples)
	for y := 1; y <= years; y++ {
		for n := poisson(r, rate); n > 0; n-- {
			shared := math.Sqrt(rho) * r.NormFloat64()
			for k := range x {
				x[k] = math.Exp(mu + sigma*(shared+math.Sqrt(1-rho)*r.NormFloat64()))
			}
			b.event(y, map[int][]float64{0: x})
		}
	}
	return b.t
}

func poisson(r *rand.Rand, mean float64) (n int) {
	for p := r.Float64(); p > math.Exp(-mean); n++ {
		p *= r.Float64()
	}
	return n
}

// The bands must hold the true figure at least as often as they say, within the
// error of the experiment, whatever the samples share.
func TestCoverage(t *testing.T) {
	const (
		rate, mu, sigma = 0.6, 10, 1.2
		years, repeats  = 400, 500
	)
	r := rand.New(rand.NewPCG(3, 4))
	periods := []float64{5, 20, 100}
	for _, c := range []struct {
		samples int
		rho     float64
	}{{1, 0}, {5, 0.8}, {5, 0.05}} {
		hits := make([]float64, len(periods))
		var aal, tvar, low, high float64
		for range repeats {
			report := summarise(t, simulate(r, years, c.samples, rate, mu, sigma, c.rho), metrics.Options{ReturnPeriods: periods})
			m := report.Summaries[0].Perspectives[loss.GroundUp]
			truth := rate * math.Exp(mu+sigma*sigma/2)
			if m.Annual.AALBand.Low <= truth && truth <= m.Annual.AALBand.High {
				aal++
			}
			for i, p := range m.Curve(metrics.OEP, metrics.Full).Points {
				// P(largest <= x) = exp(-rate P(X > x)).
				q := math.Exp(mu - sigma*fmath.NormQuantile(-math.Log1p(-1/p.ReturnPeriod)/rate))
				if p.LossBand.Low <= q && (p.LossBand.Unbounded || q <= p.LossBand.High) {
					hits[i]++
				} else if i == 1 && p.LossBand.Low > q {
					low++
				} else if i == 1 {
					high++
				}
				if i == 1 {
					truth := trueTVaR(rate, mu, sigma, q, p.ReturnPeriod)
					if p.TVaRBand.Low <= truth && truth <= p.TVaRBand.High {
						tvar++
					}
				}
			}
		}
		least := 0.9 - 3*math.Sqrt(0.09/repeats)
		t.Logf("samples %d, rho %v: coverage at %v: %.3v (misses %v low, %v high at 20), AAL %.3f, TVaR at 20 %.3f", c.samples, c.rho, periods, scaled(hits, repeats), low, high, aal/repeats, tvar/repeats)
		for i, h := range hits {
			if h/repeats < least {
				t.Errorf("samples %d, rho %v: the 90 %% band of T = %v holds the truth in %.1f %%", c.samples, c.rho, periods[i], 100*h/repeats)
			}
			if h/repeats > 0.985 {
				t.Errorf("samples %d, rho %v: the 90 %% band of T = %v is far too wide: %.1f %%", c.samples, c.rho, periods[i], 100*h/repeats)
			}
		}
		if aal/repeats < 0.84 { // normal approximation on a skewed sum
			t.Errorf("samples %d, rho %v: AAL coverage %.3f", c.samples, c.rho, aal/repeats)
		}
		if tvar/repeats < 0.78 {
			t.Errorf("samples %d, rho %v: TVaR coverage %.3f", c.samples, c.rho, tvar/repeats)
		}
	}
}

// The standard errors must be what repeated catalogues scatter by.
func TestStandardErrors(t *testing.T) {
	const repeats = 300
	r := rand.New(rand.NewPCG(21, 22))
	var aal, sd, tvar, aalErr, sdErr, tvarErr []float64
	for range repeats {
		m := summarise(t, simulate(r, 500, 4, 1, 5, 0.4, 0.7), metrics.Options{ReturnPeriods: []float64{10}}).Summaries[0].Perspectives[loss.Gross]
		p := m.Curve(metrics.AEP, metrics.Full).Points[0]
		aal, aalErr = append(aal, m.Annual.AAL), append(aalErr, m.Annual.AALStdErr)
		sd, sdErr = append(sd, m.Annual.SD), append(sdErr, m.Annual.SDStdErr)
		tvar, tvarErr = append(tvar, p.TVaR), append(tvarErr, p.TVaRStdErr)
	}
	for what, c := range map[string][2][]float64{"AAL": {aal, aalErr}, "SD": {sd, sdErr}, "TVaR": {tvar, tvarErr}} {
		_, scatter := meanSD(c[0])
		reported, _ := meanSD(c[1])
		t.Logf("%s: scatter %.4g, reported %.4g", what, scatter, reported)
		if ratio := reported / scatter; ratio < 0.85 || ratio > 1.15 { // 300 repeats know the scatter to 4 %
			t.Errorf("%s: standard error %.4g reported, catalogues scatter by %.4g", what, reported, scatter)
		}
	}
}

func scaled(x []float64, by float64) []float64 {
	y := slices.Clone(x)
	for i := range y {
		y[i] /= by
	}
	return y
}

// trueTVaR is q + E[(largest - q)+] T by the trapezoidal rule.
func trueTVaR(rate, mu, sigma, q, period float64) float64 {
	sum := 0.0
	const steps = 4000
	for i := range steps {
		// x = q e^u, u to 12.
		u := (float64(i) + 0.5) * 12 / steps
		x := q * math.Exp(u)
		ep := -math.Expm1(-rate * fmath.NormCDF(-(math.Log(x)-mu)/sigma))
		sum += ep * x * 12 / steps
	}
	return q + sum*period
}

func TestWorkersGiveTheSame(t *testing.T) {
	table := random(rand.New(rand.NewPCG(5, 6)), 60, 3, 9)
	a := summarise(t, table, metrics.Options{})
	b := summarise(t, table, metrics.Options{Workers: 4})
	if !reflect.DeepEqual(a, b) {
		t.Error("the report depends on the workers")
	}
}

func TestMoments(t *testing.T) {
	table := random(rand.New(rand.NewPCG(7, 8)), 50, 4, 1)
	sum, _ := bruteCells(table, 0, loss.GroundUp)
	m := loss.Moments{Summary: loss.Summary{Level: loss.ByZIP, Key: "33139"}}
	for _, x := range bruteFull(sum) {
		m.Sum[loss.GroundUp] += x
		m.SumSquares[loss.GroundUp] += x * x
	}
	table.ZIPs, table.Accounts = []loss.Moments{m}, []loss.Moments{{}, m}
	r := summarise(t, table, metrics.Options{})
	annual := r.Summaries[0].Perspectives[loss.GroundUp].Annual
	got := r.ZIPs[0].Perspectives[loss.GroundUp]
	if !near(got.AAL, annual.AAL) || math.Abs(got.SD-annual.SD) > 1e-9*annual.SD || got.AALStdErr < annual.AALStdErr {
		t.Errorf("moments give %+v, the table %+v", got, annual)
	}
	if r.ZIPs[0].ID != 2 || r.Accounts[1].ID != 4 {
		t.Errorf("summary ids %d, %d", r.ZIPs[0].ID, r.Accounts[1].ID)
	}
}

func TestFaults(t *testing.T) {
	for want, spoil := range map[string]func(*loss.Table){
		"years 0":                func(t *loss.Table) { t.Years = 0 },
		"samples -1":             func(t *loss.Table) { t.Samples = -1 },
		"gr losses":              func(t *loss.Table) { t.Loss[loss.Gross] = t.Loss[loss.Gross][1:] },
		"do not make":            func(t *loss.Table) { t.Footprint = t.Footprint[1:] },
		"year 99 is outside":     func(t *loss.Table) { t.Events[len(t.Events)-1].Year = 99 },
		"out of order":           func(t *loss.Table) { t.RowEvent[0], t.RowEvent[1] = t.RowEvent[1], t.RowEvent[0] },
		"there twice":            func(t *loss.Table) { t.RowEvent[1], t.RowSummary[1] = t.RowEvent[0], t.RowSummary[0] },
		"does not exist":         func(t *loss.Table) { t.RowSummary[0] = 7 },
		"NaN is no amount":       func(t *loss.Table) { t.Loss[loss.GroundUp][2] = math.NaN() },
		"gr loss of sample 2: -": func(t *loss.Table) { t.Loss[loss.Gross][1] = -1 },
	} {
		b := newBuilder(5, 2, 1)
		b.event(1, map[int][]float64{0: {1, 2}})
		b.event(3, map[int][]float64{0: {3, 4}})
		spoil(b.t)
		if _, err := metrics.Summarise(b.t, metrics.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	for want, opt := range map[string]metrics.Options{
		"return period 0.5": {ReturnPeriods: []float64{0.5}},
		"return period NaN": {ReturnPeriods: []float64{math.NaN()}},
		"confidence 2":      {Confidence: 2},
	} {
		if _, err := metrics.Summarise(newBuilder(5, 2, 1).t, opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// BenchmarkSummarise: 50,000 years, 10 samples, 80 summaries, rows as a Florida catalogue makes
// them: 0.6 events a year, each reaching the portfolio, 9 lines of business and about 20 counties.
func BenchmarkSummarise(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 10))
	t := newBuilder(50_000, 10, 80)
	for y := 1; y <= 50_000; y++ {
		for n := poisson(r, 0.6); n > 0; n-- {
			x := map[int][]float64{}
			from := 10 + r.IntN(50)
			for s := range 80 {
				if s < 10 || s >= from && s < from+20 {
					v := make([]float64, 10)
					for k := range v {
						v[k] = math.Exp(10 + 2*r.NormFloat64())
					}
					x[s] = v
				}
			}
			t.event(y, x)
		}
	}
	for _, workers := range []int{1, 2} {
		b.Run(string(rune('0'+workers))+"workers", func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if _, err := metrics.Summarise(t.t, metrics.Options{Workers: workers}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

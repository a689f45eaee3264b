package loss_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/loss"
)

const manySamples = 20_000

// meanAndVariance are of the portfolio's ground-up loss over the samples of the table's one event.
func meanAndVariance(t *testing.T, table *loss.Table) (mean, variance float64) {
	t.Helper()
	if len(table.Events) != 1 || table.Summaries[table.RowSummary[0]].Level != loss.ByPortfolio {
		t.Fatalf("%d events; want one, whose first row is the portfolio", len(table.Events))
	}
	w := table.Width()
	losses := table.Loss[loss.GroundUp][:w]
	for _, v := range losses {
		mean += v / float64(w)
	}
	for _, v := range losses {
		variance += (v - mean) * (v - mean) / float64(w)
	}
	return mean, variance
}

// TestSamplesAgreeWithMean draws one event many times: at every place and in all, the ground-up losses have the mean
// of the mean-only mode, whatever the correlation; and the correlation is what spreads the portfolio's loss.
func TestSamplesAgreeWithMean(t *testing.T) {
	p := portfolio(t)
	s := newSites(t, p)
	events := years{1: storms(t, 1, "AL092022")}
	mean := simulate(s, events, 1, loss.Draw{Correlation: loss.DefaultCorrelation()})
	wantMean, _ := meanAndVariance(t, mean)
	last := 0.0
	for _, c := range []loss.Correlation{{}, loss.DefaultCorrelation(), {Event: 0.4, Local: 0.2}, {Event: 1}} {
		t.Run(fmt.Sprintf("event=%g,local=%g", c.Event, c.Local), func(t *testing.T) {
			table := simulate(s, events, 1, loss.Draw{Samples: manySamples, Seed: 11, Correlation: c})
			sampled, variance := meanAndVariance(t, table)
			if e := math.Sqrt(variance / manySamples); math.Abs(sampled-wantMean) > 4*e {
				t.Errorf("portfolio: mean %.0f, want %.0f ± %.0f", sampled, wantMean, e)
			}
			if variance < 1.2*last {
				t.Errorf("portfolio: variance %.4g, and %.4g with less correlation", variance, last)
			}
			last = variance
			for i, m := range table.Accounts {
				if a := mean.Accounts[i]; a.Summary.Key != m.Summary.Key {
					t.Fatalf("accounts are in another order: %s, %s", a.Summary.Key, m.Summary.Key)
				}
				want, got := mean.Accounts[i].Sum[loss.GroundUp], m.Sum[loss.GroundUp]/manySamples
				e := math.Sqrt((m.SumSquares[loss.GroundUp]/manySamples - got*got) / manySamples)
				if math.Abs(got-want) > 4.5*e || want > 0 && e == 0 {
					t.Errorf("account %s: mean %.1f, want %.1f ± %.1f", m.Summary.Key, got, want, e)
				}
			}
		})
	}
}

// twins are two houses alike in all but their number, in one wind cell or some cells apart along a parallel, with
// identical surroundings as far as the model knows: the same gust to within a percent.
func twins(t *testing.T, apart float64) *loss.Sites {
	t.Helper()
	var l, a strings.Builder
	for i, lon := range []float64{-81.7001, -81.7001 + apart} {
		fmt.Fprintf(&l, "P,T%d,1,US,FL,33901,26.6601,%.4f,1051,5050,1975,1,300000,0,0,0,USD,WTC,WTC,,,,,\n", i, lon)
		fmt.Fprintf(&a, "P,T%d,USD,1,HO3,WTC,WTC,1,1,0,0,0,,,,,\n", i)
	}
	return newSites(t, readPortfolio(t, l.String(), a.String()))
}

// TestVarianceOfTwins checks what each part of the correlation joins: with none the variances of two houses add up;
// with the local part alone they are one within a cell and two across cells; with the event's they are always one.
func TestVarianceOfTwins(t *testing.T) {
	const together, apart = 0.0, windfield.CellDegrees
	events := years{1: storms(t, 1, "AL092022")}
	for _, x := range []struct {
		name      string
		distance  float64
		c         loss.Correlation
		low, high float64 // correlation of the losses
	}{
		{"independent in one cell", together, loss.Correlation{}, -0.03, 0.03},
		{"local in one cell", together, loss.Correlation{Local: 1}, 0.999, 1.001},
		{"local across cells", apart, loss.Correlation{Local: 1}, -0.03, 0.03},
		{"event across cells", apart, loss.Correlation{Event: 1}, 0.9, 1.001},
		{"half event across cells", apart, loss.Correlation{Event: 0.5}, 0.25, 0.55},
		{"half local, half event in one cell", together, loss.Correlation{Event: 0.5, Local: 0.5}, 0.999, 1.001},
	} {
		t.Run(x.name, func(t *testing.T) {
			table := simulate(twins(t, x.distance), events, 1, loss.Draw{Samples: manySamples, Seed: 3, Correlation: x.c})
			_, both := meanAndVariance(t, table)
			var sd [2]float64
			for i, m := range table.Accounts {
				mean := m.Sum[loss.GroundUp] / manySamples
				sd[i] = math.Sqrt(m.SumSquares[loss.GroundUp]/manySamples - mean*mean)
			}
			correlation := (both - sd[0]*sd[0] - sd[1]*sd[1]) / (2 * sd[0] * sd[1])
			if !(correlation >= x.low && correlation <= x.high) {
				t.Errorf("correlation of the losses %.4f, want %g to %g", correlation, x.low, x.high)
			}
		})
	}
}

// TestAccountAlone computes an account with and without its neighbours: its losses are its own.
func TestAccountAlone(t *testing.T) {
	events := years{1: storms(t, 1, "AL092022", "AL112017"), 2: storms(t, 2, "AL092022")}
	d := loss.Draw{Samples: 7, Seed: 5, Correlation: loss.DefaultCorrelation()}
	l, a := homes()
	all := simulate(newSites(t, portfolio(t)), events, 2, d)
	some := simulate(newSites(t, readPortfolio(t, l, a)), events, 2, d)
	for _, m := range some.Accounts {
		for _, n := range all.Accounts {
			if n.Summary.Key == m.Summary.Key && n != m {
				t.Errorf("account %s: %+v among others, %+v without", m.Summary.Key, n, m)
			}
		}
	}
	if len(some.Accounts) != 20 || len(all.Accounts) != 30 {
		t.Errorf("%d and %d accounts", len(some.Accounts), len(all.Accounts))
	}
}

// TestEventsWithoutWind: an event that brings no damaging wind to any insured place has no row and is not counted.
func TestEventsWithoutWind(t *testing.T) {
	l, a := homes()
	s := newSites(t, readPortfolio(t, l, a))
	opal, ian := storms(t, 1, "AL171995"), storms(t, 2, "AL171995", "AL092022")
	d := loss.Draw{Samples: 3, Seed: 5, Correlation: loss.DefaultCorrelation()}
	kernel := loss.NewKernel(s, years{1: opal, 2: ian, 3: {}}, d)
	b, p := loss.NewBuilder(s, 4, d), kernel.Begin()
	kernel.Year(1, p)
	if n := kernel.SiteEvents(); n != 0 {
		t.Errorf("a storm over the panhandle: %d site-events in the south", n)
	}
	kernel.Year(2, p)
	if n := kernel.SiteEvents(); n == 0 || n > 20 {
		t.Errorf("a storm over the south: %d site-events at 20 homes", n)
	}
	kernel.Year(3, p)
	kernel.Year(4, p)
	b.Add(p)
	table := b.Table()
	if len(table.Events) != 1 || table.Events[0].ID != ian[1].ID || table.Events[0].Year != 2 {
		t.Fatalf("events %+v, want that of Ian alone", table.Events)
	}
	if e := table.Events[0]; e.Month != 9 || e.Day != 28 {
		t.Errorf("Ian's landfall on %d/%d, want 9/28", e.Month, e.Day)
	}
	if len(table.RowEvent) != 4 { // portfolio, HO3, two counties
		t.Errorf("%d rows, want 4", len(table.RowEvent))
	}
}

// TestFringe: homes one by one and as one account, from the landfall to where the gust is below the threshold of damage.
func TestFringe(t *testing.T) {
	var l, a strings.Builder
	fmt.Fprint(&a, "P,LINE,USD,1,CRES,WTC,WTC,1,1,0,0,0,,,,,\n")
	for i := range 90 {
		lat, lon := 26.7+0.04*float64(i), -81.9
		if lat > 30 { // inland along the spine of the state
			lon = -82.2
		}
		fmt.Fprintf(&l, "P,F%02d,1,US,FL,33901,%.4f,%.4f,1051,5050,1975,1,300000,30000,150000,60000,USD,WTC,WTC,0,1000,,,\n", i, lat, lon)
		fmt.Fprintf(&l, "P,LINE,%d,US,FL,33901,%.4f,%.4f,1051,5050,1975,1,300000,30000,150000,60000,USD,WTC,WTC,0,1000,,,\n", i, lat, lon)
		fmt.Fprintf(&a, "P,F%02d,USD,1,HO3,WTC,WTC,1,1,0,0,0,,,,,\n", i)
	}
	p, events := readPortfolio(t, l.String(), a.String()), storms(t, 1, "AL092022")
	near, beyond := 0, 0
	for i := range p.Locations {
		switch gust := gustOf(florida(t), &events[0], &p.Locations[i]); {
		case gust < windfield.Threshold:
			beyond++
		case gust < 1.1*windfield.Threshold:
			near++
		}
	}
	if near < 4 || beyond < 4 {
		t.Fatalf("%d locations just above the threshold and %d below; the line should cross it", near, beyond)
	}
	for _, samples := range []int{0, 4} {
		d := loss.Draw{Samples: samples, Seed: 6, Correlation: loss.DefaultCorrelation()}
		want := expect(t, p, events, d)
		got := simulate(newSites(t, p), years{1: events}, 1, d)
		compareRows(t, got, want)
		compareMoments(t, "account", got.Accounts, want.accounts)
	}
}

// TestManyInOneCell: as many homes in one wind cell as a town has, in no even number, each with its own deductible.
func TestManyInOneCell(t *testing.T) {
	var l, a strings.Builder
	for i := range 533 {
		fmt.Fprintf(&l, "P,C%03d,1,US,FL,33901,%.5f,%.5f,1051,5050,%d,1,%d,30000,150000,60000,USD,WTC,WTC,0,%d,,,\n", i,
			26.6001+0.00007*float64(i), -81.8799+0.00007*float64(i), 1960+i%60, 200_000+1000*i, 100*i)
		fmt.Fprintf(&a, "P,C%03d,USD,1,HO3,WTC,WTC,1,1,0,0,0,,,,,\n", i)
	}
	p, events := readPortfolio(t, l.String(), a.String()), storms(t, 1, "AL112017", "AL092022")
	for _, samples := range []int{0, 2} {
		d := loss.Draw{Samples: samples, Seed: 6, Correlation: loss.DefaultCorrelation()}
		want := expect(t, p, events, d)
		got := simulate(newSites(t, p), years{1: events}, 1, d)
		compareRows(t, got, want)
		compareMoments(t, "account", got.Accounts, want.accounts)
		compareMoments(t, "ZIP", got.ZIPs, want.zips)
	}
}

// TestAccountsWithoutLoss: locations that do not cover wind add nothing to values, footprint or losses.
func TestAccountsWithoutLoss(t *testing.T) {
	s := newSites(t, portfolio(t))
	table := simulate(s, years{1: storms(t, 1, "AL092022")}, 1, loss.Draw{Samples: 50, Seed: 5})
	want := map[string]float64{"P/CALM": 0, "P/MIXED": 350_000 + 35_000 + 175_000 + 70_000, "P/TAGS": 3.5e6 + 2.3e6 + 960_000}
	for _, m := range table.Accounts {
		tiv, named := want[m.Summary.Key]
		if named && m.Summary.TIV != tiv {
			t.Errorf("account %s: TIV %v, want %v", m.Summary.Key, m.Summary.TIV, tiv)
		}
		if m.Summary.Key == "P/CALM" && m.Sum != [loss.NumPerspectives]float64{} {
			t.Errorf("account %s does not cover wind and has losses %v", m.Summary.Key, m.Sum)
		}
		if m.Sum[loss.Gross] > m.Sum[loss.GroundUp] {
			t.Errorf("account %s: gross %v above ground-up %v", m.Summary.Key, m.Sum[loss.Gross], m.Sum[loss.GroundUp])
		}
	}
	for i := range table.RowEvent {
		summary := table.Summaries[table.RowSummary[i]]
		if table.Footprint[i] > summary.TIV {
			t.Errorf("%s %s: footprint %v above the TIV %v", summary.Level, summary.Key, table.Footprint[i], summary.TIV)
		}
		for j := range table.Width() {
			at := i*table.Width() + j
			if table.Impacted[at] > table.Footprint[i] {
				t.Errorf("%s %s: impacted %v above the footprint %v", summary.Level, summary.Key, table.Impacted[at], table.Footprint[i])
			}
			if table.Loss[loss.GroundUp][at] > table.Impacted[at] {
				t.Errorf("%s %s: loss %v above the impacted TIV %v", summary.Level, summary.Key, table.Loss[loss.GroundUp][at], table.Impacted[at])
			}
		}
	}
}

func TestCorrelationCheck(t *testing.T) {
	for _, good := range []loss.Correlation{{}, loss.DefaultCorrelation(), {Event: 1}, {Local: 1}, {Event: 0.25, Local: 0.75}} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, bad := range []struct {
		c    loss.Correlation
		says string
	}{
		{loss.Correlation{Event: -0.1}, "event -0.1"},
		{loss.Correlation{Local: -0.2}, "local -0.2"},
		{loss.Correlation{Event: 0.6, Local: 0.5}, "event 0.6 and local 0.5"},
		{loss.Correlation{Event: math.NaN()}, "event NaN"},
		{loss.Correlation{Local: math.Inf(1)}, "local +Inf"},
	} {
		if err := bad.c.Check(); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%+v: %v, want an error that names %q", bad.c, err, bad.says)
		}
	}
}

// TestUnknownBuilding: what no curve describes is refused with its place in the file.
func TestUnknownBuilding(t *testing.T) {
	l, a := homes()
	l = strings.Replace(l, ",1051,5050,1965,", ",1112,5050,1965,", 1) // 1112: tents
	m := florida(t)
	_, err := loss.NewSites(readPortfolio(t, l, a), m.Ground, m.Curves, windfield.Standard())
	if err == nil || !strings.Contains(err.Error(), "line 2, location 1 of account H00") || !strings.Contains(err.Error(), "1112") {
		t.Errorf("occupancy 1112: %v, want an error with line, location, account and code", err)
	}
}

var _ loss.Events = (*hazard.Catalog)(nil)

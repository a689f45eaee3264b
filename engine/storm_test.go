package engine_test

import (
	"math"
	"testing"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/loss"
)

// TestStormIsTheRuns: each event of a run, made again by its id alone, is the run's, and the losses of its sites add up to those of the
// run's table, of the portfolio and by county.
func TestStormIsTheRuns(t *testing.T) {
	p, m := sample(t, nil), florida(t)
	book, err := engine.NewBook(m, p)
	if err != nil {
		t.Fatal(err)
	}
	mean := engine.Spec{Years: 70, Seed: 9, Correlation: loss.DefaultCorrelation()}
	for name, s := range map[string]engine.Spec{
		"drawn": spec(), "mean": mean, "scenario": {Years: 1, Samples: 5, Seed: 3, Correlation: loss.DefaultCorrelation(), Scenario: scenario(t, "AL112017")},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, p, s, engine.Options{})
			losses := 0
			for i, of := range r.Table.Events {
				e, found := engine.Storm(m, s, of.ID)
				if !found || e.ID != of.ID || e.Year != of.Year {
					t.Fatalf("event %d of year %d: %d of year %d, found %v", of.ID, of.Year, e.ID, e.Year, found)
				}
				sites, err := book.Storm(s, &e)
				if err != nil {
					t.Fatal(err)
				}
				losses += len(sites)
				wantSites(t, r.Table, i, sites)
			}
			if losses == 0 {
				t.Fatal("no site was damaged")
			}
		})
	}
}

// wantSites holds the sites of one event to the rows of a table.
func wantSites(t *testing.T, table *loss.Table, event int, sites []engine.SiteLoss) {
	t.Helper()
	width := table.Width()
	for row, of := range table.RowEvent {
		summary := table.Summaries[table.RowSummary[row]]
		if int(of) != event || summary.Level == loss.ByLOB {
			continue
		}
		var got [loss.NumPerspectives]float64
		tiv := 0.0
		for _, s := range sites {
			if summary.Level == loss.ByCounty && s.Location.CountyFIPS != summary.Key {
				continue
			}
			if s.Gust < windfield.Threshold || s.TIV == 0 {
				t.Fatalf("site %+v has no damaging wind or no value", s)
			}
			tiv += s.TIV
			got[loss.GroundUp] += s.GroundUp
			got[loss.Gross] += s.Gross
		}
		if math.Abs(tiv-table.Footprint[row]) > 1e-9*tiv {
			t.Errorf("event %d, %s %q: sites of %v have damaging wind, in the table of %v", table.Events[event].ID, summary.Level, summary.Key, tiv, table.Footprint[row])
		}
		for v := range got {
			want := 0.0
			for _, x := range table.Loss[v][row*width : (row+1)*width] {
				want += x / float64(width)
			}
			if math.Abs(got[v]-want) > 1e-9*max(want, 1) {
				t.Errorf("event %d, %s %q, %v: sites lose %v, the table has %v", table.Events[event].ID, summary.Level, summary.Key, loss.Perspective(v), got[v], want)
			}
		}
	}
}

// TestNoSuchStorm: ids that no event of the run has.
func TestNoSuchStorm(t *testing.T) {
	m := florida(t)
	for _, s := range []engine.Spec{spec(), {Years: 1, Scenario: scenario(t, "AL112017")}} {
		for _, id := range []int32{-1, 0, 5, 127, int32(s.Years+1) * 128, math.MaxInt32, math.MinInt32} {
			if e, found := engine.Storm(m, s, id); found {
				t.Errorf("%d years, event %d: %+v", s.Years, id, e)
			}
		}
	}
}

// TestGridHasTheWindOfSites: in the cell of a site, the grid has the mean wind of the site; and it covers the state.
func TestGridHasTheWindOfSites(t *testing.T) {
	p, m := sample(t, nil), florida(t)
	field := windfield.Standard()
	grid := field.NewGrid(m.Ground)
	if grid.Len() < 8000 || grid.Len() > 12000 {
		t.Fatalf("%d cells", grid.Len())
	}
	e := scenario(t, "AL112017")
	gusts := map[uint64]float64{}
	for _, c := range grid.Gusts(e) {
		if _, twice := gusts[c.Cell]; twice || c.Gust < windfield.Threshold || c.Gust > 100 {
			t.Fatalf("cell %+v", c)
		}
		gusts[c.Cell] = c.Gust
	}
	if len(gusts) < grid.Len()/2 {
		t.Errorf("Irma reached %d cells of %d", len(gusts), grid.Len())
	}
	for i := range p.Locations {
		wantWind(t, field, gusts, e, &p.Locations[i])
	}
}

// wantWind holds a site to the cell that it lies in: their gusts differ by the factors of two points at the most.
func wantWind(t *testing.T, field windfield.Model, gusts map[uint64]float64, e *hazard.Event, l *exposure.Location) {
	t.Helper()
	cell := windfield.Cell(l.Latitude, l.Longitude)
	lat, lon := windfield.CellCentre(cell)
	mean := float64(field.NewFootprinter(windfield.NewPlaces([]float64{lat}, []float64{lon})).Of(e).Mean[0])
	least, most := mean*min(field.SeaGust, field.LandRatio*field.LandGust), mean*max(field.SeaGust, field.LandRatio*field.LandGust)
	got, found := gusts[cell]
	if found && (got < least*(1-1e-6) || got > most*(1+1e-6)) || !found && least >= windfield.Threshold {
		t.Errorf("%s: gust %v in its cell, of a mean wind of %v", l.LocNumber, got, mean)
	}
}

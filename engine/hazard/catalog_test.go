package hazard

import (
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/engine/geography"
)

func TestAYearIsTheSameAloneInAnyOrderAndOnAnyGoroutine(t *testing.T) {
	p := florida(t)
	catalog := NewCatalog(p.climate, p.ground, 7)
	const years = 60
	forward := make([][]Event, years)
	for i := range forward {
		forward[i] = catalog.Year(i + 1)
	}
	for i := years - 1; i >= 0; i-- {
		if alone := NewCatalog(p.climate, p.ground, 7).Year(i + 1); !reflect.DeepEqual(alone, forward[i]) {
			t.Fatalf("year %d made alone is not the same", i+1)
		}
	}
	var all sync.WaitGroup
	parallel := make([][]Event, years)
	for i := range parallel {
		all.Go(func() { parallel[i] = catalog.Year(i + 1) })
	}
	all.Wait()
	if !reflect.DeepEqual(parallel, forward) {
		t.Error("years made on many goroutines are not the same")
	}
	if other := NewCatalog(p.climate, p.ground, 8); reflect.DeepEqual(other.Year(1), forward[0]) && reflect.DeepEqual(other.Year(2), forward[1]) {
		t.Error("another seed gives the same years")
	}
	if reflect.DeepEqual(forward[0], forward[1]) {
		t.Error("two years are the same")
	}
}

func TestMakingAYearLeavesEventsAlone(t *testing.T) {
	p := florida(t)
	catalog := NewCatalog(p.climate, p.ground, 3)
	first := catalog.Year(5)
	kept := make([][]Point, len(first))
	for i := range first {
		kept[i] = slices.Clone(first[i].Points)
	}
	for year := 6; year < 20; year++ {
		catalog.Year(year)
	}
	for i := range first {
		if !slices.Equal(kept[i], first[i].Points) {
			t.Fatalf("event %d changed while later years were made", first[i].ID)
		}
	}
}

func TestEventsKeepTheirBounds(t *testing.T) {
	p := florida(t)
	catalog := NewCatalog(p.climate, p.ground, 2)
	seen := map[int32]bool{}
	for year := 1; year <= 400; year++ {
		last := int32(-1)
		for _, e := range catalog.Year(year) {
			if seen[e.ID] || e.ID <= last || int(e.Year) != year || int(e.ID)/eventsPerYear != year {
				t.Fatalf("event %d of year %d in year %d", e.ID, e.Year, year)
			}
			seen[e.ID], last = true, e.ID
			checkEvent(t, p, &e)
		}
	}
	if len(seen) < 400 {
		t.Errorf("%d events in 400 years", len(seen))
	}
}

// checkEvent holds one event of the catalogue to what every storm must be.
func checkEvent(t *testing.T, p pack, e *Event) {
	t.Helper()
	if e.Day < 1 || e.Day > 365 || len(e.Points) == 0 {
		t.Fatalf("event %d: day %d, %d points", e.ID, e.Day, len(e.Points))
	}
	strongest := 0.0
	for i, x := range e.Points {
		strongest = max(strongest, x.Wind)
		within := func(what string, v, low, high float64) {
			if !(v >= low && v <= high) {
				t.Fatalf("event %d, point %d: %s %g outside %g to %g", e.ID, i, what, v, low, high)
			}
		}
		if i+1 < len(e.Points) { // the last may be that of a storm that has just died
			within("deficit", x.DP, minDP, p.climate.Intensity.MaxDP+1e-9)
		}
		within("deficit", x.DP, minDP/2, p.climate.Intensity.MaxDP+1e-9)
		within("pressure", x.Pressure(), 885-1e-9, EnvPressure)
		within("Rmax", x.Rmax, 8, 120)
		within("B", x.B, 0.7, 2.5)
		within("distance to the domain's centre", Distance(DomainLat, DomainLon, x.Lat, x.Lon), 0, exitRadius+250)
		within("latitude", x.Lat, 10, maxLatitude+3)
		within("speed", Speed(x.U, x.V), 0, 45)
		within("wind", x.Wind, 1, 250)
		if x.Land != (p.ground.Surface(x.Lat, x.Lon) != geography.Water) {
			t.Fatalf("event %d, point %d: land %v", e.ID, i, x.Land)
		}
		if i > 0 {
			within("hours since the point before", x.Hour-e.Points[i-1].Hour, 1, 1)
			within("km since the point before", Distance(x.Lat, x.Lon, e.Points[i-1].Lat, e.Points[i-1].Lon), 0, 45*3.6)
		}
	}
	if strongest < 64 {
		t.Fatalf("event %d is never a hurricane: %g kt", e.ID, strongest)
	}
	if first, last := e.Points[0], e.Points[len(e.Points)-1]; !inReach(first.Lat, first.Lon) || !inReach(last.Lat, last.Lon) {
		t.Fatalf("event %d begins or ends out of reach", e.ID)
	}
	for _, l := range e.Landfalls {
		if l.Wind < 64 || !p.ground.Inside(l.Lat, l.Lon) || l.Region != geography.LandfallRegion(l.Lat, l.Lon).String() ||
			l.Heading < 0 || l.Heading >= 360 || l.Hour < e.Points[0].Hour || l.Hour > e.Points[len(e.Points)-1].Hour {
			t.Fatalf("event %d: landfall %+v", e.ID, l)
		}
	}
}

// Over land a storm only weakens: the deficit decays between 1.5 and 8 % an hour, at one rate per stretch of land.
func TestStormsFillOverLand(t *testing.T) {
	p := florida(t)
	catalog := NewCatalog(p.climate, p.ground, 4)
	hours := 0
	for year := 1; year <= 200; year++ {
		for _, e := range catalog.Year(year) {
			rate := 0.0
			for i := 1; i < len(e.Points); i++ {
				a, b := e.Points[i-1], e.Points[i]
				if !b.Land {
					rate = 0
					continue
				}
				fill := math.Log(a.DP / b.DP)
				if fill < fillMin-1e-9 || fill > fillMax+1e-9 || rate != 0 && math.Abs(fill-rate) > 1e-9 {
					t.Fatalf("event %d fills at %g an hour, before at %g", e.ID, fill, rate)
				}
				rate = fill
				hours++
			}
		}
	}
	if hours < 1000 {
		t.Errorf("only %d hours over land", hours)
	}
}

// The rates over 6,000 years of one seed lie in the Poisson 95 % interval of the record, on every coast and for the
// state, for all hurricanes and for major ones.
func TestRatesLieInTheRecordsInterval(t *testing.T) {
	p := florida(t)
	catalog := NewCatalog(p.climate, p.ground, 1)
	const years = 6000
	type kind struct {
		region string
		major  bool
	}
	// Garwood limits of the mean of a Poisson count: chi-square quantiles 2n at 2.5 % and 2n + 2 at 97.5 %, halved.
	intervals := map[kind][2]float64{
		{"NW", false}: {21.888, 45.175}, {"NW", true}: {4.115, 17.085},
		{"SW", false}: {16.984, 38.096}, {"SW", true}: {4.795, 18.390},
		{"SE", false}: {21.063, 44.002}, {"SE", true}: {7.654, 23.490},
		{"NE", false}: {0.6187, 8.767}, {"NE", true}: {0, 3.689},
		{"FL", false}: {58.992, 94.013}, {"FL", true}: {21.063, 44.002},
	}
	counts := map[kind]int{}
	for year := 1; year <= years; year++ {
		for _, e := range catalog.Year(year) {
			for k := range intervals {
				if Hit(e.Landfalls, k.region, k.major) {
					counts[k]++
				}
			}
		}
	}
	for k, interval := range intervals {
		rate := float64(counts[k]) / years * float64(p.record.Years())
		if !(rate >= interval[0] && rate <= interval[1]) {
			t.Errorf("%s major=%v: %.2f in %d years, the record's %d has the interval %g-%g", k.region, k.major, rate,
				p.record.Years(), p.record.Hits(k.region, k.major), interval[0], interval[1])
		}
	}
}

// The kept fraction and the weights bring the rates to the fit's own.
func TestRatesAreThoseOfTheFit(t *testing.T) {
	if testing.Short() {
		t.Skip("draws 12,000 years")
	}
	p := florida(t)
	catalog := NewCatalog(p.climate, p.ground, 11)
	const years = 12000
	counts := make([]int, len(p.climate.Landfall.Hits))
	for year := 1; year <= years; year++ {
		for _, e := range catalog.Year(year) {
			strike := Strike{e.Points, e.Landfalls}
			for j, h := range p.climate.Landfall.Hits {
				if strike.Is(h.Region, h.Major) {
					counts[j]++
				}
			}
		}
	}
	for j, h := range p.climate.Landfall.Hits {
		want := h.Rate * years
		if math.Abs(float64(counts[j])-want) > 4*math.Sqrt(want)+1 { // four standard deviations
			t.Errorf("%s major=%v: %d in %d years, the fit expects %.1f", h.Region, h.Major, counts[j], years, want)
		}
	}
}

func BenchmarkCatalogYear(b *testing.B) {
	p := florida(b)
	catalog := NewCatalog(p.climate, p.ground, 1)
	year := 0
	for b.Loop() {
		year++
		catalog.Year(year)
	}
}

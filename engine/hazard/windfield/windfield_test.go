package windfield_test

import (
	"math"
	"testing"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
)

// north is a strong storm moving north at speed m/s.
func north(speed float64) hazard.Point {
	return hazard.Point{Lat: 26, Lon: -81, DP: 80, Rmax: 30, B: 1.4, V: speed}
}

func TestGradientPeaksAtRmaxWithoutTranslation(t *testing.T) {
	p := windfield.Standard().NewProfile(north(0))
	best, at := 0.0, 0.0
	for r := 1.0; r < 300; r += 0.5 {
		v := p.Gradient(r, 0)
		if v > best {
			best, at = v, r
		}
		for _, a := range []float64{0.3, 1.5, 2.9, 4.4} {
			if w := p.Gradient(r*math.Cos(a), r*math.Sin(a)); math.Abs(w-v) > 1e-9 {
				t.Fatalf("at rest the wind at %g km is %g east and %g elsewhere", r, v, w)
			}
		}
	}
	if math.Abs(at-30) > 1.5 {
		t.Errorf("wind peaks at %g km, Rmax is 30", at)
	}
	// Holland's maximum √(B·Δp/(ρ·e)), less half of f·r.
	want := math.Sqrt(1.4*8000/(hazard.AirDensity*math.E)) - hazard.Coriolis(26)*30000/2
	if math.Abs(best-want) > 0.05 {
		t.Errorf("largest gradient wind %g, Holland gives %g", best, want)
	}
}

func TestAsymmetryGrowsWithTranslation(t *testing.T) {
	last := -1.0
	for _, c := range []float64{0, 2, 4, 8, 12} {
		p := windfield.Standard().NewProfile(north(c))
		right, left := p.Gradient(30, 0), p.Gradient(-30, 0)
		if d := right - left; d <= last || (c == 0 && d != 0) || math.Abs(d-c) > 0.02*c+1e-9 {
			t.Errorf("at %g m/s the right side exceeds the left by %g, after %g", c, d, last)
		} else {
			last = d
		}
		if ahead, behind := p.Gradient(0, 30), p.Gradient(0, -30); math.Abs(ahead-behind) > 1e-9 {
			t.Errorf("ahead %g, behind %g", ahead, behind)
		}
	}
	east := hazard.Point{Lat: 26, Lon: -81, DP: 80, Rmax: 30, B: 1.4, U: 6}
	p := windfield.Standard().NewProfile(east)
	if p.Gradient(0, -30) <= p.Gradient(0, 30) {
		t.Error("a storm moving east must be stronger on its southern side")
	}
}

func TestWindTurnsCounterClockwiseAndInward(t *testing.T) {
	for _, c := range []struct {
		dx, dy float64
		from   float64
	}{{10, 0, 180 - windfield.Inflow}, {0, 10, 90 - windfield.Inflow}, {-10, 0, 360 - windfield.Inflow}, {0, -10, 270 - windfield.Inflow}} {
		if got := windfield.From(c.dx, c.dy); math.Abs(got-c.from) > 1e-9 {
			t.Errorf("at (%g,%g) the wind comes from %g, want %g", c.dx, c.dy, got, c.from)
		}
	}
	if windfield.Sector(359) != 0 || windfield.Sector(11) != 0 || windfield.Sector(12) != 1 || windfield.Sector(180) != 8 {
		t.Error("sectors are not centred on their directions")
	}
}

func TestGustFallsFromCoastInland(t *testing.T) {
	m := windfield.Standard()
	var fetch [geography.FetchDirections]float32
	last := float32(math.Inf(1))
	for _, km := range []float32{0, 0.5, 1, 3, 8, 20, 50} {
		fetch[4] = km
		f := m.GustFactors(fetch)
		if f[4] >= last {
			t.Errorf("factor at %g km is %g, not below %g", km, f[4], last)
		}
		last = f[4]
	}
	if got := m.GustFactors(fetch); math.Abs(float64(got[0])-1.40) > 1e-6 || math.Abs(float64(got[4])-0.83*1.55) > 1e-6 {
		t.Errorf("factors at sea and far inland %g %g", got[0], got[4])
	}
}

// track is a straight track through (26, -81) for 24 hours.
func track(p hazard.Point) *hazard.Event {
	e := &hazard.Event{}
	lat0, lon0 := p.Lat, p.Lon
	for h := -12.0; h <= 12; h++ {
		q := p
		q.Hour = h + 12
		q.Lat = lat0 + h*p.V*3.6/111.2
		q.Lon = lon0 + h*p.U*3.6/(111.2*math.Cos(26*hazard.Degree))
		e.Points = append(e.Points, q)
	}
	return e
}

// TestPeakAgreesWithBruteForce compares the search with a scan every 30 seconds of the same track.
func TestPeakAgreesWithBruteForce(t *testing.T) {
	m := windfield.Standard()
	var lat, lon []float64
	for a := 24.5; a < 27.6; a += 0.13 {
		for o := -83.0; o < -79; o += 0.17 {
			lat, lon = append(lat, a), append(lon, o)
		}
	}
	places := windfield.NewPlaces(lat, lon)
	field := m.NewFootprinter(places)
	for _, storm := range []hazard.Point{
		{Lat: 26, Lon: -81, DP: 90, Rmax: 12, B: 1.7, V: 9}, {Lat: 26, Lon: -81, DP: 60, Rmax: 45, B: 1.2, U: 7, V: 2},
		{Lat: 26, Lon: -81, DP: 110, Rmax: 20, B: 1.5, U: -5, V: 3},
	} {
		e := track(storm)
		print := field.Of(e)
		worst, reached := 0.0, 0
		for i := range lat {
			want := brute(m, e, lat[i], lon[i])
			got := float64(print.Mean[i])
			if got == 0 {
				if want*1.40 > windfield.Threshold*1.01 {
					t.Errorf("no wind at (%g,%g) where there is %g", lat[i], lon[i], want)
				}
				continue
			}
			reached++
			worst = math.Max(worst, math.Abs(got/want-1))
		}
		if reached < 50 || worst > 0.025 {
			t.Errorf("%+v: %d places reached, largest relative error %.4f", storm, reached, worst)
		}
	}
}

func brute(m windfield.Model, e *hazard.Event, lat, lon float64) float64 {
	x, y := geography.Project(lat, lon)
	best := 0.0
	for i := 0; i+1 < len(e.Points); i++ {
		for k := range 120 {
			p := hazard.Between(e.Points[i], e.Points[i+1], float64(k)/120)
			profile := m.NewProfile(p)
			cx, cy := geography.Project(p.Lat, p.Lon)
			best = math.Max(best, profile.Surface(x-cx, y-cy))
		}
	}
	return best
}

func BenchmarkWindEvaluations(b *testing.B) {
	var lat, lon []float64
	for a := 24.5; a < 27.6; a += 0.05 {
		for o := -83.0; o < -79; o += 0.05 {
			lat, lon = append(lat, a), append(lon, o)
		}
	}
	field := windfield.Standard().NewFootprinter(windfield.NewPlaces(lat, lon))
	e := track(hazard.Point{Lat: 26, Lon: -81, DP: 60, Rmax: 35, B: 1.3, U: 5, V: 3})
	b.ResetTimer()
	n := 0
	for b.Loop() {
		field.Of(e)
		n += field.Evaluations()
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "evaluations/s")
	b.ReportMetric(float64(len(lat))*float64(b.N)/b.Elapsed().Seconds(), "places/s")
}

package main

import (
	"math"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
)

// firstRateYear is where the record of Florida strikes begins to count (hurricanes were
// rarely missed on a settled coast after it); firstStateYear is where tracks and
// intensities do (reconnaissance flights).
const (
	firstRateYear  = 1900
	firstStateYear = 1944
)

// step is one 6-hour step of a recorded storm, with the state before and after it.
type step struct {
	storm    string
	year     int
	day      float64 // of the year
	lat, lon float64
	u, v     float64 // translation over the step, m/s
	x0, x1   float64 // ln DP at its ends
	water    bool    // both ends, and the middle, over water
	wind     float64 // knots at the start
	previous int     // index of the step before it of the same storm, or -1
}

// makeSteps cuts the storms since firstStateYear into steps between synoptic times.
func makeSteps(storms []besttrack.Storm, ground *geography.Florida, pw hazard.PressureWind) []step {
	var steps []step
	for _, s := range storms {
		fixes := synoptic(s.Fixes)
		previous := -1
		for i := 0; i+1 < len(fixes); i++ {
			a, b := fixes[i], fixes[i+1]
			year, month, day, hour := besttrack.Date(a.Hour)
			if b.Hour-a.Hour != 6 || year < firstStateYear || !a.Tropical() || !b.Tropical() || a.Wind < 20 || b.Wind < 20 {
				previous = -1
				continue
			}
			st := step{
				storm: s.ID, year: year, previous: previous,
				day: float64(besttrack.DayOfYear(year, month, day)) + float64(hour)/24,
				lat: a.Lat, lon: a.Lon, wind: a.Wind,
				x0: math.Log(deficit(a, pw)), x1: math.Log(deficit(b, pw)),
			}
			st.u, st.v = translation(a, b)
			st.water = water(ground, a.Lat, a.Lon) && water(ground, b.Lat, b.Lon) &&
				water(ground, (a.Lat+b.Lat)/2, (a.Lon+b.Lon)/2)
			previous = len(steps)
			steps = append(steps, st)
		}
	}
	return steps
}

func synoptic(fixes []besttrack.Fix) []besttrack.Fix {
	var out []besttrack.Fix
	for _, f := range fixes {
		if f.Synoptic() {
			out = append(out, f)
		}
	}
	return out
}

func water(ground *geography.Florida, lat, lon float64) bool {
	return ground.Surface(lat, lon) == geography.Water
}

// deficit is the recorded pressure deficit or, where no pressure is recorded, that of the wind.
func deficit(f besttrack.Fix, pw hazard.PressureWind) float64 {
	if f.Pressure != besttrack.Missing {
		return math.Max(hazard.EnvPressure-f.Pressure, 2)
	}
	return math.Max(pw.DP(math.Max(f.Wind, 15)), 2)
}

// translation is the mean velocity from a to b, m/s.
func translation(a, b besttrack.Fix) (u, v float64) {
	seconds := (b.Time() - a.Time()) * 3600
	metres := hazard.EarthRadius * hazard.Degree * 1000
	v = (b.Lat - a.Lat) * metres / seconds
	u = (b.Lon - a.Lon) * metres * math.Cos((a.Lat+b.Lat)/2*hazard.Degree) / seconds
	return u, v
}

// findEntries collects the first state of every storm within the domain at 30 kt or more.
func findEntries(storms []besttrack.Storm, c *hazard.Climatology) []hazard.Entry {
	var entries []hazard.Entry
	for _, s := range storms {
		fixes := synoptic(s.Fixes)
		for i := 0; i+1 < len(fixes); i++ {
			a, b := fixes[i], fixes[i+1]
			year, month, day, _ := besttrack.Date(a.Hour)
			if year < c.FirstYear || b.Hour-a.Hour > 12 || !a.Tropical() || !b.Tropical() || a.Wind < 30 || b.Wind < 30 ||
				hazard.Distance(hazard.DomainLat, hazard.DomainLon, a.Lat, a.Lon) > hazard.DomainRadius {
				continue
			}
			e := hazard.Entry{Storm: s.ID, Day: besttrack.DayOfYear(year, month, day), Lat: a.Lat, Lon: a.Lon}
			e.U, e.V = translation(a, b)
			e.DP = deficit(a, c.PressureWind)
			e.Trend = math.Log(deficit(b, c.PressureWind) / e.DP)
			entries = append(entries, e)
			break
		}
	}
	return entries
}

// fitPressureWind regresses ln V on ln DP over the fixes near Florida since 1988, and takes
// the spread between storms' mean residuals as the persistent part.
func fitPressureWind(storms []besttrack.Storm) hazard.PressureWind {
	var x, y []float64
	var storm []int
	for k, s := range storms {
		for _, f := range s.Fixes {
			year, _, _, _ := besttrack.Date(f.Hour)
			if year >= 1988 && f.Pressure != besttrack.Missing && f.Wind >= 34 && f.Tropical() &&
				f.Lat > 22 && f.Lat < 32 && f.Lon > -90 && f.Lon < -77 && f.Pressure < hazard.EnvPressure-2 {
				x = append(x, math.Log(hazard.EnvPressure-f.Pressure))
				y = append(y, math.Log(f.Wind))
				storm = append(storm, k)
			}
		}
	}
	ones := make([]float64, len(x))
	for i := range ones {
		ones[i] = 1
	}
	b := regress([][]float64{ones, x}, y, nil)
	pw := hazard.PressureWind{A: math.Exp(b[0]), P: b[1], N: len(x)}
	pw.SD = spreadOfStorms(x, y, storm, b)
	return pw
}

// spreadOfStorms is the sd of the storms' mean residuals, weighted by their number of fixes.
func spreadOfStorms(x, y []float64, storm []int, b []float64) float64 {
	total, count := 0.0, 0.0
	for i := 0; i < len(x); {
		sum, n := 0.0, 0.0
		for j := i; i < len(x) && storm[i] == storm[j]; i++ {
			sum += y[i] - b[0] - b[1]*x[i]
			n++
		}
		total += sum * sum / n
		count += n
	}
	return math.Sqrt(total / count)
}

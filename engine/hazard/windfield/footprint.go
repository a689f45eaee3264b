package windfield

import (
	"math"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
)

// Threshold is the gust below which nothing is damaged: 50 mph, in m/s (the FPHLM's damage threshold).
const Threshold = 22.352

// Places are the points at which a footprint is wanted, as columns. Wind depends on the
// place alone, never on which other places there are.
type Places struct {
	x, y []float64 // km, geography.Project
}

// NewPlaces projects positions given in degrees.
func NewPlaces(lat, lon []float64) *Places {
	p := &Places{x: make([]float64, len(lat)), y: make([]float64, len(lat))}
	for i := range lat {
		p.x[i], p.y[i] = geography.Project(lat[i], lon[i])
	}
	return p
}

// Len is the number of places.
func (p *Places) Len() int { return len(p.x) }

// Footprint is an event's peak wind at the places it reaches.
type Footprint struct {
	// Mean is the peak hourly mean wind over sea by place, m/s; 0 where no gust can reach Threshold.
	Mean []float32
	// From is the sector the wind came from at the peak: index for Factors.
	From []uint8
}

// Footprinter computes footprints; it owns the buffers, so each goroutine needs its own.
type Footprinter struct {
	model  Model
	places *Places
	out    Footprint
	steps  []moment
	spells []spell
	whole  spell // the box around all spells
	count  int   // wind evaluations of the last footprint
}

// NewFootprinter is a computer of footprints at places.
func (m Model) NewFootprinter(p *Places) *Footprinter {
	return &Footprinter{model: m, places: p, out: Footprint{Mean: make([]float32, p.Len()), From: make([]uint8, p.Len())}}
}

// Evaluations is how many times the last footprint evaluated the wind.
func (f *Footprinter) Evaluations() int { return f.count }

// moment is the storm at one time of the search.
type moment struct {
	Profile
	x, y   float64 // centre, km
	reach2 float64 // km²; beyond it no gust reaches Threshold
}

// stepRadii is how far, in radii of maximum wind, the storm may move between two moments of the
// search; the peak between moments is then found by a parabola.
const stepRadii = 0.4

// Of computes an event's footprint. The result is valid until the next call.
func (f *Footprinter) Of(e *hazard.Event) *Footprint {
	f.moments(e.Points)
	f.frame()
	f.count = 0
	for i := range f.places.x {
		x, y := f.places.x[i], f.places.y[i]
		if x < f.whole.west || x > f.whole.east || y < f.whole.south || y > f.whole.north {
			f.out.Mean[i] = 0
			continue
		}
		f.out.Mean[i], f.out.From[i] = f.peak(x, y)
	}
	return &f.out
}

// spell is a few consecutive moments with the box around all places they reach, km: a place outside
// it need not look at them one by one.
type spell struct {
	first, last              int // moments [first, last)
	west, east, south, north float64
}

const spellLength = 8

func (f *Footprinter) frame() {
	f.spells = f.spells[:0]
	f.whole = spell{west: math.Inf(1), east: math.Inf(-1), south: math.Inf(1), north: math.Inf(-1)}
	for first := 0; first < len(f.steps); first += spellLength {
		s := spell{first: first, last: min(first+spellLength, len(f.steps)),
			west: math.Inf(1), east: math.Inf(-1), south: math.Inf(1), north: math.Inf(-1)}
		for k := s.first; k < s.last; k++ {
			if m := &f.steps[k]; m.reach2 > 0 {
				reach := math.Sqrt(m.reach2)
				s.west, s.east = min(s.west, m.x-reach), max(s.east, m.x+reach)
				s.south, s.north = min(s.south, m.y-reach), max(s.north, m.y+reach)
			}
		}
		if s.west < s.east {
			f.spells = append(f.spells, s)
			f.whole.west, f.whole.east = min(f.whole.west, s.west), max(f.whole.east, s.east)
			f.whole.south, f.whole.north = min(f.whole.south, s.south), max(f.whole.north, s.north)
		}
	}
}

// moments cuts the track into steps no longer than stepRadii radii. Moments between two points of the track take the
// larger reach of the two.
func (f *Footprinter) moments(points []hazard.Point) {
	f.steps = f.steps[:0]
	if len(points) == 0 {
		return
	}
	next := f.model.newMoment(points[0])
	nextReach := next.reach(f.model.largestFactor())
	for i, a := range points {
		m, reach := next, nextReach
		m.reach2 = reach * reach
		f.steps = append(f.steps, m)
		if i+1 == len(points) {
			return
		}
		b := points[i+1]
		next = f.model.newMoment(b)
		nextReach = next.reach(f.model.largestFactor())
		between := max(reach, nextReach)
		for k := 1; k < stepsBetween(a, b); k++ {
			m := f.model.newMoment(hazard.Between(a, b, float64(k)/float64(stepsBetween(a, b))))
			m.reach2 = between * between
			f.steps = append(f.steps, m)
		}
	}
}

// stepsBetween is into how many steps the way from a to b is cut.
func stepsBetween(a, b hazard.Point) int {
	way := hazard.Speed(a.U, a.V) * (b.Hour - a.Hour) * 3.6
	return int(clamp(math.Ceil(way/(stepRadii*min(a.Rmax, b.Rmax))), 1, 12))
}

func (m Model) newMoment(p hazard.Point) moment {
	at := moment{Profile: m.NewProfile(p)}
	at.x, at.y = geography.Project(p.Lat, p.Lon)
	return at
}

// reach is the distance beyond which no gust attains Threshold, km, 0 if none does: bisection
// on the strongest side, where wind falls with distance beyond Rmax.
func (m *moment) reach(factor float64) float64 {
	gust := func(r float64) float64 { return m.Surface(r*m.hy, -r*m.hx) * factor }
	low, high := m.rmax, 600.0
	if gust(low) < Threshold {
		return 0
	}
	if gust(high) >= Threshold {
		return high
	}
	for range 10 {
		mid := (low + high) / 2
		if gust(mid) >= Threshold {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// peak finds the largest mean wind at a place over the moments and the sector it came from: every other
// moment is looked at, then the neighbours of the largest, then a parabola is laid through the top.
func (f *Footprinter) peak(x, y float64) (float32, uint8) {
	best, at := 0.0, 0
	for i := range f.spells {
		s := &f.spells[i]
		if x < s.west || x > s.east || y < s.south || y > s.north {
			continue
		}
		for k := s.first; k < s.last; k += 2 {
			if v := f.windAt(k, x, y); v > best {
				best, at = v, k
			}
		}
	}
	if best == 0 {
		return 0, 0
	}
	before, after := f.windAt(at-1, x, y), f.windAt(at+1, x, y)
	switch {
	case before > best && before >= after:
		before, best, after, at = f.windAt(at-2, x, y), before, best, at-1
	case after > best:
		before, best, after, at = best, after, f.windAt(at+2, x, y), at+1
	}
	m := &f.steps[at]
	return float32(parabola(before, best, after)), Sector(From(x-m.x, y-m.y))
}

// windAt is the mean wind at a place at moment k, 0 where no gust can reach Threshold or there is no such moment.
func (f *Footprinter) windAt(k int, x, y float64) float64 {
	if k < 0 || k >= len(f.steps) {
		return 0
	}
	m := &f.steps[k]
	dx, dy := x-m.x, y-m.y
	r2 := float64(dx*dx) + float64(dy*dy)
	if r2 > m.reach2 {
		return 0
	}
	f.count++
	return m.surface(dx, dy, r2)
}

// parabola is the peak of the parabola through three values, taken as equally spaced, of which the
// middle is the largest; the middle itself at an end of the record.
func parabola(before, peak, after float64) float64 {
	if before == 0 || after == 0 || before > peak || after > peak {
		return peak
	}
	bend := float64(2*peak) - before - after
	if bend <= 0 {
		return peak
	}
	slope := after - before
	return peak + float64(slope*slope)/(8*bend)
}

func clamp(v, low, high float64) float64 { return min(max(v, low), high) }

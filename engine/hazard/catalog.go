package hazard

import (
	"slices"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/internal/fmath"
	"github.com/qrsrisk/qrsd/internal/rng"
)

// Catalog is the stochastic catalogue: a function of climatology, ground and seed. Its years are
// independent streams, so any year can be made alone, in any order, on any core.
type Catalog struct {
	climate *Climatology
	ground  *geography.Florida
	seed    uint64
}

// MaxYears bounds a catalogue: event ids are Year·128 + number, in 31 bits.
const MaxYears = 1 << 23

// eventsPerYear bounds the storms of one year; the mean is about twenty.
const eventsPerYear = 128

// YearOf is the year of an event of a catalogue, from its id.
func YearOf(id int32) int { return int(id / eventsPerYear) }

// NewCatalog is the catalogue of a climatology.
func NewCatalog(c *Climatology, ground *geography.Florida, seed uint64) *Catalog {
	return &Catalog{climate: c, ground: ground, seed: seed}
}

// Streams of random numbers of a year.
const (
	streamCount = iota // how many storms the year has
	streamStorm        // + number of the storm
)

// Year makes the events of one simulated year (from 1), in order of their number. An event
// is a storm that was a hurricane at some time within reach of Florida.
func (c *Catalog) Year(year int) []Event {
	key := rng.New(c.seed).Derive(uint64(year))
	count := key.Derive(streamCount).Stream()
	n := min(count.Poisson(c.climate.CandidateRate()), eventsPerYear)
	var events []Event
	track := make([]Point, 0, 256) // of one candidate after the other; events keep copies
	for i := range n {
		s := key.Derive(streamStorm + uint64(i)).Stream()
		var e Event
		var keep bool
		if track, keep = c.climate.event(&e, track[:0], c.ground, s); keep {
			e.Points = slices.Clone(e.Points)
			e.Year, e.ID = int32(year), int32(year*eventsPerYear+i)
			events = append(events, e)
		}
	}
	return events
}

// event draws one candidate and reports whether it is kept. Its points lie in track, which is returned for
// the next candidate.
func (c *Climatology) event(e *Event, track []Point, ground land, s *rng.Stream) ([]Point, bool) {
	first := c.enter(ground, s)
	chance := s.Float64()
	track = c.simulate(track, first, ground, s)
	e.Day, e.Points = int(first.day), withinReach(track)
	if len(e.Points) == 0 || !first.everHurricane(c, e.Points) {
		return track, false
	}
	first.build(c, e.Points)
	e.Landfalls = Landfalls(e.Points, ground)
	strike := Strike{e.Points, e.Landfalls}
	return track, chance*c.Landfall.MaxWeight < c.Landfall.Weight(&strike)
}

// The box around Florida in which a storm's centre can bring damaging gusts to it.
const (
	reachSouth, reachNorth = 21.5, 34.0
	reachWest, reachEast   = -91.0, -76.0
)

func inReach(lat, lon float64) bool {
	return lat > reachSouth && lat < reachNorth && lon > reachWest && lon < reachEast
}

// withinReach is the part of a track from its first to its last point in reach.
func withinReach(points []Point) []Point {
	first, last := -1, -1
	for i, p := range points {
		if inReach(p.Lat, p.Lon) {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return nil
	}
	return points[first : last+1]
}

// hurricaneWind is the least sustained wind of a hurricane, knots.
const hurricaneWind = 64

// landfallStep is the spacing at which a track is looked at for landfall, h: 4 km at 7 m/s.
const landfallStep = 1.0 / 6

// Landfalls are the entries of a track into Florida at hurricane strength.
func Landfalls(points []Point, ground land) []Landfall {
	var falls []Landfall
	inside := true // a track that begins inside has not come from the sea
	for i := 0; i+1 < len(points); i++ {
		a, b := points[i], points[i+1]
		if !nearFlorida(a) && !nearFlorida(b) {
			inside = false
			continue
		}
		steps := max(1, int((b.Hour-a.Hour)/landfallStep+0.5))
		for k := range steps {
			f := float64(float64(k) / float64(steps))
			now := ground.Inside(mix(a.Lat, b.Lat, f), mix(a.Lon, b.Lon, f))
			if now && !inside && a.Wind >= hurricaneWind {
				falls = append(falls, landfallAt(a, Between(a, b, f)))
			}
			inside = now
		}
	}
	return falls
}

func nearFlorida(p Point) bool {
	return p.Lat > 24 && p.Lat < 31.5 && p.Lon > -88.2 && p.Lon < -79.5
}

// landfallAt takes strength from the last point over water and the position from the crossing.
func landfallAt(before, at Point) Landfall {
	return Landfall{
		Region: geography.LandfallRegion(at.Lat, at.Lon).String(),
		Hour:   at.Hour, Lat: at.Lat, Lon: at.Lon,
		Wind: before.Wind, Pressure: before.Pressure(), Rmax: before.Rmax, B: before.B,
		Heading: Heading(before.U, before.V), Speed: Speed(before.U, before.V),
	}
}

// Between is the state a fraction f of the way from a to b.
func Between(a, b Point, f float64) Point {
	return Point{
		Hour: mix(a.Hour, b.Hour, f), Lat: mix(a.Lat, b.Lat, f), Lon: mix(a.Lon, b.Lon, f),
		DP: mix(a.DP, b.DP, f), Rmax: mix(a.Rmax, b.Rmax, f), B: mix(a.B, b.B, f),
		U: mix(a.U, b.U, f), V: mix(a.V, b.V, f), Wind: mix(a.Wind, b.Wind, f), Land: a.Land,
	}
}

// mix is the value a fraction f of the way from a to b.
func mix(a, b, f float64) float64 { return float64((1-f)*a) + float64(f*b) }

// Hit reports whether landfalls include one on the coast region ("FL" for any) and, if
// major, one of category 3 or more.
func Hit(falls []Landfall, region string, major bool) bool {
	for _, l := range falls {
		if (region == StateRegion || l.Region == region) && (!major || Category(l.Wind) >= Major) {
			return true
		}
	}
	return false
}

// StateRegion stands for the whole of Florida among the coast regions.
const StateRegion = "FL"

// Strike is what one storm did to Florida, in the terms of the record.
type Strike struct {
	Points    []Point // within reach
	Landfalls []Landfall
}

// Is reports whether a strike is of the given kind: a hurricane (or a major one) that made landfall
// on a coast region, anywhere in Florida, or passed near a city.
func (s *Strike) Is(place string, major bool) bool {
	for _, city := range geography.Cities() {
		if city.Name == place {
			return Category(StrongestNear(s.Points, city.Lat, city.Lon)) >= least(major)
		}
	}
	return Hit(s.Landfalls, place, major)
}

func least(major bool) int {
	if major {
		return Major
	}
	return 1
}

// Weight is the weight of a storm.
func (f *LandfallFit) Weight(s *Strike) float64 {
	sum := 0.0
	for _, h := range f.Hits {
		if h.Lambda != 0 && s.Is(h.Region, h.Major) {
			sum += h.Lambda
		}
	}
	return fmath.Exp(sum)
}

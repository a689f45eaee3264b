package hazard

import (
	"fmt"
	"io/fs"
	"math"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
	"github.com/qrsrisk/qrsd/internal/fmath"
)

// ScenariosFile is the name, in a model pack, of the tracks of the best-known Florida hurricanes: HURDAT2 text,
// cut to the part near Florida, with radii of maximum wind added where the archive has none.
const ScenariosFile = "hazard-scenarios.txt"

// ReadScenarios reads the storms of a model pack.
func ReadScenarios(fsys fs.FS) ([]besttrack.Storm, error) {
	f, err := fsys.Open(ScenariosFile)
	if err != nil {
		return nil, fmt.Errorf("opening the scenarios: %w", err)
	}
	defer f.Close()
	storms, err := besttrack.Parse(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ScenariosFile, err)
	}
	return storms, nil
}

// longestGap is how many hours may lie between two fixes: a storm is not a straight line for longer.
const longestGap = 24

// FromTrack is the event of a recorded or forecast track. Missing pressures follow from the
// wind, missing radii from the pressure and latitude, and B from both and from how far the
// wind lies above what the pressure would give. The result is the model's mean storm for
// the track: nothing in it is random.
//
// Errors: a track with fewer than two fixes, without a wind or pressure, or that never
// comes within reach of Florida.
func FromTrack(s besttrack.Storm, c *Climatology, ground *geography.Florida) (Event, error) {
	if len(s.Fixes) < 2 {
		return Event{}, fmt.Errorf("storm %s has %d fixes; a track needs two", s.ID, len(s.Fixes))
	}
	for _, f := range s.Fixes {
		if f.Wind == besttrack.Missing && f.Pressure == besttrack.Missing {
			y, m, d, h := besttrack.Date(f.Hour)
			return Event{}, fmt.Errorf("storm %s has neither wind nor pressure at %04d-%02d-%02d %02d UTC; give one of them", s.ID, y, m, d, h)
		}
	}
	for i := 1; i < len(s.Fixes); i++ {
		if gap := s.Fixes[i].Time() - s.Fixes[i-1].Time(); gap > longestGap {
			y, m, d, h := besttrack.Date(s.Fixes[i].Hour)
			return Event{}, fmt.Errorf("storm %s: the fix of %04d-%02d-%02d %02d UTC comes %.0f hours after the one before it; give a fix at least every %d hours", s.ID, y, m, d, h, gap, longestGap)
		}
	}
	points := RecordedPoints(s, c, ground)
	year, month, day, _ := besttrack.Date(s.Fixes[0].Hour)
	e := Event{
		ID: 1, Year: 1, Name: fmt.Sprintf("%s %d", s.Name, year),
		Day:       DayOfYear(month, day),
		Landfalls: Landfalls(points, ground), Points: withinReach(points),
	}
	if len(e.Points) == 0 {
		return Event{}, fmt.Errorf("storm %s never comes near Florida (%g-%g N, %g-%g W); the model covers Florida only",
			s.ID, reachSouth, reachNorth, -reachEast, -reachWest)
	}
	return e, nil
}

// RecordedPoints is a recorded track at its fixes and every hour between. Positions are linear
// between fixes; strength too, but a storm that goes ashore between two fixes keeps the
// strength of the fix before until it is over land.
func RecordedPoints(s besttrack.Storm, c *Climatology, ground land) []Point {
	base := s.Fixes[0].Hour - s.Fixes[0].Hour%24
	var points []Point
	for i, f := range s.Fixes {
		p := c.recordedPoint(f, base, ground)
		if i > 0 {
			a := points[len(points)-1]
			a.U, a.V = velocity(a, p)
			points[len(points)-1] = a
			p.U, p.V = a.U, a.V
			points = append(points, c.betweenFixes(a, p, ground)...)
		}
		points = append(points, p)
	}
	return points
}

func (c *Climatology) recordedPoint(f besttrack.Fix, base int64, ground land) Point {
	wind := f.Wind
	dp := EnvPressure - f.Pressure
	if f.Pressure == besttrack.Missing {
		dp = c.PressureWind.DP(math.Max(wind, 15))
	}
	dp = math.Max(dp, minDP)
	if wind == besttrack.Missing {
		wind = c.PressureWind.Wind(dp)
	}
	rmax := Rmax(dp, f.Lat, f.Lon, 0)
	if f.Rmax != besttrack.Missing {
		rmax = clamp(f.Rmax*1.852, rmaxMin, rmaxMax)
	}
	p := Point{Hour: float64(f.Hour-base) + float64(f.Minute)/60, Lat: f.Lat, Lon: f.Lon, DP: dp, Rmax: rmax, Wind: wind}
	p.Land = ground.Surface(p.Lat, p.Lon) != geography.Water
	score := 0.0
	if !p.Land && wind >= hurricaneWind {
		score = BWindCorrelation * clamp(fmath.Log(wind/c.PressureWind.Wind(dp))/c.PressureWind.SD, -2, 2)
	}
	p.B = HollandB(dp, rmax, f.Lat, score)
	return p
}

// betweenFixes are the points every hour strictly between two fixes.
func (c *Climatology) betweenFixes(a, b Point, ground land) []Point {
	hours := b.Hour - a.Hour
	n := int(math.Ceil(hours - 1e-9))
	ashore := -1.0 // fraction of the way at which the coast was crossed
	var points []Point
	for k := 1; k < n; k++ {
		f := float64(k) / float64(n)
		p := Between(a, b, f)
		p.U, p.V = a.U, a.V
		p.Land = ground.Surface(p.Lat, p.Lon) != geography.Water
		if !a.Land && b.Land {
			if p.Land && ashore < 0 {
				ashore = float64(k-1) / float64(n)
			}
			strength := 0.0
			if p.Land {
				strength = (f - ashore) / (1 - ashore)
			}
			q := Between(a, b, strength)
			p.DP, p.Rmax, p.B, p.Wind = q.DP, q.Rmax, q.B, q.Wind
		}
		points = append(points, p)
	}
	return points
}

// velocity is the mean translation from a to b, m/s eastward and northward.
func velocity(a, b Point) (u, v float64) {
	const metres = EarthRadius * Degree * 1000
	seconds := (b.Hour - a.Hour) * 3600
	u = (b.Lon - a.Lon) * metres * fmath.Cos((a.Lat+b.Lat)/2*Degree) / seconds
	return u, (b.Lat - a.Lat) * metres / seconds
}

package hazard

import (
	"math"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/internal/fmath"
	"github.com/qrsrisk/qrsd/internal/rng"
)

// The domain: storms are followed from their entry into a circle around central Florida.
const (
	DomainLat    = 27.8
	DomainLon    = -82.8
	DomainRadius = 1000.0 // km
	exitRadius   = 1100.0 // km; a storm beyond it is gone
)

// Jitter of the entries: kernel widths with which an entry of the record stands for its
// neighbours. Judgement, of the size of the spacing between entries.
const (
	jitterKm      = 75.0
	jitterHeading = 10.0 // degrees
	jitterLnSpeed = 0.2
	jitterDP      = 8.0 // hPa
	jitterDays    = 7.0
)

// Bounds of a storm's life in the model.
const (
	stepHours   = 6
	maxSteps    = 60  // 15 days
	minDP       = 3.0 // hPa; weaker is no storm any more
	maxLatitude = 40.0
)

// land is what the model asks of the ground; *geography.Florida answers.
type land interface {
	Surface(lat, lon float64) geography.Surface
	Inside(lat, lon float64) bool
}

// storm is one storm as it is being simulated.
type storm struct {
	lat, lon   float64
	au, av     float64 // departures of translation from the mean, m/s
	u, v       float64 // translation, m/s
	x          float64 // ln DP
	trend      float64 // last 6-h change of x over water
	windFactor float64 // exp(η)
	size       Size
	fill       float64 // 1/h while over land, else 0
	fillScore  float64
	day        float64 // of the year at hour 0
	hour       float64
	ashore     bool // centre over land
}

// enter draws a storm's first state from the record's entries.
func (c *Climatology) enter(ground land, s *rng.Stream) storm {
	e := c.Entries[s.Intn(len(c.Entries))]
	speed := math.Sqrt(float64(e.U*e.U)+float64(e.V*e.V)) * fmath.Exp(float64(jitterLnSpeed*s.Normal()))
	heading := fmath.Atan2(e.U, e.V) + float64(jitterHeading*Degree*s.Normal())
	st := storm{
		u:     speed * fmath.Sin(heading),
		v:     speed * fmath.Cos(heading),
		trend: e.Trend,
		day:   clamp(float64(e.Day)+float64(jitterDays*s.Normal()), 1, 365),
	}
	st.lat, st.lon = displace(e.Lat, e.Lon, float64(jitterKm*s.Normal()), float64(jitterKm*s.Normal()))
	st.x = fmath.Log(max(e.DP+float64(jitterDP*s.Normal()), minDP+1))
	st.draw(c, s)
	st.ashore = ground.Surface(st.lat, st.lon) != geography.Water
	mu, mv := c.Motion.Mean(st.day, st.lat, st.lon)
	st.au, st.av = st.u-mu, st.v-mv
	return st
}

// draw sets the scores that stay with the storm.
func (st *storm) draw(c *Climatology, s *rng.Stream) {
	eta := s.Normal()
	st.windFactor = fmath.Exp(c.PressureWind.SD * eta)
	st.size = Size{
		RmaxScore: s.Normal(),
		BScore:    float64(BWindCorrelation*eta) + float64(math.Sqrt(1-BWindCorrelation*BWindCorrelation)*s.Normal()),
	}
	st.fillScore = s.Normal()
}

// displace moves a position by kilometres east and north.
func displace(lat, lon, east, north float64) (float64, float64) {
	const kmPerDegree = EarthRadius * Degree
	return lat + north/kmPerDegree, lon + east/(kmPerDegree*fmath.Cos(lat*Degree))
}

// Distance is the great-circle distance of two positions (degrees), km.
func Distance(lat1, lon1, lat2, lon2 float64) float64 {
	h := haversine(lat1, lon1, lat2, lon2)
	return 2 * EarthRadius * fmath.Asin(min(1, math.Sqrt(h)))
}

// haversine is the squared sine of half the angle between two positions.
func haversine(lat1, lon1, lat2, lon2 float64) float64 {
	s1, s2 := fmath.Sin((lat2-lat1)*Degree/2), fmath.Sin((lon2-lon1)*Degree/2)
	return float64(s1*s1) + float64(fmath.Cos(lat1*Degree)*fmath.Cos(lat2*Degree)*s2*s2)
}

// lnMinDP is ln minDP.
const lnMinDP = 1.0986122886681098

// exitChord2 is the squared sine of half the angle of exitRadius.
var exitChord2 = func() float64 {
	s := fmath.Sin(exitRadius / (2 * EarthRadius))
	return s * s
}()

// gone reports whether the storm is beyond exitRadius of the domain's centre.
func (st *storm) gone() bool {
	if math.Abs(st.lat-DomainLat) < 6.5 && math.Abs(st.lon-DomainLon) < 7 {
		return false // within 1,030 km: no need to compute the distance
	}
	return haversine(DomainLat, DomainLon, st.lat, st.lon) > exitChord2
}

// simulate follows a storm hour by hour until it leaves the domain or dies, appending to points.
func (c *Climatology) simulate(points []Point, st storm, ground land, s *rng.Stream) []Point {
	for range maxSteps {
		c.steer(&st, s)
		change := c.strengthen(&st, s)
		for range stepHours {
			points = append(points, st.point())
			st.advance(c, ground, change/stepHours)
			if st.x < lnMinDP || st.lat > maxLatitude || st.gone() {
				return append(points, st.point())
			}
		}
	}
	return points
}

// steer draws the translation of the next six hours.
func (c *Climatology) steer(st *storm, s *rng.Stream) {
	m := c.Motion.at(st.day+st.hour/24, st.lat, st.lon)
	st.au = float64(m.phiU*st.au) + float64(m.noiseU*s.Normal())
	st.av = float64(m.phiV*st.av) + float64(m.noiseV*s.Normal())
	st.u, st.v = m.u+st.au, m.v+st.av
}

// strengthen draws the change of ln DP over the next six hours if they are over water.
func (c *Climatology) strengthen(st *storm, s *rng.Stream) float64 {
	in := &c.Intensity
	residual := in.residual(s.Float64())
	mean := in.LocalAt(st.lat, st.lon) + in.B0 + float64(in.B1*st.x) + float64(in.B2*Beyond(st.x)) + float64(in.C*st.trend)
	return mean + float64(in.NoiseSD(st.x)*residual)
}

// Beyond is how far x = ln DP lies above 75 hPa: strong storms
// are near what the sea can carry, and weaken more readily.
func Beyond(x float64) float64 { return max(0, x-4.31749) }

// advance moves the storm by one hour. Over land the deficit decays at the rate drawn at
// landfall; over water it follows the change per hour of the intensity model.
func (st *storm) advance(c *Climatology, ground land, change float64) {
	const km = 3.6 // per hour and m/s
	st.lat, st.lon = displace(st.lat, st.lon, st.u*km, st.v*km)
	st.hour++
	st.ashore = ground.Surface(st.lat, st.lon) != geography.Water
	if !st.ashore {
		st.fill = 0
		st.x = min(st.x+change, c.lnMaxDP)
		st.trend = change * stepHours
		return
	}
	if st.fill == 0 {
		dp := fmath.Exp(st.x)
		speed := math.Sqrt(float64(st.u*st.u) + float64(st.v*st.v))
		st.fill = FillingRate(dp, speed, Rmax(dp, st.lat, st.lon, st.size.RmaxScore), st.fillScore)
	}
	st.x -= st.fill
	st.trend = 0
}

// point is the storm's state, without the structure that build adds.
func (st *storm) point() Point {
	return Point{Hour: st.hour, Lat: st.lat, Lon: st.lon, DP: fmath.Exp(st.x), U: st.u, V: st.v, Land: st.ashore}
}

// build adds wind and structure to the points of a storm that matters: most storms do not.
func (st *storm) build(c *Climatology, points []Point) {
	for i := range points {
		p := &points[i]
		p.Rmax = Rmax(p.DP, p.Lat, p.Lon, st.size.RmaxScore)
		p.B = HollandB(p.DP, p.Rmax, p.Lat, st.size.BScore)
		p.Wind = c.PressureWind.Wind(p.DP) * st.windFactor
	}
}

// everHurricane reports whether the storm is of hurricane strength at some of the points: as wind rises
// with the deficit, the deepest decides.
func (st *storm) everHurricane(c *Climatology, points []Point) bool {
	deepest := 0.0
	for i := range points {
		deepest = max(deepest, points[i].DP)
	}
	return c.PressureWind.Wind(deepest)*st.windFactor >= hurricaneWind
}

// drift is the motion model's parameters at one place and day.
type drift struct{ u, v, phiU, phiV, noiseU, noiseV float64 }

// at interpolates the motion in place and season.
func (m *Motion) at(day, lat, lon float64) drift {
	node, w := m.Grid.weights(lat, lon)
	a, b, f := m.season(day)
	var d drift
	for k, n := range node {
		wa, wb := w[k]*(1-f), w[k]*f
		d.u += float64(wa*a.U[n]) + float64(wb*b.U[n])
		d.v += float64(wa*a.V[n]) + float64(wb*b.V[n])
		d.phiU += float64(wa*a.PhiU[n]) + float64(wb*b.PhiU[n])
		d.phiV += float64(wa*a.PhiV[n]) + float64(wb*b.PhiV[n])
		d.noiseU += float64(wa*a.NoisU[n]) + float64(wb*b.NoisU[n])
		d.noiseV += float64(wa*a.NoisV[n]) + float64(wb*b.NoisV[n])
	}
	return d
}

// Mean is the mean translation at a place and day of the year, m/s eastward and northward.
func (m *Motion) Mean(day, lat, lon float64) (u, v float64) {
	node, w := m.Grid.weights(lat, lon)
	a, b, f := m.season(day)
	for k, n := range node {
		wa, wb := w[k]*(1-f), w[k]*f
		u += float64(wa*a.U[n]) + float64(wb*b.U[n])
		v += float64(wa*a.V[n]) + float64(wb*b.V[n])
	}
	return u, v
}

// season returns the two seasons around a day and the weight of the later one.
func (m *Motion) season(day float64) (a, b *Season, f float64) {
	last := len(m.Seasons) - 1
	for i := range last {
		a, b = &m.Seasons[i], &m.Seasons[i+1]
		if day < float64(b.Day) {
			return a, b, clamp((day-float64(a.Day))/float64(b.Day-a.Day), 0, 1)
		}
	}
	return &m.Seasons[last], &m.Seasons[last], 0
}

// LocalAt is the local term at a place.
func (in *Intensity) LocalAt(lat, lon float64) float64 {
	node, w := in.Grid.weights(lat, lon)
	sum := 0.0
	for k, n := range node {
		sum += float64(w[k] * in.Local[n])
	}
	return sum
}

// NoiseSD is the sd of the residual at x = ln DP.
func (in *Intensity) NoiseSD(x float64) float64 {
	at, last := in.NoiseAt, len(in.NoiseAt)-1
	if x <= at[0] {
		return in.Noise[0]
	}
	for i := range last {
		if x < at[i+1] {
			f := (x - at[i]) / (at[i+1] - at[i])
			return float64((1-f)*in.Noise[i]) + float64(f*in.Noise[i+1])
		}
	}
	return in.Noise[last]
}

// residual is the standardised residual at probability p.
func (in *Intensity) residual(p float64) float64 {
	q := in.Residual
	at := float64(p * float64(len(q)-1))
	i := min(int(at), len(q)-2)
	f := at - float64(i)
	return float64((1-f)*q[i]) + float64(f*q[i+1])
}

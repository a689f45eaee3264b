package windfield

import (
	"math"

	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/internal/fmath"
)

// Profile is the gradient wind of a storm at one time, as a function of place relative to its centre.
type Profile struct {
	speed    float64 // translation, m/s
	hx, hy   float64 // unit vector of translation, east and north
	coriolis float64 // 1/s
	pressure float64 // B·Δp/ρ, m²/s²
	b        float64
	lnRmax   float64 // ln km
	perRmax  float64 // 1/km
	rmax     float64 // km
	inner    float64 // reduction to the surface within 2 Rmax
	outer    float64 // and beyond 5 Rmax
}

// NewProfile is the profile at a point of a track.
func (m Model) NewProfile(p hazard.Point) Profile {
	speed := hazard.Speed(p.U, p.V)
	b, rmax := p.B*m.BScale, p.Rmax*m.RmaxScale
	pr := Profile{
		speed: speed * m.Asymmetry, hy: 1, coriolis: hazard.Coriolis(p.Lat),
		pressure: b * p.DP * 100 / hazard.AirDensity,
		b:        b, lnRmax: fmath.Log(rmax), rmax: rmax, perRmax: 1 / rmax,
		inner: m.Inner, outer: m.Outer,
	}
	if speed > 0 {
		pr.hx, pr.hy = p.U/speed, p.V/speed
	}
	return pr
}

// minRadius keeps the profile finite at the centre, km.
const minRadius = 0.5

// Gradient is the gradient wind, m/s, at dx km east and dy km north of the centre: Georgiou 1985
// (PhD thesis, University of Western Ontario),
//
//	Vg = g + √(g² + B·Δp/ρ·(Rmax/r)^B·exp(−(Rmax/r)^B)),   g = (c·sin α − f·r)/2,
//
// with α the angle from the direction of translation clockwise to the place; without translation it
// is Holland 1980 (Mon. Wea. Rev. 108: 1212, eq. 4).
func (p *Profile) Gradient(dx, dy float64) float64 {
	r2 := max(float64(dx*dx)+float64(dy*dy), minRadius*minRadius)
	return p.gradient(dx, dy, r2, math.Sqrt(r2))
}

func (p *Profile) gradient(dx, dy, r2, r float64) float64 {
	right := (float64(dx*p.hy) - float64(dy*p.hx)) / r
	g := float64(0.5 * (float64(p.speed*right) - float64(p.coriolis*r*1000)))
	y := float64(p.b * (float64(0.5*fmath.Log(r2)) - p.lnRmax))
	return g + math.Sqrt(float64(g*g)+float64(p.pressure*shape(y)))
}

// Surface is the mean wind (hourly, 10 m, over sea), m/s, at a displacement from the centre.
func (p *Profile) Surface(dx, dy float64) float64 {
	return p.surface(dx, dy, float64(dx*dx)+float64(dy*dy))
}

func (p *Profile) surface(dx, dy, r2 float64) float64 {
	r2 = max(r2, minRadius*minRadius)
	r := math.Sqrt(r2)
	return p.gradient(dx, dy, r2, r) * p.reduction(r)
}

// reduction is the mean wind at 10 m over sea to the gradient wind, r km from the centre.
func (p *Profile) reduction(r float64) float64 {
	f := min(max(float64(r*p.perRmax)-2, 0), 3) * (1.0 / 3)
	return p.inner + float64((p.outer-p.inner)*f)
}

// The shape of Holland's pressure gradient as a function of y = B·ln(r/Rmax) alone,
// exp(−y)·exp(−exp(−y)), tabulated: linear between nodes, which is right to 4e-5.
const (
	shapeMin   = -4.0
	shapeMax   = 12.0
	shapeNodes = 64 * 16
	shapeScale = shapeNodes / (shapeMax - shapeMin)
)

var shapeTable = makeShape()

func makeShape() *[shapeNodes + 2]float64 {
	t := new([shapeNodes + 2]float64)
	for i := range t {
		e := fmath.Exp(-(shapeMin + float64(float64(i)/shapeScale)))
		t[i] = e * fmath.Exp(-e)
	}
	return t
}

func shape(y float64) float64 {
	at := min(max(float64((y-shapeMin)*shapeScale), 0), shapeNodes)
	i := int(at)
	a := shapeTable[i]
	return a + float64((at-float64(i))*(shapeTable[i+1]-a))
}

// Inflow is the angle, degrees, by which surface winds cross inward: the mean of Zhang and
// Uhlhorn 2012 (Mon. Wea. Rev. 140: 3587).
const Inflow = 22.6

// From is the direction the surface wind blows from, degrees clockwise from north, at a displacement from
// the centre (northern hemisphere: counter-clockwise and inward).
func From(dx, dy float64) float64 {
	// Wind blows towards the direction 90 degrees counter-clockwise of outward, turned
	// inward by Inflow; it comes from the opposite.
	outward := fmath.Atan2(dx, dy) / hazard.Degree
	from := outward - 90 - Inflow + 180
	if from < 0 {
		from += 360
	}
	if from >= 360 {
		from -= 360
	}
	return from
}

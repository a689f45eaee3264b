package geography

import (
	"math"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// EarthRadiusKm is the mean radius of the Earth (IUGG, 2a+b over 3), the sphere on
// which all distances of the engine are taken. Against the ellipsoid it makes
// distances in Florida 0.34 % long northwards and 0.18 % short eastwards.
const EarthRadiusKm = 6371.0088

const (
	radPerDegree = math.Pi / 180
	kmPerDegree  = EarthRadiusKm * radPerDegree // of latitude
)

// The projection: transverse Mercator on the sphere with the central meridian and the
// latitude of origin through Florida. The factor of the central meridian halves the
// error of scale at the edges.
const (
	projectionLon   = -83
	projectionLat   = 28
	projectionScale = 0.9987 // on the central meridian
)

// Project is the position of a point in km east (x) and north (y) of 28 N 83 W:
// spherical transverse Mercator (Snyder, Map Projections: A Working Manual, USGS
// Professional Paper 1395, eqs. 8-1 to 8-3). Within Florida lengths are right to
// 0.14 %, directions exact up to the convergence of meridians.
func Project(lat, lon float64) (x, y float64) {
	phi, dlon := lat*radPerDegree, (lon-projectionLon)*radPerDegree
	cosPhi, sinPhi := fmath.Cos(phi), fmath.Sin(phi)
	b := float64(cosPhi * fmath.Sin(dlon))
	const radius = EarthRadiusKm * projectionScale
	x = radius / 2 * fmath.Log((1+b)/(1-b)) // atanh b
	y = radius * (fmath.Atan2(sinPhi, cosPhi*fmath.Cos(dlon)) - projectionLat*radPerDegree)
	return x, y
}

// Unproject is the inverse of Project (Snyder, eqs. 8-6 and 8-7).
func Unproject(x, y float64) (lat, lon float64) {
	const radius = EarthRadiusKm * projectionScale
	grow := fmath.Exp(x / radius)
	sinh := (grow - 1/grow) / 2
	d := y/radius + projectionLat*radPerDegree
	cosD := fmath.Cos(d)
	lat = fmath.Atan2(fmath.Sin(d), math.Sqrt(math.FMA(sinh, sinh, float64(cosD*cosD)))) / radPerDegree
	lon = projectionLon + fmath.Atan2(sinh, cosD)/radPerDegree
	return lat, lon
}

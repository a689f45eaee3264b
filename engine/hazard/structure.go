package hazard

import (
	"math"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// Physical constants of the hazard.
const (
	AirDensity  = 1.15          // kg/m³, near the surface of a hurricane
	Omega       = 7.29e-5       // rad/s, the Earth's rotation
	EarthRadius = 6371.0        // km
	Knot        = 1852.0 / 3600 // m/s
	Degree      = math.Pi / 180
)

// Coriolis is the Coriolis parameter at a latitude, 1/s.
func Coriolis(lat float64) float64 { return 2 * Omega * fmath.Sin(lat*Degree) }

// Size is what sets one storm's structure apart from the mean of storms like it: standard
// normal scores that stay with the storm for its life.
type Size struct {
	RmaxScore float64
	BScore    float64
}

// Rmax limits, km: the range of radii in the data of Vickery and Wadhera.
const (
	rmaxMin = 8
	rmaxMax = 120
)

// Rmax is the radius of maximum wind, km: Vickery and Wadhera 2008 (J. Appl. Meteor. Climatol. 47:
// 2497), their fit for all storms and that for the Gulf, blended across the peninsula.
// dp in hPa, lat and lon in degrees, score standard normal.
func Rmax(dp, lat, lon, score float64) float64 {
	g := gulfWeight(lon)
	all := 3.015 - float64(6.291e-5*dp*dp) + float64(0.0337*lat)
	gulf := 3.859 - float64(7.700e-5*dp*dp)
	mean := float64((1-g)*all) + float64(g*gulf)
	sd := float64((1-g)*rmaxNoise(dp)) + float64(g*rmaxNoiseGulf(dp))
	return clamp(fmath.Exp(mean+float64(sd*score)), rmaxMin, rmaxMax)
}

// gulfWeight is 1 west of the peninsula's axis, 0 east of it, linear over two degrees.
func gulfWeight(lon float64) float64 { return clamp((-80.8-lon)/2, 0, 1) }

// rmaxNoise is the sd of ln Rmax, all storms.
func rmaxNoise(dp float64) float64 {
	switch {
	case dp <= 87:
		return 0.448
	case dp <= 120:
		return 1.137 - float64(0.00792*dp)
	}
	return 0.186
}

// rmaxNoiseGulf is the sd of ln Rmax in the Gulf.
func rmaxNoiseGulf(dp float64) float64 {
	switch {
	case dp <= 100:
		return 0.396
	case dp <= 120:
		return 1.424 - float64(0.01029*dp)
	}
	return 0.19
}

// Limits and spread of Holland's B: Vickery and Wadhera 2008.
const (
	bMin   = 0.7
	bMax   = 2.5
	bNoise = 0.226
)

// seaTemperature is that of the warm season off Florida, K; B depends on it by its root alone.
const seaTemperature = 302

// HollandB is the shape parameter of Holland's pressure profile: Vickery and Wadhera 2008, B = 1.7642 − 1.2098·√A with
// A = Rmax·f / √(2·Rd·Ts·ln(1 + dp/(pc·e))). dp in hPa, rmax in km, lat in degrees, score standard normal.
func HollandB(dp, rmax, lat, score float64) float64 {
	const dryAir = 287 // J/(kg K)
	a := rmax * 1000 * Coriolis(lat) /
		math.Sqrt(2*dryAir*seaTemperature*fmath.Log(1+dp/((EnvPressure-dp)*math.E)))
	return clamp(1.7642-float64(1.2098*math.Sqrt(a))+float64(bNoise*score), bMin, bMax)
}

// BWindCorrelation is how far a storm whose best-track wind is high for its pressure has
// a peaked profile: the correlation of the score of B with the pressure-wind residual. Wind goes
// with √B, and half the residual's variance is left to observation and exposure. Judgement.
const BWindCorrelation = 0.6

// Filling constants: Vickery 2005 (J. Appl. Meteor. 44: 1807), Florida peninsula.
const (
	fillA0    = 0.0225
	fillA1    = 0.0017
	fillNoise = 0.0158
	fillMin   = 0.015
	fillMax   = 0.08
)

// FillingRate is the rate a (1/h) at which the pressure deficit decays over land, DP(t) = DP₀·exp(−a·t).
// dp in hPa and speed (m/s) at landfall, rmax in km, score standard normal.
func FillingRate(dp, speed, rmax, score float64) float64 {
	return clamp(fillA0+float64(fillA1*dp*speed/rmax)+float64(fillNoise*score), fillMin, fillMax)
}

func clamp(v, low, high float64) float64 { return min(max(v, low), high) }

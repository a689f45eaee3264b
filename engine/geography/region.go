package geography

import "math"

// CodeRegion is the wind region of the Florida Building Code in which a building stands:
// it decides which opening protection a building of the code era has.
type CodeRegion uint8

// The code regions.
const (
	Interior        CodeRegion = iota // no opening protection required
	WindBorneDebris                   // windows protected or the building designed as partly open, from 2002
	HVHZ                              // high-velocity hurricane zone: Miami-Dade and Broward, protected from 1994
)

// String is the region's usual short name.
func (r CodeRegion) String() string { return [...]string{"interior", "WBDR", "HVHZ"}[r] }

// The rule of Region. The code draws the debris region by the 120 mph contour of its
// 2001 map, and within a mile of the coast wherever the design speed is at least 110
// mph (Florida Building Code 2001, section 1606; ASCE 7-98). The contour itself is not
// at hand: the widths below are judgement, read off the shape of that map. North of
// DebrisMiddleLat only the mile counts: in the panhandle because the code's first
// edition ended the region there, west of Franklin County, on the other coasts because
// the contour runs close to the shore.
const (
	DebrisMileKm    = 1.6  // everywhere
	DebrisSouthLat  = 27.2 // degrees north, about Port Charlotte and Stuart; south of it
	DebrisSouthKm   = 60   // the region reaches this far inland: all but the lake's shores
	DebrisMiddleLat = 28.8 // degrees north, about Crystal River and New Smyrna Beach; south of it
	DebrisMiddleKm  = 20   // the region reaches this far inland

	hvhzDade, hvhzBroward = "12086", "12011"
)

// Region is the code region of a point and its county. The coast is that of CoastKm,
// bays included.
func (b *Boundaries) Region(lat, lon float64, fips string) CodeRegion {
	if fips == hvhzDade || fips == hvhzBroward {
		return HVHZ
	}
	reach := DebrisMileKm
	switch {
	case lat < DebrisSouthLat:
		reach = DebrisSouthKm
	case lat < DebrisMiddleLat:
		reach = DebrisMiddleKm
	}
	if !b.onLand(lat, lon) || !math.IsInf(b.CoastKm(lat, lon, reach), 1) {
		return WindBorneDebris // land that the atlas leaves out is a barrier island
	}
	return Interior
}

// CoastRegion is one of the four coast regions of the landfall record.
type CoastRegion uint8

// The coast regions.
const (
	Northwest CoastRegion = iota
	Southwest
	Southeast
	Northeast
)

// NumCoastRegions is the number of coast regions.
const NumCoastRegions = 4

// String is the label of the landfall record: NW, SW, SE, NE.
func (r CoastRegion) String() string { return [...]string{"NW", "SW", "SE", "NE"}[r] }

// The lines between the coast regions: north from south from Cape Canaveral to Tarpon
// Springs; west from east by the meridian of the Georgia border, a line to Lake
// Okeechobee and the meridian due south of it.
const (
	canaveralLat, canaveralLon   = 28.45, -80.53
	tarponLat, tarponLon         = 28.17, -82.76
	georgiaLat, georgiaLon       = 30.60, -82.69
	okeechobeeLat, okeechobeeLon = 26.95, -80.85
)

// LandfallRegion is the coast region of a point. It is defined everywhere; beyond the
// ends of the lines they go on along their parallel or meridian.
func LandfallRegion(lat, lon float64) CoastRegion {
	north := lat > between(lon, tarponLon, tarponLat, canaveralLon, canaveralLat)
	west := lon < between(lat, okeechobeeLat, okeechobeeLon, georgiaLat, georgiaLon)
	switch {
	case north && west:
		return Northwest
	case west:
		return Southwest
	case north:
		return Northeast
	}
	return Southeast
}

// between is the ordinate at x of the line from (x0, y0) to (x1, y1), x0 < x1,
// constant beyond its ends.
func between(x, x0, y0, x1, y1 float64) float64 {
	t := (min(max(x, x0), x1) - x0) / (x1 - x0)
	return math.FMA(t, y1-y0, y0)
}

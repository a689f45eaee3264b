package geography

import (
	"math"
	"strings"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// CountyReachKm is how far outside every polygon a point on water may lie and still
// belong to the nearest county: the barrier islands and keys that the atlas leaves out.
const CountyReachKm = 15

// BorderReachKm is the same for a point on the land of a neighbouring state: the
// generalised border may be this far off the true one.
const BorderReachKm = 1

// County is one of the 67 counties of Florida.
type County struct {
	FIPS       string  // "12086"
	Name       string  // "Miami-Dade"
	Lat, Lon   float64 // representative point: the ZIP point inside the county nearest to the mean of its ZIP points
	Population int     // Census estimate of 1 July 2023
}

// Counties are the counties in the order of their FIPS codes. The caller must not change them.
func (f *Florida) Counties() []County { return f.counties }

// CountyPoint finds a county by its FIPS code ("12086") or its name, in any case and
// with or without "County" ("miami-dade", "Saint Johns County"). ok is false for
// anything else.
func (f *Florida) CountyPoint(nameOrFIPS string) (c County, ok bool) {
	name := plainName(nameOrFIPS)
	for _, c := range f.counties {
		if c.FIPS == name || plainName(c.Name) == name {
			return c, true
		}
	}
	return County{}, false
}

// plainName reduces the spellings of a county name to one.
func plainName(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	name = strings.TrimSpace(strings.TrimSuffix(name, " county"))
	if rest, cut := strings.CutPrefix(name, "saint "); cut {
		name = "st" + rest
	}
	return strings.Map(func(r rune) rune { // a Replacer would be built for each name
		if strings.ContainsRune(" .-'", r) {
			return -1
		}
		return r
	}, name)
}

// County is the county of a point: the one whose polygon contains it (km = 0), else
// the nearest within CountyReachKm (BorderReachKm on the land of another state), km
// being the distance to it. ok is false outside Florida and for NaN.
func (b *Boundaries) County(lat, lon float64) (fips string, km float64, ok bool) {
	a := b.area(lat, lon)
	if b.florid[a] {
		return b.ids[a], 0, true
	}
	reach := float64(CountyReachKm)
	if a != areaNone {
		reach = BorderReachKm
	}
	if a, km = b.nearestCounty(lat, lon, reach); a == areaNone {
		return "", 0, false
	}
	return b.ids[a], km, true
}

// Inside says whether a point lies on the land of Florida, the Keys included.
func (b *Boundaries) Inside(lat, lon float64) bool { return b.florid[b.area(lat, lon)] }

// nearestCounty is the county with the nearest edge within reach km, areaNone if there is none.
func (b *Boundaries) nearestCounty(lat, lon, reach float64) (area uint8, km float64) {
	kmLon := kmPerDegree * fmath.Cos(lat*radPerDegree)
	best := reach * reach
	reachLat, reachLon := reach/kmPerDegree, reach/kmLon
	for i := range b.edges {
		e := &b.edges[i]
		if !b.florid[e.area] || e.beyond(lat, lon, reachLat, reachLon) {
			continue
		}
		if d := e.distanceSq(lat, lon, kmLon); d < best {
			best, area = d, e.area
		}
	}
	return area, math.Sqrt(best)
}

// beyond says that the edge lies outside a box around a point; true for NaN.
func (e *edge) beyond(lat, lon, reachLat, reachLon float64) bool {
	return !(e.lat0 <= lat+reachLat && e.lat1 >= lat-reachLat &&
		min(e.lon0, e.lon1) <= lon+reachLon && max(e.lon0, e.lon1) >= lon-reachLon)
}

// CoastKm is the distance from a point to the nearest shore of the atlas, whichever
// side of it the point is on, up to within km; +Inf if no shore is that near. The
// shore follows the large bays (Tampa Bay, Charlotte Harbor, Biscayne Bay).
func (b *Boundaries) CoastKm(lat, lon, within float64) float64 {
	kmLon := kmPerDegree * fmath.Cos(lat*radPerDegree)
	best := within * within
	found := false
	reachLat, reachLon := within/kmPerDegree, within/kmLon
	for i := range b.coast {
		e := &b.coast[i]
		if e.beyond(lat, lon, reachLat, reachLon) {
			continue
		}
		if d := e.distanceSq(lat, lon, kmLon); d <= best {
			best, found = d, true
		}
	}
	if !found {
		return math.Inf(1)
	}
	return math.Sqrt(best)
}

package geography

import (
	"github.com/qrsrisk/qrsd/internal/fmath"
)

const (
	// FetchDirections is the number of wind directions of Fetch.
	FetchDirections = 16
	// FetchCapKm is the fetch of a point with no water that near upwind. Beyond it the
	// boundary layer no longer remembers the sea (transition lengths of 5 to 20 km).
	FetchCapKm = 50
)

// fetchStepKm is the step of a ray: about a cell of the land raster.
const fetchStepKm = 0.5

// Fetch is the distance in km over land to the first open water upwind, at most
// FetchCapKm, for winds from FetchDirections directions: Fetch[k] is for wind from
// 22.5*k degrees clockwise from north. A point on water has 0 everywhere.
//
// Water is what is land of no state in the atlas, resolved to about 0.5 km: lakes,
// rivers and narrow inlets count as land.
func (b *Boundaries) Fetch(lat, lon float64) [FetchDirections]float32 {
	var fetch [FetchDirections]float32
	if !b.onLand(lat, lon) {
		return fetch
	}
	// Land cells per km, eastwards and northwards.
	perKmX := cellsPerDegree * landPerCell / (kmPerDegree * fmath.Cos(lat*radPerDegree))
	const perKmY = cellsPerDegree * landPerCell / kmPerDegree
	x := float64((lon - rasterWest) * (cellsPerDegree * landPerCell))
	y := float64((lat - rasterSouth) * (cellsPerDegree * landPerCell))
	for k := range fetch {
		fetch[k] = b.land.ray(x, y, float64(fetchStepKm*perKmX*windSin[k]), float64(fetchStepKm*perKmY*windSin[(k+4)%FetchDirections]))
	}
	return fetch
}

// onLand says whether a point is land of any state, by polygon.
func (b *Boundaries) onLand(lat, lon float64) bool { return b.area(lat, lon) != areaNone }

// ray walks from (x, y) in land cells by steps (dx, dy) of fetchStepKm and is the
// distance in km to the first cell of water. The point itself is known to be land: its
// own cell, whose centre may be water, does not count.
func (l landBits) ray(x, y, dx, dy float64) float32 {
	x0, y0 := int(x), int(y)
	for step := 1; step < FetchCapKm/fetchStepKm; step++ {
		x += dx
		y += dy
		cx, cy := int(x), int(y)
		if !l.at(cx, cy) && (cx != x0 || cy != y0) {
			return float32(step) * fetchStepKm
		}
	}
	return FetchCapKm
}

// windSin is the sine of 22.5*k degrees, to the last bit of a float64.
var windSin = [FetchDirections]float64{
	0, sin22, sin45, cos22, 1, cos22, sin45, sin22,
	0, -sin22, -sin45, -cos22, -1, -cos22, -sin45, -sin22,
}

const (
	sin22 = 0.38268343236508977173
	sin45 = 0.70710678118654752440
	cos22 = 0.92387953251128675613
)

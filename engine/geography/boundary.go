package geography

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// areaNone is the area number of a point on no land; areas count from 1.
const areaNone = 0

// maxAreas keeps area numbers below the mark for a mixed cell.
const maxAreas = 200

// Boundaries are the polygons of the Florida counties and of the neighbouring
// states, with a raster that answers most questions in one load.
//
// A point is looked up in a raster of cells of 0.01 degree. A cell that no boundary
// crosses holds its area; in the others the nearest boundary west of the point at
// its latitude decides, which is exact for the polygons and needs only the edges of
// that row of cells.
type Boundaries struct {
	ids    []string // area number -> county FIPS (5 digits) or state FIPS (2 digits); ids[0] is ""
	edges  []edge   // all edges, for distances
	coast  []edge   // those with land on one side only, within the raster
	rows   [][]edge // by raster row: the edges that cross it
	cells  []uint8  // area by raster cell, or cellMixed
	land   landBits // land of any state, for Fetch
	florid []bool   // by area: a Florida county
}

// edge is a side of a ring, lower end first, so that the two copies of a shared side
// have the same bits. east says that its area lies to the east of it.
type edge struct {
	lat0, lon0, lat1, lon1 float64
	slope                  float64 // d lon / d lat; 0 for a horizontal edge, which crosses no latitude
	area                   uint8
	east                   bool
}

// ReadBoundaries reads rings: one per line, an area code (county FIPS of five digits,
// or state FIPS of two) and the vertices as lon,lat pairs separated by spaces, the
// area on the left hand; the last vertex joins the first.
func ReadBoundaries(r io.Reader) (*Boundaries, error) {
	b := &Boundaries{ids: []string{""}, florid: []bool{false}}
	err := eachLine(r, b.addRing)
	if err != nil {
		return nil, err
	}
	if len(b.edges) == 0 {
		return nil, errors.New("no ring: the file is empty, want the rings of 67 counties")
	}
	b.coast = coastEdges(b.edges)
	b.rasterise()
	b.land = b.rasteriseLand()
	return b, nil
}

// addRing parses one line of the boundaries file.
func (b *Boundaries) addRing(_ int, line string) error {
	words := strings.Fields(line)
	area, err := b.numberArea(words[0])
	if err != nil {
		return err
	}
	ring := make([][2]float64, 0, len(words)-1)
	for _, w := range words[1:] {
		lon, lat, err := parsePoint(w)
		if err != nil {
			return err
		}
		ring = append(ring, [2]float64{lon, lat})
	}
	if len(ring) < 3 {
		return fmt.Errorf("ring of %q has %d vertices: want at least 3", words[0], len(ring))
	}
	for i, p := range ring {
		if q := ring[(i+1)%len(ring)]; p != q {
			b.edges = append(b.edges, newEdge(p, q, area))
		}
	}
	return nil
}

// parsePoint reads "lon,lat" in degrees.
func parsePoint(w string) (lon, lat float64, err error) {
	x, y, found := strings.Cut(w, ",")
	lon, errLon := strconv.ParseFloat(x, 64)
	lat, errLat := strconv.ParseFloat(y, 64)
	if !found || errLon != nil || errLat != nil || !(math.Abs(lon) <= 180) || !(math.Abs(lat) <= 90) {
		return 0, 0, fmt.Errorf("vertex %q: want lon,lat in degrees", w)
	}
	return lon, lat, nil
}

// numberArea gives the area number of a code, a new one if it is the first ring of it.
func (b *Boundaries) numberArea(id string) (uint8, error) {
	if a := b.areaOf(id); a != areaNone {
		return a, nil
	}
	if len(id) != 5 && len(id) != 2 {
		return 0, fmt.Errorf("area %q: want a county FIPS code of five digits or a state FIPS code of two", id)
	}
	if len(b.ids) > maxAreas {
		return 0, fmt.Errorf("area %q: more than %d areas", id, maxAreas)
	}
	b.ids = append(b.ids, id)
	b.florid = append(b.florid, len(id) == 5 && strings.HasPrefix(id, "12"))
	return uint8(len(b.ids) - 1), nil
}

// areaOf is the area number of a code, areaNone if it has no ring.
func (b *Boundaries) areaOf(id string) uint8 {
	if id == "" {
		return areaNone
	}
	return uint8(max(0, slices.Index(b.ids, id)))
}

// newEdge makes the edge from p to q (lon, lat) of a ring with its area on the left hand.
func newEdge(p, q [2]float64, area uint8) edge {
	e := edge{lat0: p[1], lon0: p[0], lat1: q[1], lon1: q[0], area: area}
	if e.lat0 > e.lat1 || e.lat0 == e.lat1 && e.lon0 > e.lon1 {
		e.lat0, e.lon0, e.lat1, e.lon1 = e.lat1, e.lon1, e.lat0, e.lon0
		e.east = true // a side walked southwards has its left hand to the east
	}
	if e.lat1 > e.lat0 {
		e.slope = (e.lon1 - e.lon0) / (e.lat1 - e.lat0)
	}
	return e
}

// lonAt is the longitude of the edge at a latitude between its ends.
func (e *edge) lonAt(lat float64) float64 { return math.FMA(lat-e.lat0, e.slope, e.lon0) }

// coastEdges are the edges that only one area has, inside the raster: all others
// are borders between two areas.
func coastEdges(edges []edge) []edge {
	sorted := slices.Clone(edges)
	slices.SortStableFunc(sorted, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.lat0, b.lat0), cmp.Compare(a.lon0, b.lon0),
			cmp.Compare(a.lat1, b.lat1), cmp.Compare(a.lon1, b.lon1))
	})
	same := func(a, b edge) bool {
		return a.lat0 == b.lat0 && a.lon0 == b.lon0 && a.lat1 == b.lat1 && a.lon1 == b.lon1
	}
	var coast []edge
	for i, e := range sorted {
		shared := i > 0 && same(e, sorted[i-1]) || i+1 < len(sorted) && same(e, sorted[i+1])
		if !shared && inRaster((e.lat0+e.lat1)/2, (e.lon0+e.lon1)/2) {
			coast = append(coast, e)
		}
	}
	return coast
}

// areaExact finds the area of a point of a raster row by the nearest edge west of it.
// Where several edges meet at that very latitude, the one that leans furthest east
// above it bounds the point's area; of two copies of a shared edge the one whose area
// lies east counts.
func areaExact(row []edge, lat, lon float64) uint8 {
	best, bestSlope, area := math.Inf(-1), math.Inf(-1), uint8(areaNone)
	for i := range row {
		e := &row[i]
		if !(e.lat0 <= lat && lat < e.lat1) {
			continue
		}
		x := e.lonAt(lat)
		if x > lon || x < best || x == best && e.slope < bestSlope {
			continue
		}
		if x > best || e.slope > bestSlope {
			best, bestSlope, area = x, e.slope, areaNone
		}
		if e.east {
			area = e.area
		}
	}
	return area
}

package geography

import "math"

// The raster of the boundaries: Florida and 50 km around its land, so that a ray of
// Fetch from any of its points stays inside.
const (
	rasterSouth, rasterNorth = 24.0, 31.6
	rasterWest, rasterEast   = -88.3, -79.6
	cellsPerDegree           = 100
	rasterRows               = 760 // (rasterNorth-rasterSouth)*cellsPerDegree
	rasterCols               = 870
	cellMixed                = 255 // a boundary crosses the cell
)

// inRaster says whether a point lies in the raster. NaN does not.
func inRaster(lat, lon float64) bool {
	return lat >= rasterSouth && lat < rasterNorth && lon >= rasterWest && lon < rasterEast
}

// rasterRow and rasterCol are the raster cell of a coordinate inside the raster.
func rasterRow(lat float64) int { return min(int((lat-rasterSouth)*cellsPerDegree), rasterRows-1) }
func rasterCol(lon float64) int { return min(int((lon-rasterWest)*cellsPerDegree), rasterCols-1) }

// area is the area number of a point: a Florida county, a neighbouring state, or areaNone.
func (b *Boundaries) area(lat, lon float64) uint8 {
	if !inRaster(lat, lon) {
		return areaNone
	}
	row := rasterRow(lat)
	if a := b.cells[row*rasterCols+rasterCol(lon)]; a != cellMixed {
		return a
	}
	return areaExact(b.rows[row], lat, lon)
}

// rasterise sorts the edges into rows, marks the cells they touch and fills the rest.
func (b *Boundaries) rasterise() {
	b.cells = make([]uint8, rasterRows*rasterCols)
	b.rows = make([][]edge, rasterRows)
	for _, e := range b.edges {
		b.rasteriseEdge(e)
	}
	for row := range rasterRows {
		b.fillRow(row)
	}
}

// rasteriseEdge adds the edge to each row it touches and marks its cells as mixed. A
// margin takes in cells that rounding might put on the other side of a cell border.
func (b *Boundaries) rasteriseEdge(e edge) {
	const margin = 1e-9 // degrees; 0.1 mm
	if e.lat1 < rasterSouth || e.lat0 >= rasterNorth {
		return
	}
	first := rasterRow(max(e.lat0-margin, rasterSouth))
	last := rasterRow(min(e.lat1+margin, rasterNorth))
	for row := first; row <= last; row++ {
		b.rows[row] = append(b.rows[row], e)
		south := rasterSouth + float64(row)/cellsPerDegree
		a, z := e.lonAt(max(e.lat0, south-margin)), e.lonAt(min(e.lat1, south+1.0/cellsPerDegree+margin))
		if e.lat0 == e.lat1 {
			a, z = e.lon0, e.lon1
		}
		west, east := min(a, z)-margin, max(a, z)+margin
		if east < rasterWest || west >= rasterEast {
			continue
		}
		for col := rasterCol(max(west, rasterWest)); col <= rasterCol(min(east, rasterEast)); col++ {
			b.cells[row*rasterCols+col] = cellMixed
		}
	}
}

// fillRow gives every cell that no edge touches the area of its centre.
func (b *Boundaries) fillRow(row int) {
	lat := rasterSouth + (float64(row)+0.5)/cellsPerDegree
	cells := b.cells[row*rasterCols : (row+1)*rasterCols]
	for col := range cells {
		switch {
		case cells[col] == cellMixed:
		case col > 0 && cells[col-1] != cellMixed:
			cells[col] = cells[col-1]
		default:
			cells[col] = areaExact(b.rows[row], lat, rasterWest+(float64(col)+0.5)/cellsPerDegree)
		}
	}
}

// landBits is a finer raster of land, one bit a cell: small enough for the
// second-level cache, which is what a ray of Fetch needs.
type landBits struct{ words []uint64 }

const (
	landPerCell = 2 // land cells per raster cell and axis: 0.005 degree, about 0.5 km
	landRows    = rasterRows * landPerCell
	landCols    = rasterCols * landPerCell
	landStride  = (landCols + 63) / 64
)

// rasteriseLand evaluates the boundaries at the centre of each land cell.
func (b *Boundaries) rasteriseLand() landBits {
	l := landBits{make([]uint64, landRows*landStride)}
	for r := range landRows {
		lat := rasterSouth + (float64(r)+0.5)/(cellsPerDegree*landPerCell)
		for c := range landCols {
			a := b.cells[r/landPerCell*rasterCols+c/landPerCell]
			if a == cellMixed {
				a = areaExact(b.rows[r/landPerCell], lat, rasterWest+(float64(c)+0.5)/(cellsPerDegree*landPerCell))
			}
			if a != areaNone {
				l.words[r*landStride+c/64] |= 1 << (c % 64)
			}
		}
	}
	return l
}

// at says whether the land cell of row y and column x is land; cells outside are water.
func (l landBits) at(x, y int) bool {
	if uint(x) >= landCols || uint(y) >= landRows {
		return false
	}
	return l.words[y*landStride+x/64]>>(x%64)&1 != 0
}

// distanceSq is the squared distance in km from a point to an edge in the plane that
// touches the sphere at the point: right to 0.1 % within 100 km. kmLon is a degree of
// longitude in km at the point's latitude.
func (e *edge) distanceSq(lat, lon, kmLon float64) float64 {
	ax, ay := float64((e.lon0-lon)*kmLon), float64((e.lat0-lat)*kmPerDegree)
	bx, by := float64((e.lon1-lon)*kmLon), float64((e.lat1-lat)*kmPerDegree)
	dx, dy := bx-ax, by-ay
	length := math.FMA(dx, dx, float64(dy*dy))
	t := 0.0
	if length > 0 {
		t = min(max(-math.FMA(ax, dx, float64(ay*dy))/length, 0), 1)
	}
	px, py := math.FMA(t, dx, ax), math.FMA(t, dy, ay)
	return math.FMA(px, px, float64(py*py))
}

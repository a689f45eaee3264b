package geography

import (
	"math"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// ZIP is a ZIP code with its representative point.
type ZIP struct {
	Code       string // five digits
	Lat, Lon   float64
	County     string    // FIPS of the county that contains the point, or the nearest
	AreaKm2    float64   // land area of the 2010 tabulation area; 0 where the Census had none for the code
	WaterShare float64   // water over water and land of that area, 0 to 1
	Terrain    Roughness // of the residential land, see RoughnessByDensity
}

// firstZIP is the lowest code of Florida; its codes lie in the thousands 32 to 34.
const (
	firstZIP = 32000
	zipSpan  = 3000
)

// zipNumber reads "33139" or "33139-1234" as 33139-firstZIP.
func zipNumber(code string) (int, bool) {
	if len(code) != 5 && !(len(code) == 10 && code[5] == '-') {
		return 0, false
	}
	n := 0
	for i := range 5 {
		d := code[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + int(d)
	}
	return n - firstZIP, n >= firstZIP && n < firstZIP+zipSpan
}

// zipIndex finds a ZIP code by its number, and the nearest by a grid of buckets.
type zipIndex struct {
	byNumber [zipSpan]int32 // 1 + index of the ZIP code, 0 = none
	buckets  [][]int32      // by bucket, the ZIP codes in it, ascending
}

// Buckets of 0.1 degree over the raster of the boundaries.
const (
	bucketsPerDegree = 10
	bucketRows       = rasterRows * bucketsPerDegree / cellsPerDegree
	bucketCols       = rasterCols * bucketsPerDegree / cellsPerDegree
)

// bucket is the bucket of a point, of the nearest point of the raster if it lies outside.
func bucket(lat, lon float64) (row, col int) {
	row = int((min(max(lat, rasterSouth), rasterNorth) - rasterSouth) * bucketsPerDegree)
	col = int((min(max(lon, rasterWest), rasterEast) - rasterWest) * bucketsPerDegree)
	return min(row, bucketRows-1), min(col, bucketCols-1)
}

func indexZIPs(zips []ZIP) zipIndex {
	index := zipIndex{buckets: make([][]int32, bucketRows*bucketCols)}
	for i, z := range zips {
		if n, ok := zipNumber(z.Code); ok {
			index.byNumber[n] = int32(i + 1)
		}
		row, col := bucket(z.Lat, z.Lon)
		at := row*bucketCols + col
		index.buckets[at] = append(index.buckets[at], int32(i))
	}
	return index
}

// ZIPs are the ZIP codes of Florida in ascending order. The caller must not change them.
func (f *Florida) ZIPs() []ZIP { return f.zips }

// ZIP finds a ZIP code; of a ZIP+4 code ("33139-1234") the first five digits count.
func (f *Florida) ZIP(code string) (z ZIP, ok bool) {
	n, ok := zipNumber(code)
	if !ok || f.zipIndex.byNumber[n] == 0 {
		return ZIP{}, false
	}
	return f.zips[f.zipIndex.byNumber[n]-1], true
}

// NearestZIP is the ZIP code whose point is nearest and its distance in km; of equally
// near ones the lowest code. A point with a NaN has none.
func (f *Florida) NearestZIP(lat, lon float64) (z ZIP, km float64, ok bool) {
	i, km := f.nearestZIP(lat, lon)
	if i < 0 {
		return ZIP{}, 0, false
	}
	return f.zips[i], km, true
}

// nearestZIP searches rings of buckets outwards until no closer point can follow.
func (f *Florida) nearestZIP(lat, lon float64) (index int, km float64) {
	if math.IsNaN(lat) || math.IsNaN(lon) {
		return -1, 0
	}
	kmLon := kmPerDegree * fmath.Cos(lat*radPerDegree)
	ringKm := min(kmLon, kmPerDegree) / bucketsPerDegree
	row, col := bucket(lat, lon)
	best, bestSq := -1, math.Inf(1)
	for ring := 0; ring < max(bucketRows, bucketCols); ring++ {
		if reach := float64(ring-1) * ringKm; reach > 0 && reach*reach > bestSq {
			break // a point in this ring is at least ring-1 buckets away
		}
		for r := max(0, row-ring); r <= min(bucketRows-1, row+ring); r++ {
			step := 2 * ring // between the first and last row of a ring only its two ends are new
			if r == row-ring || r == row+ring || ring == 0 {
				step = 1
			}
			for c := col - ring; c <= col+ring; c += step {
				if c < 0 || c >= bucketCols {
					continue
				}
				for _, i := range f.zipIndex.buckets[r*bucketCols+c] {
					dx, dy := (f.zips[i].Lon-lon)*kmLon, (f.zips[i].Lat-lat)*kmPerDegree
					d := math.FMA(dx, dx, float64(dy*dy))
					if d < bestSq || d == bestSq && int(i) < best {
						best, bestSq = int(i), d
					}
				}
			}
		}
	}
	return best, math.Sqrt(bestSq)
}

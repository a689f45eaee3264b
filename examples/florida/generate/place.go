package main

import (
	"cmp"
	"math"
	"slices"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/internal/fmath"
	"github.com/qrsrisk/qrsd/internal/rng"
)

// site is where a building stands.
type site struct {
	lat, lon float64
	zip      geography.ZIP
	county   geography.County
	density  float64 // persons per km2 of the ZIP code, its county's people spread equally
	coastKm  float64 // to the shore, at most coastReach; 0 on a barrier island the atlas lacks
	located  precision
}

// coastReach is how far from the coast a building's distance to it matters here.
const coastReach = 15 // km

// precision is what the file says of a location's place.
type precision uint8

const (
	byPoint  precision = iota
	byZIP              // no coordinates
	byCounty           // neither coordinates nor ZIP code
)

// Shares of locations without coordinates.
const (
	zipOnlyShare    = 0.055
	countyOnlyShare = 0.005
)

// places deals the n locations to counties in proportion to population (largest
// remainders) and within a county to its ZIP codes in turn. ZIP codes without a
// land area are post-office boxes and single buildings, and get none.
type places struct {
	florida *geography.Florida
	zips    [][]geography.ZIP // by county
	ends    []int             // by county: locations up to and with it
	n       uint64
	stride  uint64
}

func newPlaces(florida *geography.Florida, n int) *places {
	p := &places{florida: florida, n: uint64(n), stride: strideFor(uint64(n))}
	counties := florida.Counties()
	people := make([]int, len(counties))
	for i, c := range counties {
		people[i] = c.Population
		var zips []geography.ZIP
		for _, z := range florida.ZIPs() {
			if z.County == c.FIPS && z.AreaKm2 > 0 {
				zips = append(zips, z)
			}
		}
		p.zips = append(p.zips, zips)
	}
	total := 0
	for _, share := range apportion(n, people) {
		total += share
		p.ends = append(p.ends, total)
	}
	return p
}

// apportion divides n in proportion to weights by largest remainders; equal
// remainders go to the first.
func apportion(n int, weights []int) []int {
	total := 0
	for _, w := range weights {
		total += w
	}
	shares, order := make([]int, len(weights)), make([]int, len(weights))
	left := n
	for i, w := range weights {
		shares[i], order[i] = n*w/total, i
		left -= shares[i]
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(n*weights[j]%total, n*weights[i]%total) })
	for _, i := range order[:left] {
		shares[i]++
	}
	return shares
}

// strideFor is a number near n over the golden ratio without a common divisor with n:
// its multiples modulo n visit every location once, neighbours far apart, so that
// an account's locations scatter over the state without a table of n entries.
func strideFor(n uint64) uint64 {
	for s := max(1, uint64(float64(n)*0.6180339887498949)); ; s++ {
		a, b := s, n
		for b != 0 {
			a, b = b, a%b
		}
		if a == 1 {
			return s
		}
	}
}

// deal is the county, by its number, and the ZIP code of location i, 0 <= i < n.
func (p *places) deal(i int) (county int, zip geography.ZIP) {
	slot := int(uint64(i) * p.stride % p.n)
	county, _ = slices.BinarySearch(p.ends, slot+1)
	rank := slot
	if county > 0 {
		rank -= p.ends[county-1]
	}
	zips := p.zips[county]
	return county, zips[rank%len(zips)]
}

// draw is the site of location i.
func (p *places) draw(i int, s *rng.Stream) site {
	county, zip := p.deal(i)
	at := site{county: p.florida.Counties()[county], zip: zip}
	at.density = float64(at.county.Population) / float64(len(p.zips[county])) / at.zip.AreaKm2
	at.lat, at.lon = p.jitter(at.zip, s)
	if p.florida.Inside(at.lat, at.lon) {
		at.coastKm = min(p.florida.CoastKm(at.lat, at.lon, coastReach), coastReach)
	}
	at.located = precision(pick(s, 1-zipOnlyShare-countyOnlyShare, zipOnlyShare, countyOnlyShare))
	return at
}

// jitter is a point around the ZIP code's, scattered as widely as its area, on the
// land of its county. A ZIP code whose own point is off that land (a barrier island
// that the atlas lacks) and one that scatters only into water keep their point.
func (p *places) jitter(z geography.ZIP, s *rng.Stream) (lat, lon float64) {
	const kmPerDegree = geography.EarthRadiusKm * math.Pi / 180
	spread := min(max(0.35*math.Sqrt(z.AreaKm2/math.Pi), 0.2), 6) // km, standard deviation
	kmPerLon := kmPerDegree * fmath.Cos(z.Lat*math.Pi/180)
	for range 8 {
		lat = z.Lat + s.Normal()*spread/kmPerDegree
		lon = z.Lon + s.Normal()*spread/kmPerLon
		if fips, km, ok := p.florida.County(lat, lon); ok && fips == z.County && km == 0 {
			return lat, lon
		}
	}
	return z.Lat, z.Lon
}

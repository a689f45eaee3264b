package main

import (
	"github.com/qrsrisk/qrsd/internal/rng"
)

// use is what a building is for: it decides construction, value and policy.
type use uint8

const (
	singleFamily use = iota // owner-occupied
	rental                  // single-family, let
	manufactured
	condoUnit
	renter      // contents only
	apartments  // a let building of many units
	association // a condominium building, high rise near the coast
	retail
	office
	restaurant
	hotel
	warehouse
	industrial
	church
	numUses
)

// OED occupancy codes by use.
var occupancy = [numUses]int{1051, 1051, 1051, 1055, 1057, 1052, 1058, 1101, 1104, 1119, 1115, 1122, 1150, 1201}

// residential uses are insured by personal lines.
func (u use) residential() bool { return u <= renter }

// building is one location's risk.
type building struct {
	site
	use          use
	occupancy    int
	construction int // OED code; 5000 unknown
	year         int // true year of construction
	yearKnown    bool
	storeys      int
	modifiers    modifiers
	floorArea    float64    // square feet
	tiv          [4]float64 // building, other, contents, BI, USD
	deductible   locTerms
}

// region of construction practice.
type region uint8

const (
	panhandle region = iota
	north
	central
	south
)

func (at *site) region() region {
	switch {
	case at.lon < -84:
		return panhandle
	case at.lat > 29.2:
		return north
	case at.lat > 27.2:
		return central
	}
	return south
}

// newBuilding draws what stands at a site; schedule says that it belongs to a firm with several.
func newBuilding(at site, schedule bool, s *rng.Stream) building {
	b := building{site: at}
	if schedule {
		b.use = [...]use{apartments, retail, office, restaurant, hotel, warehouse, industrial}[pick(s, 3, 4, 2, 2, 1, 2, 1)]
	} else {
		b.use = drawUse(&at, s)
	}
	b.occupancy = occupancy[b.use]
	if b.use == industrial {
		b.occupancy = [...]int{1150, 1151, 1152, 1153, 1156}[pick(s, 4, 1, 2, 1, 1)]
	}
	b.year = drawYear(b.use, s)
	b.yearKnown = chance(s, 0.95)
	b.storeys = drawStoreys(&b, s)
	b.construction = drawConstruction(&b, s)
	b.modifiers = drawModifiers(&b, s)
	b.drawValue(s)
	return b
}

// drawUse chooses the use by how densely settled and how near the sea a place is.
func drawUse(at *site, s *rng.Stream) use {
	rural, urban := at.density < 100, at.density > 1000
	shore := at.coastKm < 3
	w := [numUses]float64{singleFamily: 56, rental: 9, manufactured: 9, condoUnit: 8, renter: 4, apartments: 3, association: 1,
		retail: 2.6, office: 1.9, restaurant: 1, hotel: 0.6, warehouse: 1.5, industrial: 1.2, church: 0.6}
	if rural {
		w[manufactured] *= 2.6
		w[condoUnit] *= 0.1
		w[apartments] *= 0.2
		w[association] = 0
	}
	if urban {
		w[manufactured] *= 0.25
		w[condoUnit] *= 1.6
		w[apartments] *= 1.7
	}
	if at.region() == south {
		w[manufactured] *= 0.6
	}
	if shore && !rural {
		w[manufactured] *= 0.5
		w[condoUnit] *= 1.8
		w[association] *= 5
		w[hotel] *= 3
		w[industrial] *= 0.4
	}
	return use(pick(s, w[:]...))
}

// years are quantiles of the year of construction, about those of the Florida stock:
// half of it older than 1988, a fifth from the years of the statewide code.
var (
	siteBuiltYears    = []quantile{{0, 1925}, {0.12, 1960}, {0.38, 1980}, {0.64, 1994}, {0.79, 2002}, {1, 2026}}
	manufacturedYears = []quantile{{0, 1963}, {0.2, 1976}, {0.6, 1994}, {1, 2026}}
)

type quantile struct{ p, year float64 }

func drawYear(u use, s *rng.Stream) int {
	table := siteBuiltYears
	if u == manufactured {
		table = manufacturedYears
	}
	p := s.Float64()
	for i := 1; ; i++ {
		if a, b := table[i-1], table[i]; p < b.p || i+1 == len(table) {
			return int(a.year + float64((p-a.p)/(b.p-a.p)*(b.year-a.year)))
		}
	}
}

func drawStoreys(b *building, s *rng.Stream) int {
	switch b.use {
	case manufactured, restaurant, warehouse, church:
		return 1
	case singleFamily, rental, renter:
		two := 0.12
		if b.year >= 1990 {
			two = 0.33
		}
		return 1 + pick(s, 1-two, two)
	case condoUnit, association:
		if b.highRiseGround() && chance(s, 0.5) {
			return 8 + s.Intn(33)
		}
		return 2 + s.Intn(5)
	case apartments:
		return 1 + s.Intn(4)
	case hotel:
		if b.highRiseGround() && chance(s, 0.4) {
			return 8 + s.Intn(18)
		}
		return 2 + s.Intn(5)
	case office:
		if b.density > 1000 && chance(s, 0.12) {
			return 8 + s.Intn(18)
		}
		return 1 + s.Intn(4)
	}
	return 1 + pick(s, 0.8, 0.2)
}

// highRiseGround is near the sea and not rural: where towers are built.
func (b *building) highRiseGround() bool { return b.coastKm < 5 && b.density > 100 }

// masonryShare is the share of masonry walls among site-built homes by region: concrete
// block is usual in the south, wood frame in the panhandle and in the oldest houses.
func (b *building) masonryShare() float64 {
	share := [...]float64{panhandle: 0.32, north: 0.42, central: 0.74, south: 0.91}[b.region()]
	if b.year < 1950 {
		share -= 0.25
	}
	return share
}

// drawConstruction is an OED construction code.
func drawConstruction(b *building, s *rng.Stream) int {
	if chance(s, 0.04) && b.use != manufactured {
		return 5000
	}
	switch {
	case b.use == manufactured && b.year < 1976:
		return [...]int{5350, 5351, 5352, 5353}[pick(s, 4, 3, 2, 1)]
	case b.use == manufactured:
		return [...]int{5350, 5352, 5353, 5354}[pick(s, 2.5, 1.5, 4, 2)]
	case b.storeys >= 8:
		return [...]int{5150, 5151, 5152, 5158, 5205}[pick(s, 4, 2, 2, 1, 1)]
	case b.storeys >= 4:
		return [...]int{5150, 5152, 5105, 5200}[pick(s, 4, 2, 3, 1)]
	case b.use == warehouse || b.use == industrial:
		return [...]int{5201, 5200, 5155, 5105, 5100}[pick(s, 4, 1.5, 2, 1.5, 1)]
	case b.use.residential() || b.use == apartments || b.use == association:
		return lowRiseHome(b, s)
	}
	return [...]int{5105, 5100, 5108, 5103, 5050, 5150, 5200}[pick(s, 3, 2, 1.5, 1, 1.5, 1, 1)]
}

func lowRiseHome(b *building, s *rng.Stream) int {
	if !chance(s, b.masonryShare()) {
		return [...]int{5050, 5051, 5052}[pick(s, 6, 2.5, 1.5)]
	}
	if b.year >= 1975 {
		return [...]int{5105, 5100, 5103}[pick(s, 6.5, 2.5, 1)]
	}
	return [...]int{5103, 5100, 5105}[pick(s, 5.5, 2.5, 2)]
}

package main

import (
	"math"

	"github.com/qrsrisk/qrsd/internal/fmath"
	"github.com/qrsrisk/qrsd/internal/rng"
)

// worth is how a use is valued: floor area (median, square feet, per storey where
// perStorey), spread of its logarithm, cost of rebuilding (USD per square foot), and the
// other values as shares of the building's.
type worth struct {
	area, spread         float64
	perStorey            bool
	cost                 float64
	other, contents, bi  float64
	smallest, roundingTo float64
}

var worths = [numUses]worth{
	singleFamily: {1900, 0.35, false, 185, 0.10, 0.50, 0.20, 90e3, 1e3},
	rental:       {1500, 0.30, false, 170, 0.05, 0.08, 0.10, 80e3, 1e3},
	manufactured: {1250, 0.28, false, 72, 0.10, 0.45, 0.15, 20e3, 1e3},
	condoUnit:    {1200, 0.30, false, 70, 0, 0.60, 0.15, 25e3, 1e3},
	renter:       {1050, 0.25, false, 0, 0, 0, 0, 0, 1e3},
	apartments:   {7500, 0.45, true, 165, 0.02, 0.03, 0.12, 300e3, 1e4},
	association:  {9000, 0.35, true, 245, 0.04, 0.01, 0, 1e6, 1e5},
	retail:       {6000, 0.70, true, 150, 0.03, 0.35, 0.20, 150e3, 1e4},
	office:       {5500, 0.60, true, 190, 0.02, 0.20, 0.20, 150e3, 1e4},
	restaurant:   {3800, 0.40, false, 230, 0.03, 0.30, 0.35, 200e3, 1e4},
	hotel:        {12000, 0.40, true, 205, 0.04, 0.12, 0.30, 1e6, 1e5},
	warehouse:    {22000, 0.65, false, 82, 0.02, 0.60, 0.12, 250e3, 1e4},
	industrial:   {38000, 0.75, false, 108, 0.03, 0.75, 0.30, 400e3, 1e4},
	church:       {10000, 0.50, true, 185, 0.04, 0.12, 0, 300e3, 1e4},
}

// dearCounties are those where land draws larger and finer houses: Monroe, Collier, Palm
// Beach, Miami-Dade, Martin, Walton, St. Johns.
var dearCounties = map[string]float64{"12087": 1.5, "12021": 1.35, "12099": 1.3, "12086": 1.2, "12085": 1.2, "12131": 1.3, "12109": 1.2}

// drawValue sets floor area and insured values, rounded as an insurer would.
func (b *building) drawValue(s *rng.Stream) {
	w := worths[b.use]
	fineness := fmath.Exp(0.18 * s.Normal())
	if factor, dear := dearCounties[b.county.FIPS]; dear {
		fineness *= factor
	}
	if b.density < 100 {
		fineness *= 0.85
	}
	b.floorArea = w.area * fmath.Exp(w.spread*s.Normal())
	if w.perStorey {
		b.floorArea *= float64(b.storeys)
	}
	b.floorArea = roundTo(b.floorArea, 10)
	if b.use == renter {
		b.tiv[2] = max(10e3, roundTo(28e3*fineness*fmath.Exp(0.4*s.Normal()), 1e3))
		b.tiv[3] = roundTo(0.3*b.tiv[2], 1e3)
		return
	}
	b.tiv[0] = max(w.smallest, roundTo(b.floorArea*w.cost*fineness, w.roundingTo))
	for i, share := range [...]float64{1: w.other, 2: w.contents, 3: w.bi} {
		if i > 0 {
			b.tiv[i] = roundTo(share*b.tiv[0], w.roundingTo/10)
		}
	}
	if b.use == singleFamily && chance(s, 0.3) {
		b.tiv[1] = roundTo(0.02*b.tiv[0], 100) // other structures reduced to the least on offer
	}
}

func roundTo(x, unit float64) float64 { return math.Floor(x/unit+0.5) * unit }

// total is the sum of the insured values.
func (b *building) total() float64 { return b.tiv[0] + b.tiv[1] + b.tiv[2] + b.tiv[3] }

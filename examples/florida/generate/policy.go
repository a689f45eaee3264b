package main

import (
	"github.com/qrsrisk/qrsd/internal/rng"
)

// deductible of one coverage group. kind is OED's DedType: 0 amount, 2 share of TIV.
type deductible struct {
	kind       int
	value, min float64
}

// locTerms are a location's terms; zero = none.
type locTerms struct {
	building, pd, all            deductible
	buildingLimit, contentsLimit float64
}

// layer is a policy layer.
type layer struct{ participation, limit, attachment float64 }

// policy is an account's one policy.
type policy struct {
	lob    string
	month  int // of inception, 2026
	all    deductible
	limit  float64 // of all coverages, an amount
	layers []layer
}

// hurricaneShares are the hurricane deductibles on offer in Florida, as shares of the
// dwelling's value; 0 stands for the flat $500 (section 627.701, Florida Statutes: $500, 2, 5
// or 10 percent).
var hurricaneShares = [...]float64{0.02, 0.05, 0.10, 0}

// newPolicy writes the policy of an account and sets its locations' terms.
func newPolicy(buildings []building, schedule bool, s *rng.Stream) policy {
	p := policy{month: 1 + s.Intn(12), layers: []layer{{participation: 1}}}
	if schedule {
		p.schedule(buildings, s)
		return p
	}
	b := &buildings[0]
	share := hurricaneShares[pick(s, 0.72, 0.14, 0.04, 0.10)]
	switch b.use {
	case singleFamily:
		p.lob = "HO3"
		// The policy prints the amount: a share of the dwelling's value, taken from the whole loss.
		b.deductible.all = deductible{value: max(500, roundTo(share*b.tiv[0], 10))}
		if b.year < 1960 && chance(s, 0.25) {
			b.deductible.buildingLimit = roundTo(0.8*b.tiv[0], 100)
		}
	case rental:
		p.lob = "DP3"
		b.deductible.pd = deductible{kind: 2, value: max(0.02, share), min: 500}
	case manufactured:
		p.lob = "MH"
		b.deductible.building = deductible{kind: 2, value: max(0.02, share), min: 500}
		if chance(s, 0.3) {
			b.deductible.contentsLimit = roundTo(0.8*b.tiv[2], 100)
		}
	case condoUnit:
		p.lob = "HO6"
		b.deductible.all = deductible{value: max(500, roundTo(share*(b.tiv[0]+b.tiv[2]), 10))}
	case renter:
		p.lob = "HO4"
		b.deductible.all = deductible{value: 500}
	default:
		p.commercial(b, s)
	}
	return p
}

// commercial is the policy of a single commercial building: a percentage deductible with
// a minimum, a wind limit for some, layers for the largest.
func (p *policy) commercial(b *building, s *rng.Stream) {
	p.lob = "CMP"
	if b.use == association || b.use == apartments {
		p.lob = "CRES"
	} else if b.use == industrial {
		p.lob = "IND"
	}
	switch pick(s, 0.75, 0.25) {
	case 0:
		p.all = deductible{kind: 2, value: [...]float64{0.02, 0.03, 0.05}[pick(s, 3, 4, 3)], min: [...]float64{1e3, 5e3, 25e3}[pick(s, 3, 4, 2)]}
	case 1:
		p.all = deductible{value: [...]float64{5e3, 10e3, 25e3, 50e3}[pick(s, 3, 4, 2, 1)]}
	}
	if chance(s, 0.3) {
		p.limit = roundTo((0.5+float64(0.4*s.Float64()))*b.total(), 1e4)
	}
	if b.total() > layeredFrom {
		p.layers = program(b.total(), s)
	}
}

// layeredFrom is the value from which a risk is placed in layers.
const layeredFrom = 20e6

// schedule is the policy of a firm with several buildings: a deductible per building or one
// for the policy, and a program of layers in which the insurer takes a share.
func (p *policy) schedule(buildings []building, s *rng.Stream) {
	p.lob = "CMP"
	total := 0.0
	perBuilding := chance(s, 0.5)
	for i := range buildings {
		b := &buildings[i]
		total += b.total()
		if perBuilding {
			b.deductible.all = deductible{kind: 2, value: [...]float64{0.02, 0.03, 0.05}[pick(s, 1, 2, 2)], min: 10e3}
		}
	}
	if !perBuilding {
		p.all = deductible{value: [...]float64{50e3, 100e3, 250e3}[pick(s, 4, 4, 2)]}
	}
	p.layers = program(total, s)
}

// program is two or three layers: a primary one, taken whole or by half, and excess
// layers, taken by smaller shares.
func program(total float64, s *rng.Stream) []layer {
	primary := roundTo(0.15*total, 1e6)
	if primary < 1e6 {
		primary = 1e6
	}
	second := 2 * primary
	layers := []layer{
		{participation: [...]float64{1, 0.5}[pick(s, 0.7, 0.3)], limit: primary},
		{participation: [...]float64{0.5, 0.25, 0.1}[pick(s, 3, 4, 3)], limit: second, attachment: primary},
	}
	if top := primary + second; total > 2*top && chance(s, 0.7) {
		layers = append(layers, layer{participation: [...]float64{0.25, 0.1, 0.05}[pick(s, 3, 4, 3)], limit: top, attachment: top})
	}
	return layers
}

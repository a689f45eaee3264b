package terms

import "github.com/qrsrisk/qrsd/engine/exposure"

// A site holds the terms of one location.
type site struct {
	idle               bool // no insured loss: wind not covered, or the row repeats a location
	waiting, indemnity float64
	coverage           [exposure.NumTIV]term
	pd, all            term
	hasInterruption    bool // waiting or indemnity can change a loss
	hasCoverage        bool
	hasPD, hasAll      bool
	share              float64
}

// pay is the insured loss of the location where none of its terms is bounded:
// b, o, c, t are the ground-up losses of building, other structures, contents and
// time element (business interruption).
func (s *site) pay(b, o, c, t float64) float64 {
	if s.hasInterruption {
		t = interruption(t, s.waiting, s.indemnity)
	}
	if s.hasCoverage {
		b, o = s.coverage[0].payable(b), s.coverage[1].payable(o)
		c, t = s.coverage[2].payable(c), s.coverage[3].payable(t)
	}
	loss := b + o + c
	if s.hasPD {
		loss = s.pd.payable(loss)
	}
	loss += t
	if s.hasAll {
		loss = s.all.payable(loss)
	}
	return float64(loss * s.share)
}

// settle is the balance of the location after its terms, its coverages together.
func (s *site) settle(b, o, c, t float64) balance {
	p := s.coverages(b, o, c, t)
	pd := p[0].plus(p[1]).plus(p[2])
	if s.hasPD {
		pd = pd.under(&s.pd)
	}
	sum := pd.plus(p[3])
	if s.hasAll {
		sum = sum.under(&s.all)
	}
	return sum.times(s.share)
}

// settleEach is settle with the outcome handed back to the four coverages.
func (s *site) settleEach(units []balance, b, o, c, t float64) {
	p := s.coverages(b, o, c, t)
	copy(units, p[:])
	all := [exposure.NumTIV]int32{0, 1, 2, 3}
	if s.hasPD {
		g := group{units: all[:3], term: s.pd}
		g.settle(units)
	}
	if s.hasAll {
		g := group{units: all[:], term: s.all}
		g.settle(units)
	}
	for i := range units {
		units[i] = units[i].times(s.share)
	}
}

// coverages are the balances after the terms of each coverage.
func (s *site) coverages(b, o, c, t float64) [exposure.NumTIV]balance {
	if s.hasInterruption {
		t = interruption(t, s.waiting, s.indemnity)
	}
	p := [exposure.NumTIV]balance{{insured: b}, {insured: o}, {insured: c}, {insured: t}}
	if s.hasCoverage {
		for k := range p {
			p[k] = p[k].under(&s.coverage[k])
		}
	}
	return p
}

// bounded reports whether a minimum or maximum deductible needs balances.
func (s *site) bounded() bool {
	for k := range s.coverage {
		if s.coverage[k].bounded() {
			return true
		}
	}
	return s.pd.bounded() || s.all.bounded()
}

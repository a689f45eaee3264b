package terms

import (
	"math"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// Flat is the form of an account with one location and at most one policy layer, as
// personal lines have: no allocation is needed, so a loss goes up the ladder as three
// numbers. A kernel may keep it and call [Flat.Gross] itself. It does not change.
type Flat struct {
	home             flatSite
	policy           flatTerm
	attachment, most float64 // of the layer
	share            float64 // of layer and account together
	hasPolicy        bool    // a policy term or an attachment
	rest             *rest   // not nil: the account has rarer terms and goes that way
}

// A flatSite is the usual terms of a location: see [flatTerm], and no PD terms.
type flatSite struct {
	waiting, indemnity float64
	ded, limit         [exposure.NumTIV]float64 // of the coverages, amounts
	all                flatTerm
	participation      float64

	hasInterruption, hasDed, hasLimit bool // some coverage has one
}

// A flatTerm is a term in amounts with neither franchise nor maximum deductible.
type flatTerm struct{ ded, minDed, limit float64 }

// rest is the calculation of a flat account that has rarer terms: fractions of the
// loss, franchises, maximum deductibles, PD terms, several conditions.
type rest struct {
	site    site
	upper   []term // condition and policy, all coverages
	bounded bool
}

// Gross is the insured loss, in the currency of the portfolio, of one site and one
// sample: b, o, c, t are the ground-up losses of building, other structures,
// contents and time element (business interruption).
func (f *Flat) Gross(b, o, c, t float64) float64 {
	if f.rest != nil {
		return layered(f.rest.pay(b, o, c, t), f.attachment, f.most, f.share)
	}
	loss, borne, over := f.home.settle(b, o, c, t)
	if f.hasPolicy {
		loss, _, _ = f.policy.under(loss, borne, over)
		loss -= min(loss, f.attachment)
	}
	return float64(min(loss, f.most) * f.share)
}

// settle is [site.settle] for the usual terms: what is insured, borne by the insured
// as deductibles, and over the limits.
//
// Profile: the time is the chain of dependent minima, some ten cycles each, and the
// builtin min costs half of max; so a deductible is x - min(x, d), and flags, which
// are the same for most homes of a portfolio, skip the terms that are not there.
func (s *flatSite) settle(b, o, c, t float64) (loss, borne, over float64) {
	if s.hasInterruption {
		t = min(t-min(t, s.waiting), s.indemnity)
	}
	if s.hasDed {
		db, do, dc, dt := min(b, s.ded[0]), min(o, s.ded[1]), min(c, s.ded[2]), min(t, s.ded[3])
		borne = (db + do) + (dc + dt)
		b, o, c, t = b-db, o-do, c-dc, t-dt
	}
	loss = (b + o) + (c + t)
	if s.hasLimit {
		before := loss
		loss = (min(b, s.limit[0]) + min(o, s.limit[1])) + (min(c, s.limit[2]) + min(t, s.limit[3]))
		over = before - loss
	}
	loss, borne, over = s.all.under(loss, borne, over)
	return float64(loss * s.participation), float64(borne * s.participation), float64(over * s.participation)
}

// under is [balance.under] for a flat term: what is insured, borne by the insured and
// over the limits. Where the loss is used up, over no longer matters.
func (x *flatTerm) under(loss, borne, over float64) (float64, float64, float64) {
	fromOver := 0.0
	need := x.ded
	if x.minDed > 0 {
		raise := -min(0, x.ded+borne-x.minDed)
		fromOver = min(raise, over)
		need += raise - fromOver
	}
	d := min(loss, need)
	loss -= d
	paid := min(loss, x.limit)
	return paid, borne + d + fromOver, over - fromOver + (loss - paid)
}

// pay is the insured loss before the layer.
func (r *rest) pay(b, o, c, t float64) float64 {
	if !r.bounded {
		loss := r.site.pay(b, o, c, t)
		for i := range r.upper {
			loss = r.upper[i].payable(loss)
		}
		return loss
	}
	p := r.site.settle(b, o, c, t)
	for i := range r.upper {
		p = p.under(&r.upper[i])
	}
	return p.insured
}

// chooseForm picks the fastest form that gives the numbers of the ladder.
func (a *account) chooseForm() {
	switch {
	case a.each || !a.blanket():
		a.form = formLadder
	case len(a.sites) == 1 && len(a.groups) == 0 && len(a.layers) <= 1 && !a.sites[0].idle:
		a.form, a.flat, a.ladder = formFlat, a.flatten(), nil
	default:
		a.form, a.schedule = formBlanket, a.flatSites()
	}
}

// flatSites are the flat forms of the locations, nil where one has rarer terms or a
// maximum deductible above needs to know the room under its limits.
func (a *ladder) flatSites() []flatSite {
	for i := range a.layers {
		if !allWhole(a.layers[i].groups, false) {
			return nil
		}
	}
	sites := make([]flatSite, len(a.sites))
	for i := range sites {
		if !a.sites[i].idle && !sites[i].from(&a.sites[i]) {
			return nil
		}
	}
	return sites
}

// blanket reports whether terms above the location look only at the account's sum,
// and hand it back in proportion to the insured loss of the locations alone: with a
// maximum deductible the rooms under their limits count too.
func (a *ladder) blanket() bool {
	for i := range a.layers {
		l := &a.layers[i]
		if len(l.excluded) > 0 || !allWhole(l.groups, len(a.sites) == 1) {
			return false
		}
	}
	return allWhole(a.groups, true) // above the layers nothing is given back
}

// allWhole reports whether all groups are over the whole account; alone is an
// account of one location, where nothing is handed back.
func allWhole(groups []group, alone bool) bool {
	for i := range groups {
		if !groups[i].whole || groups[i].term.capped() && !alone {
			return false
		}
	}
	return true
}

// flatten is the flat form of an account of one location and at most one layer.
func (a *ladder) flatten() *Flat {
	f := &Flat{most: math.Inf(1), share: a.share}
	var upper []term
	if len(a.layers) > 0 {
		l := &a.layers[0]
		f.attachment, f.most, f.share = l.attachment, l.limit, float64(l.share*a.share)
		for i := range l.groups {
			upper = append(upper, l.groups[i].term)
		}
	} else if !a.bare {
		f.share = 0
	}
	f.policy = flatTerm{limit: math.Inf(1)}
	usual := f.home.from(&a.sites[0]) && len(upper) <= 1
	if usual && len(upper) == 1 {
		usual = f.policy.from(&upper[0])
	}
	f.hasPolicy = f.attachment > 0 || f.policy != flatTerm{limit: math.Inf(1)}
	if !usual {
		f.rest = &rest{site: a.sites[0], upper: upper, bounded: a.bounded}
	}
	return f
}

// from copies the terms of a location, or reports that it has rarer ones.
func (s *flatSite) from(of *site) bool {
	*s = flatSite{waiting: of.waiting, indemnity: of.indemnity, hasInterruption: of.hasInterruption, participation: of.share}
	if of.hasPD || !s.all.from(&of.all) {
		return false
	}
	for k := range of.coverage {
		var x flatTerm
		if !x.from(&of.coverage[k]) || x.minDed > 0 {
			return false
		}
		s.ded[k], s.limit[k] = x.ded, x.limit
		s.hasDed = s.hasDed || x.ded > 0
		s.hasLimit = s.hasLimit || !math.IsInf(x.limit, 1)
	}
	return true
}

// from copies a term, or reports that it cannot be a flat one.
func (x *flatTerm) from(t *term) bool {
	*x = flatTerm{ded: t.ded, minDed: t.minDed, limit: t.limit}
	return t.dedOfLoss == 0 && t.limitOfLoss >= 1 && !t.franchise && !t.capped()
}

// Flat is the flat form of an account, where it has one.
func (p *Program) Flat(account int) (*Flat, bool) {
	f := p.accounts[account].flat
	return f, f != nil
}

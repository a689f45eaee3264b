package terms

import (
	"math"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// Flat is the form of an account with one location and at most one policy layer, as
// personal lines have: no allocation is needed, so a loss goes up the ladder as a few
// numbers. A kernel may keep it and call [Flat.Gross] itself. It does not change.
type Flat struct {
	waiting, indemnity float64
	ded, limit         [exposure.NumTIV]float64 // of the coverages, amounts
	all, policy        flatTerm
	participation      float64 // of the location
	attachment, most   float64 // of the layer
	share              float64 // of layer and account together
	hasDed, hasLimit   bool    // some coverage has one
	rest               *rest   // not nil: the account has rarer terms and goes that way
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
//
// Profile: on amd64 the builtin min costs half of max, so the deductible is written
// x - min(x, d); the two flags save a third for homes without coverage deductibles.
func (f *Flat) Gross(b, o, c, t float64) float64 {
	if f.rest != nil {
		return layered(f.rest.pay(b, o, c, t), f.attachment, f.most, f.share)
	}
	t = min(t-min(t, f.waiting), f.indemnity)
	borne, over := 0.0, 0.0
	if f.hasDed {
		db, do, dc, dt := min(b, f.ded[0]), min(o, f.ded[1]), min(c, f.ded[2]), min(t, f.ded[3])
		borne = (db + do) + (dc + dt)
		b, o, c, t = b-db, o-do, c-dc, t-dt
	}
	loss := (b + o) + (c + t)
	if f.hasLimit {
		before := loss
		loss = (min(b, f.limit[0]) + min(o, f.limit[1])) + (min(c, f.limit[2]) + min(t, f.limit[3]))
		over = before - loss
	}
	loss, borne, over = f.all.under(loss, borne, over)
	loss, _, _ = f.policy.under(loss*f.participation, borne*f.participation, over*f.participation)
	loss -= min(loss, f.attachment)
	return min(loss, f.most) * f.share
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
		a.form, a.flat = formFlat, a.flatten()
	default:
		a.form = formBlanket
	}
}

// blanket reports whether terms above the location look only at the account's sum,
// and hand it back in proportion to the insured loss of the locations alone: with a
// maximum deductible the rooms under their limits count too.
func (a *account) blanket() bool {
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
func (a *account) flatten() *Flat {
	s := &a.sites[0]
	f := &Flat{waiting: s.waiting, indemnity: math.Inf(1), most: math.Inf(1), share: a.share, participation: s.share}
	if s.hasInterruption {
		f.indemnity = s.indemnity
	}
	var upper []term
	if len(a.layers) > 0 {
		l := &a.layers[0]
		f.attachment, f.most, f.share = l.attachment, l.limit, l.share*a.share
		for i := range l.groups {
			upper = append(upper, l.groups[i].term)
		}
	} else if !a.bare {
		f.share = 0
	}
	if !f.simplify(s, upper) {
		f.rest = &rest{site: *s, upper: upper, bounded: a.bounded}
	}
	return f
}

// simplify fills the flat terms, or reports that the account has rarer ones.
func (f *Flat) simplify(s *site, upper []term) bool {
	f.all, f.policy = flatTerm{limit: math.Inf(1)}, flatTerm{limit: math.Inf(1)}
	if s.hasPD || len(upper) > 1 || !f.all.from(&s.all) || len(upper) == 1 && !f.policy.from(&upper[0]) {
		return false
	}
	for k := range s.coverage {
		var x flatTerm
		if !x.from(&s.coverage[k]) || x.minDed > 0 {
			return false
		}
		f.ded[k], f.limit[k] = x.ded, x.limit
		f.hasDed = f.hasDed || x.ded > 0
		f.hasLimit = f.hasLimit || !math.IsInf(x.limit, 1)
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

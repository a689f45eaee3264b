package terms

import "math"

// Flat is the form of an account with one location and one policy layer, as
// personal lines have: no allocation is needed, so a loss goes up the ladder as
// one number. A kernel may keep it and call [Flat.Gross] itself.
type Flat struct {
	site              site
	upper             []term // condition and policy, all coverages
	attachment, limit float64
	share             float64 // of layer and account together
	bounded           bool
}

// Gross is the insured loss, in the currency of the portfolio, of one site and one
// sample: b, o, c, t are the ground-up losses of building, other structures,
// contents and time element (business interruption).
func (f *Flat) Gross(b, o, c, t float64) float64 {
	if f.bounded {
		return f.grossBounded(b, o, c, t)
	}
	loss := f.site.pay(b, o, c, t)
	for i := range f.upper {
		loss = f.upper[i].payable(loss)
	}
	return layered(loss, f.attachment, f.limit, f.share)
}

// grossBounded is Gross where minimum or maximum deductibles look at the
// deductibles below.
func (f *Flat) grossBounded(b, o, c, t float64) float64 {
	p := f.site.settle(b, o, c, t)
	for i := range f.upper {
		p = p.under(&f.upper[i])
	}
	return layered(p.insured, f.attachment, f.limit, f.share)
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
	return allWhole(a.groups, len(a.sites) == 1)
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
	f := &Flat{site: a.sites[0], limit: math.Inf(1), share: a.share, bounded: a.bounded}
	if a.bare {
		return f
	}
	if len(a.layers) == 0 {
		f.share = 0
		return f
	}
	l := &a.layers[0]
	f.attachment, f.limit, f.share = l.attachment, l.limit, l.share*a.share
	for i := range l.groups {
		f.upper = append(f.upper, l.groups[i].term)
	}
	return f
}

// Flat is the flat form of an account, where it has one.
func (p *Program) Flat(account int) (*Flat, bool) {
	f := p.accounts[account].flat
	return f, f != nil
}

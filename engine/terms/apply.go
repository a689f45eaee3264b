package terms

import (
	"fmt"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// Scratch is working memory for [Program.Apply]. The zero value is ready; it grows
// to the largest account and is then reused. Not for two goroutines at once.
type Scratch struct {
	units  []balance // ladder: units of the locations, then those of each layer
	totals []balance // blanket: the account's balance per sample
}

// Apply calculates one account's insured losses of one event, for width samples.
//
//	groundUp[(loc*4+cov)*width+s]  ground-up loss: loc counts the account's rows in
//	                               Portfolio.Locations, cov is 0 building, 1 other,
//	                               2 contents, 3 time element, s is the sample
//	gross[loc*width+s]             receives the insured loss of all policies and
//	                               layers with their shares, handed back to the location
//
// Losses are in the currency of the portfolio, finite and not negative. Where a
// location has several rows (one for each condition tag), only the first row's loss
// counts and the others receive 0. Samples do not touch one another: any split of
// them over calls gives the same bits. Apply does not allocate once s has grown.
func (p *Program) Apply(account, width int, groundUp, gross []float64, s *Scratch) {
	a := &p.accounts[account]
	n := a.rows
	if len(groundUp) != n*exposure.NumTIV*width || len(gross) != n*width {
		panic(fmt.Sprintf("terms: account %d of %d locations, width %d: %d ground-up and %d gross values",
			account, n, width, len(groundUp), len(gross)))
	}
	switch a.form {
	case formFlat:
		a.flat.apply(width, groundUp, gross)
	case formBlanket:
		a.applyBlanket(width, groundUp, gross, s)
	default:
		a.applyLadder(width, groundUp, gross, s)
	}
}

// Locations is how many location rows an account has.
func (p *Program) Locations(account int) int { return p.accounts[account].rows }

// apply is Gross over the samples.
func (f *Flat) apply(width int, groundUp, gross []float64) {
	b, o := groundUp[:width], groundUp[width:2*width]
	c, t := groundUp[2*width:3*width], groundUp[3*width:4*width]
	for s := range gross[:width] {
		gross[s] = f.Gross(b[s], o[s], c[s], t[s])
	}
}

// applyBlanket keeps one insured loss per location and sample in gross, takes the
// sum through the layers, and scales the locations by the outcome.
func (a *ladder) applyBlanket(width int, groundUp, gross []float64, s *Scratch) {
	totals := grow(&s.totals, width)
	for i := range a.sites {
		site := &a.sites[i]
		out := gross[i*width : (i+1)*width]
		if site.idle {
			clear(out)
			continue
		}
		gu := groundUp[i*exposure.NumTIV*width : (i+1)*exposure.NumTIV*width]
		switch {
		case a.schedule != nil:
			a.schedule[i].settleAll(width, gu, out, totals)
		case a.bounded:
			site.settleAll(width, gu, out, totals)
		default:
			site.payAll(width, gu, out, totals)
		}
	}
	if a.bare {
		return
	}
	if len(a.sites) == 1 { // a maximum deductible may give back a loss that was all deducted
		for k := range totals {
			gross[k] = a.climb(totals[k])
		}
		return
	}
	for k := range totals {
		before := totals[k].insured
		totals[k].insured = ratio(a.climb(totals[k]), before)
	}
	for i := range a.sites {
		out := gross[i*width : (i+1)*width]
		for k := range out {
			out[k] = float64(out[k] * totals[k].insured)
		}
	}
}

// settleAll is settle over the samples of one site, added up in totals.
func (s *site) settleAll(width int, gu, out []float64, totals []balance) {
	b, o, c, t := gu[:width], gu[width:2*width], gu[2*width:3*width], gu[3*width:4*width]
	for k := range out {
		p := s.settle(b[k], o[k], c[k], t[k])
		out[k] = p.insured
		totals[k] = totals[k].plus(p)
	}
}

// settleAll is settle over the samples of one site, added up in totals.
func (s *flatSite) settleAll(width int, gu, out []float64, totals []balance) {
	b, o, c, t := gu[:width], gu[width:2*width], gu[2*width:3*width], gu[3*width:4*width]
	for k := range out {
		insured, borne, over := s.settle(b[k], o[k], c[k], t[k])
		out[k] = insured
		sum := &totals[k]
		sum.insured += insured
		sum.deducted += borne
		sum.over += over
	}
}

// payAll is pay over the samples of one site, added up in totals.
func (s *site) payAll(width int, gu, out []float64, totals []balance) {
	b, o, c, t := gu[:width], gu[width:2*width], gu[2*width:3*width], gu[3*width:4*width]
	for k := range out {
		out[k] = s.pay(b[k], o[k], c[k], t[k])
		totals[k].insured += out[k]
	}
}

// climb takes the sum of an account's locations through its layers and account terms.
func (a *ladder) climb(sum balance) float64 {
	var all balance
	for i := range a.layers {
		l := &a.layers[i]
		p := sum
		for j := range l.groups {
			p = p.under(&l.groups[j].term)
		}
		p.insured, p.room = layered(p.insured, l.attachment, l.limit, l.share), 0
		all = all.plus(p)
	}
	for i := range a.groups {
		all = all.under(&a.groups[i].term)
	}
	return float64(all.insured * a.share)
}

// applyLadder keeps a balance for every unit and layer, one sample at a time.
func (a *ladder) applyLadder(width int, groundUp, gross []float64, s *Scratch) {
	n := len(a.sites)
	if a.each {
		n *= exposure.NumTIV
	}
	units := grow(&s.units, n*(1+len(a.layers)))
	base, layers := units[:n], units[n:]
	for k := range width {
		a.settleSites(base, groundUp, width, k)
		if a.bare {
			a.handBack(base, gross, width, k)
			continue
		}
		for i := range a.layers {
			own := layers[i*n : (i+1)*n]
			copy(own, base)
			a.layers[i].settle(own)
		}
		settleAccount(a.groups, layers, n)
		scale(layers, a.share)
		a.handBack(layers, gross, width, k)
	}
}

// settleSites fills the units with the balances after location terms of sample k.
func (a *ladder) settleSites(units []balance, groundUp []float64, width, k int) {
	for i := range a.sites {
		s := &a.sites[i]
		at := i*exposure.NumTIV*width + k
		b, o, c, t := groundUp[at], groundUp[at+width], groundUp[at+2*width], groundUp[at+3*width]
		switch {
		case s.idle && a.each:
			clear(units[i*exposure.NumTIV : (i+1)*exposure.NumTIV])
		case s.idle:
			units[i] = balance{}
		case a.each:
			s.settleEach(units[i*exposure.NumTIV:(i+1)*exposure.NumTIV], b, o, c, t)
		default:
			units[i] = s.settle(b, o, c, t)
		}
	}
}

// handBack adds up the insured losses of each location over blocks of units.
func (a *ladder) handBack(blocks []balance, gross []float64, width, k int) {
	per := 1
	if a.each {
		per = exposure.NumTIV
	}
	n := len(a.sites) * per
	for i := range a.sites {
		sum := 0.0
		for at := i * per; at < len(blocks); at += n {
			for j := range per {
				sum += blocks[at+j].insured
			}
		}
		gross[i*width+k] = sum
	}
}

// grow gives n cleared balances of a buffer that grows as needed.
func grow(buffer *[]balance, n int) []balance {
	if cap(*buffer) < n {
		*buffer = make([]balance, n)
	}
	b := (*buffer)[:n]
	clear(b)
	return b
}

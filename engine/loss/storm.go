package loss

import (
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/hazard"
)

// StormSite is what one event does to one site.
type StormSite struct {
	Account  int // index in the portfolio
	Location int // of the account, from 0
	TIV      float64
	Gust     float64 // peak 3-s gust in open terrain at 10 m, m/s
	GroundUp float64 // mean over the draws
	Gross    float64 // mean over the draws
}

// Storm computes what one event does to every site with damaging wind, account by account in the kernel's order, with the
// draws that Year takes for it. A kernel that computed years must not be used for it, nor one used for it for years.
func (k *Kernel) Storm(e *hazard.Event, each func(StormSite)) {
	k.begin([]hazard.Event{*e})
	if len(k.storms) == 0 {
		return
	}
	for i := range k.sites.accounts {
		if acc := &k.sites.accounts[i]; acc.isFlat {
			k.stormFlat(acc, each)
		} else {
			k.stormAccount(acc, each)
		}
	}
}

// stormFlat computes an account of one location with usual terms.
func (k *Kernel) stormFlat(acc *account, each func(StormSite)) {
	sites := k.sites.sites[acc.first : acc.first+1]
	if !k.findHits(sites) {
		return
	}
	k.drawLocal(sites[0].cell)
	clear(k.group[:numSums*k.width])
	clear(k.annual)
	k.flatSite(0, &acc.flat, &sites[0], &k.hits[0])
	each(k.stormSite(acc, 0, k.annual[:k.width], k.annual[k.width:]))
}

// stormAccount computes an account with several locations or unusual terms.
func (k *Kernel) stormAccount(acc *account, each func(StormSite)) {
	if !k.damageAccount(0, acc) {
		return
	}
	w := k.width
	n := int(acc.count) * w
	k.sites.terms.Apply(int(acc.number), w, k.groundUp[:n*exposure.NumTIV], k.gross[:n], &k.scratch)
	ground := make([]float64, w)
	for i := range int(acc.count) {
		if !k.active[i] {
			continue
		}
		g := k.groundUp[i*exposure.NumTIV*w : (i+1)*exposure.NumTIV*w]
		for j := range w {
			ground[j] = (g[j] + g[w+j]) + (g[2*w+j] + g[3*w+j])
		}
		each(k.stormSite(acc, i, ground, k.gross[i*w:(i+1)*w]))
	}
}

func (k *Kernel) stormSite(acc *account, location int, ground, gross []float64) StormSite {
	at, print := &k.sites.sites[int(acc.first)+location], k.storms[0].print
	s := StormSite{
		Account: int(acc.number), Location: location, TIV: at.total, Gust: gustAt(print.Mean[at.cell], print.From[at.cell], &at.factors),
	}
	for j, g := range ground {
		if g > 0 { // terms that pay without a loss are no loss of the storm, as in Year
			s.GroundUp += g
			s.Gross += gross[j]
		}
	}
	s.GroundUp /= float64(k.width)
	s.Gross /= float64(k.width)
	return s
}

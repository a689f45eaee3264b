package quantum

import (
	"math"

	"github.com/qrsrisk/qrsd/internal/fmath"
	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/estimate"
)

// draws are a sample of a problem's bins.
type draws struct {
	counts     []int // by bin
	n          int
	stratified bool
}

// alias draws bins with their probabilities in constant time (A. J. Walker, ACM Transactions on Mathematical Software 3
// (1977) 253, set up as by M. D. Vose, IEEE Transactions on Software Engineering 17 (1991) 972).
type alias struct {
	keep  []float64
	other []int
}

func newAlias(p []float64) *alias {
	n := len(p)
	a := &alias{keep: make([]float64, n), other: make([]int, n)}
	var small, large []int
	for i, x := range p {
		a.keep[i], a.other[i] = float64(x*float64(n)), i
		if a.keep[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		a.other[s] = l
		a.keep[l] -= 1 - a.keep[s]
		if a.keep[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	return a
}

// draw takes n independent bins.
func (a *alias) draw(key rng.Key, n int) draws {
	d := draws{counts: make([]int, len(a.keep)), n: n}
	mask := uint64(len(a.keep) - 1) // 2^n bins
	for i := range uint64(n) {
		// The bin from the low bits, the choice between it and the other from the high ones.
		u := key.Uint64(i)
		bin := int(u & mask)
		if float64(float64(u>>12)*0x1p-52) >= a.keep[bin] {
			bin = a.other[bin]
		}
		d.counts[bin]++
	}
	return d
}

// stratify draws one value from each of n equal shares of probability, taken in the order of the losses.
func stratify(p []float64, key rng.Key, n int) draws {
	d := draws{counts: make([]int, len(p)), n: n, stratified: true}
	bin, below := 0, p[0] // below: the probability of bins up to this one
	last := len(p) - 1
	for last > 0 && p[last] == 0 {
		last--
	}
	for i := range n {
		u := (float64(i) + key.Float64(uint64(i))) / float64(n)
		for u > below && bin < last {
			bin++
			below += p[bin]
		}
		d.counts[bin]++
	}
	return d
}

func sampled(value, low, high float64, n int, m Method) Sampled {
	return Sampled{Value: &value, Low: &low, High: &high, Draws: n, Method: m}
}

// reaching is how many draws lie in the bin or above.
func (d draws) reaching(bin int) (n int) {
	for _, c := range d.counts[bin:] {
		n += c
	}
	return n
}

// share is the interval of a probability of which so many draws were: Clopper and Pearson's or, with strata, one draw to either side,
// because all but one stratum lie on one side of any edge.
func (d draws) share(reaching int, miss float64) estimate.Interval {
	n := float64(d.n)
	if d.stratified {
		return estimate.Interval{Low: max(0, float64(reaching-1)/n), High: min(1, float64(reaching+1)/n)}
	}
	return estimate.ClopperPearson(reaching, d.n, miss)
}

func (d draws) method(independent Method) Method {
	if d.stratified {
		return Bounds
	}
	return independent
}

// exceedance is the probability of the bin and those above.
func (d draws) exceedance(bin int, miss float64) Sampled {
	k := d.reaching(bin)
	i := d.share(k, miss)
	return sampled(float64(k)/float64(d.n), i.Low, i.High, d.n, d.method(ClopperPearson))
}

// quantile is the last edge that is reached with at least the chance.
func (d draws) quantile(p *Problem, chance, miss float64) Sampled {
	last := func(holds func(reaching int) bool) float64 {
		from, to := 0, p.used()
		for to-from > 1 {
			if middle := (from + to) / 2; holds(d.reaching(middle)) {
				from = middle
			} else {
				to = middle
			}
		}
		return p.Edges[from]
	}
	at := last(func(k int) bool { return float64(k)/float64(d.n) >= chance })
	low := last(func(k int) bool { return d.share(k, miss).Low >= chance })
	high := last(func(k int) bool { return d.share(k, miss).High >= chance })
	return sampled(at, low, high, d.n, d.method(OrderStatistics))
}

// mean is a question's answer as the mean payoff.
func (d draws) mean(q Amplitude, miss float64) Sampled {
	mean, variance := d.moments(q.Table.F)
	i := d.meanInterval(q.Table.F, mean, variance, miss)
	if variance == 0 && !d.stratified {
		// All draws alike know nothing of their spread. Draws of 0 and 1 alone with this mean would spread most.
		ones := float64(mean * float64(d.n))
		i.Low, i.High = d.share(int(math.Floor(ones)), miss).Low, d.share(int(math.Ceil(ones)), miss).High
		return sampled(q.Value(mean), q.Value(i.Low), q.Value(i.High), d.n, ClopperPearson)
	}
	return sampled(q.Value(mean), q.Value(i.Low), q.Value(i.High), d.n, d.method(Normal))
}

// meanInterval is that of the mean of a payoff that rises with the loss and lies in [0, 1]. With strata it holds for certain:
// within a stratum the payoff is at least what was drawn from the one below, and at most what was drawn from that above.
func (d draws) meanInterval(f []float64, mean, variance, miss float64) estimate.Interval {
	n := float64(d.n)
	if d.stratified {
		return estimate.Interval{Low: max(0, mean-f[d.last()]/n), High: min(1, mean+(1-f[d.first()])/n)}
	}
	half := float64(fmath.NormQuantile(1-float64(miss/2)) * math.Sqrt(variance/n))
	return estimate.Interval{Low: max(0, mean-half), High: min(1, mean+half)}
}

func (d draws) moments(f []float64) (mean, variance float64) {
	n := float64(d.n)
	for i, c := range d.counts {
		mean += float64(float64(c) * f[i])
	}
	mean /= n
	for i, c := range d.counts {
		variance += float64(float64(c) * float64((f[i]-mean)*(f[i]-mean)))
	}
	return mean, variance / max(n-1, 1)
}

func (d draws) first() int {
	i := 0
	for d.counts[i] == 0 {
		i++
	}
	return i
}

func (d draws) last() int {
	i := len(d.counts) - 1
	for d.counts[i] == 0 {
		i--
	}
	return i
}

// tail is the tail value at risk of a return period: null where fewer than two draws are in the tail.
func (d draws) tail(p *Problem, t Period, miss float64) Sampled {
	if d.reaching(t.Bin) < 2 {
		return Sampled{Draws: d.n, Method: d.method(Normal)}
	}
	q := p.Excess(t.Bin)
	m := d.mean(Amplitude{Table: q.Table, Scale: 1}, miss)
	return sampled(p.tail(t, *m.Value), p.tail(t, *m.Low), p.tail(t, *m.High), d.n, m.Method)
}

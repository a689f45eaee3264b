package metrics

import (
	"math"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// band sets the bands of a point. cells are the annual losses of the active years, width
// values a year; r ranks them all.
func (w *worker) band(p *Point, r ranking, cells []float64, width int) {
	alpha := float64(0.5 * (1 - w.options.Confidence))
	years := float64(w.table.Years)
	prob := 1 / p.ReturnPeriod
	share, excess, n := tail(cells, width, w.table.Years, p.Loss)

	effective := effectiveCells(share, years, float64(r.n))
	low, high := quantileRanks(effective, prob, alpha)
	scale := float64(r.n) / effective
	p.LossBand.Low = r.at(int(math.Ceil(float64(low * scale))))
	if i := int(math.Floor(float64(high * scale))); i >= 1 {
		p.LossBand.High = r.at(i)
	} else {
		p.LossBand.Unbounded = true
	}
	if n < 2 {
		p.TVaRBand.Unbounded = true
		return
	}
	p.TVaRStdErr = math.Sqrt(excess/years) / prob
	half := float64(w.options.z() * p.TVaRStdErr)
	p.TVaRBand = Band{Low: max(p.LossBand.Low, p.TVaR-half), High: p.TVaR + half}
}

// moments of a share over years.
type moments struct{ mean, variance float64 }

// tail measures the cells above x with the year as unit: the yearly share of cells above
// x, the variance over years of the yearly mean of (loss - x)+, and n, how many years
// reach above x.
func tail(cells []float64, width, years int, x float64) (share moments, excess float64, n int) {
	var s, s2, e, e2 float64
	for at := 0; at < len(cells); at += width {
		above, over := 0.0, 0.0
		for _, c := range cells[at : at+width] {
			if c > x {
				above++
				over += c - x
			}
		}
		if above > 0 {
			n++
			above /= float64(width)
			over /= float64(width)
			s += above
			s2 += float64(above * above)
			e += over
			e2 += float64(over * over)
		}
	}
	y := float64(years)
	if years < 2 {
		return moments{mean: s / y}, 0, n
	}
	variance := func(sum, squares float64) float64 {
		return max(0, squares-float64(sum*sum/y)) / (y - 1)
	}
	return moments{s / y, variance(s, s2)}, variance(e, e2), n
}

// effectiveCells is the number of independent cells that would know the share as well as
// the years do: between years and cells.
func effectiveCells(share moments, years, cells float64) float64 {
	if share.variance == 0 {
		return years
	}
	n := share.mean * (1 - share.mean) * years / share.variance
	return min(max(n, years), cells)
}

// quantileRanks are the ranks, from the largest, of the order statistics of n values
// between which the value exceeded with probability p lies, each side missing with at most
// alpha. high is 0 when there is no such value. n need not be whole.
func quantileRanks(n, p, alpha float64) (low, high float64) {
	// The k-th largest lies below the quantile exactly when fewer than k values exceed it.
	low = firstRank(n, p, func(atLeast float64) bool { return atLeast <= alpha })
	high = firstRank(n, p, func(atLeast float64) bool { return atLeast < 1-alpha }) - 1
	return low, max(high, 0)
}

// firstRank is the smallest k >= 1 for which ok(P(X >= k)), X binomial (n, p); ok must hold
// from some k on.
func firstRank(n, p float64, ok func(atLeast float64) bool) float64 {
	lo, hi := 0.0, math.Floor(n)+1
	for hi-lo > 1 {
		k := math.Floor(float64(0.5 * (lo + hi)))
		if ok(atLeast(n, p, k)) {
			hi = k
		} else {
			lo = k
		}
	}
	return hi
}

// atLeast is P(X >= k) for X binomial (n, p), 1 <= k <= n, as an incomplete beta function.
func atLeast(n, p, k float64) float64 {
	if p >= 1 {
		return 1
	}
	return fmath.BetaInc(k, n-k+1, p)
}

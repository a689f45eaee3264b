package metrics

import "math"

// ranking is a list of n losses, the largest first; those not listed are zero.
type ranking struct {
	n    int
	list []float64
	// tail[i] is the sum of the i largest.
	tail []float64
}

// ranking sums up the tail of a descending list in the worker's buffer.
func (w *worker) ranking(n int, descending []float64) ranking {
	w.tail = append(w.tail[:0], 0)
	for i, x := range descending {
		w.tail = append(w.tail, w.tail[i]+x)
	}
	return ranking{n: n, list: descending, tail: w.tail}
}

// at is the i-th largest, counted from 1.
func (r ranking) at(i int) float64 {
	if i > len(r.list) {
		return 0
	}
	return r.list[i-1]
}

// rank is the number of the first value whose return period n/i is at most t.
func (r ranking) rank(t float64) int {
	i := max(1, int(math.Ceil(float64(r.n)/t)))
	// The quotient's rounding must not move an exact return period to its neighbour.
	for i > 1 && float64(r.n)/float64(i-1) <= t {
		i--
	}
	for float64(r.n)/float64(i) > t {
		i++
	}
	return i
}

// loss is the loss of return period t <= n, by the rule of the package comment, and tvar the mean at
// and above it.
func (r ranking) loss(t float64) (loss, tvar float64) {
	i := r.rank(t)
	loss = r.at(i)
	here := float64(r.n) / float64(i)
	if loss > 0 && i > 1 && here < t {
		above := float64(r.n) / float64(i-1)
		loss += float64((t - here) * (r.at(i-1) - loss) / (above - here))
	}
	return loss, (r.tail[min(i-1, len(r.list))] + loss) / float64(i)
}

// curve is the curve of one type and calculation; cells are the annual losses of that type.
func (w *worker) curve(t EPType, c EPCalc, cells []float64) Curve {
	years, width := w.table.Years, w.table.Width()
	out := Curve{Type: t, Calc: c, Banded: c != PerSampleMean}
	var r ranking
	switch c {
	case PerSampleMean:
		r = w.ranking(years, w.averageRanks(cells))
	case MeanSample:
		cells = w.yearly(cells, func(x float64) float64 { return x })
		width = 1
		r = w.ranking(years, w.descending(cells))
	default:
		r = w.ranking(years*width, w.descending(cells))
	}
	for _, period := range w.options.ReturnPeriods {
		p := Point{ReturnPeriod: period}
		if period <= float64(years) {
			p.Available = true
			p.Loss, p.TVaR = r.loss(period)
			if out.Banded {
				w.band(&p, r, cells, width)
			}
		}
		out.Points = append(out.Points, p)
	}
	return out
}

// descending are the positive cells, the largest first, in the worker's buffer.
func (w *worker) descending(cells []float64) []float64 {
	w.sorted = w.sorted[:0]
	for _, x := range cells {
		if x > 0 {
			w.sorted = append(w.sorted, x)
		}
	}
	w.sort.descending(w.sorted)
	return w.sorted
}

// averageRanks sorts the years of each sample and averages over samples rank by rank.
func (w *worker) averageRanks(cells []float64) []float64 {
	width := w.table.Width()
	years := len(cells) / width
	w.sorted = append(w.sorted[:0], make([]float64, years)...)
	for s := range width {
		w.column = w.column[:0]
		for y := range years {
			w.column = append(w.column, cells[y*width+s])
		}
		w.sort.descending(w.column)
		for i, x := range w.column {
			w.sorted[i] += x
		}
	}
	for i := range w.sorted {
		w.sorted[i] /= float64(width)
	}
	return w.sorted
}

package metrics

import (
	"math"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// yearly is the mean over samples of f(x) for each active year, in the worker's buffer.
func (w *worker) yearly(cells []float64, f func(x float64) float64) []float64 {
	width := w.table.Width()
	w.perYear = w.perYear[:0]
	for at := 0; at < len(cells); at += width {
		sum := 0.0
		for _, x := range cells[at : at+width] {
			sum += f(x)
		}
		w.perYear = append(w.perYear, sum/float64(width))
	}
	return w.perYear
}

// meanVariance are the mean and the unbiased variance of n values, of which those not
// given equal rest. Two passes: no cancellation. The variance of one value is 0.
func meanVariance(values []float64, rest float64, n int) (mean, variance float64) {
	sum := 0.0
	for _, x := range values {
		sum += x
	}
	others := float64(n - len(values))
	mean = (sum + float64(others*rest)) / float64(n)
	if n < 2 {
		return mean, 0
	}
	squares := float64(others * float64((rest-mean)*(rest-mean)))
	for _, x := range values {
		squares += float64((x - mean) * (x - mean))
	}
	return mean, squares / float64(n-1)
}

// z is the normal quantile of a two-sided band.
func (o Options) z() float64 { return fmath.NormQuantile(0.5 + float64(0.5*o.Confidence)) }

// annual are the moments of the annual losses of all years, cells holding the active ones.
func (w *worker) annual(cells []float64) Annual {
	years := w.table.Years
	var a Annual
	mean, all := meanVariance(cells, 0, years*w.table.Width())
	a.SD = math.Sqrt(all)
	_, between := meanVariance(w.yearly(cells, func(x float64) float64 { return x }), 0, years)
	a.AAL = mean
	a.SDYears = math.Sqrt(between)
	a.AALStdErr = a.SDYears / math.Sqrt(float64(years))
	half := float64(w.options.z() * a.AALStdErr)
	a.AALBand = Band{Low: max(0, mean-half), High: mean + half, Unbounded: years < 2}
	if a.AALBand.Unbounded {
		a.AALBand = Band{Unbounded: true}
	}
	if a.SD > 0 {
		square := func(x float64) float64 { return float64((x - mean) * (x - mean)) }
		_, v := meanVariance(w.yearly(cells, square), square(0), years)
		a.SDStdErr = math.Sqrt(v/float64(years)) / (2 * a.SD)
	}
	for _, x := range cells {
		a.Largest = max(a.Largest, x)
	}
	return a
}

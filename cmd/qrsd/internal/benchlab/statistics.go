package benchlab

import (
	"cmp"
	"math"
	"slices"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// studentQuantile is the p-quantile of Student's t with nu degrees of freedom, 0 < p < 1, by the incomplete beta
// function (Abramowitz and Stegun 26.7.1).
func studentQuantile(p, nu float64) float64 {
	if p == 0.5 {
		return 0
	}
	x := fmath.BetaQuantile(nu/2, 0.5, 2*math.Min(p, 1-p))
	t := math.Sqrt(nu * (1 - x) / x)
	if p < 0.5 {
		return -t
	}
	return t
}

// chiSquareCDF is P(X <= x) for the chi-square with nu degrees of freedom, and its complement, each with small relative error.
func chiSquareCDF(x, nu float64) (below, above float64) { return gammaInc(nu/2, x/2) }

// chiSquareQuantile is the p-quantile, 0 < p < 1, by bisection.
func chiSquareQuantile(p, nu float64) float64 {
	low, high := 0.0, nu
	for {
		if below, _ := chiSquareCDF(high, nu); below >= p {
			break
		}
		high *= 2
	}
	for range 100 {
		mid := 0.5 * (low + high)
		if below, _ := chiSquareCDF(mid, nu); below < p {
			low = mid
		} else {
			high = mid
		}
	}
	return 0.5 * (low + high)
}

// gammaInc is the regularised incomplete gamma function P(a, x) and its complement, a > 0 (Abramowitz and Stegun 6.5.29
// where x < a + 1, else the continued fraction 6.5.31 by Lentz's method).
func gammaInc(a, x float64) (lower, upper float64) {
	if x <= 0 {
		return 0, 1
	}
	scale := fmath.Exp(a*fmath.Log(x) - x - fmath.LogGamma(a))
	if x < a+1 {
		term := 1 / a
		sum := term
		for n := 1.0; term > sum*1e-17; n++ {
			term *= x / (a + n)
			sum += term
		}
		lower = math.Min(1, scale*sum)
		return lower, 1 - lower
	}
	const tiny = 1e-300
	b := x + 1 - a
	c, d := 1/tiny, 1/b
	fraction := d
	for n := 1.0; n < 10_000; n++ {
		an := -n * (n - a)
		b += 2
		d = 1 / nonZero(an*d+b, tiny)
		c = nonZero(b+an/c, tiny)
		fraction *= d * c
		if math.Abs(d*c-1) < 1e-16 {
			break
		}
	}
	upper = math.Min(1, scale*fraction)
	return 1 - upper, upper
}

func nonZero(x, tiny float64) float64 {
	if math.Abs(x) < tiny {
		return tiny
	}
	return x
}

// Interval is an estimate over replicates.
type Interval struct {
	Mean   float64 `json:"mean"`
	SD     float64 `json:"sd"`            // between replicates
	Low    float64 `json:"low"`           // of the mean, Student's t
	High   float64 `json:"high"`          //
	SDLow  float64 `json:"sd_low"`        // of the standard deviation, chi-square
	SDHigh float64 `json:"sd_high"`       //
	Error  float64 `json:"pooled_se"`     // standard error of the mean
	Share  float64 `json:"pooled_se_of"`  // of the mean; 0 where the mean is 0
	Least  float64 `json:"least"`         // replicate
	Most   float64 `json:"most"`          //
	N      int     `json:"of_replicates"` //
}

// newInterval is the two-sided interval of level 1 − alpha for two or more values.
func newInterval(values []float64, alpha float64) Interval {
	n := float64(len(values))
	i := Interval{Mean: mean(values), SD: deviation(values), Least: slices.Min(values), Most: slices.Max(values), N: len(values)}
	i.Error = i.SD / math.Sqrt(n)
	half := float64(studentQuantile(1-alpha/2, n-1) * i.Error)
	i.Low, i.High = i.Mean-half, i.Mean+half
	i.SDLow = i.SD * math.Sqrt((n-1)/chiSquareQuantile(1-alpha/2, n-1))
	i.SDHigh = i.SD * math.Sqrt((n-1)/chiSquareQuantile(alpha/2, n-1))
	if i.Mean != 0 {
		i.Share = i.Error / math.Abs(i.Mean)
	}
	return i
}

// dispersion is Fisher's index of dispersion of counts of equal exposure, and its two-sided p if all were Poisson with
// one mean: counts that differ too much, and counts that agree too well, as those of replicates that are not
// independent do.
func dispersion(counts []int) (chi2, p float64) {
	n, total := float64(len(counts)), 0.0
	for _, c := range counts {
		total += float64(c)
	}
	expected := total / n
	if expected == 0 {
		return 0, 0 // no counts show nothing
	}
	for _, c := range counts {
		chi2 += float64((float64(c) - expected) * (float64(c) - expected) / expected)
	}
	below, above := chiSquareCDF(chi2, n-1)
	return chi2, math.Min(1, 2*math.Min(below, above))
}

// kolmogorov is the probability of a distance of at least d between n draws and their distribution (Stephens'
// form of the asymptotic series, Numerical Recipes 14.3.18).
func kolmogorov(d float64, n int) float64 {
	root := math.Sqrt(float64(n))
	x := (root + 0.12 + 0.11/root) * d
	if x < 0.2 {
		return 1 // the series converges too slowly to show the 1e-12 that is missing
	}
	sum, sign := 0.0, 1.0
	for k := 1; k <= 100; k++ {
		sum += float64(sign * fmath.Exp(-2*x*x*float64(k*k)))
		sign = -sign
	}
	return math.Min(1, math.Max(0, 2*sum))
}

// distance is the Kolmogorov-Smirnov distance between the record and the pooled catalogues.
func distance(q Quantity) float64 {
	n, most := float64(len(q.Below)), 0.0
	for i := range q.Below {
		below, upTo := float64(q.Below[i])/float64(q.N), float64(q.UpTo[i])/float64(q.N)
		most = max(most, math.Abs(float64(i)/n-below), math.Abs(float64(i+1)/n-upTo))
	}
	return most
}

// pool adds up one quantity of several catalogues against the same record.
func pool(list []Quantity) Quantity {
	sum := Quantity{Name: list[0].Name, Below: make([]int, len(list[0].Below)), UpTo: make([]int, len(list[0].UpTo))}
	for _, q := range list {
		sum.N += q.N
		for i := range q.Below {
			sum.Below[i] += q.Below[i]
			sum.UpTo[i] += q.UpTo[i]
		}
	}
	return sum
}

// holm are p-values adjusted for their number, in the order given (Holm 1979, Scand. J. Statist. 6: 65): a family whose
// least adjusted p is above alpha holds no rejection at alpha.
func holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	adjusted, least := make([]float64, len(p)), 0.0
	for rank, i := range order {
		least = math.Max(least, math.Min(1, float64(len(p)-rank)*p[i]))
		adjusted[i] = least
	}
	return adjusted
}

// slope is that of the least-squares line through the points.
func slope(x, y []float64) float64 {
	mx, my := mean(x), mean(y)
	xy, xx := 0.0, 0.0
	for i := range x {
		xy += float64((x[i] - mx) * (y[i] - my))
		xx += float64((x[i] - mx) * (x[i] - mx))
	}
	return xy / xx
}

package estimate

import (
	"math"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// ClopperPearson is the interval for the probability of a binomial count, ones of shots, that misses it with
// probability at most miss, half on either side: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934)
// 404, as quantiles of the beta distribution, here to 1e-10 relative. It panics where the numbers are no count.
func ClopperPearson(ones, shots int, miss float64) Interval {
	if ones < 0 || ones > shots || shots < 1 || !(miss > 0 && miss < 1) {
		panic("estimate: ClopperPearson of something that is no count or no probability")
	}
	h, rest := float64(ones), float64(shots-ones)
	i := Interval{0, 1}
	if ones > 0 {
		i.Low = fmath.BetaQuantile(h, rest+1, miss/2)
	}
	if ones < shots {
		// By symmetry: the quantile near 1 keeps its digits.
		i.High = 1 - fmath.BetaQuantile(rest, h+1, miss/2)
	}
	return i
}

// chiSquareSurvival is the probability that a chi-square variate with dof >= 1 degrees of freedom exceeds x:
// the recurrence in steps of two degrees from the closed forms for one and two (Abramowitz and Stegun
// 26.4.4 and 26.4.5). Absolute error below 1e-13 for dof up to 100.
func chiSquareSurvival(dof int, x float64) float64 {
	if !(x > 0) {
		return 1
	}
	half := float64(x / 2)
	logHalf := fmath.Log(half)
	sum, from := fmath.Exp(-half), 1.0
	if dof%2 == 1 {
		sum, from = 2*fmath.NormCDF(-math.Sqrt(x)), 0.5
	}
	for s := from; s < float64(dof)/2; s++ {
		sum += fmath.Exp(float64(s*logHalf) - half - fmath.LogGamma(s+1))
	}
	return min(sum, 1)
}

// chiSquareQuantile1 is the quantile at p of the chi-square distribution with one degree of freedom: the square
// of a normal quantile.
func chiSquareQuantile1(p float64) float64 {
	z := fmath.NormQuantile(0.5 + float64(0.5*p))
	return float64(z * z)
}

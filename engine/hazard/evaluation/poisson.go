package evaluation

import (
	"math"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// Interval is the exact two-sided 95 % interval for the mean of a Poisson count n
// (Garwood 1936, Biometrika 28: 437): the means at which n is in the upper or lower 2.5 %.
func Interval(n int) (low, high float64) {
	if n > 0 {
		low = solve(func(m float64) bool { return 1-poissonCDF(n-1, m) >= 0.025 }, 0, float64(n))
	}
	high = solve(func(m float64) bool { return poissonCDF(n, m) <= 0.025 }, float64(n), float64(n)+20+float64(10*math.Sqrt(float64(n))))
	return low, high
}

// solve finds where a predicate that is false below and true above turns true.
func solve(reached func(float64) bool, low, high float64) float64 {
	for range 60 {
		mid := (low + high) / 2
		if reached(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

func poissonCDF(n int, mean float64) float64 {
	term := fmath.Exp(-mean)
	sum := term
	for k := 1; k <= n; k++ {
		term = float64(term * (mean / float64(k)))
		sum += term
	}
	return sum
}

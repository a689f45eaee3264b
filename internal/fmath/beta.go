package fmath

import "math"

// logBeta is log B(a, b).
func logBeta(a, b float64) float64 {
	return LogGamma(a) + LogGamma(b) - LogGamma(a+b)
}

// BetaInc is the regularised incomplete beta function I_x(a, b), the distribution
// function at x of the beta distribution: for a, b > 0 and x in [0, 1], NaN outside.
// The relative error is below 1e-13 (1 + a + b).
//
// Continued fraction DLMF 8.17.22, evaluated by Lentz's method on the side of the mean
// where it converges fast.
func BetaInc(a, b, x float64) float64 {
	switch {
	case !(a > 0 && b > 0 && x >= 0 && x <= 1):
		return math.NaN()
	case x == 0 || x == 1:
		return x
	case x <= (a+1)/(a+b+2):
		return betaFraction(a, b, x, 1-x)
	}
	return 1 - betaFraction(b, a, 1-x, x)
}

// betaFraction is I_x(a, b) for x below the mean; y is 1 - x.
func betaFraction(a, b, x, y float64) float64 {
	const tiny = 0x1p-900
	logY := Log(y)
	if y > 0.5 {
		logY = Log1p(-x)
	}
	front := Exp(float64(a*Log(x))+float64(b*logY)-logBeta(a, b)) / a
	c, d := 1.0, 1/nonZero(1-(a+b)*x/(a+1), tiny)
	h := d
	for m := 1.0; m <= 10_000; m++ {
		e := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d = 1 / nonZero(1+float64(e*d), tiny)
		c = nonZero(1+e/c, tiny)
		h = float64(h * float64(c*d))
		e = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d = 1 / nonZero(1+float64(e*d), tiny)
		c = nonZero(1+e/c, tiny)
		step := float64(c * d)
		h = float64(h * step)
		if math.Abs(step-1) < 0x1p-52 {
			break
		}
	}
	return float64(front * h)
}

func nonZero(x, tiny float64) float64 {
	if math.Abs(x) < tiny {
		return tiny
	}
	return x
}

// BetaQuantile is the x with BetaInc(a, b, x) = p: for a, b > 0 and p in [0, 1], NaN
// outside. The relative error is that of BetaInc over the slope, and at least 1e-14.
func BetaQuantile(a, b, p float64) float64 {
	switch {
	case !(a > 0 && b > 0 && p >= 0 && p <= 1):
		return math.NaN()
	case p == 0 || p == 1:
		return p
	}
	if p > 0.5 {
		if x := 1 - betaQuantileLow(b, a, 1-p); x > 0.1 {
			return x
		}
	}
	return betaQuantileLow(a, b, p)
}

// betaQuantileLow is BetaQuantile where p is not close to 1: Newton's method for log p as a
// function of log x, a straight line far in the tail, kept inside a bracket by bisection.
func betaQuantileLow(a, b, p float64) float64 {
	lo, hi := 0.0, 1.0
	x := a / (a + b)
	norm := logBeta(a, b)
	for range 200 {
		f := BetaInc(a, b, x)
		if f == p {
			return x
		}
		if f < p {
			lo = x
		} else {
			hi = x
		}
		density := Exp(float64((a-1)*Log(x)) + float64((b-1)*Log1p(-x)) - norm)
		next := float64(x * Exp(Log(p/f)*f/(x*density)))
		if !(next > lo && next < hi) {
			next = bisect(lo, hi)
		}
		if math.Abs(next-x) <= 1e-16*x || next == lo || next == hi {
			return next
		}
		x = next
	}
	return x
}

// bisect halves a bracket in [0, 1]; far from 0 on the line, near it on a log scale, so that
// quantiles as small as 1e-300 are reached.
func bisect(lo, hi float64) float64 {
	if lo == 0 {
		if hi > 1e-3 {
			return hi / 16
		}
		return hi * hi
	}
	if hi > 4*lo {
		return math.Sqrt(lo) * math.Sqrt(hi)
	}
	return lo + float64((hi-lo)/2)
}

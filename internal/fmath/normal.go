package fmath

import "math"

const (
	sqrtHalfHi = 0x1.6a09e667f3bcdp-1   // 1/sqrt(2)
	sqrtHalfLo = -0x1.bdd3413b26456p-55 // what its rounding left
	invSqrt2Pi = 0.398942280401432677939946059934
)

// NormPDF is the standard normal density, within 3 ulp.
func NormPDF(x float64) float64 {
	if math.Abs(x) > 40 {
		return 0
	}
	h := float64(x * x)
	l := math.FMA(x, x, -h)
	return float64(invSqrt2Pi * float64(Exp(-0.5*h)*(1-float64(0.5*l))))
}

// NormCDF is the standard normal distribution function, within 4 ulp also in
// the lower tail, down to its underflow at -38.5.
func NormCDF(x float64) float64 {
	z := -float64(x * sqrtHalfHi)
	c := Erfc(z)
	if x < -1 && x > -40 {
		// The rounding error of z, times the derivative: else x^2/2 ulp are lost.
		e := -math.FMA(x, sqrtHalfHi, z) - float64(x*sqrtHalfLo)
		c -= float64(float64(2*math.Sqrt2*invSqrt2Pi*e) * Exp(-float64(z*z)))
	}
	return 0.5 * c
}

// NormQuantile is the x with NormCDF(x) = p, relative error below 1e-15; -Inf at 0,
// +Inf at 1 and NaN outside.
//
// Rational approximations PPND16 of M. J. Wichura, Algorithm AS 241, Applied
// Statistics 37 (1988) 477.
func NormQuantile(p float64) float64 {
	q := p - 0.5
	if math.Abs(q) > 0.425 {
		return normTail(p, q)
	}
	r := 0.180625 - float64(q*q)
	return q * degree7(r, 3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
		4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3) /
		degree7(r, 1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
			2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3)
}

// normTail is NormQuantile outside [0.075, 0.925].
func normTail(p, q float64) float64 {
	t := p
	if q > 0 {
		t = 1 - p // exact
	}
	switch {
	case !(t >= 0):
		return math.NaN()
	case t == 0:
		return math.Copysign(math.Inf(1), q)
	}
	r := math.Sqrt(-Log(t))
	var x float64
	if r <= 5 {
		r -= 1.6
		x = degree7(r, 1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
			1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4) /
			degree7(r, 1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
				1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9)
	} else {
		r -= 5
		x = degree7(r, 6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
			2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7) /
			degree7(r, 1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
				7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15)
	}
	return math.Copysign(x, q)
}

// degree7 is c0 + c1 x + ... + c7 x^7 by Estrin's scheme: a short chain of dependent steps.
func degree7(x, c0, c1, c2, c3, c4, c5, c6, c7 float64) float64 {
	x2 := float64(x * x)
	lo := c0 + float64(c1*x) + float64((c2+float64(c3*x))*x2)
	hi := c4 + float64(c5*x) + float64((c6+float64(c7*x))*x2)
	return lo + float64(hi*float64(x2*x2))
}

// NormQuantileSlice sets dst[i] to NormQuantile(p[i]), the same bits; dst may be p. It
// panics when dst is shorter than p.
func NormQuantileSlice(dst, p []float64) {
	dst = dst[:len(p)]
	for i, v := range p {
		dst[i] = NormQuantile(v)
	}
}

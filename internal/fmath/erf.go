package fmath

import "math"

// The rational approximations and their coefficients are those of FreeBSD's
// msun/src/s_erf.c (Copyright (C) 1993 by Sun Microsystems, Inc., freely
// redistributable), as in Go's math package.
const (
	erx = 8.45062911510467529297e-01 // erf(1) to single precision
	efx = 1.28379167095512586316e-01 // 2/sqrt(pi) - 1
)

var (
	erfPP = [...]float64{1.28379167095512558561e-01, -3.25042107247001499370e-01, -2.84817495755985104766e-02, -5.77027029648944159157e-03, -2.37630166566501626084e-05}
	erfQQ = [...]float64{1, 3.97917223959155352819e-01, 6.50222499887672944485e-02, 5.08130628187576562776e-03, 1.32494738004321644526e-04, -3.96022827877536812320e-06}
	erfPA = [...]float64{-2.36211856075265944077e-03, 4.14856118683748331666e-01, -3.72207876035701323847e-01, 3.18346619901161753674e-01, -1.10894694282396677476e-01, 3.54783043256182359371e-02, -2.16637559486879084300e-03}
	erfQA = [...]float64{1, 1.06420880400844228286e-01, 5.40397917702171048937e-01, 7.18286544141962662868e-02, 1.26171219808761642112e-01, 1.36370839120290507362e-02, 1.19844998467991074170e-02}
	erfRA = [...]float64{-9.86494403484714822705e-03, -6.93858572707181764372e-01, -1.05586262253232909814e+01, -6.23753324503260060396e+01, -1.62396669462573470355e+02, -1.84605092906711035994e+02, -8.12874355063065934246e+01, -9.81432934416914548592e+00}
	erfSA = [...]float64{1, 1.96512716674392571292e+01, 1.37657754143519042600e+02, 4.34565877475229228821e+02, 6.45387271733267880336e+02, 4.29008140027567833386e+02, 1.08635005541779435134e+02, 6.57024977031928170135e+00, -6.04244152148580987438e-02}
	erfRB = [...]float64{-9.86494292470009928597e-03, -7.99283237680523006574e-01, -1.77579549177547519889e+01, -1.60636384855821916062e+02, -6.37566443368389627722e+02, -1.02509513161107724954e+03, -4.83519191608651397019e+02}
	erfSB = [...]float64{1, 3.03380607434824582924e+01, 3.25792512996573918826e+02, 1.53672958608443695994e+03, 3.19985821950859553908e+03, 2.55305040643316442583e+03, 4.74528541206955367215e+02, -2.24409524465858183362e+01}
)

// polynomial is c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule.
func polynomial(x float64, c []float64) float64 {
	y := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		y = float64(y*x) + c[i]
	}
	return y
}

// Erf is the error function, within 1 ulp.
func Erf(x float64) float64 {
	switch a := math.Abs(x); {
	case x != x:
		return x
	case a < 0x1p-1000:
		return float64(0.125 * (float64(8*x) + float64(8*efx*x))) // avoids underflow
	case a < 0.84375:
		return x + float64(x*erfSmall(x))
	case a < 1.25:
		return math.Copysign(erx+erfMiddle(a), x)
	case a < 6:
		return math.Copysign(1-erfcTail(a), x)
	}
	return math.Copysign(1, x)
}

// Erfc is 1 - Erf(x) without cancellation, within 2 ulp up to its underflow at 27.2.
func Erfc(x float64) float64 {
	switch a := math.Abs(x); {
	case x != x:
		return x
	case a < 0.25:
		return 1 - (x + float64(x*erfSmall(x)))
	case x > 0 && x < 0.84375:
		return 0.5 - (x - 0.5 + float64(x*erfSmall(x)))
	case a < 0.84375:
		return 1 - (x + float64(x*erfSmall(x)))
	case a < 1.25 && x > 0:
		return 1 - erx - erfMiddle(a)
	case a < 1.25:
		return 1 + erx + erfMiddle(a)
	case x > 28:
		return 0
	case x > 0:
		return erfcTail(x)
	case a < 6:
		return 2 - erfcTail(a)
	}
	return 2
}

// erfSmall is erf(x)/x - 1 for |x| < 0.84375.
func erfSmall(x float64) float64 {
	z := float64(x * x)
	return polynomial(z, erfPP[:]) / polynomial(z, erfQQ[:])
}

// erfMiddle is erf(x) - erx for 0.84375 <= x < 1.25.
func erfMiddle(x float64) float64 {
	s := x - 1
	return polynomial(s, erfPA[:]) / polynomial(s, erfQA[:])
}

// erfcTail is erfc(x) for 1.25 <= x < 28. The square is split, so that e^(-x^2)
// keeps its last bits.
func erfcTail(x float64) float64 {
	s := 1 / float64(x*x)
	var q float64
	if x < 1/0.35 {
		q = polynomial(s, erfRA[:]) / polynomial(s, erfSA[:])
	} else {
		q = polynomial(s, erfRB[:]) / polynomial(s, erfSB[:])
	}
	z := math.Float64frombits(math.Float64bits(x) &^ 0xffffffff)
	return Exp(float64(-z*z)-0.5625) * Exp(float64((z-x)*(z+x))+q) / x
}

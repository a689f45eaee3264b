package fmath

import "math"

// The approximations and coefficients of LogGamma are those of FreeBSD's
// msun/src/e_lgamma_r.c (Copyright (C) 1993 by Sun Microsystems, Inc., freely
// redistributable), as in Go's math package.
var (
	gammaA0 = [...]float64{7.72156649015328655494e-02, 6.73523010531292681824e-02, 7.38555086081402883957e-03, 1.19270763183362067845e-03, 2.20862790713908385557e-04, 2.52144565451257326939e-05}
	gammaA1 = [...]float64{3.22467033424113591611e-01, 2.05808084325167332806e-02, 2.89051383673415629091e-03, 5.10069792153511336608e-04, 1.08011567247583939954e-04, 4.48640949618915160150e-05}
	gammaT0 = [...]float64{4.83836122723810047042e-01, -3.27885410759859649565e-02, 6.10053870246291332635e-03, -1.40346469989232843813e-03, 3.15632070903625950361e-04}
	gammaT1 = [...]float64{-1.47587722994593911752e-01, 1.79706750811820387126e-02, -3.68452016781138256760e-03, 8.81081882437654011382e-04, -3.12754168375120860518e-04}
	gammaT2 = [...]float64{6.46249402391333854778e-02, -1.03142241298341437450e-02, 2.25964780900612472250e-03, -5.38595305356740546715e-04, 3.35529192635519073543e-04}
	gammaU  = [...]float64{-7.72156649015328655494e-02, 6.32827064025093366517e-01, 1.45492250137234768737e+00, 9.77717527963372745603e-01, 2.28963728064692451092e-01, 1.33810918536787660377e-02}
	gammaV  = [...]float64{1.0, 2.45597793713041134822e+00, 2.12848976379893395361e+00, 7.69285150456672783825e-01, 1.04222645593369134254e-01, 3.21709242282423911810e-03}
	gammaS  = [...]float64{-7.72156649015328655494e-02, 2.14982415960608852501e-01, 3.25778796408930981787e-01, 1.46350472652464452805e-01, 2.66422703033638609560e-02, 1.84028451407337715652e-03, 3.19475326584100867617e-05}
	gammaR  = [...]float64{1.0, 1.39200533467621045958e+00, 7.21935547567138069525e-01, 1.71933865632803078993e-01, 1.86459191715652901344e-02, 7.77942496381893596434e-04, 7.32668430744625636189e-06}
	gammaW  = [...]float64{4.18938533204672725052e-01, 8.33333333333329678849e-02, -2.77777777728775536470e-03, 7.93650558643019558500e-04, -5.95187557450339963135e-04, 8.36339918996282139126e-04, -1.63092934096575273989e-03}
)

const (
	gammaMin   = 1.46163214496836224576e+00 // where gamma is least on x > 0
	gammaMinHi = -1.21486290535849611461e-01
	gammaMinLo = -3.63867699703950536541e-18
)

// LogGamma is the logarithm of the gamma function for x > 0, within 4 ulp or, near
// its zeros at 1 and 2, 4e-16 absolute. It is +Inf at 0 and NaN below.
func LogGamma(x float64) float64 {
	switch {
	case x != x || x < 0:
		return math.NaN()
	case x == 0 || x > math.MaxFloat64:
		return math.Inf(1)
	case x < 0x1p-70:
		return -Log(x)
	case x <= 0.9:
		return logGammaNear(x+1, x) - Log(x)
	case x < 2:
		return logGammaNear(x, x-1)
	case x < 8:
		return logGammaBelow8(x)
	case x < 0x1p58:
		z := 1 / x
		w := float64(z*polynomial(float64(z*z), gammaW[1:])) + gammaW[0]
		return float64((x-0.5)*(Log(x)-1)) + w
	}
	return float64(x * (Log(x) - 1))
}

// logGammaNear is LogGamma(x) for 1 <= x < 2 (down to 0.9), with less = x - 1 given
// without its rounding error.
func logGammaNear(x, less float64) float64 {
	switch {
	case x >= 1.7316:
		y := 1 - less
		z := float64(y * y)
		p := float64(y*polynomial(z, gammaA0[:])) + float64(z*polynomial(z, gammaA1[:]))
		return p - float64(0.5*y)
	case x >= 1.1916:
		y := less - (gammaMin - 1)
		z := float64(y * y)
		w := float64(z * y)
		tail := float64(w * (polynomial(w, gammaT1[:]) + float64(y*polynomial(w, gammaT2[:]))))
		return gammaMinHi + (float64(z*polynomial(w, gammaT0[:])) - (gammaMinLo - tail))
	}
	y := less
	return float64(-0.5*y) + float64(y*polynomial(y, gammaU[:]))/polynomial(y, gammaV[:])
}

// logGammaBelow8 is LogGamma(x) for 2 <= x < 8, from [2, 3) by the recurrence.
func logGammaBelow8(x float64) float64 {
	n := math.Floor(x)
	y := x - n
	sum := float64(0.5*y) + float64(y*polynomial(y, gammaS[:]))/polynomial(y, gammaR[:])
	z := 1.0
	for k := n - 1; k >= 2; k-- {
		z = float64(z * (y + k))
	}
	if z > 1 {
		sum += Log(z)
	}
	return sum
}

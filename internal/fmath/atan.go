package fmath

import "math"

// Coefficients of atan and asin: FreeBSD msun/src/s_atan.c and e_asin.c (Copyright (C)
// 1993 by Sun Microsystems, Inc., freely redistributable).
var (
	atanEven = [...]float64{3.33333333333329318027e-01, 1.42857142725034663711e-01, 9.09088713343650656196e-02, 6.66107313738753120669e-02, 4.97687799461593236017e-02, 1.62858201153657823623e-02}
	atanOdd  = [...]float64{-1.99999999998764832476e-01, -1.11111104054623557880e-01, -7.69187620504482999495e-02, -5.83357013379057348645e-02, -3.65315727442169155270e-02}
	asinP    = [...]float64{1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01, -4.00555345006794114027e-02, 7.91534994289814532176e-04, 3.47933107596021167570e-05}
	asinQ    = [...]float64{1, -2.40339491173441421878e+00, 2.02094576023350569471e+00, -6.88283971605453293030e-01, 7.70381505559019352791e-02}
)

// atanKernel is x - atan(x) for |x| <= 7/16.
func atanKernel(x float64) float64 {
	z := float64(x * x)
	w := float64(z * z)
	s1 := float64(z * polynomial(w, atanEven[:]))
	s2 := float64(w * polynomial(w, atanOdd[:]))
	return float64(x * (s1 + s2))
}

// Atan is the arc tangent in radians, in [-π/2, π/2], within 0.9 ulp.
func Atan(x float64) float64 {
	a := math.Abs(x)
	var hi, lo float64
	switch {
	case x != x || a < 0x1p-27:
		return x
	case a < 0.4375:
		return x - atanKernel(x)
	case a < 0.6875:
		hi, lo = 4.63647609000806093515e-01, 2.26987774529616870924e-17 // atan(1/2)
		a = (float64(2*a) - 1) / (2 + a)
	case a < 1.1875:
		hi, lo = 7.85398163397448278999e-01, 3.06161699786838301793e-17 // atan(1)
		a = (a - 1) / (a + 1)
	case a < 2.4375:
		hi, lo = 9.82793723247329054082e-01, 1.39033110312309984516e-17 // atan(3/2)
		a = (a - 1.5) / (1 + float64(1.5*a))
	case a < 0x1p66:
		hi, lo = pio2Hi, pio2Lo
		a = -1 / a
	default:
		return math.Copysign(pio2Hi, x)
	}
	return math.Copysign(hi-(atanKernel(a)-lo-a), x)
}

// Atan2 is the angle in radians, in [-π, π], of the point (x, y) seen from the origin,
// within 1.5 ulp; signs of zeros and infinities decide as in math.Atan2.
func Atan2(y, x float64) float64 {
	switch {
	case x != x || y != y:
		return math.NaN()
	case y == 0:
		if math.Signbit(x) {
			return math.Copysign(math.Pi, y)
		}
		return y
	case x == 0:
		return math.Copysign(pio2Hi, y)
	case math.IsInf(x, 0) || math.IsInf(y, 0):
		return atan2Infinite(y, x)
	}
	q := math.Abs(y / x)
	z := pio2Hi
	if q < 0x1p60 {
		z = Atan(q)
	}
	if x < 0 {
		z = 2*pio2Hi - (z - 2*pio2Lo)
	}
	return math.Copysign(z, y)
}

func atan2Infinite(y, x float64) float64 {
	z := pio2Hi
	switch {
	case math.IsInf(x, 1) && math.IsInf(y, 0):
		z = math.Pi / 4
	case math.IsInf(x, -1) && math.IsInf(y, 0):
		z = 3 * math.Pi / 4
	case math.IsInf(x, 1):
		z = 0
	case math.IsInf(x, -1):
		z = math.Pi
	}
	return math.Copysign(z, y)
}

// asinKernel is (asin(x) - x)/x for x^2 = z <= 1/4.
func asinKernel(z float64) float64 {
	return float64(z*polynomial(z, asinP[:])) / polynomial(z, asinQ[:])
}

// Asin is the arc sine in radians, in [-π/2, π/2], within 1 ulp; NaN for |x| > 1.
func Asin(x float64) float64 {
	a := math.Abs(x)
	switch {
	case !(a <= 1):
		return math.NaN()
	case a < 0x1p-27:
		return x
	case a < 0.5:
		return x + float64(x*asinKernel(float64(x*x)))
	}
	// asin x = π/2 - 2 asin sqrt((1-x)/2), the root in two parts.
	z := float64(0.5 * (1 - a))
	s := math.Sqrt(z)
	r := asinKernel(z)
	if a >= 0.975 {
		return math.Copysign(pio2Hi-(float64(2*(s+float64(s*r)))-pio2Lo), x)
	}
	h := math.Float64frombits(math.Float64bits(s) &^ 0xffffffff)
	c := (z - float64(h*h)) / (s + h)
	p := float64(float64(2*s)*r) - (pio2Lo - float64(2*c))
	q := pio2Hi/2 - float64(2*h)
	return math.Copysign(pio2Hi/2-(p-q), x)
}

// Acos is the arc cosine in radians, in [0, π], within 1 ulp; NaN for |x| > 1.
func Acos(x float64) float64 {
	switch {
	case !(math.Abs(x) <= 1):
		return math.NaN()
	case math.Abs(x) < 0.5:
		return pio2Hi - (x - (pio2Lo - float64(x*asinKernel(float64(x*x)))))
	case x < 0:
		z := float64(0.5 * (1 + x))
		s := math.Sqrt(z)
		w := float64(asinKernel(z)*s) - pio2Lo
		return 2*pio2Hi - float64(2*(s+w))
	}
	z := float64(0.5 * (1 - x))
	s := math.Sqrt(z)
	h := math.Float64frombits(math.Float64bits(s) &^ 0xffffffff)
	if h == 0 {
		return 0
	}
	c := (z - float64(h*h)) / (s + h)
	return 2 * (h + (float64(asinKernel(z)*s) + c))
}

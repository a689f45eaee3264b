package fmath

import "math"

// Pow is x^y, within 0.55 ulp (y log x is carried to 66 bits). Special cases are those
// of math.Pow: Pow(x, 0) = Pow(1, y) = 1, NaN for x < 0 and y not an integer.
func Pow(x, y float64) float64 {
	switch {
	case y == 0 || x == 1:
		return 1
	case y == 1:
		return x
	case x != x || y != y:
		return math.NaN()
	case x > 0 && x <= math.MaxFloat64 && math.Abs(y) <= math.MaxFloat64:
		return powPositive(x, y)
	}
	return powEdge(x, y)
}

// powEdge is Pow where x is zero, negative or infinite, or y infinite.
func powEdge(x, y float64) float64 {
	odd := isOdd(y)
	a := math.Abs(x)
	var r float64
	switch {
	case math.Abs(y) > math.MaxFloat64:
		if a == 1 {
			return 1
		}
		if a > 1 == (y > 0) {
			return math.Inf(1)
		}
		return 0
	case x < 0 && a <= math.MaxFloat64 && math.Floor(y) != y:
		return math.NaN()
	case a == 0 && y < 0 || a > math.MaxFloat64 && y > 0:
		r = math.Inf(1)
	case a == 0 || a > math.MaxFloat64:
		r = 0
	case a == 1:
		r = 1
	default:
		r = powPositive(a, y)
	}
	if odd && math.Signbit(x) {
		return -r
	}
	return r
}

func isOdd(y float64) bool {
	if math.Floor(y) != y || math.Abs(y) >= 0x1p53 {
		return false
	}
	return int64(y)&1 == 1
}

// powPositive is x^y for finite x > 0, x != 1 and finite y != 0.
func powPositive(x, y float64) float64 {
	if math.Abs(y) > 0x1p66 { // |log x| is at least 2^-53
		y = math.Copysign(0x1p66, y)
	}
	hi, lo := logTwo(x)
	yh := math.Float64frombits(math.Float64bits(y) &^ (1<<27 - 1))
	hh := math.Float64frombits(math.Float64bits(hi) &^ (1<<27 - 1))
	e := float64(yh * hh)
	tail := float64((y-yh)*hh) + float64(y*(hi-hh+lo))
	switch a := math.Abs(e); {
	case a < 0x1p-54:
		return 1 + e
	case e > 710:
		return math.Inf(1)
	case e < -746:
		return 0
	}
	// |tail| < 2^-26 |e|: fold it into e, so that the series sees a short remainder.
	s := e + tail
	return expWide(s, e-s+tail)
}

// logTwo is log x = hi + lo to about 68 bits, for finite x > 0: Log with the products
// that matter taken in two parts.
func logTwo(x float64) (hi, lo float64) {
	ix := math.Float64bits(x)
	k := 0.0
	if ix < 0x0010000000000000 {
		ix = math.Float64bits(x * 0x1p52)
		k = -52
	}
	tmp := ix - logOffset
	t := &logTable[tmp>>45&127]
	k += float64(int64(tmp) >> 52)
	iz := ix - tmp&(0xfff<<52)
	z := math.Float64frombits(iz)
	zh := math.Float64frombits(iz &^ (1<<21 - 1))
	a, b := float64(zh*t.invc)-1, float64((z-zh)*t.invc)
	r := a + b
	rl := a - r + b // |a| >= |b| or a = 0: exact
	w := float64(k*ln2Hi) + t.hi
	t2 := w + r
	lo1 := w - t2 + r
	lo2 := float64(k*ln2Lo) + t.lo + rl
	// -r^2/2 in two parts.
	rh := math.Float64frombits(math.Float64bits(r) &^ (1<<27 - 1))
	q := float64(-0.5 * rh * rh)
	hi = t2 + q
	lo3 := t2 - hi + q
	lo4 := -float64((r - rh + rl) * float64(0.5*(r+rh)))
	r2 := float64(r * r)
	p := float64(float64(r2*r) * (1.0/3 - float64(0.25*r) + float64(r2*(0.2-float64(r*(1.0/6)))) +
		float64(float64(r2*r2)*(1.0/7-float64(0.125*r)))))
	l := lo1 + lo2 + lo3 + lo4 + p
	s := hi + l
	return s, hi - s + l
}

package fmath

import "math"

// Log is the natural logarithm, within 0.53 ulp; -Inf at 0 and NaN below.
//
// Method: x = 2^k z, z near c of a table with 1/c of 16 bits, so that r = z/c - 1 comes
// without rounding error; log c in two parts and the Taylor series to r^7
// (|r| < 0.0059); Tang, ACM TOMS 16 (1990) 378. The interval around 1 has c = 1: no
// cancellation there.
func Log(x float64) float64 {
	ix := math.Float64bits(x)
	k := 0.0
	if ix-0x0010000000000000 >= 0x7ff0000000000000-0x0010000000000000 {
		switch {
		case x == 0:
			return math.Inf(-1)
		case x < 0:
			return math.NaN()
		case x != x || x > math.MaxFloat64:
			return x
		}
		ix = math.Float64bits(x * 0x1p52)
		k = -52
	}
	tmp := ix - logOffset
	i := tmp >> 45 & 127
	k += float64(int64(tmp) >> 52)
	iz := ix - tmp&(0xfff<<52)
	t := &logTable[i]
	z := math.Float64frombits(iz)
	zh := math.Float64frombits(iz &^ (1<<21 - 1))
	a, b := float64(zh*t.invc)-1, float64((z-zh)*t.invc) // exact
	r := a + b
	w := float64(k*ln2Hi) + t.hi // exact
	hi := w + r
	lo := w - hi + r + (a - r + b + (float64(k*ln2Lo) + t.lo))
	r2 := float64(r * r)
	p := -0.5 + float64(r*(1.0/3)) + float64(r2*(-0.25+float64(r*0.2))) +
		float64(float64(r2*r2)*(-1.0/6+float64(r*(1.0/7))))
	return hi + (lo + float64(r2*p))
}

// LogSlice sets dst[i] to Log(x[i]), the same bits as Log; dst may be x. It panics when
// dst is shorter than x.
func LogSlice(dst, x []float64) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = Log(v)
	}
}

// Log1p is log(1+x), within 1.5 ulp also near 0.
func Log1p(x float64) float64 {
	switch {
	case x <= -1:
		return Log(1 + x)
	case math.Abs(x) < 0x1p-54 || x != x || x > math.MaxFloat64:
		return x
	case x > 0x1p53:
		return Log(x) // 1+x rounds to x or its neighbour: no gain from the correction
	}
	// 1+x = u + c exactly, and log(u+c) = log u + c/u to the last bit.
	u := 1 + x
	c := x - (u - 1)
	if x > 1 {
		c = 1 - (u - x)
	}
	return Log(u) + c/u
}

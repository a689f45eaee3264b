package fmath

import "math"

// shift, added to a number below 2^51, leaves the nearest integer in the low bits.
const shift = 0x1.8p52

// Exp is e^x, within 0.52 ulp. It overflows to +Inf above 709.78 and goes through the
// subnormals to 0 below -745.13.
//
// Method: x = k ln2/128 + r; a table gives 2^(k/128), the Taylor series to r^5 the
// rest (|r| < 0.00271, remainder 3e-3 ulp); Tang, ACM TOMS 15 (1989) 144.
func Exp(x float64) float64 {
	if top := math.Float64bits(x) >> 52 & 0x7ff; top-0x3c9 >= 0x408-0x3c9 {
		return expEdge(x)
	}
	kd := float64(invLn2N*x) + shift
	ki := math.Float64bits(kd)
	kd -= shift
	r := x - float64(kd*ln2NHi) - float64(kd*ln2NLo)
	t := &expTable[ki&127]
	r2 := float64(r * r)
	p := t.tail + r + float64(r2*(0.5+float64(r*(1.0/6)))) +
		float64(float64(r2*r2)*(1.0/24+float64(r*(1.0/120))))
	scale := math.Float64frombits(t.bits + ki<<45)
	return scale + float64(scale*p)
}

// expEdge is Exp for |x| < 2^-54, |x| >= 512 and NaN.
func expEdge(x float64) float64 {
	switch {
	case x != x:
		return x
	case x > 709.79:
		return math.Inf(1)
	case x < -745.14:
		return 0
	case math.Abs(x) < 0x1p-54:
		return 1 + x
	}
	return expWide(x, 0)
}

// expParts reduces x, |x| < 1024: e^(x+tail) = scale (1 + p) with the bits of scale, which
// may lie outside the normal range, and kd the multiple of ln2/128 in x. tail is below 2^-40.
func expParts(x, tail float64) (sbits uint64, p, kd float64) {
	kd = float64(invLn2N*x) + shift
	ki := math.Float64bits(kd)
	kd -= shift
	r := x - float64(kd*ln2NHi) - float64(kd*ln2NLo) + tail
	t := &expTable[ki&127]
	r2 := float64(r * r)
	p = t.tail + r + float64(r2*(0.5+float64(r*(1.0/6)))) +
		float64(float64(r2*r2)*(1.0/24+float64(r*(1.0/120))))
	return t.bits + ki<<45, p, kd
}

// expWide is e^(x+tail) where 2^k may leave the normal range, |x| < 1024. Below the
// normal numbers the sum is rounded once, at the place of the subnormal's last bit.
func expWide(x, tail float64) float64 {
	sbits, p, kd := expParts(x, tail)
	if kd > 0 {
		scale := math.Float64frombits(sbits - 1009<<52)
		return float64(0x1p1009 * (scale + float64(scale*p)))
	}
	scale := math.Float64frombits(sbits + 1022<<52)
	sp := float64(scale * p)
	y := scale + sp
	if y < 1 {
		lo := scale - y + sp
		hi := 1 + y
		lo = 1 - hi + y + lo
		y = hi + lo - 1
	}
	return float64(0x1p-1022 * y)
}

// Expm1 is e^x - 1, within 2.2 ulp also near 0.
func Expm1(x float64) float64 {
	switch {
	case math.Abs(x) < 0x1p-54 || x != x:
		return x
	case x > 50:
		return Exp(x)
	case x < -40:
		return -1
	}
	// The table's 2^(k/128) - 1 is exact within a factor of two of 1, where it cancels.
	sbits, p, _ := expParts(x, 0)
	scale := math.Float64frombits(sbits)
	return scale - 1 + float64(scale*p)
}

// ExpSlice sets dst[i] to Exp(x[i]), the same bits as Exp; dst may be x. It panics when
// dst is shorter than x.
func ExpSlice(dst, x []float64) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = Exp(v)
	}
}

package fmath

import (
	"math"
	"math/bits"
)

// Sin is the sine of x in radians, within 0.8 ulp for every finite x; NaN at infinity.
func Sin(x float64) float64 {
	n, y, z := reduce(x)
	return quadrant(n, y, z)
}

// Cos is the cosine of x in radians, within 0.8 ulp for every finite x; NaN at infinity.
func Cos(x float64) float64 {
	n, y, z := reduce(x)
	return quadrant(n+1, y, z)
}

// Sincos is Sin(x) and Cos(x), the same bits, at the price of one reduction.
func Sincos(x float64) (sin, cos float64) {
	n, y, z := reduce(x)
	return quadrant(n, y, z), quadrant(n+1, y, z)
}

// Tan is the tangent of x in radians, within 2.2 ulp for every finite x.
func Tan(x float64) float64 {
	if math.Abs(x) < 0x1p-27 {
		return x
	}
	s, c := Sincos(x)
	return s / c
}

// quadrant is sin(y+z + n π/2).
func quadrant(n uint64, y, z float64) float64 {
	var r float64
	if n&1 == 0 {
		r = sinKernel(y, z)
	} else {
		r = cosKernel(y, z)
	}
	if n&2 != 0 {
		return -r
	}
	return r
}

// Coefficients of the kernels on [-π/4, π/4]: FreeBSD msun/src/k_sin.c and k_cos.c
// (Copyright (C) 1993 by Sun Microsystems, Inc., freely redistributable).
const (
	sin1 = -1.66666666666666324348e-01
	sin2 = 8.33333333332248946124e-03
	sin3 = -1.98412698298579493134e-04
	sin4 = 2.75573137070700676789e-06
	sin5 = -2.50507602534068634195e-08
	sin6 = 1.58969099521155010221e-10
	cos1 = 4.16666666666666019037e-02
	cos2 = -1.38888888888741095749e-03
	cos3 = 2.48015872894767294178e-05
	cos4 = -2.75573143513906633035e-07
	cos5 = 2.08757232129817482790e-09
	cos6 = -1.13596475577881948265e-11
)

// sinKernel is sin(y+z) for |y| <= π/4 and z a correction to y.
func sinKernel(y, z float64) float64 {
	w := float64(y * y)
	r := sin2 + float64(w*(sin3+float64(w*sin4))) + float64(float64(w*float64(w*w))*(sin5+float64(w*sin6)))
	v := float64(w * y)
	return y - (float64(w*(float64(0.5*z)-float64(v*r))) - z - float64(v*sin1))
}

// cosKernel is cos(y+z) for |y| <= π/4 and z a correction to y.
func cosKernel(y, z float64) float64 {
	w := float64(y * y)
	w2 := float64(w * w)
	r := float64(w*(cos1+float64(w*(cos2+float64(w*cos3))))) + float64(float64(w2*w2)*(cos4+float64(w*(cos5+float64(w*cos6)))))
	h := float64(0.5 * w)
	u := 1 - h
	return u + (1 - u - h + (float64(w*r) - float64(y*z)))
}

// reduce writes x = n π/2 + y + z, |y| at most a little over π/4, n mod 4.
// Below 2^20 by Cody and Waite's method with π/2 in 33+33+53 bits, unless x lies so near
// a multiple of π/2 that this is not enough.
func reduce(x float64) (n uint64, y, z float64) {
	a := math.Abs(x)
	if a <= math.Pi/4 {
		return 0, x, 0
	}
	if a < 0x1p20 {
		kd := float64(x*(2/math.Pi)) + shift
		n = math.Float64bits(kd)
		kd -= shift
		r := x - float64(kd*pio2A)
		b := float64(kd * pio2B)
		s := r - b
		v := s - r
		e := r - (s - v) - (b + v) // r - b = s + e
		e -= float64(kd * pio2C)
		y = s + e
		if math.Abs(y) > 0x1p-24 {
			return n & 3, y, s - y + e
		}
	}
	return reduceExactly(x)
}

// reduceExactly is reduce by multiplying with 192 bits of 2/π taken where they matter;
// Payne and Hanek, ACM SIGNUM Newsletter 18 (1983) 19.
func reduceExactly(x float64) (n uint64, y, z float64) {
	ix := math.Float64bits(x)
	e := int(ix>>52&0x7ff) - 1023 - 52
	if e > 1023-52 {
		return 0, math.NaN(), 0
	}
	m := ix&(1<<52-1) | 1<<52
	// Digits of 2/π before number e-1 make multiples of 4 turns; the table leads with 64 zeros.
	at := e - 2 + 64
	w, s := at/64, uint(at%64)
	word := func(i int) uint64 { return twoOverPi[w+i]<<s | twoOverPi[w+i+1]>>(64-s) }
	// m times three words, modulo 2^192: two bits of quadrant, 190 of fraction.
	h0, l0 := bits.Mul64(m, word(2))
	h1, l1 := bits.Mul64(m, word(1))
	mid, carry := bits.Add64(l1, h0, 0)
	top := m*word(0) + h1 + carry
	n = top >> 62
	f2, f1, f0 := top<<2|mid>>62, mid<<2|l0>>62, l0<<2
	neg := f2>>63 == 1
	if neg {
		n++
		var c uint64
		f0, c = bits.Sub64(0, f0, 0)
		f1, c = bits.Sub64(0, f1, c)
		f2, _ = bits.Sub64(0, f2, c)
	}
	y, z = quarterTurns(f2, f1, f0)
	if neg != (x < 0) {
		y, z = -y, -z
	}
	if x < 0 {
		n = -n
	}
	return n & 3, y, z
}

// quarterTurns is the fraction f2 f1 f0 / 2^192 of a quarter turn in radians, in two parts.
func quarterTurns(f2, f1, f0 uint64) (y, z float64) {
	scale := 0x1p-53
	for f2>>63 == 0 {
		if f2|f1|f0 == 0 {
			return 0, 0
		}
		f2, f1, f0 = f2<<1|f1>>63, f1<<1|f0>>63, f0<<1
		scale *= 0.5
	}
	h := float64(f2>>11) * scale
	l := float64((f2&0x7ff)<<42|f1>>22) * scale * 0x1p-53
	y = float64(h * pio2Hi)
	z = math.FMA(h, pio2Hi, -y) + (float64(h*pio2Lo) + float64(l*pio2Hi))
	s := y + z
	return s, y - s + z
}

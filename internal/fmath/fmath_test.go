package fmath_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/qrsrisk/qrsd/internal/fmath"
	"github.com/qrsrisk/qrsd/internal/fmath/exact"
)

func same(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
}

var odd = []float64{0, math.Copysign(0, -1), 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1e300, -1e300, 5e-324, -5e-324, 0x1p53, -0x1p53, 0x1p54,
	math.MaxFloat64, -math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN()}

// Special values must be those of math; they are exact there on every architecture.
func TestSpecialValues(t *testing.T) {
	for _, c := range []struct {
		name    string
		f, want func(float64) float64
		xs      []float64
	}{
		{"Exp", fmath.Exp, math.Exp, []float64{0, math.Copysign(0, -1), 1000, -1000, 710, -746, 1e300, -1e300, 1e-300, math.Inf(1), math.Inf(-1), math.NaN()}},
		{"Expm1", fmath.Expm1, math.Expm1, []float64{0, math.Copysign(0, -1), 1000, -1000, 1e-300, math.Inf(1), math.Inf(-1), math.NaN()}},
		{"Log", fmath.Log, math.Log, []float64{0, math.Copysign(0, -1), 1, -1, -5e-324, math.Inf(1), math.Inf(-1), math.NaN()}},
		{"Log1p", fmath.Log1p, math.Log1p, []float64{0, math.Copysign(0, -1), -1, -2, 1e-300, math.Inf(1), math.Inf(-1), math.NaN()}},
		{"Sin", fmath.Sin, math.Sin, []float64{0, math.Copysign(0, -1), 1e-300, math.Inf(1), math.Inf(-1), math.NaN()}},
		{"Cos", fmath.Cos, math.Cos, []float64{0, math.Copysign(0, -1), 1e-300, math.Inf(1), math.Inf(-1), math.NaN()}},
		{"Tan", fmath.Tan, math.Tan, []float64{0, math.Copysign(0, -1), 1e-300, math.Inf(1), math.NaN()}},
		{"Atan", fmath.Atan, math.Atan, []float64{0, math.Copysign(0, -1), 1e-300, math.Inf(1), math.Inf(-1), math.NaN()}},
		{"Asin", fmath.Asin, math.Asin, []float64{0, math.Copysign(0, -1), 1, -1, 1.5, -2, math.Inf(1), math.NaN()}},
		{"Acos", fmath.Acos, math.Acos, []float64{0, 1, -1, 1.5, -2, math.Inf(1), math.NaN()}},
		{"Erf", fmath.Erf, math.Erf, []float64{0, math.Copysign(0, -1), 10, -10, math.Inf(1), math.Inf(-1), math.NaN()}},
		{"Erfc", fmath.Erfc, math.Erfc, []float64{0, 30, -30, math.Inf(1), math.Inf(-1), math.NaN()}},
	} {
		for _, x := range c.xs {
			if got, want := c.f(x), c.want(x); !same(got, want) {
				t.Errorf("%s(%v) = %v, want %v", c.name, x, got, want)
			}
		}
	}
	for _, y := range odd {
		for _, x := range odd {
			if got, want := fmath.Atan2(y, x), math.Atan2(y, x); !same(got, want) && math.Abs(got-want) > 5e-16 &&
				!(y == -5e-324 && got == -math.Pi) { // math.Atan2 loses the sign where y/x underflows
				t.Errorf("Atan2(%v, %v) = %v, want %v", y, x, got, want)
			}
			got, want := fmath.Pow(x, y), math.Pow(x, y)
			if !same(got, want) && !(math.Abs(got-want) <= 1e-14*math.Abs(want)) {
				t.Errorf("Pow(%v, %v) = %v, want %v", x, y, got, want)
			}
		}
	}
}

func TestPowAccuracy(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var worst, wx, wy float64
	for i := range 1500 {
		x := wide(-1074, 1023, false)(r)
		switch i % 4 {
		case 0:
			x = uniform(0.5, 2)(r)
		case 1:
			x = around(1)(r)
			if x == 1 {
				continue
			}
		}
		y := (2*r.Float64() - 1) * 744 / math.Abs(math.Log(x))
		if i%3 == 0 {
			x, y = uniform(0, 100)(r), uniform(-3, 3)(r)
		}
		p := exact.Log(exact.Float(x, 400), 400)
		want := exact.Exp(p.Mul(p, exact.Float(y, 400)), 200)
		if u := ulps(fmath.Pow(x, y), want); !(u <= worst) {
			worst, wx, wy = u, x, y
		}
	}
	t.Logf("largest error %.3f ulp, at (%v, %v)", worst, wx, wy)
	if !(worst <= 0.55) {
		t.Errorf("Pow(%v, %v) is %.3f ulp off, the documentation promises 0.55", wx, wy, worst)
	}
}

func TestAtan2Accuracy(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var worst, wx, wy float64
	for range 1500 {
		y, x := wide(-40, 40, true)(r), wide(-40, 40, true)(r)
		if r.IntN(2) == 0 {
			y, x = uniform(-1, 1)(r), uniform(-1, 1)(r)
		}
		want := exact.Atan(exact.New(prec).Quo(exact.Float(y, prec), exact.Float(x, prec)), prec)
		if x < 0 {
			pi := exact.Pi(prec)
			if y < 0 {
				pi.Neg(pi)
			}
			want.Add(want, pi)
		}
		if u := ulps(fmath.Atan2(y, x), want); !(u <= worst) {
			worst, wx, wy = u, x, y
		}
	}
	t.Logf("largest error %.3f ulp, at (%v, %v)", worst, wy, wx)
	if !(worst <= 1.5) {
		t.Errorf("Atan2(%v, %v) is %.3f ulp off, the documentation promises 1.5", wy, wx, worst)
	}
}

// The quantile is checked through the 200-bit distribution function: x is off by
// (cdf(x) - p) / density(x).
func TestNormQuantileAccuracy(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var worst, at float64
	for i := range 600 {
		p := r.Float64()
		switch i % 3 {
		case 1:
			p = wide(-1000, -1, false)(r)
		case 2:
			p = around(0.075, 0.5, 0.925, math.Exp(-25))(r)
		}
		x := fmath.NormQuantile(p)
		if p == 0.5 || x < -37 {
			continue
		}
		d := bigNormCDF(x)
		d.Sub(d, exact.Float(p, prec))
		e, _ := d.Quo(d, bigNormPDF(x)).Float64()
		if e = math.Abs(e / x); !(e <= worst) {
			worst, at = e, p
		}
	}
	t.Logf("largest relative error %.3g, at %v", worst, at)
	if !(worst < 1e-15) {
		t.Errorf("NormQuantile(%v): relative error %g, the documentation promises 1e-15", at, worst)
	}
	for p, want := range map[float64]float64{0: math.Inf(-1), 1: math.Inf(1), 0.5: 0, -1: math.NaN(), 2: math.NaN(), math.NaN(): math.NaN()} {
		if got := fmath.NormQuantile(p); !same(got, want) {
			t.Errorf("NormQuantile(%v) = %v, want %v", p, got, want)
		}
	}
}

func TestLogGamma(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	var worst, at float64
	for range 20000 {
		x := wide(-60, 60, false)(r)
		if r.IntN(2) == 0 {
			x = uniform(0, 12)(r)
		}
		want, _ := math.Lgamma(x)
		if e := math.Abs(fmath.LogGamma(x)-want) / (4e-16 + 8*0x1p-53*math.Abs(want)); !(e <= worst) {
			worst, at = e, x
		}
	}
	if !(worst <= 1) {
		t.Errorf("LogGamma(%v) = %v, off by %.2f of the bound", at, fmath.LogGamma(at), worst)
	}
	// (n-1)! exactly.
	f := big.NewInt(1)
	for n := int64(1); n < 170; n++ {
		f.Mul(f, big.NewInt(n))
		want := exact.Log(new(big.Float).SetPrec(2000).SetInt(f), 100)
		if u := ulps(fmath.LogGamma(float64(n+1)), want); n > 1 && u > 4 {
			t.Errorf("LogGamma(%d) is %.2f ulp off", n+1, u)
		}
	}
}

// For integers I_x(a, b) is a binomial sum, evaluated here in rational arithmetic.
func binomialTail(a, b int64, x float64) float64 {
	n := a + b - 1
	p := new(big.Rat).SetFloat64(x)
	q := new(big.Rat).Sub(big.NewRat(1, 1), p)
	sum := new(big.Rat)
	pow := func(r *big.Rat, k int64) *big.Rat {
		e := big.NewInt(k)
		return new(big.Rat).SetFrac(new(big.Int).Exp(r.Num(), e, nil), new(big.Int).Exp(r.Denom(), e, nil))
	}
	for j := a; j <= n; j++ {
		t := new(big.Rat).SetInt(new(big.Int).Binomial(n, j))
		sum.Add(sum, t.Mul(t, pow(p, j)).Mul(t, pow(q, n-j)))
	}
	f, _ := sum.Float64()
	return f
}

func TestBeta(t *testing.T) {
	for _, a := range []int64{1, 2, 5, 30} {
		for _, b := range []int64{1, 3, 17, 60} {
			for _, x := range []float64{1e-6, 0.125, 0.25, 0.5, 0.71875, 0.96875} {
				want := binomialTail(a, b, x)
				got := fmath.BetaInc(float64(a), float64(b), x)
				if math.Abs(got-want) > 1e-13*float64(1+a+b)*want {
					t.Errorf("BetaInc(%d, %d, %v) = %v, want %v", a, b, x, got, want)
				}
				if got > 1e-290 && got < 1-1e-9 {
					if back := fmath.BetaQuantile(float64(a), float64(b), got); math.Abs(back-x) > 1e-9*x {
						t.Errorf("BetaQuantile(%d, %d, %v) = %v, want %v", a, b, got, back, x)
					}
				}
			}
		}
	}
	// Large shapes: the middle of a beta is its mean, and Clopper-Pearson needs these.
	if p := fmath.BetaInc(50_000, 450_000, 0.1); math.Abs(p-0.5) > 2e-3 {
		t.Errorf("BetaInc(5e4, 45e4, 0.1) = %v", p)
	}
	if x := fmath.BetaQuantile(0.3, 0.4, 1e-20); math.Abs(fmath.BetaInc(0.3, 0.4, x)/1e-20-1) > 1e-9 {
		t.Errorf("BetaQuantile(0.3, 0.4, 1e-20) = %v", x)
	}
	for _, v := range []float64{fmath.BetaInc(0, 1, 0.5), fmath.BetaInc(1, 1, 2), fmath.BetaQuantile(1, -1, 0.5), fmath.BetaQuantile(1, 1, math.NaN())} {
		if v == v {
			t.Errorf("bad arguments give %v, want NaN", v)
		}
	}
}

func TestSlicesHaveTheScalarBits(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	x := make([]float64, 1001)
	for i := range x {
		x[i] = r.Float64()
	}
	for _, c := range []struct {
		name  string
		slice func(dst, x []float64)
		f     func(float64) float64
	}{{"Exp", fmath.ExpSlice, fmath.Exp}, {"Log", fmath.LogSlice, fmath.Log}, {"NormQuantile", fmath.NormQuantileSlice, fmath.NormQuantile}} {
		got := make([]float64, len(x))
		c.slice(got, x)
		for i := range x {
			if !same(got[i], c.f(x[i])) {
				t.Fatalf("%sSlice differs at %v", c.name, x[i])
			}
		}
	}
}

// Exp, Log and the distribution functions must not turn back between neighbours.
func TestMonotone(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for range 200_000 {
		x := uniform(-20, 20)(r)
		y := math.Nextafter(x, 100)
		if fmath.Exp(y) < fmath.Exp(x) {
			t.Fatalf("Exp turns back at %v", x)
		}
		if a, b := math.Abs(x), math.Nextafter(math.Abs(x), 100); fmath.Log(b) < fmath.Log(a) {
			t.Fatalf("Log turns back at %v", a)
		}
	}
}

// TestBits pins the bits. Do not change these to fix a build: whoever changes them
// changes every result of the engine.
func TestBits(t *testing.T) {
	h := uint64(14695981039346656037)
	add := func(x float64) {
		if x != x {
			x = math.NaN()
		}
		h = (h ^ math.Float64bits(x)) * 1099511628211
	}
	for i := range 20_000 {
		x := math.Ldexp(float64(i*7919%10007)-5003, -8+i%5)
		p := (float64(i) + 0.5) / 20_000
		for _, v := range []float64{fmath.Exp(x), fmath.Expm1(x / 16), fmath.Log(math.Abs(x)), fmath.Log1p(p), fmath.Sin(x), fmath.Cos(x * 1e6), fmath.Tan(x),
			fmath.Atan(x), fmath.Atan2(x, p), fmath.Asin(p), fmath.Acos(-p), fmath.Erf(x / 8), fmath.Erfc(x / 4), fmath.NormCDF(x / 2), fmath.NormPDF(x / 2),
			fmath.NormQuantile(p), fmath.LogGamma(math.Abs(x)), fmath.Pow(math.Abs(x), p)} {
			add(v)
		}
		if i%100 == 0 {
			add(fmath.BetaInc(1+float64(10*p), 3, p))
			add(fmath.BetaQuantile(2, 1+float64(10*p), p))
		}
	}
	const golden = uint64(0x204c4015064fa681)
	if h != golden {
		t.Errorf("hash of results %#x, want %#x", h, golden)
	}
}

func bench(b *testing.B, f func(float64) float64, lo, hi float64) {
	x := make([]float64, 1024)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range x {
		x[i] = lo + (hi-lo)*r.Float64()
	}
	var s float64
	b.ResetTimer()
	for i := range b.N {
		s += f(x[i&1023])
	}
	sink = s
}

var sink float64

func BenchmarkExp(b *testing.B)          { bench(b, fmath.Exp, -20, 20) }
func BenchmarkLog(b *testing.B)          { bench(b, fmath.Log, 0, 100) }
func BenchmarkSin(b *testing.B)          { bench(b, fmath.Sin, -7, 7) }
func BenchmarkAtan(b *testing.B)         { bench(b, fmath.Atan, -7, 7) }
func BenchmarkErfc(b *testing.B)         { bench(b, fmath.Erfc, -3, 5) }
func BenchmarkNormQuantile(b *testing.B) { bench(b, fmath.NormQuantile, 0, 1) }
func BenchmarkNormCDF(b *testing.B)      { bench(b, fmath.NormCDF, -4, 4) }
func BenchmarkPow(b *testing.B) {
	bench(b, func(x float64) float64 { return fmath.Pow(x, 1.7) }, 0, 100)
}
func BenchmarkBetaInc(b *testing.B) {
	bench(b, func(x float64) float64 { return fmath.BetaInc(2.5, 4, x) }, 0, 1)
}

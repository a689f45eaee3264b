package fmath_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/qrsrisk/qrsd/internal/fmath"
	"github.com/qrsrisk/qrsd/internal/fmath/exact"
)

const prec = 200

type truth func(x float64) *big.Float

var (
	bigExp   truth = func(x float64) *big.Float { return exact.Exp(exact.Float(x, prec), prec) }
	bigExpm1 truth = func(x float64) *big.Float {
		y := exact.Exp(exact.Float(x, prec), 2*prec)
		return y.Sub(y, exact.Float(1, prec))
	}
	bigLog   truth = func(x float64) *big.Float { return exact.Log(exact.Float(x, prec), prec) }
	bigLog1p truth = func(x float64) *big.Float {
		return exact.Log(exact.New(1200).Add(exact.Float(1, 1200), exact.Float(x, 1200)), prec+100)
	}
	bigSin  truth = func(x float64) *big.Float { s, _ := exact.SinCos(exact.Float(x, prec), prec); return s }
	bigCos  truth = func(x float64) *big.Float { _, c := exact.SinCos(exact.Float(x, prec), prec); return c }
	bigTan  truth = func(x float64) *big.Float { s, c := exact.SinCos(exact.Float(x, prec), prec); return s.Quo(s, c) }
	bigAtan truth = func(x float64) *big.Float { return exact.Atan(exact.Float(x, prec), prec) }
	bigAsin truth = func(x float64) *big.Float {
		c := exact.Float(x, 3*prec)
		c.Mul(c, c)
		c.Sqrt(c.Sub(exact.Float(1, 3*prec), c))
		if c.Sign() == 0 {
			return c.Mul(exact.Pi(prec), exact.Float(x/2, prec))
		}
		return exact.Atan(c.Quo(exact.Float(x, 3*prec), c), prec)
	}
	bigAcos truth = func(x float64) *big.Float {
		h := exact.New(2*prec).SetMantExp(exact.Pi(2*prec), -1)
		return h.Sub(h, bigAsin(x))
	}
	bigErf     truth = func(x float64) *big.Float { e, _ := exact.Erf(exact.Float(x, prec), prec); return e }
	bigErfc    truth = func(x float64) *big.Float { _, c := exact.Erf(exact.Float(x, prec), prec); return c }
	bigNormCDF truth = func(x float64) *big.Float {
		r := exact.New(prec).Sqrt(exact.Float(0.5, prec))
		_, c := exact.Erf(r.Mul(r, exact.Float(-x, prec)), prec)
		return c.Mul(c, exact.Float(0.5, prec))
	}
	bigNormPDF truth = func(x float64) *big.Float {
		h := exact.Float(x, prec)
		h.Mul(h, h).Mul(h, exact.Float(-0.5, prec))
		y := exact.Exp(h, prec)
		s := exact.Pi(prec)
		return y.Quo(y, s.Sqrt(s.Add(s, s)))
	}
)

// ulps is the error of got in units in the last place of the true value.
func ulps(got float64, want *big.Float) float64 {
	w, _ := want.Float64()
	switch {
	case got == w:
		// Still up to half a unit; fall through to the exact figure.
	case math.IsInf(w, 0) || math.IsInf(got, 0) || math.IsNaN(got):
		return math.Inf(1)
	}
	if math.IsInf(w, 0) || w == 0 {
		return 0
	}
	_, e := math.Frexp(w)
	d := new(big.Float).Sub(want, new(big.Float).SetFloat64(got))
	f, _ := d.SetMantExp(d, -max(e-53, -1074)).Float64()
	return math.Abs(f)
}

func uniform(lo, hi float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 { return lo + (hi-lo)*r.Float64() }
}

// wide is a number of any exponent between 2^lo and 2^hi; of either sign when signed.
func wide(lo, hi int, signed bool) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 {
		x := math.Ldexp(1+r.Float64(), lo+r.IntN(hi-lo))
		if signed && r.IntN(2) == 0 {
			return -x
		}
		return x
	}
}

// around is x times 1 plus or minus something tiny.
func around(points ...float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 {
		return points[r.IntN(len(points))] * (1 + math.Ldexp(r.Float64()-0.5, -r.IntN(50)))
	}
}

func TestAccuracy(t *testing.T) {
	for _, c := range []struct {
		name  string
		f     func(float64) float64
		truth truth
		bound float64 // ulp, as documented
		n     int
		draws []func(*rand.Rand) float64
		edges []float64
	}{
		{"Exp", fmath.Exp, bigExp, 0.52, 3000, []func(*rand.Rand) float64{uniform(-1, 1), uniform(-745, 709.7), wide(-60, 9, true), uniform(-745, -700)},
			[]float64{709.782712893384, -708.3964185322641, -745.1332191019411, 0.34657359027997264, 512, -512}},
		{"Expm1", fmath.Expm1, bigExpm1, 2.2, 2000, []func(*rand.Rand) float64{uniform(-1, 1), uniform(-50, 700), wide(-60, 5, true)}, nil},
		{"Log", fmath.Log, bigLog, 0.53, 2000, []func(*rand.Rand) float64{wide(-1074, 1023, false), uniform(0.5, 2), around(1), uniform(0.99, 1.01)},
			[]float64{math.SmallestNonzeroFloat64, math.MaxFloat64, 0x1p-1022, 0.6875, math.Nextafter(1, 0), math.Nextafter(1, 2)}},
		{"Log1p", fmath.Log1p, bigLog1p, 1.5, 1500, []func(*rand.Rand) float64{wide(-60, 60, false), uniform(-0.9999, 2), uniform(-0.01, 0.01), wide(-60, 0, true)}, []float64{math.MaxFloat64}},
		{"Sin", fmath.Sin, bigSin, 0.8, 3000, []func(*rand.Rand) float64{uniform(-7, 7), wide(-40, 1023, true), wide(0, 21, true), around(math.Pi, math.Pi/2, 1000*math.Pi)},
			[]float64{0x1p120, 5.319372648326541e+255, 0x1.921fb54442d18p+0, math.MaxFloat64, 0x1p20}},
		{"Cos", fmath.Cos, bigCos, 0.8, 3000, []func(*rand.Rand) float64{uniform(-7, 7), wide(-40, 1023, true), wide(0, 21, true), around(math.Pi, math.Pi/2, 1001*math.Pi/2)},
			[]float64{0x1p120, 5.319372648326541e+255, 0x1.921fb54442d18p+0, math.MaxFloat64}},
		{"Tan", fmath.Tan, bigTan, 2.2, 2000, []func(*rand.Rand) float64{uniform(-7, 7), wide(-40, 30, true)}, nil},
		{"Atan", fmath.Atan, bigAtan, 0.9, 2000, []func(*rand.Rand) float64{uniform(-3, 3), wide(-40, 80, true)}, nil},
		{"Asin", fmath.Asin, bigAsin, 1, 2000, []func(*rand.Rand) float64{uniform(-1, 1), wide(-40, -1, true)}, []float64{1, -1, 0.5, 0.975}},
		{"Acos", fmath.Acos, bigAcos, 1, 2000, []func(*rand.Rand) float64{uniform(-1, 1), wide(-40, -1, true)}, []float64{-1, 0.5, math.Nextafter(1, 0)}},
		{"Erf", fmath.Erf, bigErf, 1, 400, []func(*rand.Rand) float64{uniform(-3, 3), wide(-300, 2, true), uniform(0.8, 1.3)}, []float64{1e-308, 5.9, 6}},
		{"Erfc", fmath.Erfc, bigErfc, 2, 300, []func(*rand.Rand) float64{uniform(-3, 5), uniform(1, 26)}, []float64{0.84375, 1.25, -7}},
		{"NormCDF", fmath.NormCDF, bigNormCDF, 4, 300, []func(*rand.Rand) float64{uniform(-8, 8), uniform(-37, 0)}, nil},
		{"NormPDF", fmath.NormPDF, bigNormPDF, 3, 1000, []func(*rand.Rand) float64{uniform(-8, 8), uniform(-37, 37)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			var worst, at float64
			check := func(x float64) {
				if u := ulps(c.f(x), c.truth(x)); !(u <= worst) {
					worst, at = u, x
				}
			}
			for _, x := range c.edges {
				check(x)
			}
			for i := range c.n {
				check(c.draws[i%len(c.draws)](r))
			}
			t.Logf("largest error %.3f ulp, at %v = %x", worst, at, at)
			if !(worst <= c.bound) {
				t.Errorf("%s(%v) = %v is %.3f ulp off, the documentation promises %v", c.name, at, c.f(at), worst, c.bound)
			}
		})
	}
}

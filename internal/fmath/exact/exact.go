// Package exact computes elementary functions to any precision with math/big.
//
// It is the yardstick of fmath's tests and the source of fmath's tables (see
// ../derive). It is slow and is linked into no program of the product.
//
// Every function takes the argument as a float64 or *big.Float and the wanted
// precision in bits; the result is right to within a few units of that precision.
package exact

import (
	"math"
	"math/big"
)

const guard = 64 // bits beyond the wanted precision, so that rounding errors of the series do not show

// Float is x at precision prec.
func Float(x float64, prec uint) *big.Float { return New(prec).SetFloat64(x) }

// New is zero at precision prec.
func New(prec uint) *big.Float { return new(big.Float).SetPrec(prec) }

func fromInt(i int64, prec uint) *big.Float { return New(prec).SetInt64(i) }

func below(t, sum *big.Float, prec uint) bool {
	return t.Sign() == 0 || (sum.Sign() != 0 && t.MantExp(nil) < sum.MantExp(nil)-int(prec))
}

// Pi is π by Machin's formula, 16 atan(1/5) - 4 atan(1/239).
func Pi(prec uint) *big.Float {
	p := prec + guard
	a := atanInverse(5, p)
	b := atanInverse(239, p)
	a.Mul(a, fromInt(16, p))
	b.Mul(b, fromInt(4, p))
	return New(prec).Sub(a, b)
}

func atanInverse(n int64, p uint) *big.Float {
	sum, term, nn := New(p), New(p).Quo(fromInt(1, p), fromInt(n, p)), fromInt(n*n, p)
	for k := int64(1); ; k += 2 {
		t := New(p).Quo(term, fromInt(k, p))
		if k%4 == 1 {
			sum.Add(sum, t)
		} else {
			sum.Sub(sum, t)
		}
		if below(t, sum, p) {
			return sum
		}
		term.Quo(term, nn)
	}
}

// Ln2 is the natural logarithm of 2, 2 atanh(1/3).
func Ln2(prec uint) *big.Float {
	p := prec + guard
	sum, term, nine := New(p), New(p).Quo(fromInt(2, p), fromInt(3, p)), fromInt(9, p)
	for k := int64(1); ; k += 2 {
		t := New(p).Quo(term, fromInt(k, p))
		sum.Add(sum, t)
		if below(t, sum, p) {
			return New(prec).Set(sum)
		}
		term.Quo(term, nine)
	}
}

// Exp is e^x for |x| below 1e6.
func Exp(x *big.Float, prec uint) *big.Float {
	p := prec + guard + 64
	ln2 := Ln2(p)
	q, _ := New(p).Quo(x, ln2).Float64()
	k := int(math.Floor(q + 0.5))
	r := New(p).Sub(x, New(p).Mul(fromInt(int64(k), p), ln2))
	const halvings = 12
	r.SetMantExp(r, -halvings)
	sum, term := fromInt(1, p), fromInt(1, p)
	for i := int64(1); r.Sign() != 0; i++ {
		term.Mul(term, r)
		term.Quo(term, fromInt(i, p))
		sum.Add(sum, term)
		if below(term, sum, p) {
			break
		}
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return New(prec).SetMantExp(sum, k)
}

// Log is the natural logarithm of x > 0, by Halley's iteration on Exp.
func Log(x *big.Float, prec uint) *big.Float {
	if x.Cmp(fromInt(1, 53)) == 0 {
		return New(prec)
	}
	p := prec + 2*guard + 64
	m := New(p)
	k := x.MantExp(m)
	f, _ := m.Float64()
	y := Float(math.Log(f), p)
	for n := uint(40); n < p; n *= 3 {
		e := Exp(y, p)
		d := New(p).Sub(m, e)
		d.Quo(d, New(p).Add(m, e))
		y.Add(y, d.Mul(d, fromInt(2, p)))
	}
	return New(prec).Add(y, New(p).Mul(fromInt(int64(k), p), Ln2(p)))
}

// SinCos is sin x and cos x.
func SinCos(x *big.Float, prec uint) (sin, cos *big.Float) {
	p := prec + 2*guard
	if e := x.MantExp(nil); e > 0 {
		p += uint(e)
	}
	half := New(p).SetMantExp(Pi(p), -1)
	q := New(p).Quo(x, half)
	q.Add(q, Float(math.Copysign(0.5, float64(x.Sign())), p))
	n, _ := q.Int(nil)
	r := New(p).Sub(x, New(p).Mul(New(p).SetInt(n), half))
	s, c := taylor(r, 1, p), taylor(r, 0, p)
	switch new(big.Int).And(n, big.NewInt(3)).Int64() {
	case 0:
	case 1:
		s, c = c, s.Neg(s)
	case 2:
		s, c = s.Neg(s), c.Neg(c)
	case 3:
		s, c = c.Neg(c), s
	}
	return s.SetPrec(prec), c.SetPrec(prec)
}

// taylor is the series of sin (first 1) or cos (first 0).
func taylor(r *big.Float, first int64, p uint) *big.Float {
	term := fromInt(1, p)
	if first == 1 {
		term.Set(r)
	}
	sum := New(p).Set(term)
	r2 := New(p).Mul(r, r)
	for k := first + 1; term.Sign() != 0; k += 2 {
		term.Mul(term, r2)
		term.Quo(term, fromInt(k*(k+1), p))
		term.Neg(term)
		sum.Add(sum, term)
		if below(term, sum, p) {
			break
		}
	}
	return sum
}

// Atan is the arc tangent of x.
func Atan(x *big.Float, prec uint) *big.Float {
	p := prec + 2*guard
	t := New(p).Set(x)
	const halvings = 8
	one := fromInt(1, p)
	for range halvings {
		s := New(p).Mul(t, t)
		s.Sqrt(s.Add(s, one))
		t.Quo(t, s.Add(s, one))
	}
	sum, term, t2 := New(p), New(p).Set(t), New(p).Mul(t, t)
	for k := int64(1); term.Sign() != 0; k += 2 {
		q := New(p).Quo(term, fromInt(k, p))
		sum.Add(sum, q)
		if below(q, sum, p) {
			break
		}
		term.Mul(term, t2)
		term.Neg(term)
	}
	return New(prec).SetMantExp(sum, halvings)
}

// Erf is the error function and its complement, by the Maclaurin series.
func Erf(x *big.Float, prec uint) (erf, erfc *big.Float) {
	f, _ := x.Float64()
	p := prec + 2*guard + uint(4*f*f)
	x2 := New(p).Mul(x, x)
	sum, term := New(p).Set(x), New(p).Set(x)
	for k := int64(1); term.Sign() != 0; k++ {
		term.Mul(term, x2)
		term.Quo(term, fromInt(k, p))
		term.Neg(term)
		t := New(p).Quo(term, fromInt(2*k+1, p))
		sum.Add(sum, t)
		if below(t, sum, p) {
			break
		}
	}
	sum.Mul(sum, fromInt(2, p))
	sum.Quo(sum, New(p).Sqrt(Pi(p)))
	return New(prec).Set(sum), New(prec).Sub(fromInt(1, p), sum)
}

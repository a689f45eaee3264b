package rng

import (
	"math"
	"math/bits"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// Stream draws one after another from a Key. It belongs to one goroutine.
type Stream struct {
	key  Key
	next uint64
}

// Stream begins at draw 0 of the key.
func (k Key) Stream() *Stream { return &Stream{key: k} }

// Uint64 is 64 uniform bits.
func (s *Stream) Uint64() uint64 {
	u := s.key.Uint64(s.next)
	s.next++
	return u
}

// Float64 is uniform in the open interval (0, 1).
func (s *Stream) Float64() float64 { return unit(s.Uint64()) }

// Normal is standard normal.
func (s *Stream) Normal() float64 { return fmath.NormQuantile(s.Float64()) }

// Exp is exponential with mean 1.
func (s *Stream) Exp() float64 { return -fmath.Log(s.Float64()) }

// Intn is uniform on 0 … n-1, without bias (D. Lemire, ACM TOMACS 29 (2019) 3). It
// panics when n <= 0.
func (s *Stream) Intn(n int) int {
	if n <= 0 {
		panic("rng: Intn of a number below 1")
	}
	hi, lo := bits.Mul64(s.Uint64(), uint64(n))
	if lo < uint64(n) {
		for least := -uint64(n) % uint64(n); lo < least; {
			hi, lo = bits.Mul64(s.Uint64(), uint64(n))
		}
	}
	return int(hi)
}

// Poisson is a Poisson variate: 0 for a mean of 0. It panics for a negative mean, NaN or
// one above 2^31.
func (s *Stream) Poisson(mean float64) int {
	switch {
	case !(mean >= 0 && mean <= 1<<31):
		panic("rng: Poisson mean outside 0 … 2^31")
	case mean < 12:
		return s.poissonInversion(mean)
	}
	return s.poissonRejection(mean)
}

// poissonInversion walks the distribution function; one uniform.
func (s *Stream) poissonInversion(mean float64) int {
	u := s.Float64()
	p := fmath.Exp(-mean)
	cdf := p
	n := 0
	for u > cdf && n < 1000 {
		n++
		p = p * mean / float64(n)
		cdf += p
	}
	return n
}

// poissonRejection is PTRS of W. Hörmann, Insurance: Mathematics and Economics 12 (1993) 39:
// transformed rejection with a squeeze, for means above 10.
func (s *Stream) poissonRejection(mean float64) int {
	root := math.Sqrt(mean)
	b := 0.931 + float64(2.53*root)
	a := -0.059 + float64(0.02483*b)
	invAlpha := 1.1239 + 1.1328/(b-3.4)
	vr := 0.9277 - 3.6224/(b-2)
	logMean := fmath.Log(mean)
	for {
		u, v := s.Float64()-0.5, s.Float64()
		us := 0.5 - math.Abs(u)
		k := math.Floor(float64((2*a/us+b)*u) + mean + 0.43)
		switch {
		case us >= 0.07 && v <= vr:
			return int(k)
		case k < 0 || us < 0.013 && v > us:
			continue
		}
		left := fmath.Log(v * invAlpha / (a/(us*us) + b))
		if left <= float64(k*logMean)-mean-fmath.LogGamma(k+1) {
			return int(k)
		}
	}
}

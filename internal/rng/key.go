package rng

import (
	"math"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

const golden = 0x9e3779b97f4a7c15 // 2^64 / golden ratio, odd: SplitMix64's increment

// Key names an unlimited row of independent draws. The zero Key is as good as any other.
type Key uint64

// New is the key of a seed.
func New(seed uint64) Key { return Key(0).Derive(seed) }

// Derive is the key of part x of what k stands for; different x give different, unrelated keys.
func (k Key) Derive(x uint64) Key {
	return Key(murmur(uint64(k) ^ mix13(x+golden)))
}

// Uint64 is draw i: 64 uniform bits.
func (k Key) Uint64(i uint64) uint64 {
	return mix13(uint64(k) + (i+1)*golden)
}

// Float64 is draw i as a number in the open interval (0, 1): the centres of 2^52
// equal cells, so that p and 1-p are equally likely.
func (k Key) Float64(i uint64) float64 { return unit(k.Uint64(i)) }

// Normal is draw i as a standard normal, fmath.NormQuantile of Float64(i).
func (k Key) Normal(i uint64) float64 { return fmath.NormQuantile(unit(k.Uint64(i))) }

// unit is the centre of u's cell of (0, 1).
func unit(u uint64) float64 {
	return float64((float64(int64(u>>12)) + 0.5) * 0x1p-52)
}

// mix13 is Stafford's variant 13 of the 64-bit finaliser.
func mix13(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// murmur is MurmurHash3's 64-bit finaliser.
func murmur(z uint64) uint64 {
	z = (z ^ z>>33) * 0xff51afd7ed558ccd
	z = (z ^ z>>33) * 0xc4ceb9fe1a85ec53
	return z ^ z>>33
}

// The normal quantile on (0, 1/2) in 256 cells of a parabola each, through both ends and
// the middle. The first exactCells bend too much and are computed.
const (
	cells      = 256
	exactCells = 4
)

type parabola struct{ c0, c1, c2 float64 }

var quantileCells = func() (t [cells]parabola) {
	for i := exactCells; i < cells; i++ {
		p := float64(float64(i) / (2 * cells))
		a, m, b := fmath.NormQuantile(p), fmath.NormQuantile(p+0.25/cells), fmath.NormQuantile(p+0.5/cells)
		t[i] = parabola{a, float64(4*m) - float64(3*a) - b, float64(2*a) - float64(4*m) + float64(2*b)}
	}
	return t
}()

// NormalFast is Normal(i) to 8e-5 absolute, for kernels: the same uniform through a table;
// beyond the 1/128 quantiles on either side it is Normal(i) itself. It is symmetric.
func (k Key) NormalFast(i uint64) float64 {
	u := k.Uint64(i)
	// Fold the upper half onto the lower one; the top bit is the sign of the result.
	v := u ^ uint64(int64(u)>>63)
	if v < exactCells<<55 {
		return normalTail(u)
	}
	c := &quantileCells[v>>55&(cells-1)]
	t := (float64(int64(v>>12&(1<<43-1))) + 0.5) * 0x1p-43
	x := c.c0 + float64(t*(c.c1+float64(t*c.c2)))
	return math.Float64frombits(math.Float64bits(x) ^ u&(1<<63))
}

//go:noinline
func normalTail(u uint64) float64 { return fmath.NormQuantile(unit(u)) }

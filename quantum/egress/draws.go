package egress

import (
	"crypto/sha3"
	"encoding/binary"
)

// draws is the randomness of one job: SHAKE256 (FIPS 202) of its seed. Same seed, same draws, on every machine and release.
type draws struct{ stream *sha3.SHAKE }

// drawsLabel keeps the stream apart from other uses of a seed, and from later rules of drawing.
const drawsLabel = "qrsd egress 1"

func newDraws(seed [32]byte) *draws {
	stream := sha3.NewSHAKE256()
	stream.Write([]byte(drawsLabel)) // never fails
	stream.Write(seed[:])
	return &draws{stream}
}

func (d *draws) uint64() uint64 {
	var b [8]byte
	d.stream.Read(b[:]) // never fails, never short
	return binary.LittleEndian.Uint64(b[:])
}

// unit is uniform on [0, 1) in steps of 2^-53.
func (d *draws) unit() float64 { return float64(d.uint64()>>11) * 0x1p-53 }

// below is uniform on 0..n-1, without bias: the incomplete last run of n numbers is drawn again.
func (d *draws) below(n int) int {
	m := uint64(n)
	for {
		if x := d.uint64(); x-x%m <= -m {
			return int(x % m)
		}
	}
}

// permutation is a uniform order of n things (Fisher and Yates, in Durstenfeld's form, CACM 7 (1964) 420).
func (d *draws) permutation(n int) []int {
	order := make([]int, n)
	for i := range order {
		k := d.below(i + 1)
		order[i] = order[k]
		order[k] = i
	}
	return order
}

// The slope of a mix: smaller hides more and costs more shots, as 1/slope^2.
const (
	minSlope = 0.5
	maxSlope = 0.9
)

// mix draws slope, shift and complement.
func (d *draws) mix() mix {
	slope := minSlope + float64((maxSlope-minSlope)*d.unit())
	return mix{slope: slope, shift: float64((1 - slope) * d.unit()), complement: d.below(2) == 1}
}

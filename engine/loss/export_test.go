package loss

import (
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/internal/rng"
)

// DamageRatios are the kernel's damage ratios of building, other structures, contents and time element at a gust
// (m/s, at least the threshold) and standard normal z.
func DamageRatios(f *vulnerability.Function, gust, z float64) (building, other, contents, time float64) {
	var c curves
	d := c.at(c.add(f), gust)
	whole := [exposure.NumTIV]float64{1, 1, 1, 1}
	return losses(f.Ratios, &whole, max(d.building(z), 0))
}

// DrawGroundUp draws the ground-up losses of every site at one gust and returns how many draws it made.
func DrawGroundUp(s *Sites, gust float64, width int) int {
	var sum float64
	for i := range s.sites {
		at := &s.sites[i]
		d := s.damage.at(at.function, gust)
		key := rng.Key(at.key)
		for j := range width {
			if b := d.building(key.NormalFast(uint64(j))); b > 0 {
				b1, b2, b3, b4 := losses(d.f.Ratios, &at.value, b)
				sum += (b1 + b2) + (b3 + b4)
			}
		}
	}
	if sum < 0 {
		panic("loss: negative loss")
	}
	return len(s.sites) * width
}

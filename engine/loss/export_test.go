package loss

import (
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

// DamageRatios are the kernel's damage ratios of building, other structures, contents and time element at a gust
// (m/s, at least the threshold) and standard normal z.
func DamageRatios(f *vulnerability.Function, gust, z float64) (building, other, contents, time float64) {
	d := damageAt(&curve{f.Damage, f.First, f}, gust)
	whole := [exposure.NumTIV]float64{1, 1, 1, 1}
	return losses(f.Ratios, &whole, max(d.building(z), 0))
}

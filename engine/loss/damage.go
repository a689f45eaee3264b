package loss

import (
	"math"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

// damage is a site's damage function at one gust.
type damage struct {
	low, high []float32 // quantiles at the gusts of the grid below and above
	up        float64   // weight of high
	none      float64   // place on the z grid up to which there is no damage
	f         *vulnerability.Function
	at        int
}

// at finds the rows of a function around a gust (m/s, at least the threshold).
func (c *curves) at(function uint32, gust float64) damage {
	g := (gust - vulnerability.GustMin) / vulnerability.GustStep
	i := min(int(g), vulnerability.GustCount-2)
	none := math.Inf(-1) // damage even at the lowest z
	place := int(function)*vulnerability.GustCount + i
	if first := min(c.first[place], c.first[place+1]); first > 0 {
		none = float64(first) - 1
	}
	row := c.damage[function][i*vulnerability.ZCount : (i+2)*vulnerability.ZCount]
	return damage{
		low: row[:vulnerability.ZCount], high: row[vulnerability.ZCount:],
		up: min(g-float64(i), 1), none: none, f: c.functions[function], at: i,
	}
}

// building is the building damage ratio at a standard normal z: bilinear, as vulnerability.Function.Building.
func (d *damage) building(z float64) float64 {
	t := min(max(float64((z-vulnerability.ZMin)*(1/vulnerability.ZStep)), 0), vulnerability.ZCount-1)
	if t <= d.none { // never where damage begins at the first node, as t is clamped
		return 0 // most draws at most sites: the table need not be touched
	}
	j := min(int(t), vulnerability.ZCount-2)
	f := t - float64(j)
	low := float64(d.low[j]) + float64(f*float64(d.low[j+1]-d.low[j]))
	high := float64(d.high[j]) + float64(f*float64(d.high[j+1]-d.high[j]))
	return low + float64(d.up*(high-low))
}

// losses are the ground-up losses of the four coverages at building damage ratio b.
func losses(r *vulnerability.Ratios, value *[exposure.NumTIV]float64, b float64) (building, other, contents, time float64) {
	t := float64(b * (vulnerability.RatioCount - 1))
	i := min(int(t), vulnerability.RatioCount-2)
	f := t - float64(i)
	at := func(table []float32) float64 {
		return float64(table[i]) + float64(f*float64(table[i+1]-table[i]))
	}
	return b * value[0], at(r.Other) * value[1], at(r.Contents) * value[2], at(r.TimeElement) * value[3]
}

// means are the mean losses of the four coverages.
func (d *damage) means(value *[exposure.NumTIV]float64) (building, other, contents, time float64) {
	at := func(m []float64) float64 { return m[d.at] + float64(d.up*(m[d.at+1]-m[d.at])) }
	return at(d.f.Mean) * value[0], at(d.f.Other) * value[1], at(d.f.Contents) * value[2], at(d.f.TimeElement) * value[3]
}

// gustAt is the peak 3-s gust at a site, m/s.
func gustAt(mean float32, from uint8, f *windfield.Factors) float64 {
	return float64(float64(mean) * float64(f[from]))
}

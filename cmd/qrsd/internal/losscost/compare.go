package losscost

import "math"

// Change is how far one figure moved, as a fraction of the model's; NaN where the model has none.
func Change(without, with float64) float64 {
	if with == 0 {
		return math.NaN()
	}
	return without/with - 1
}

// ChangeError is the standard error over simulated years of the change of the whole book's average annual loss. Both
// must be of the same years, seed and book: the years are then pairs, and the error is that of their difference.
func ChangeError(without, with *Costs) float64 {
	n := float64(len(with.annual))
	if len(without.annual) != len(with.annual) || n < 2 {
		return math.NaN()
	}
	total, base := 0.0, 0.0
	for i := range with.annual {
		total += without.annual[i]
		base += with.annual[i]
	}
	if base == 0 {
		return math.NaN()
	}
	// The ratio R = Σwithout/Σwith has, to first order, the error of the residuals without − R·with (Cochran 1977,
	// Sampling Techniques, eq. 6.13).
	ratio, squares := total/base, 0.0
	for i := range with.annual {
		r := without.annual[i] - ratio*with.annual[i]
		squares += r * r
	}
	return math.Sqrt(squares/(n-1)/n) / (base / n)
}

// AtSamePlaces compares the loss cost of the sites that fit a with that of those that fit b as if b's
// stood where a's do: a's average annual loss over that of a's values at b's loss cost of each part of Florida,
// coast and inland apart. Without it, a class that is common in the north would look strong for its place.
// Places where b has no value are left out; NaN where none is left.
func (c *Costs) AtSamePlaces(a, b func(Group) bool) float64 {
	loss, expected := 0.0, 0.0
	for part := range Part(NumParts) {
		for _, coastal := range []bool{false, true} {
			here := func(fits func(Group) bool) Cell {
				return c.Of(func(g Group) bool { return g.Part == part && g.Coastal == coastal && fits(g) })
			}
			x, y := here(a), here(b)
			if y.TIV > 0 {
				loss += x.AAL
				expected += x.TIV * y.AAL / y.TIV
			}
		}
	}
	if expected == 0 {
		return math.NaN()
	}
	return loss / expected
}

// Check is one figure beside the range in which it is expected.
type Check struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"` // 0: no upper limit
	Within bool    `json:"within"`
}

// Checks are the shape checks for loss costs in Florida. Their ranges are recalled from public filings and papers and
// not verified: they say that a result has the right shape, no more. A figure for which the book has no sites is left out.
func (c *Costs) Checks() []Check {
	residential := func(g Group) bool { return g.Residential }
	of := func(class Class) func(Group) bool {
		return func(g Group) bool { return g.Residential && g.Class == class }
	}
	siteBuilt := func(g Group) bool { return g.Residential && g.Class != Manufactured }
	place := func(p Part, coastal bool) float64 {
		return c.Of(func(g Group) bool { return siteBuilt(g) && g.Part == p && g.Coastal == coastal }).PerThousand()
	}
	all := c.All()
	list := []Check{
		{Name: "residential, average annual loss of the state", Value: c.Of(residential).PerThousand() / 10, Unit: "% of TIV", Low: 0.15, High: 0.25},
		{Name: "wood over masonry, residential, at the same places", Value: c.AtSamePlaces(of(Wood), of(Masonry)), Unit: "ratio", Low: 1},
		{Name: "manufactured over site-built, residential, at the same places", Value: c.AtSamePlaces(of(Manufactured), siteBuilt), Unit: "ratio", Low: 3, High: 6},
		{Name: "site-built residential, coast of South Florida", Value: place(South, true), Unit: "per 1,000", Low: 8, High: 20},
		{Name: "site-built residential, inland North", Value: place(North, false), Unit: "per 1,000", Low: 0.5, High: 1.5},
		{Name: "100-year occurrence loss over average annual loss", Value: c.Largest / all.AAL, Unit: "ratio", Low: 9, High: 12},
		{Name: "coefficient of variation of the annual loss", Value: c.SD / all.AAL, Unit: "ratio", Low: 2.5, High: 3.5},
	}
	kept := list[:0]
	for _, k := range list {
		if k.Value > 0 && !math.IsInf(k.Value, 0) {
			k.Within = k.Value >= k.Low && (k.High == 0 || k.Value <= k.High)
			kept = append(kept, k)
		}
	}
	return kept
}

package main

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
)

// priorYears is how many years of record the unweighted model counts for when a target
// rate is formed: it smooths coasts with few strikes and hardly moves the others. Judgement.
const priorYears = 20

// keysCity stands for the Keys, whose strikes are passes rather than landfalls: hurricanes
// near it are a target beside the four coasts.
const keysCity = "Key West"

// fitLandfall finds the weights that bring the model's strike rates to the record's.
func fitLandfall(c *hazard.Climatology, record *hazard.Record, ground *geography.Florida, trials int) error {
	years := float64(c.LastYear - c.FirstYear + 1)
	c.Landfall = hazard.LandfallFit{MaxWeight: 1, Trials: trials}
	for _, region := range []string{"NW", "SW", "SE", "NE", hazard.StateRegion} {
		for _, major := range []bool{false, true} {
			c.Landfall.Hits = append(c.Landfall.Hits, hazard.HitFit{
				Region: region, Major: major, Prior: priorYears,
				Record: record.Hits(region, major),
			})
		}
	}
	for _, city := range record.Cities {
		if city.Name != keysCity {
			continue
		}
		c.Landfall.Hits = append(c.Landfall.Hits,
			hazard.HitFit{Region: city.Name, Prior: priorYears, Record: city.Hurricanes},
			hazard.HitFit{Region: city.Name, Major: true, Prior: priorYears, Record: city.Majors})
	}
	hits := trialHits(c, ground, trials)
	for j := range c.Landfall.Hits {
		h := &c.Landfall.Hits[j]
		h.Model = rate(hits, j, nil) / float64(trials)
		h.Target = (float64(h.Record) + h.Prior*h.Model) / (years + h.Prior)
	}
	if err := solveWeights(c, hits, trials); err != nil {
		return err
	}
	for _, h := range c.Landfall.Hits {
		fmt.Printf("landfall %s major=%-5v record %2d (%.3f/yr) model %.3f target %.3f weighted %.3f lambda %+.2f\n",
			h.Region, h.Major, h.Record, float64(h.Record)/years, h.Model, h.Target, h.Rate, h.Lambda)
	}
	fmt.Printf("landfall: largest weight %.2f\n", c.Landfall.MaxWeight)
	return nil
}

// trialHits simulates the unweighted model and lists, for each event with a landfall, which hits it is.
func trialHits(c *hazard.Climatology, ground *geography.Florida, trials int) [][]bool {
	catalog := hazard.NewCatalog(c, ground, 1)
	parts := make([][][]bool, 2)
	done := make(chan struct{})
	for p := range parts {
		go func() {
			for year := 1 + p; year <= trials; year += len(parts) {
				for _, e := range catalog.Year(year) {
					strike := hazard.Strike{Points: e.Points, Landfalls: e.Landfalls}
					if h := hitsOf(c, &strike); h != nil {
						parts[p] = append(parts[p], h)
					}
				}
			}
			done <- struct{}{}
		}()
	}
	for range parts {
		<-done
	}
	return append(parts[0], parts[1]...)
}

// hitsOf lists the hits a strike is, nil if none.
func hitsOf(c *hazard.Climatology, s *hazard.Strike) []bool {
	hit, some := make([]bool, len(c.Landfall.Hits)), false
	for j, h := range c.Landfall.Hits {
		hit[j] = s.Is(h.Region, h.Major)
		some = some || hit[j]
	}
	if !some {
		return nil
	}
	return hit
}

// rate is the weighted number of events that are hit j.
func rate(hits [][]bool, j int, lambda []float64) float64 {
	sum := 0.0
	for _, h := range hits {
		if h[j] {
			sum += math.Exp(dot(h, lambda))
		}
	}
	return sum
}

func dot(h []bool, lambda []float64) float64 {
	s := 0.0
	for j, l := range lambda {
		if h[j] {
			s += l
		}
	}
	return s
}

// solveWeights finds λ with Σ exp(λ·h) h_j = target_j for all j: Newton's method on the
// dual of the minimum-divergence problem (a convex function), with a small ridge.
func solveWeights(c *hazard.Climatology, hits [][]bool, trials int) error {
	n := len(c.Landfall.Hits)
	lambda := make([]float64, n)
	const ridge = 1e-4
	for iteration := range 60 {
		gradient := mat.NewVecDense(n, nil)
		hessian := mat.NewDense(n, n, nil)
		for _, h := range hits {
			w := math.Exp(dot(h, lambda)) / float64(trials)
			for j := range n {
				for k := range n {
					if h[j] && h[k] {
						hessian.Set(j, k, hessian.At(j, k)+w)
					}
				}
			}
		}
		worst := 0.0
		for j := range n {
			g := hessian.At(j, j) + ridge*lambda[j] - c.Landfall.Hits[j].Target
			gradient.SetVec(j, g)
			hessian.Set(j, j, hessian.At(j, j)+ridge)
			worst = math.Max(worst, math.Abs(g))
		}
		if worst < 1e-9 {
			break
		}
		if iteration == 59 {
			return fmt.Errorf("landfall weights do not converge: %g", worst)
		}
		var move mat.VecDense
		if err := move.SolveVec(hessian, gradient); err != nil {
			return fmt.Errorf("landfall weights: %w", err)
		}
		scale := math.Min(1, 1/mat.Norm(&move, math.Inf(1)))
		for j := range n {
			lambda[j] -= scale * move.AtVec(j)
		}
	}
	c.Landfall.MaxWeight = 1
	for _, h := range hits {
		c.Landfall.MaxWeight = math.Max(c.Landfall.MaxWeight, math.Exp(dot(h, lambda)))
	}
	for j := range n {
		c.Landfall.Hits[j].Lambda = lambda[j]
		c.Landfall.Hits[j].Rate = rate(hits, j, lambda) / float64(trials)
	}
	return nil
}

// round keeps six significant digits: more would be noise, and the file small.
func round(c *hazard.Climatology) *hazard.Climatology {
	six := func(v float64) float64 {
		if v == 0 {
			return 0
		}
		scale := math.Pow(10, 5-math.Floor(math.Log10(math.Abs(v))))
		return math.Round(v*scale) / scale
	}
	each := func(vs []float64) {
		for i := range vs {
			vs[i] = six(vs[i])
		}
	}
	for k := range c.Motion.Seasons {
		s := &c.Motion.Seasons[k]
		for _, column := range [][]float64{s.U, s.V, s.PhiU, s.PhiV, s.NoisU, s.NoisV, s.N} {
			each(column)
		}
	}
	each(c.Intensity.Local)
	each(c.Intensity.Residual)
	each(c.Intensity.Noise)
	each(c.Intensity.NoiseAt)
	for i := range c.Entries {
		e := &c.Entries[i]
		e.U, e.V, e.DP, e.Trend = six(e.U), six(e.V), six(e.DP), six(e.Trend)
	}
	for i := range c.Landfall.Hits {
		h := &c.Landfall.Hits[i]
		h.Model, h.Target, h.Lambda, h.Rate = six(h.Model), six(h.Target), six(h.Lambda), six(h.Rate)
	}
	c.Landfall.MaxWeight = six(c.Landfall.MaxWeight)
	in := &c.Intensity
	in.B0, in.B1, in.B2, in.C = six(in.B0), six(in.B1), six(in.B2), six(in.C)
	pw := &c.PressureWind
	pw.A, pw.P, pw.SD = six(pw.A), six(pw.P), six(pw.SD)
	return c
}

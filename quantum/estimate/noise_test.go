package estimate_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/estimate"
)

// device gives expected counts, without chance: P = low + (high - low) sin^2 at each power.
type device struct {
	a    float64
	low  []float64
	high []float64
}

func (d device) counts(shots int, twins ...float64) (list []estimate.Observation) {
	for k := range d.low {
		add := func(a float64, twin *float64) {
			s := math.Sin(float64(2*k+1) * math.Asin(math.Sqrt(a)))
			p := d.low[k] + (d.high[k]-d.low[k])*s*s
			list = append(list, estimate.Observation{Power: k, Shots: shots, Ones: int(math.Round(p * float64(shots))), Twin: twin})
		}
		add(d.a, nil)
		for i := range twins {
			// A twin's angle is divided by 2k+1, so that it is amplified to what is asked.
			s := math.Sin(math.Asin(math.Sqrt(twins[i])) / float64(2*k+1))
			a := s * s
			add(a, &a)
		}
	}
	return list
}

// TestNoiseModels: each model recovers the amplitude and the noise that it can describe, from counts without chance.
func TestNoiseModels(t *testing.T) {
	decay := func(k int) (float64, float64) {
		c := math.Exp(-0.08 * float64(2*k+1))
		return (1 - c) / 2, (1 + c) / 2
	}
	var depolarised, asymmetric device
	for k := range 3 {
		low, high := decay(k)
		depolarised.low, depolarised.high = append(depolarised.low, low), append(depolarised.high, high)
		asymmetric.low, asymmetric.high = append(asymmetric.low, low/3), append(asymmetric.high, high-0.02*float64(k))
	}
	depolarised.a, asymmetric.a = 0.07, 0.07
	for _, c := range []struct {
		name   string
		device device
		twins  []float64
		model  estimate.NoiseModel
	}{
		{"no twin", depolarised, nil, estimate.NoiseDecay},
		{"one twin", depolarised, []float64{0.1}, estimate.NoiseContrast},
		{"two alike", depolarised, []float64{0.1, 0.2}, estimate.NoiseContrast},
		{"two twins", asymmetric, []float64{0.05, 0.95}, estimate.NoiseFree},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, fit, err := estimate.NoiseAware(c.device.counts(1_000_000, c.twins...), estimate.LikelihoodOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if fit.Model != c.model || math.Abs(r.Amplitude-0.07) > 2e-5 || !r.Contains(0.07) {
				t.Errorf("%s: amplitude %v in %v, want 0.07", fit.Model, r.Amplitude, r.Intervals)
			}
			for k, l := range fit.Levels {
				if l.Power != k || math.Abs(l.Offset-c.device.low[k]) > 1e-3 || math.Abs(l.Offset+l.Contrast-c.device.high[k]) > 1e-3 {
					t.Errorf("noise %+v at power %d, want %v to %v", l, k, c.device.low[k], c.device.high[k])
				}
			}
			if fit.Probability < 0.9 || fit.Widening != 1 || fit.DegreesOfFreedom < 1 {
				t.Errorf("fit %+v of counts without chance", fit)
			}
		})
	}
}

// TestNoiseGate: counts that no noise of the model explains have no estimate.
func TestNoiseGate(t *testing.T) {
	d := device{a: 0.1, low: []float64{0.02, 0.05, 0.08}, high: []float64{0.98, 0.95, 0.92}}
	list := d.counts(1000, 0.1)
	for i := range list {
		if list[i].Twin == nil && list[i].Power == 1 {
			list[i].Ones = list[i].Shots / 20 // another amplitude than power 0 and 2 speak of
		}
	}
	_, fit, err := estimate.NoiseAware(list, estimate.LikelihoodOptions{})
	var inconsistent *estimate.InconsistentError
	if !errors.As(err, &inconsistent) || !strings.Contains(err.Error(), "hardware inconsistent with model; no estimate") {
		t.Fatalf("%v, want a refusal", err)
	}
	if fit == nil || fit.Probability >= estimate.FitGate || inconsistent.Fit.ChiSquare != fit.ChiSquare {
		t.Errorf("fit %+v, in the error %+v", fit, inconsistent.Fit)
	}
}

// TestNoiseWidening: counts that fit badly, but not impossibly, have a wider interval.
func TestNoiseWidening(t *testing.T) {
	d := device{a: 0.1, low: []float64{0.02, 0.05, 0.08}, high: []float64{0.98, 0.95, 0.92}}
	good, fit, err := estimate.NoiseAware(d.counts(1000, 0.1), estimate.LikelihoodOptions{})
	if err != nil {
		t.Fatal(err)
	}
	list := d.counts(1000, 0.1)
	list[0].Ones += 30
	bad, worse, err := estimate.NoiseAware(list, estimate.LikelihoodOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if fit.Widening != 1 || worse.Widening < 1.5 || bad.Hull().HalfWidth() < 1.15*good.Hull().HalfWidth() {
		t.Errorf("widening %v, half-width %v; of good counts %v, %v", worse.Widening, bad.Hull().HalfWidth(), fit.Widening, good.Hull().HalfWidth())
	}
}

// TestNoiseCoverage: with noise of the model the intervals hold the truth as often as they say, within what 400
// repetitions can tell.
func TestNoiseCoverage(t *testing.T) {
	const repetitions = 400
	for _, rate := range []float64{0.05, 0.15} {
		held, refused := 0, 0
		for i := range repetitions {
			draws := rng.New(uint64(i)).Stream()
			list := measure(t, noisy{0.05, rate, draws}, []int{0, 1, 2}, 500)
			for k := range 3 {
				s := math.Sin(0.1 * math.Pi / 2 / float64(2*k+1))
				a := s * s
				twin := measure(t, noisy{a, rate, draws}, []int{k}, 500)[0]
				twin.Twin = &a
				list = append(list, twin)
			}
			r, _, err := estimate.NoiseAware(list, estimate.LikelihoodOptions{})
			var inconsistent *estimate.InconsistentError
			switch {
			case errors.As(err, &inconsistent):
				refused++
			case err != nil:
				t.Fatal(err)
			case r.Contains(0.05):
				held++
			}
		}
		if n := repetitions - refused; float64(held) < 0.94*float64(n) || refused > repetitions/25 {
			t.Errorf("rate %v: %d of %d intervals hold the truth, %d refused", rate, held, n, refused)
		}
	}
}

func TestNoiseRefuses(t *testing.T) {
	d := device{a: 0.1, low: []float64{0.02, 0.05}, high: []float64{0.98, 0.95}}
	if _, _, err := estimate.NoiseAware(d.counts(100), estimate.LikelihoodOptions{}); err == nil || !strings.Contains(err.Error(), "measure at more powers") {
		t.Errorf("two powers without twins: %v", err)
	}
	if _, _, err := estimate.NoiseAware(d.counts(100, 0.1), estimate.LikelihoodOptions{}); err != nil {
		t.Errorf("two powers with twins: %v", err)
	}
	two := 2.0
	if _, _, err := estimate.NoiseAware([]estimate.Observation{{Shots: 3, Twin: &two}}, estimate.LikelihoodOptions{}); err == nil || !strings.Contains(err.Error(), "amplitude 2") {
		t.Errorf("a twin of amplitude 2: %v", err)
	}
	half := 0.5
	if _, _, err := estimate.NoiseAware([]estimate.Observation{{Shots: 3, Twin: &half}, {Shots: 3, Power: 1, Twin: &half}}, estimate.LikelihoodOptions{}); err == nil {
		t.Error("twins alone: no refusal")
	}
}

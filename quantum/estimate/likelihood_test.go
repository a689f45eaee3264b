package estimate_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/estimate"
)

func measure(t *testing.T, c estimate.Circuit, powers []int, shots int) (list []estimate.Observation) {
	t.Helper()
	for _, k := range powers {
		ones, err := c.Measure(t.Context(), k, shots)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, estimate.Observation{Power: k, Shots: shots, Ones: ones})
	}
	return list
}

// TestLikelihoodCoverage: on 1,000 repetitions at each amplitude the intervals hold the truth at least as often as they say.
func TestLikelihoodCoverage(t *testing.T) {
	const repetitions = 1000
	for _, schedule := range [][]int{{0, 1, 2}, {0, 1, 2, 4, 8}} {
		for _, a := range []float64{0.001, 0.004, 0.01, 0.05, 0.2, 0.5} {
			if testing.Short() && len(schedule) > 3 {
				continue
			}
			held := 0
			for i := range repetitions {
				r, err := estimate.MaximumLikelihood(measure(t, on(uint64(i), a), schedule, 100), estimate.LikelihoodOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if r.Contains(a) {
					held++
				}
			}
			if held < repetitions*95/100 {
				t.Errorf("powers %v, a = %v: %d of %d intervals hold it", schedule, a, held, repetitions)
			}
		}
	}
}

// TestLikelihoodOfOnePower: with power 0 alone the estimate is the share of ones, and the interval ends where the
// likelihood ratio says.
func TestLikelihoodOfOnePower(t *testing.T) {
	r, err := estimate.MaximumLikelihood([]estimate.Observation{{Power: 0, Shots: 400, Ones: 100}}, estimate.LikelihoodOptions{Threshold: 3.84})
	if err != nil || len(r.Intervals) != 1 || math.Abs(r.Amplitude-0.25) > 1e-7 || r.Queries != 400 || r.Shots != 400 || r.Rounds != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	l := func(p float64) float64 { return 100*math.Log(p) + 300*math.Log(1-p) }
	for _, end := range []float64{r.Intervals[0].Low, r.Intervals[0].High} {
		if ratio := 2 * (l(0.25) - l(end)); math.Abs(ratio-3.84) > 1e-6 {
			t.Errorf("end %v has twice the log ratio %v, want 3.84", end, ratio)
		}
	}
}

// TestLikelihoodRanges: one high power alone cannot tell its branches apart, and says so; all contain the candidates.
func TestLikelihoodRanges(t *testing.T) {
	r, err := estimate.MaximumLikelihood([]estimate.Observation{{Power: 2, Shots: 1000, Ones: 500}}, estimate.LikelihoodOptions{})
	if err != nil || len(r.Intervals) != 5 {
		t.Fatalf("%+v, %v; want five ranges, one in each branch", r, err)
	}
	for j := range 5 {
		theta := (float64(2*j) + 1) * math.Pi / 4 / 5
		if a := math.Sin(theta) * math.Sin(theta); !r.Contains(a) {
			t.Errorf("%v is in none of %v", a, r.Intervals)
		}
	}
	if h := r.Hull(); h.Low != r.Intervals[0].Low || h.High != r.Intervals[4].High || r.Contains(0.3) {
		t.Errorf("hull %v of %v", h, r.Intervals)
	}
	for ones, want := range map[int]float64{0: 0, 1000: 1} {
		r, err := estimate.MaximumLikelihood([]estimate.Observation{{Power: 0, Shots: 1000, Ones: ones}, {Power: 1, Shots: 1000, Ones: ones}}, estimate.LikelihoodOptions{})
		if err != nil || math.Abs(r.Amplitude-want) > 1e-9 || !r.Contains(want) || r.Hull().HalfWidth() > 0.005 {
			t.Errorf("%d ones: %+v, %v", ones, r, err)
		}
	}
}

func TestLikelihoodRefuses(t *testing.T) {
	half := 0.5
	for says, list := range map[string][]estimate.Observation{
		"no observation":                  nil,
		"observation 1: 0 shots":          {{Shots: 1}, {}},
		"observation 0: 3 ones of 2":      {{Shots: 2, Ones: 3}},
		"observation 0: power -1":         {{Power: -1, Shots: 2}},
		"observation 0: power 10001":      {{Power: 10_001, Shots: 2}},
		"observation 1 is of a calibrati": {{Shots: 2}, {Shots: 2, Twin: &half}},
	} {
		if _, err := estimate.MaximumLikelihood(list, estimate.LikelihoodOptions{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	for says, o := range map[string]estimate.LikelihoodOptions{"confidence 1.5": {Confidence: 1.5}, "threshold -1": {Threshold: -1}} {
		if _, err := estimate.MaximumLikelihood([]estimate.Observation{{Shots: 1}}, o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// noisy is a circuit whose contrast decays.
type noisy struct {
	a, rate float64
	draws   *rng.Stream
}

func (n noisy) Measure(_ context.Context, power, shots int) (ones int, err error) {
	k := float64(2*power + 1)
	s := math.Sin(k * math.Asin(math.Sqrt(n.a)))
	p := 0.5 + (s*s-0.5)*math.Exp(-n.rate*k)
	for range shots {
		if n.draws.Float64() < p {
			ones++
		}
	}
	return ones, nil
}

package estimate

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

func TestClopperPearsonAgainstGonum(t *testing.T) {
	for _, n := range []int{1, 10, 100, 1000, 200_000} {
		for _, share := range []float64{0, 0.0005, 0.01, 0.3, 0.5, 0.9, 1} {
			for _, miss := range []float64{0.1, 0.05, 1e-3, 1e-6} {
				k := int(share * float64(n))
				got := ClopperPearson(k, n, miss)
				// gonum's quantiles are far off at either end, where there are closed forms.
				low, high := math.Exp(math.Log(miss/2)/float64(n)), 1-math.Exp(math.Log(miss/2)/float64(n))
				switch k {
				case 0:
					low = 0
				case n:
					high = 1
				default:
					low = distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1)}.Quantile(miss / 2)
					high = distuv.Beta{Alpha: float64(k + 1), Beta: float64(n - k)}.Quantile(1 - miss/2)
				}
				if math.Abs(got.Low-low) > 1e-10*low+1e-15 || math.Abs(got.High-high) > 1e-10*high {
					t.Errorf("%d of %d, %v: %v, want %v to %v", k, n, miss, got, low, high)
				}
			}
		}
	}
}

// TestClopperPearsonHolds by summing the binomial distribution: the interval misses with at most the permitted probability.
func TestClopperPearsonHolds(t *testing.T) {
	for _, p := range []float64{1e-3, 0.02, 0.3, 0.5, 0.77} {
		const n = 60
		missed := 0.0
		for k := range n + 1 {
			if !ClopperPearson(k, n, 0.05).Contains(p) {
				missed += distuv.Binomial{N: n, P: p}.Prob(float64(k))
			}
		}
		if missed > 0.05 {
			t.Errorf("p = %v is missed with probability %v", p, missed)
		}
	}
}

func TestClopperPearsonPanics(t *testing.T) {
	for _, c := range [][2]int{{-1, 5}, {6, 5}, {0, 0}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d of %d: no panic", c[0], c[1])
				}
			}()
			ClopperPearson(c[0], c[1], 0.05)
		}()
	}
}

func TestChiSquareAgainstGonum(t *testing.T) {
	for _, dof := range []int{1, 2, 3, 4, 5, 7, 10, 31, 100} {
		for _, x := range []float64{0, 1e-3, 0.5, 1, 3, 7.3, 20, 90, 200} {
			want := distuv.ChiSquared{K: float64(dof)}.Survival(x)
			if got := chiSquareSurvival(dof, x); math.Abs(got-want) > 1e-13 {
				t.Errorf("%d degrees of freedom, %v: %v, want %v", dof, x, got, want)
			}
		}
	}
	for _, p := range []float64{0.5, 0.9, 0.95, 0.97, 0.999} {
		if got, want := chiSquareQuantile1(p), (distuv.ChiSquared{K: 1}).Quantile(p); math.Abs(got-want) > 1e-9*want {
			t.Errorf("quantile at %v: %v, want %v", p, got, want)
		}
	}
}

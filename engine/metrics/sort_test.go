package metrics

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestSorter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var s sorter
	for _, n := range []int{0, 1, 2, 3, 1000, 17} {
		x := make([]float64, n)
		for i := range x {
			x[i] = math.Ldexp(math.Floor(r.Float64()*50), r.IntN(600)-300)
		}
		want := slices.Clone(x)
		slices.Sort(want)
		slices.Reverse(want)
		if s.descending(x); !slices.Equal(x, want) {
			t.Errorf("%d values: %v, want %v", n, x, want)
		}
	}
}

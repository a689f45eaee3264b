package simulator

import (
	"fmt"
	"testing"
)

// BenchmarkKernels are the inner loops on a block, one for each way a target and a control can lie.
func BenchmarkKernels(b *testing.B) {
	x := make([]float64, 1<<blockBits)
	for i := range x {
		x[i] = 1
	}
	m := [2]matrix{rotation(0.6, 0.8), flip.after(rotation(0.6, 0.8))}
	bench := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(16 << blockBits)
			for b.Loop() {
				f()
			}
		})
	}
	for _, target := range []int{0, 1, 2, 3, 6, 12} {
		bench(fmt.Sprintf("one/target=%d", target), func() { one(x, target, &m[0]) })
	}
	for _, p := range [][2]int{{0, 1}, {1, 0}, {2, 1}, {0, 9}, {9, 0}, {3, 4}, {4, 3}, {12, 11}} {
		bench(fmt.Sprintf("two/target=%d/control=%d", p[0], p[1]), func() { two(x, p[0], p[1], &m) })
	}
	bench("cnot/target=12/control=11", func() { two(x, 12, 11, &[2]matrix{identity, flip}) })
}

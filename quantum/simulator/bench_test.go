package simulator_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/simulator"
)

// brick is the circuit of the benchmarks: layers of RY on every qubit and CNOTs between neighbours, which begin at qubit 0 and 1 in
// turn. Ten layers on 24 qubits are 355 gates.
func brick(qubits, layers int) *circuit.Program {
	p := &circuit.Program{Qubits: qubits}
	s := rng.New(1).Stream()
	for layer := range layers {
		for q := range qubits {
			p.Gates = append(p.Gates, circuit.Gate{Kind: circuit.RY, Target: q, Angle: s.Float64() * math.Pi})
		}
		for q := layer % 2; q+1 < qubits; q += 2 {
			p.Gates = append(p.Gates, circuit.Gate{Kind: circuit.CNOT, Control: q, Target: q + 1})
		}
	}
	return p
}

// inPlaceBandwidth is how many bytes a second the machine reads and writes when the workers multiply 256 MiB of numbers in
// place, 16 bytes for each number; the best of a few passes. In the first cache the same loop is four times as fast: it is memory that it measures.
func inPlaceBandwidth(workers int) float64 {
	x := make([]float64, 1<<25)
	for i := range x {
		x[i] = 1
	}
	best := math.Inf(1)
	for range 6 {
		begin := time.Now()
		var group sync.WaitGroup
		for w := range workers {
			group.Go(func() { scale(x[len(x)*w/workers:len(x)*(w+1)/workers], 1.0000001) })
		}
		group.Wait()
		best = min(best, time.Since(begin).Seconds())
	}
	return float64(16*len(x)) / best
}

func scale(x []float64, c float64) {
	for len(x) >= 8 {
		x[0] *= c
		x[1] *= c
		x[2] *= c
		x[3] *= c
		x[4] *= c
		x[5] *= c
		x[6] *= c
		x[7] *= c
		x = x[8:]
	}
}

// BenchmarkBrick runs the brick circuit from an empty vector to the final state.
//
//	gates/s  gates of the program, RY and CNOT, by wall time
//	GB/s     in-place bandwidth of this machine with as many goroutines, measured in this run (inPlaceBandwidth)
//	%memory  useful bytes a second over that bandwidth: a gate counts as one read and one write of the whole vector,
//	         16 bytes for each amplitude, however many gates share a walk; 100 % is one walk at full speed for each gate, so
//	         gates that are fused or share a block while it is in the cache take it beyond
func BenchmarkBrick(b *testing.B) {
	for _, workers := range []int{1, 2} {
		bandwidth := 0.0
		for _, qubits := range []int{16, 20, 22, 24} {
			b.Run(fmt.Sprintf("qubits=%d/cores=%d", qubits, workers), func(b *testing.B) {
				if bandwidth == 0 {
					bandwidth = inPlaceBandwidth(workers)
				}
				p := brick(qubits, 10)
				b.ResetTimer()
				for b.Loop() {
					run(b, p, simulator.Options{Workers: workers})
				}
				rate := float64(len(p.Gates)) * float64(b.N) / b.Elapsed().Seconds()
				b.ReportMetric(rate, "gates/s")
				b.ReportMetric(bandwidth/1e9, "GB/s")
				b.ReportMetric(100*rate*math.Ldexp(16, qubits)/bandwidth, "%memory")
			})
		}
	}
}

// BenchmarkReflections is one power of the Grover operator by the fast way.
func BenchmarkReflections(b *testing.B) {
	for _, n := range []int{4, 8, 12} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			table := tables(n)["random"]
			b.ResetTimer()
			// One call of b.N powers: the preparation of A|0> does not count.
			if _, err := simulator.Probability(context.Background(), table, b.N, simulator.Options{}); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkAmplified runs the gates of one Grover iteration, RZ included.
func BenchmarkAmplified(b *testing.B) {
	for _, n := range []int{4, 8, 12} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			p, err := circuit.Amplified(tables(n)["random"], 1)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				run(b, p, simulator.Options{})
			}
			b.ReportMetric(float64(len(p.Gates))*float64(b.N)/b.Elapsed().Seconds(), "gates/s")
		})
	}
}

package simulator

import (
	"context"
	"fmt"

	"github.com/qrsrisk/qrsd/quantum/circuit"
)

// Options bound what a simulation may take. The zero value is one core and DefaultMemory.
type Options struct {
	Workers int   // goroutines that share the work of a gate; 0 is 1. Results do not depend on it
	Memory  int64 // bytes that the amplitudes may take; 0 is DefaultMemory
}

// DefaultMemory is enough for every program that the simulator takes: MaxQubits qubits with RZ are 256 MiB.
const DefaultMemory = 512 << 20

// allow refuses what needs more bytes than the options grant, before anything is allocated.
func (o Options) allow(bytes int64, what string) error {
	limit := o.Memory
	if limit == 0 {
		limit = DefaultMemory
	}
	if bytes > limit {
		return fmt.Errorf("%s: the amplitudes take %d bytes and the limit is %d: use fewer qubits or raise the simulator's memory limit", what, bytes, limit)
	}
	return nil
}

// State is what a program leaves behind, just before its measurement.
type State struct {
	qubits int
	re     []float64 // amplitudes by outcome
	im     []float64 // their imaginary parts; nil for a program without RZ
}

// Run applies the program's gates to |0…0>. It refuses a faulty program (more than circuit.MaxQubits qubits among others)
// and more memory than o.Memory before it allocates; it ends with ctx.
//
// Gates are exact to rounding: the state after G gates is the true one to about G·1e-16.
func Run(ctx context.Context, p *circuit.Program, o Options) (*State, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if o.Workers < 0 {
		return nil, fmt.Errorf("%d workers: at least one is needed, 0 stands for one", o.Workers)
	}
	positions := p.Qubits
	if hasRZ(p) {
		positions++ // the bit of real and imaginary part
	}
	if err := o.allow(8<<positions, fmt.Sprintf("program of %d qubits", p.Qubits)); err != nil {
		return nil, err
	}
	amplitudes := make([]float64, 1<<positions)
	amplitudes[0] = 1
	if err := apply(ctx, amplitudes, fuse(p, positions), max(1, o.Workers)); err != nil {
		return nil, err
	}
	s := &State{qubits: p.Qubits, re: amplitudes[:1<<p.Qubits]}
	if positions > p.Qubits {
		s.im = amplitudes[1<<p.Qubits:]
	}
	return s, nil
}

func hasRZ(p *circuit.Program) bool {
	for _, g := range p.Gates {
		if g.Kind == circuit.RZ {
			return true
		}
	}
	return false
}

// Qubits is the number of qubits.
func (s *State) Qubits() int { return s.qubits }

// Outcome is the probability of outcome i, 0 ≤ i < 2^Qubits: its binary digits are what the qubits read, qubit 0 first.
func (s *State) Outcome(i int) float64 {
	p := float64(s.re[i] * s.re[i])
	if s.im != nil {
		p += float64(s.im[i] * s.im[i])
	}
	return p
}

// Amplitude is the amplitude of outcome i, real and imaginary part.
func (s *State) Amplitude(i int) (re, im float64) {
	if s.im != nil {
		im = s.im[i]
	}
	return s.re[i], im
}

// Probability is the probability that a qubit, 0 … Qubits-1, reads 1.
func (s *State) Probability(qubit int) float64 {
	run := 1 << (s.qubits - 1 - qubit)
	p := squares(s.re, run)
	if s.im != nil {
		p += squares(s.im, run)
	}
	return p
}

// squares is the sum of squares where the bit worth run is 1, in pairs.
func squares(x []float64, run int) float64 {
	switch {
	case len(x) == 2*run:
		return dot(x[run:], x[run:])
	case len(x) <= 1024 && run < 8:
		s := 0.0
		for i, v := range x {
			if i&run != 0 {
				s += float64(v * v)
			}
		}
		return s
	}
	half := len(x) / 2
	return squares(x[:half], run) + squares(x[half:], run)
}

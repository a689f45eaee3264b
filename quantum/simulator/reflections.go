package simulator

import (
	"context"
	"fmt"
	"math"

	"github.com/qrsrisk/qrsd/quantum/circuit"
)

// Probability is the probability that the objective of circuit.Amplified(t, power) reads 1, by applying the Grover
// operator to the amplitudes as what it is: the sign of the objective turned, then the reflection about A|0>,
// v - 2<a|v>a. It takes O(2^n) a power and four vectors of 2^n numbers.
//
// It refuses a faulty table, a negative power, and more memory than o.Memory; it ends with ctx.
func Probability(ctx context.Context, t circuit.Table, power int, o Options) (float64, error) {
	if err := t.Check(); err != nil {
		return 0, err
	}
	if power < 0 {
		return 0, fmt.Errorf("power %d of the Grover operator: it is applied 0 times or more", power)
	}
	if err := o.allow(4*8*int64(len(t.P)), fmt.Sprintf("two reflections on %d loss qubits", t.Qubits())); err != nil {
		return 0, err
	}
	g := newReflector(t)
	for range power {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		g.step()
	}
	good, bad := dot(g.good, g.good), dot(g.bad, g.bad)
	return good / (good + bad), nil
}

// reflector holds A|0> and the state, each in two halves by the objective: bad where it reads 0, good where 1.
type reflector struct {
	startBad, startGood []float64
	bad, good           []float64
}

func newReflector(t circuit.Table) *reflector {
	cells := len(t.P)
	all := make([]float64, 4*cells)
	g := &reflector{all[:cells], all[cells : 2*cells], all[2*cells : 3*cells], all[3*cells:]}
	for i, p := range t.P {
		g.startBad[i] = math.Sqrt(p * (1 - t.F[i]))
		g.startGood[i] = math.Sqrt(p * t.F[i])
	}
	// The probabilities sum to 1 to 1e-9; a reflection wants a unit vector.
	length := math.Sqrt(dot(g.startBad, g.startBad) + dot(g.startGood, g.startGood))
	for i := range g.startBad {
		g.startBad[i] /= length
		g.startGood[i] /= length
	}
	copy(g.bad, g.startBad)
	copy(g.good, g.startGood)
	return g
}

// step applies the Grover operator once, up to its sign.
func (g *reflector) step() {
	twice := 2 * (dot(g.startBad, g.bad) - dot(g.startGood, g.good))
	subtract(g.bad, g.startBad, twice)
	for i, x := range g.good {
		g.good[i] = -x
	}
	subtract(g.good, g.startGood, twice)
}

// subtract makes v - c·a of v.
func subtract(v, a []float64, c float64) {
	a = a[:len(v)]
	for i, x := range v {
		v[i] = x - float64(c*a[i])
	}
}

// dot is the scalar product, summed in pairs of up to 256 terms in four lanes.
func dot(a, b []float64) float64 {
	if len(a) > 256 {
		half := len(a) / 2
		return dot(a[:half], b[:half]) + dot(a[half:], b[half:])
	}
	var s0, s1, s2, s3 float64
	for len(a) >= 4 && len(b) >= 4 {
		s0 += float64(a[0] * b[0])
		s1 += float64(a[1] * b[1])
		s2 += float64(a[2] * b[2])
		s3 += float64(a[3] * b[3])
		a, b = a[4:], b[4:]
	}
	for i := range a {
		s0 += float64(a[i] * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

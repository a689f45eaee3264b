package circuit

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// MaxGates is the largest number of gates that Amplified builds (a gate takes 32 bytes).
const MaxGates = 1 << 22

// Amplified is the circuit of amplitude estimation for a table: A, then the Grover operator power times, on n+1 qubits, every
// one measured, the objective last. The objective reads 1 with probability sin²((2·power+1)θ), sin²θ = t.Amplitude().
//
// It refuses a table that Check refuses, a negative power, and programs above MaxGates.
func Amplified(t Table, power int) (*Program, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	if power < 0 {
		return nil, fmt.Errorf("power %d of the Grover operator: it is applied 0 times or more", power)
	}
	n := t.Qubits()
	total, _ := Size(n, power)
	if total > MaxGates {
		return nil, fmt.Errorf("power %d on %d loss qubits takes %d gates, above the limit of %d: use fewer bins or a smaller power", power, n, total, MaxGates)
	}
	p := &Program{Qubits: n + 1, Gates: make([]Gate, 0, total)}
	p.prepare(t)
	a := p.Gates
	for range power {
		p.grover(a)
	}
	return p, nil
}

// Size is the number of gates, all and CNOT alone, of Amplified for n loss qubits, without building it: 2^(n+1)-1 RY and 2^(n+1)-2
// CNOT for A; for each power twice A, one Z, 2(n+1) X, 2^(n+1)-1 RZ and 2^(n+1)-2 CNOT. Beyond the largest int it is the largest int.
func Size(n, power int) (total, cnot int) {
	if n < 1 || n >= MaxQubits || power < 0 {
		return 0, 0
	}
	a := 1<<(n+2) - 3
	q := 3*a + 1 + 2*(n+1)
	if power > (math.MaxInt-a)/q {
		return math.MaxInt, math.MaxInt
	}
	pairs := 1<<(n+1) - 2
	return a + power*q, pairs + power*3*pairs
}

// prepare appends A: the loss distribution level by level, qubit 0 first, then the payoff on the objective.
func (p *Program) prepare(t Table) {
	n := t.Qubits()
	tree := massTree(t.P)
	for level := range n {
		angles := make([]float64, 1<<level)
		for j := range angles {
			left, right := tree[level+1][2*j], tree[level+1][2*j+1]
			if left > 0 || right > 0 {
				angles[j] = 2 * fmath.Atan2(math.Sqrt(right), math.Sqrt(left))
			}
		}
		p.multiplexed(RY, level, angles)
	}
	payoff := make([]float64, len(t.F))
	for i, f := range t.F {
		payoff[i] = 2 * fmath.Asin(math.Sqrt(f))
	}
	p.multiplexed(RY, n, payoff)
}

// massTree are the sums of probabilities by level: tree[l][j] is the mass of the cells whose first l bits are j.
func massTree(cells []float64) [][]float64 {
	tree := [][]float64{cells}
	for len(tree[0]) > 1 {
		below := tree[0]
		level := make([]float64, len(below)/2)
		for j := range level {
			level[j] = below[2*j] + below[2*j+1]
		}
		tree = append([][]float64{level}, tree...)
	}
	return tree
}

// grover appends Q = A·S0·A†·Sχ, a being the gates of A. S0 is the reflection about |0> up to a phase of the whole state.
func (p *Program) grover(a []Gate) {
	objective := p.Qubits - 1
	p.gate(Gate{Kind: Z, Target: objective})
	p.adjoint(a)
	p.everyX()
	p.signOfOnes()
	p.everyX()
	p.Gates = append(p.Gates, a...)
}

// adjoint appends the inverse of gates that are RY and CNOT.
func (p *Program) adjoint(gates []Gate) {
	for i := len(gates) - 1; i >= 0; i-- {
		g := gates[i]
		g.Angle = 0 - g.Angle // never -0
		p.gate(g)
	}
}

func (p *Program) everyX() {
	for q := range p.Qubits {
		p.gate(Gate{Kind: X, Target: q})
	}
}

// signOfOnes appends the diagonal that turns the sign of |1…1>, up to a phase of the whole state. A diagonal of phases φ
// on qubits 0 … q is a multiplexed RZ of qubit q by φ(c,1)-φ(c,0) and a diagonal of their means on the qubits before it;
// here only the last angle of each is not 0, half as large from step to step.
func (p *Program) signOfOnes() {
	phase := math.Pi
	for q := p.Qubits - 1; q >= 0; q-- {
		angles := make([]float64, 1<<q)
		angles[len(angles)-1] = phase
		p.multiplexed(RZ, q, angles)
		phase *= 0.5
	}
}

// multiplexed appends a rotation of the target by angles[j], j being the number that the qubits 0 … target-1 spell,
// qubit 0 first; len(angles) = 2^target. It takes len(angles) rotations and, for target > 0, as many CNOTs.
//
// Rotation i stands behind CNOTs from the controls in Gray code i, which turn its sense where j has an odd number of
// those bits: the angles are a Walsh-Hadamard transform apart (Möttönen et al. 2005, equation 3).
func (p *Program) multiplexed(kind Kind, target int, angles []float64) {
	walsh(angles)
	scale := 1 / float64(len(angles))
	for i := range angles {
		p.gate(Gate{Kind: kind, Target: target, Angle: angles[i^i>>1] * scale})
		if target > 0 {
			changed := min(bits.TrailingZeros(uint(i+1)), target-1) // the last step closes the circle of the Gray code
			p.gate(Gate{Kind: CNOT, Target: target, Control: target - 1 - changed})
		}
	}
}

// walsh is the Walsh-Hadamard transform in place: x[g] becomes Σ (-1)^|j&g| x[j]. len(x) is a power of two.
func walsh(x []float64) {
	for step := 1; step < len(x); step *= 2 {
		for i := range x {
			if i&step == 0 {
				a, b := x[i], x[i+step]
				x[i], x[i+step] = a+b, a-b
			}
		}
	}
}

func (p *Program) gate(g Gate) { p.Gates = append(p.Gates, g) }

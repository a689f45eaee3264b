package circuit

import (
	"fmt"
	"math"
	"math/bits"
)

// MaxQubits is the largest number of qubits of a program, the objective among them.
const MaxQubits = 24

// Table is a discretised payoff: 2^n cells, n from 1 to MaxQubits-1. It carries no currency and no loss: cell i has
// probability P[i] and pays the share F[i] of the largest payoff.
type Table struct {
	P []float64 // probabilities, each at least 0, sum 1 to 1e-9
	F []float64 // payoffs in [0, 1]
}

// sumTolerance is how far the probabilities of a table may sum from 1.
const sumTolerance = 1e-9

// Check says what is wrong with the table, in which cell, and how to mend it.
func (t Table) Check() error {
	cells := len(t.P)
	if cells != len(t.F) {
		return fmt.Errorf("table: %d probabilities and %d payoffs; give each cell one of both", cells, len(t.F))
	}
	if cells < 2 || cells&(cells-1) != 0 || cells > 1<<(MaxQubits-1) {
		return fmt.Errorf("table: %d cells; a table has 2^n of them, n from 1 to %d: fill it up with cells of probability 0", cells, MaxQubits-1)
	}
	for i, p := range t.P {
		if !(p >= 0 && p <= 1+sumTolerance) {
			return fmt.Errorf("table, cell %d: probability %v is not within 0 and 1", i, p)
		}
		if f := t.F[i]; !(f >= 0 && f <= 1) {
			return fmt.Errorf("table, cell %d: payoff %v is not within 0 and 1; divide payoffs by the largest", i, f)
		}
	}
	if s := sum(t.P); math.Abs(s-1) > sumTolerance {
		return fmt.Errorf("table: the probabilities sum to %v; divide them by that to get 1", s)
	}
	return nil
}

// Qubits is n, the number of loss qubits; programs of the table have one more.
func (t Table) Qubits() int { return bits.Len(uint(len(t.P))) - 1 }

// Amplitude is a = Σ P[i]·F[i], over ΣP: the exact value that circuits of the table estimate.
func (t Table) Amplitude() float64 {
	products := make([]float64, len(t.P))
	for i, p := range t.P {
		products[i] = p * t.F[i]
	}
	return sum(products) / sum(t.P)
}

// sum adds in pairs, so that the rounding error grows with the logarithm of the length (N. Higham, The accuracy of
// floating point summation, SIAM J. Sci. Comput. 14 (1993) 783).
func sum(x []float64) float64 {
	if len(x) > 64 {
		half := len(x) / 2
		return sum(x[:half]) + sum(x[half:])
	}
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s
}

// Experiment is one circuit to be run: A, then the Grover operator Power times, measured Shots times.
type Experiment struct {
	Table Table
	Power int // k, at least 0
	Shots int // at least 1
}

// Outcome is what came of an Experiment.
type Outcome struct {
	Shots int // shots that were made
	Ones  int // those whose objective qubit was 1
}

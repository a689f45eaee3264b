package circuit

import (
	"fmt"
	"math"
)

// Kind is the kind of a gate. The zero Kind is none.
type Kind uint8

// The gates, with their matrices on |0>, |1>.
const (
	RY   Kind = iota + 1 // rotation: cos(θ/2), -sin(θ/2); sin(θ/2), cos(θ/2)
	RZ                   // phases: exp(-iθ/2), exp(iθ/2)
	X                    // exchange of |0> and |1>
	H                    // Hadamard
	Z                    // sign of |1>
	CNOT                 // X of the target where the control is 1
)

// String is the gate's name in OpenQASM text.
func (k Kind) String() string {
	switch k {
	case RY:
		return "ry"
	case RZ:
		return "rz"
	case X:
		return "x"
	case H:
		return "h"
	case Z:
		return "z"
	case CNOT:
		return "cnot"
	}
	return fmt.Sprintf("gate %d", uint8(k))
}

// rotates reports whether gates of the kind have an angle.
func (k Kind) rotates() bool { return k == RY || k == RZ }

// Gate is one gate. Angle counts for RY and RZ only, Control for CNOT only; elsewhere they are 0.
type Gate struct {
	Kind    Kind
	Target  int     // qubit
	Control int     // qubit
	Angle   float64 // radians
}

// Program is a circuit: all qubits begin at |0>, the gates follow one another, and in the end every qubit is measured.
type Program struct {
	Qubits int // 1 … MaxQubits
	Gates  []Gate
}

// maxAngle bounds angles so that their text has one digit before the point.
const maxAngle = 9.9999995

// Check says which gate of the program cannot be, and why. Programs of Amplified and Parse pass it.
func (p *Program) Check() error {
	if p.Qubits < 1 || p.Qubits > MaxQubits {
		return fmt.Errorf("program of %d qubits: it takes 1 to %d", p.Qubits, MaxQubits)
	}
	for i, g := range p.Gates {
		if reason := p.fault(g); reason != "" {
			return fmt.Errorf("program, gate %d (%v): %s", i, g.Kind, reason)
		}
	}
	return nil
}

// fault is what is wrong with a gate, or nothing.
func (p *Program) fault(g Gate) string {
	switch {
	case g.Kind < RY || g.Kind > CNOT:
		return "unknown kind; use RY, RZ, X, H, Z or CNOT"
	case g.Target < 0 || g.Target >= p.Qubits:
		return fmt.Sprintf("target %d is not one of the %d qubits, which count from 0", g.Target, p.Qubits)
	case g.Kind == CNOT && (g.Control < 0 || g.Control >= p.Qubits):
		return fmt.Sprintf("control %d is not one of the %d qubits, which count from 0", g.Control, p.Qubits)
	case g.Kind == CNOT && g.Control == g.Target:
		return fmt.Sprintf("qubit %d is both control and target", g.Target)
	case g.Kind.rotates() && !(math.Abs(g.Angle) < maxAngle):
		return fmt.Sprintf("angle %v: give it in radians, reduced to within ±2π", g.Angle)
	}
	return ""
}

// Counts are the numbers of all gates and of CNOT gates; measurements are not gates.
func (p *Program) Counts() (total, cnot int) {
	for _, g := range p.Gates {
		if g.Kind == CNOT {
			cnot++
		}
	}
	return len(p.Gates), cnot
}

// Grid is the number of angles in a turn that Rounded keeps.
const Grid = 1 << 16

const angleStep = 2 * math.Pi / Grid

// Rounded is the program with every angle moved to the nearest multiple of 2^-16 turn (ties away from 0): angles then carry no trace
// of the arithmetic that made them and no more than 16 bits of the table. In tests, n up to 4 and powers up to 2, the objective's
// probability moves by up to 1.5e-4 and never by 2e-4: a hundredth of the error of 500 shots.
func (p *Program) Rounded() *Program {
	rounded := &Program{Qubits: p.Qubits, Gates: make([]Gate, len(p.Gates))}
	for i, g := range p.Gates {
		if g.Kind.rotates() {
			steps := math.Copysign(math.Floor(math.Abs(g.Angle)/angleStep+0.5), g.Angle)
			g.Angle = float64(steps*angleStep) + 0 // never -0
		}
		rounded.Gates[i] = g
	}
	return rounded
}

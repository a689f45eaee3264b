package egress

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/quantum/circuit"
)

// MaxQubits is the largest circuit that leaves: indices are one digit. With one qubit for the payoff, eight are left
// for the loss, which is more than present hardware can use.
const MaxQubits = 9

// maxGates bounds the gates of a source before it is read: a hundred times what fits a device's limit of shots x gates.
const maxGates = 1 << 20

// grid is the number of angles in a turn.
const grid = circuit.Grid

// step is the distance of two angles in radians.
const step = 2 * math.Pi / grid

// grammar is the whole language that leaves: no comment, no name, no space can be added, and every line is one of a
// closed set but for qubit indices and angles. What a regular expression cannot say is in Check.
var grammar = regexp.MustCompile(`^OPENQASM 3\.0;\nbit\[[1-9]\] b;\nqubit\[[1-9]\] q;\n` +
	`(?:(?:ry|rz)\(-?\d\.\d{6}\) q\[\d\];\n|cnot q\[\d\], q\[\d\];\n|[xhz] q\[\d\];\n)*` +
	`(?:b\[\d\] = measure q\[\d\];\n)+$`)

// Shape is all that a source says besides its angles.
type Shape struct{ Qubits, Gates int }

// GrammarError is a source that must not leave.
type GrammarError struct {
	Line   int // from 1; 0 where the fault is of no one line
	Reason string
}

// Error names line and reason, and never quotes the source.
func (e *GrammarError) Error() string {
	if e.Line == 0 {
		return "the circuit must not leave: " + e.Reason
	}
	return fmt.Sprintf("the circuit must not leave: line %d: %s", e.Line, e.Reason)
}

// Check holds an OpenQASM 3 text to the closed grammar of what may leave: at most MaxQubits qubits; gates ry, rz, x, h,
// z, cnot on qubits within range; every angle the six-decimal form of a multiple of 2^-16 turn within half a turn;
// after all gates every qubit i measured once into bit i, in order. The error is a *GrammarError.
//
// The check is made where a job is built, again where a request is composed, and again by a relay.
func Check(source string) (Shape, error) {
	if !grammar.MatchString(source) {
		return Shape{}, &GrammarError{firstStranger(source), "it is not of the closed form (gates ry, rz, x, h, z, cnot with six-decimal angles, then measurements)"}
	}
	lines := strings.Split(strings.TrimSuffix(source, "\n"), "\n")
	bits, qubits := int(lines[1][4]-'0'), int(lines[2][6]-'0')
	if bits != qubits {
		return Shape{}, &GrammarError{2, fmt.Sprintf("%d bits for %d qubits; they must be as many", bits, qubits)}
	}
	gates := len(lines) - 3 - qubits
	if gates < 0 || gates > maxGates {
		return Shape{}, &GrammarError{0, fmt.Sprintf("every one of its %d qubits must be measured once, after at most %d gates", qubits, maxGates)}
	}
	for i, line := range lines[3:] {
		fault := gateFault(line, qubits)
		if i >= gates {
			fault = measureFault(line, i-gates)
		}
		if fault != "" {
			return Shape{}, &GrammarError{i + 4, fault}
		}
	}
	return Shape{Qubits: qubits, Gates: gates}, nil
}

// line is the form of one line after the head.
var line = regexp.MustCompile(`^(?:(?:ry|rz)\(-?\d\.\d{6}\) q\[\d\];|cnot q\[\d\], q\[\d\];|[xhz] q\[\d\];|b\[\d\] = measure q\[\d\];)$`)

// firstStranger is the first line that no circuit could have; 0 if it is their order that is wrong.
func firstStranger(source string) int {
	for i, l := range strings.Split(strings.TrimSuffix(source, "\n"), "\n") {
		head := i == 0 && l == "OPENQASM 3.0;" || i == 1 && len(l) == 9 && strings.HasPrefix(l, "bit[") || i == 2 && len(l) == 11 && strings.HasPrefix(l, "qubit[")
		if !head && (i < 3 || !line.MatchString(l)) {
			return i + 1
		}
	}
	return 0
}

// gateFault is why a gate must not leave, or "".
func gateFault(l string, qubits int) string {
	if strings.HasPrefix(l, "b[") {
		return "a measurement before the last gate, or a qubit measured twice"
	}
	var at []int
	for rest := l; ; {
		_, after, ok := strings.Cut(rest, "q[")
		if !ok {
			break
		}
		at = append(at, int(after[0]-'0'))
		rest = after
	}
	for _, q := range at {
		if q >= qubits {
			return fmt.Sprintf("qubit %d of %d; they count from 0", q, qubits)
		}
	}
	if len(at) == 2 && at[0] == at[1] {
		return fmt.Sprintf("cnot of qubit %d with itself", at[0])
	}
	if open := strings.IndexByte(l, '('); open >= 0 && !onGrid(l[open+1:strings.IndexByte(l, ')')]) {
		return "the angle is not a multiple of 2^-16 turn within half a turn"
	}
	return ""
}

func measureFault(l string, i int) string {
	if l != fmt.Sprintf("b[%d] = measure q[%d];", i, i) {
		return fmt.Sprintf("the measurement of qubit %d into bit %d must stand here: each qubit once, in order", i, i)
	}
	return ""
}

// onGrid reports whether a six-decimal text is that of an angle of the grid, whose angles are 9.6e-5 apart.
func onGrid(text string) bool {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return false
	}
	j := nearest(x)
	return j >= -grid/2 && j <= grid/2 && text == strconv.FormatFloat(angle(j), 'f', 6, 64)
}

// nearest is the grid's index of an angle in radians; halves go away from zero, so that -x is the negative of x and an
// inverse stays the inverse.
func nearest(x float64) int {
	return int(math.Copysign(math.Floor(math.Abs(x)/step+0.5), x))
}

// angle is the grid's angle j in radians.
func angle(j int) float64 { return float64(float64(j) * step) }

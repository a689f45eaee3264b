package circuit

import (
	"fmt"
	"strconv"
	"strings"
)

// SyntaxError is the first place where a text leaves the layout of Program.QASM.
type SyntaxError struct {
	Line   int // from 1
	Column int // in bytes, from 1
	Reason string
}

// Error is the place and the reason.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("OpenQASM text, line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// Parse reads the text that Program.QASM writes, and nothing else: same layout, one statement a line, ry, rz, x, h, z and cnot, angles with six
// decimals, every qubit measured in order at the end. What it accepts, QASM writes again byte for byte, so that a text
// that was parsed can hide nothing between its tokens. More than MaxGates gates are refused. Every error is a *SyntaxError.
func Parse(source string) (*Program, error) {
	r := &reader{source: source}
	program := r.program()
	if r.fault != nil {
		return nil, r.fault
	}
	return program, nil
}

// reader walks through the text; after the first fault it consumes nothing more.
type reader struct {
	source string
	at     int
	fault  *SyntaxError
}

func (r *reader) program() *Program {
	r.want("OPENQASM 3.0;\nbit[")
	p := &Program{Qubits: r.number(1, MaxQubits, "number of qubits")}
	r.want("] b;\nqubit[")
	begin := r.at
	if n := r.number(1, MaxQubits, "number of qubits"); n != p.Qubits {
		r.failAt(begin, fmt.Sprintf("%d qubits but %d bits: as many are wanted", n, p.Qubits))
	}
	r.want("] q;\n")
	for r.fault == nil && !r.ahead("b[") {
		if len(p.Gates) == MaxGates {
			r.fail(fmt.Sprintf("more than %d gates", MaxGates))
		}
		p.Gates = append(p.Gates, r.gate(p.Qubits))
	}
	for q := range p.Qubits {
		r.want(string(appendIndexed(nil, "b", q)) + string(appendIndexed(nil, " = measure q", q)) + ";\n")
	}
	if r.fault == nil && r.at != len(r.source) {
		r.fail("text after the last measurement: every qubit is measured once, in order, and then the text ends")
	}
	return p
}

// gate reads one gate's line.
func (r *reader) gate(qubits int) Gate {
	var g Gate
	for g.Kind = RY; g.Kind <= CNOT; g.Kind++ {
		if end := " q["; r.ahead(g.Kind.String()+end) || r.ahead(g.Kind.String()+"(") {
			break
		}
	}
	if g.Kind > CNOT {
		r.fail("no gate of this layout begins here: wanted ry, rz, x, h, z, cnot, or the first measurement, b[0] = measure q[0];")
		return g
	}
	r.want(g.Kind.String())
	if g.Kind.rotates() {
		r.want("(")
		g.Angle = r.angle()
		r.want(")")
	}
	r.want(" q[")
	if g.Kind == CNOT {
		g.Control = r.number(0, qubits-1, "qubit")
		r.want("], q[")
	}
	begin := r.at
	g.Target = r.number(0, qubits-1, "qubit")
	if g.Kind == CNOT && g.Target == g.Control {
		r.failAt(begin, fmt.Sprintf("qubit %d is both control and target", g.Target))
	}
	r.want("];\n")
	return g
}

// number reads a decimal without leading zeros, from least to most.
func (r *reader) number(least, most int, what string) int {
	digits := r.digits(3)
	n, err := strconv.Atoi(digits)
	if err != nil || strconv.Itoa(n) != digits || n < least || n > most {
		r.fail(fmt.Sprintf("%s: wanted a number from %d to %d", what, least, most))
		return least
	}
	r.skip(len(digits))
	return n
}

// angle reads -?d.dddddd, zero without a sign.
func (r *reader) angle() float64 {
	begin := r.at
	if r.ahead("-") {
		r.skip(1)
	}
	whole := r.digits(2)
	r.skip(len(whole))
	r.want(".")
	decimals := r.digits(7)
	r.skip(len(decimals))
	text := r.source[begin:r.at]
	if r.fault == nil && (len(whole) != 1 || len(decimals) != 6 || text == "-0.000000") {
		r.failAt(begin, "angle: wanted radians with one digit before the point and six behind, and zero without a sign")
	}
	angle, err := strconv.ParseFloat(text, 64)
	if err != nil {
		r.failAt(begin, "angle: wanted radians, such as 1.570796")
	}
	return angle
}

// digits are the decimal digits ahead, at most so many.
func (r *reader) digits(most int) string {
	end := r.at
	for end < len(r.source) && end-r.at < most && r.source[end] >= '0' && r.source[end] <= '9' {
		end++
	}
	return r.source[r.at:end]
}

func (r *reader) ahead(text string) bool { return strings.HasPrefix(r.source[r.at:], text) }

// skip passes over text that was recognised.
func (r *reader) skip(n int) {
	if r.fault == nil {
		r.at += n
	}
}

// want passes over exactly this text; the fault stands at the first byte that differs.
func (r *reader) want(text string) {
	for i := range len(text) {
		if r.at+i == len(r.source) {
			r.failAt(r.at+i, fmt.Sprintf("the text ends; wanted %q", text[i:]))
			return
		}
		if r.source[r.at+i] != text[i] {
			r.failAt(r.at+i, fmt.Sprintf("found %q, wanted %q", r.source[r.at+i], text[i:]))
			return
		}
	}
	r.skip(len(text))
}

func (r *reader) fail(reason string) { r.failAt(r.at, reason) }

// failAt notes the first fault and where it stands.
func (r *reader) failAt(at int, reason string) {
	if r.fault != nil {
		return
	}
	before := r.source[:at]
	line := strings.Count(before, "\n") + 1
	r.fault = &SyntaxError{Line: line, Column: at - (strings.LastIndexByte(before, '\n') + 1) + 1, Reason: reason}
}

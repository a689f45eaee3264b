package circuit

import "strconv"

// QASM is the program as OpenQASM 3 text, in the one layout that Parse reads back:
//
//	OPENQASM 3.0;
//	bit[2] b;
//	qubit[2] q;
//	ry(1.570796) q[0];
//	cnot q[0], q[1];
//	b[0] = measure q[0];
//	b[1] = measure q[1];
//
// Angles are radians with six decimals. It has ry, rz, x, h, z and cnot, no comment, no free name, no number but qubits and
// angles; every qubit is measured, in order. The gates are among those that trapped-ion devices behind Amazon Braket take without
// a modifier or a definition. Up to nine qubits it fits the grammar of what may leave the host (quantum/egress). It panics on a program that Check refuses.
func (p *Program) QASM() string {
	if err := p.Check(); err != nil {
		panic("circuit: QASM of a faulty program: " + err.Error())
	}
	text := make([]byte, 0, 64+24*len(p.Gates)+24*p.Qubits)
	text = append(text, "OPENQASM 3.0;\n"...)
	text = appendIndexed(text, "bit", p.Qubits)
	text = append(text, " b;\n"...)
	text = appendIndexed(text, "qubit", p.Qubits)
	text = append(text, " q;\n"...)
	for _, g := range p.Gates {
		text = appendGate(text, g)
	}
	for q := range p.Qubits {
		text = appendIndexed(text, "b", q)
		text = appendIndexed(text, " = measure q", q)
		text = append(text, ";\n"...)
	}
	return string(text)
}

// appendGate writes one gate's line.
func appendGate(text []byte, g Gate) []byte {
	text = append(text, g.Kind.String()...)
	switch {
	case g.Kind.rotates():
		text = append(text, '(')
		text = appendAngle(text, g.Angle)
		text = append(text, ')')
	case g.Kind == CNOT:
		text = appendIndexed(text, " q", g.Control)
		text = append(text, ',')
	}
	text = appendIndexed(text, " q", g.Target)
	return append(text, ";\n"...)
}

// appendIndexed writes name[i].
func appendIndexed(text []byte, name string, i int) []byte {
	text = append(text, name...)
	text = append(text, '[')
	text = strconv.AppendInt(text, int64(i), 10)
	return append(text, ']')
}

// appendAngle writes radians with six decimals; what rounds to zero has no sign.
func appendAngle(text []byte, angle float64) []byte {
	at := len(text)
	text = strconv.AppendFloat(text, angle, 'f', 6, 64)
	if string(text[at:]) == "-0.000000" {
		text = append(text[:at], "0.000000"...)
	}
	return text
}

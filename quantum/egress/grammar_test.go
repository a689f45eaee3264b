package egress_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/egress"
)

const small = "OPENQASM 3.0;\nbit[2] b;\nqubit[2] q;\nry(1.570796) q[0];\ncnot q[0], q[1];\nrz(-0.785398) q[1];\nx q[0];\nh q[1];\nz q[0];\nb[0] = measure q[0];\nb[1] = measure q[1];\n"

func TestCheckTakesTheSubset(t *testing.T) {
	shape, err := egress.Check(small)
	if err != nil || shape != (egress.Shape{Qubits: 2, Gates: 6}) {
		t.Fatalf("got %v, %v", shape, err)
	}
}

// TestCheckRefuses changes one thing in a circuit that may leave.
func TestCheckRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		old, new, want string
		line           int
	}{
		"comment":              {"ry(", "// Lighthouse Re\nry(", "closed form", 4},
		"comment at the end":   {"z q[0];\n", "z q[0]; // x\n", "closed form", 9},
		"pragma":               {"x q[0];", "#pragma braket result", "closed form", 7},
		"annotation":           {"x q[0];", "@name x q[0];", "closed form", 7},
		"trailing text":        {"measure q[1];\n", "measure q[1];\nx", "closed form", 12},
		"no last line end":     {"measure q[1];\n", "measure q[1];", "closed form", 0},
		"carriage return":      {"x q[0];\n", "x q[0];\r\n", "closed form", 7},
		"empty line":           {"x q[0];\n", "x q[0];\n\n", "closed form", 8},
		"leading space":        {"x q[0];", " x q[0];", "closed form", 7},
		"other gate":           {"x q[0];", "y q[0];", "closed form", 7},
		"modifier":             {"x q[0];", "ctrl @ x q[0];", "closed form", 7},
		"barrier":              {"x q[0];", "barrier q;", "closed form", 7},
		"reset":                {"x q[0];", "reset q[0];", "closed form", 7},
		"other version":        {"3.0", "3.1", "closed form", 1},
		"named register":       {"qubit[2] q", "qubit[2] qr", "closed form", 3},
		"two digits":           {"x q[0]", "x q[00]", "closed form", 7},
		"five decimals":        {"1.570796", "1.57079", "closed form", 4},
		"plus sign":            {"ry(1", "ry(+1", "closed form", 4},
		"expression":           {"1.570796", "pi/2", "closed form", 4},
		"digit off the grid":   {"1.570796", "1.570797", "not a multiple of 2^-16 turn", 4},
		"beyond half a turn":   {"1.570796", "3.141689", "not a multiple of 2^-16 turn", 4},
		"negative zero":        {"1.570796", "-0.000000", "not a multiple of 2^-16 turn", 4},
		"qubit out of range":   {"x q[0]", "x q[2]", "qubit 2 of 2", 7},
		"control of range":     {"cnot q[0]", "cnot q[7]", "qubit 7 of 2", 5},
		"cnot with itself":     {"cnot q[0], q[1]", "cnot q[1], q[1]", "with itself", 5},
		"fewer bits":           {"bit[2] b", "bit[1] b", "1 bits for 2 qubits", 2},
		"qubit not measured":   {"b[1] = measure q[1];\n", "", "measurement", 0},
		"measured twice":       {"b[0] =", "b[0] = measure q[0];\nb[0] =", "measured twice", 10},
		"measured crosswise":   {"b[0] = measure q[0]", "b[0] = measure q[1]", "measurement of qubit 0", 10},
		"measured in disarray": {"b[0] = measure q[0];\nb[1] = measure q[1];", "b[1] = measure q[1];\nb[0] = measure q[0];", "measurement of qubit 0", 10},
		"gate after measure":   {"b[1] = measure", "x q[1];\nb[1] = measure", "closed form", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(small, c.old) {
				t.Fatalf("%q is not in the circuit", c.old)
			}
			_, err := egress.Check(strings.Replace(small, c.old, c.new, 1))
			var fault *egress.GrammarError
			if !errors.As(err, &fault) || !strings.Contains(err.Error(), c.want) || c.line != 0 && fault.Line != c.line {
				t.Fatalf("got %v, want line %d and %q", err, c.line, c.want)
			}
		})
	}
	for _, source := range []string{"", "OPENQASM 3.0;", "OPENQASM 3.0;\nbit[1] b;\nqubit[1] q;\n", strings.Repeat("x", 100)} {
		if _, err := egress.Check(source); err == nil {
			t.Errorf("%q was taken", source)
		}
	}
}

// TestAnglesAreSixteenBits counts the angles that may leave: 2^16 within a turn, and the other spelling of half a turn.
func TestAnglesAreSixteenBits(t *testing.T) {
	taken := 0
	for j := -1 << 15; j <= 1<<15; j++ {
		text := fmt.Sprintf("%.6f", float64(j)*2*math.Pi/(1<<16))
		if _, err := egress.Check(strings.Replace(small, "1.570796", text, 1)); err != nil {
			t.Fatalf("angle %d of the grid, %s: %v", j, text, err)
		}
		taken++
	}
	if taken != 1<<16+1 {
		t.Fatalf("%d angles", taken)
	}
}

// TestEveryRoundedProgramMayLeave: whatever the circuit package writes on the grid passes the check.
func TestEveryRoundedProgramMayLeave(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := drawTable(t, rapid.IntRange(1, 5).Draw(t, "n"))
		program, err := circuit.Amplified(table, rapid.IntRange(0, 3).Draw(t, "power"))
		if err != nil {
			t.Fatal(err)
		}
		shape, err := egress.Check(program.Rounded().QASM())
		if err != nil || shape.Qubits != program.Qubits || shape.Gates != len(program.Gates) {
			t.Fatalf("got %v, %v", shape, err)
		}
	})
}

// FuzzCheck wants that what passes is written only in letters of the language, and is a circuit for the parser.
func FuzzCheck(f *testing.F) {
	f.Add(small)
	f.Add(strings.Replace(small, "x q[0];", "// note", 1))
	f.Fuzz(func(t *testing.T, source string) {
		shape, err := egress.Check(source)
		if err != nil {
			return
		}
		if i := strings.IndexFunc(source, func(r rune) bool { return r > '~' || r == '/' || r == '#' || r == '@' || r == '"' }); i >= 0 {
			t.Fatalf("a stranger at byte %d", i)
		}
		program, err := circuit.Parse(source)
		if err != nil || len(program.Gates) != shape.Gates || program.Qubits != shape.Qubits {
			t.Fatalf("the parser has %v, the grammar %v", err, shape)
		}
		if program.QASM() != source {
			t.Fatal("another text of the same circuit passes: there is room for a message")
		}
	})
}

package circuit_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/circuit"
)

// randomTable has 2^n cells.
func randomTable(n int) circuit.Table {
	key, cells := rng.New(uint64(n)), 1<<n
	t := circuit.Table{P: make([]float64, cells), F: make([]float64, cells)}
	total := 0.0
	for i := range cells {
		t.P[i], t.F[i] = key.Float64(uint64(i)), key.Float64(uint64(cells+i))
		total += t.P[i]
	}
	for i := range cells {
		t.P[i] /= total
	}
	return t
}

func amplified(t testing.TB, table circuit.Table, power int) *circuit.Program {
	t.Helper()
	p, err := circuit.Amplified(table, power)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The counts are promises: budgets, gate-shot limits and the depth that a device can bear hang on them.
func TestCounts(t *testing.T) {
	for n, totals := range map[int][4]int{2: {13, 59, 105, 151}, 3: {29, 125, 221, 317}, 4: {61, 255, 449, 643}} {
		for k, want := range totals {
			p := amplified(t, randomTable(n), k)
			if total, _ := p.Counts(); total != want {
				t.Errorf("n=%d k=%d: %d gates, want %d", n, k, total, want)
			}
		}
	}
	for n := 1; n <= 8; n++ {
		a := 1<<(n+1) - 2
		for k := range 4 {
			total, cnot := amplified(t, randomTable(n), k).Counts()
			if want := a + k*3*a; cnot != want {
				t.Errorf("n=%d k=%d: %d CNOT, want %d", n, k, cnot, want)
			}
			if sizeTotal, sizeCNOT := circuit.Size(n, k); sizeTotal != total || sizeCNOT != cnot {
				t.Errorf("Size(%d, %d) = %d, %d; the program has %d, %d", n, k, sizeTotal, sizeCNOT, total, cnot)
			}
		}
	}
}

// Gates do not depend on the numbers: a table with empty cells has the template of any other.
func TestTemplateIsFixed(t *testing.T) {
	empty := circuit.Table{P: []float64{1, 0, 0, 0}, F: []float64{0, 0, 1, 1}}
	p, q := amplified(t, empty, 2), amplified(t, randomTable(2), 2)
	for i, g := range p.Gates {
		h := q.Gates[i]
		if g.Kind != h.Kind || g.Target != h.Target || g.Control != h.Control {
			t.Fatalf("gate %d is %v for one table and %v for another", i, g, h)
		}
		if math.Signbit(g.Angle) && g.Angle == 0 {
			t.Errorf("gate %d: angle -0", i)
		}
	}
}

// closedGrammar is what may leave the host, written independently of this package.
var closedGrammar = regexp.MustCompile(`^OPENQASM 3\.0;\nbit\[[1-9]\] b;\nqubit\[[1-9]\] q;\n(?:(?:ry|rz)\(-?\d\.\d{6}\) q\[\d\];\n|cnot q\[\d\], q\[\d\];\n|[xhz] q\[\d\];\n)*(?:b\[\d\] = measure q\[\d\];\n)+$`)

func TestQASMGolden(t *testing.T) {
	table := circuit.Table{P: []float64{0.4, 0.3, 0.2, 0.1}, F: []float64{0, 0.25, 0.5, 1}}
	got := amplified(t, table, 1).QASM()
	name := filepath.Join("testdata", "n2k1.qasm")
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("text differs from %s, the layout that was promised; got\n%s", name, got)
	}
}

func TestQASMFitsClosedGrammar(t *testing.T) {
	for n := 1; n <= 8; n++ {
		for _, p := range []*circuit.Program{amplified(t, randomTable(n), 2), amplified(t, randomTable(n), 1).Rounded()} {
			text := p.QASM()
			if !closedGrammar.MatchString(text) {
				t.Errorf("n=%d: text outside the closed grammar:\n%.300s", n, text)
			}
			again, err := circuit.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			same(t, p, again)
		}
	}
}

// same wants the programs to differ by the sixth decimal of angles at most.
func same(t *testing.T, p, q *circuit.Program) {
	t.Helper()
	if p.Qubits != q.Qubits || len(p.Gates) != len(q.Gates) {
		t.Fatalf("%d qubits, %d gates became %d qubits, %d gates", p.Qubits, len(p.Gates), q.Qubits, len(q.Gates))
	}
	for i, g := range p.Gates {
		h := q.Gates[i]
		if math.Abs(g.Angle-h.Angle) > 0.5000001e-6 {
			t.Fatalf("gate %d: angle %v became %v", i, g.Angle, h.Angle)
		}
		g.Angle, h.Angle = 0, 0
		if g != h {
			t.Fatalf("gate %d: %v became %v", i, g, h)
		}
	}
}

// TestRoundTrip writes and reads random programs of all gates and widths.
func TestRoundTrip(t *testing.T) {
	gate := func(r *rapid.T, qubits int) circuit.Gate {
		g := circuit.Gate{Kind: circuit.Kind(rapid.IntRange(int(circuit.RY), int(circuit.CNOT)).Draw(r, "kind")), Target: rapid.IntRange(0, qubits-1).Draw(r, "target")}
		switch g.Kind {
		case circuit.RY, circuit.RZ:
			g.Angle = rapid.Float64Range(-9.999999, 9.999999).Draw(r, "angle")
		case circuit.CNOT:
			g.Control = (g.Target + rapid.IntRange(1, qubits-1).Draw(r, "distance")) % qubits
		}
		return g
	}
	rapid.Check(t, func(r *rapid.T) {
		p := &circuit.Program{Qubits: rapid.IntRange(2, circuit.MaxQubits).Draw(r, "qubits")}
		for range rapid.IntRange(0, 20).Draw(r, "gates") {
			p.Gates = append(p.Gates, gate(r, p.Qubits))
		}
		text := p.QASM()
		q, err := circuit.Parse(text)
		if err != nil {
			r.Fatal(err)
		}
		if again := q.QASM(); again != text {
			r.Fatalf("read and written again:\n%s\nwas\n%s", again, text)
		}
		same(t, p, q)
	})
}

func TestParseFaults(t *testing.T) {
	const good = "OPENQASM 3.0;\nbit[2] b;\nqubit[2] q;\nry(1.570796) q[0];\ncnot q[0], q[1];\nb[0] = measure q[0];\nb[1] = measure q[1];\n"
	if _, err := circuit.Parse(good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		old, new     string
		line, column int
		reason       string
	}{
		{"OPENQASM 3.0", "OPENQASM 2.0", 1, 10, `found '2', wanted "3.0;\nbit["`},
		{"bit[2] b", "bit[02] b", 2, 5, "number of qubits: wanted a number from 1 to 24"},
		{"bit[2] b", "bit[25] b", 2, 5, "number of qubits"},
		{"qubit[2]", "qubit[3]", 3, 7, "3 qubits but 2 bits"},
		{"ry(1.570796)", "rx(1.570796)", 4, 1, "no gate of this layout begins here"},
		{"ry(1.570796)", "ry(1.57)", 4, 4, "six behind"},
		{"ry(1.570796)", "ry(11.570796)", 4, 4, "one digit before the point"},
		{"ry(1.570796)", "ry(1.5707961)", 4, 4, "six behind"},
		{"ry(1.570796)", "ry(-0.000000)", 4, 4, "zero without a sign"},
		{"ry(1.570796)", "ry(pi/2)", 4, 4, `found 'p', wanted "."`},
		{"ry(1.570796) q[0]", "ry(1.570796) q[2]", 4, 16, "qubit: wanted a number from 0 to 1"},
		{"ry(1.570796) q[0]", "ry(1.570796)  q[0]", 4, 14, `found ' ', wanted "q["`},
		{"ry(1.570796) q[0];", "ry(1.570796) q[0]; // losses of Example Insurance", 4, 19, `wanted "\n"`},
		{"ry(1.570796)", "ry", 4, 3, `found ' ', wanted "("`},
		{"q[0], q[1]", "q[1], q[1]", 5, 14, "qubit 1 is both control and target"},
		{"q[0], q[1]", "q[0],q[1]", 5, 11, `found 'q', wanted " q["`},
		{"b[0] = measure q[0]", "b[0] = measure q[1]", 6, 18, `found '1', wanted "0];\n"`},
		{"b[1] = measure q[1];\n", "", 7, 1, "the text ends"},
		{"b[0] = measure q[0];\n", "", 6, 3, `found '1'`},
		{"measure q[1];\n", "measure q[1];\nx q[0];\n", 8, 1, "text after the last measurement"},
		{"\ncnot", "\r\ncnot", 4, 19, `found '\r'`},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%q is not in the text", c.old)
		}
		_, err := circuit.Parse(text)
		var fault *circuit.SyntaxError
		if !errors.As(err, &fault) {
			t.Errorf("%q: error %v", c.new, err)
			continue
		}
		if fault.Line != c.line || fault.Column != c.column || !strings.Contains(fault.Reason, c.reason) {
			t.Errorf("%q: line %d, column %d: %s; want line %d, column %d: ... %s", c.new, fault.Line, fault.Column, fault.Reason, c.line, c.column, c.reason)
		}
	}
}

// FuzzParse wants what is accepted to be written again byte for byte, to fit the closed grammar up to nine qubits, and what is
// refused to name a place inside the text.
func FuzzParse(f *testing.F) {
	f.Add(amplified(f, randomTable(2), 1).QASM())
	f.Add((&circuit.Program{Qubits: 12, Gates: []circuit.Gate{{Kind: circuit.X}}}).QASM())
	f.Add("OPENQASM 3.0;\nbit[1] b;\nqubit[1] q;\nh q[0];\nz q[0];\nrz(-3.141593) q[0];\nb[0] = measure q[0];\n")
	f.Add("OPENQASM 3.0;\nbit[2] b;\nqubit[2] q;\nry(-0.000000) q[0];\ncnot q[1], q[1];\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := circuit.Parse(text)
		if err != nil {
			var fault *circuit.SyntaxError
			if !errors.As(err, &fault) || fault.Line < 1 || fault.Column < 1 || fault.Line > strings.Count(text, "\n")+1 {
				t.Fatalf("error without a place in the text: %v", err)
			}
			return
		}
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		if again := p.QASM(); again != text {
			t.Fatalf("accepted\n%q\nwritten again\n%q", text, again)
		}
		if p.Qubits <= 9 && !closedGrammar.MatchString(text) {
			t.Fatalf("accepted outside the closed grammar: %q", text)
		}
	})
}

func TestTableCheck(t *testing.T) {
	for want, table := range map[string]circuit.Table{
		"":                                 {P: []float64{0.25, 0.75}, F: []float64{0, 1}},
		"2 probabilities and 1 payoffs":    {P: []float64{0.25, 0.75}, F: []float64{0}},
		"0 cells":                          {},
		"1 cells":                          {P: []float64{1}, F: []float64{1}},
		"3 cells":                          {P: []float64{0, 0, 1}, F: []float64{0, 0, 1}},
		"cell 1: probability -0.5":         {P: []float64{1.5 - 0.5, -0.5}, F: []float64{0, 1}},
		"cell 0: probability NaN":          {P: []float64{math.NaN(), 1}, F: []float64{0, 1}},
		"cell 1: payoff 2 is":              {P: []float64{0.25, 0.75}, F: []float64{0, 2}},
		"cell 0: payoff NaN":               {P: []float64{0.25, 0.75}, F: []float64{math.NaN(), 1}},
		"the probabilities sum to 0.99":    {P: []float64{0.25, 0.74}, F: []float64{0, 1}},
		fmt.Sprintf("%d cells", 1<<24):     {P: make([]float64, 1<<24), F: make([]float64, 1<<24)},
		"the probabilities sum to 1.00001": {P: []float64{0.25, 0.75001}, F: []float64{0, 1}},
	} {
		err := table.Check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := circuit.Amplified(circuit.Table{}, 0); err == nil {
		t.Error("Amplified takes an empty table")
	}
	table := randomTable(2)
	for power, want := range map[int]string{-1: "power -1", 1 << 20: "48234509 gates, above the limit of 4194304", math.MaxInt: "above the limit"} {
		if _, err := circuit.Amplified(table, power); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("power %d: error %v, want %q", power, err, want)
		}
	}
}

func TestProgramCheck(t *testing.T) {
	for want, g := range map[string]circuit.Gate{
		"gate 0 (gate 0): unknown kind":                  {},
		"gate 0 (gate 9): unknown kind":                  {Kind: 9},
		"gate 0 (x): target -1":                          {Kind: circuit.X, Target: -1},
		"gate 0 (h): target 2":                           {Kind: circuit.H, Target: 2},
		"gate 0 (cnot): control 2":                       {Kind: circuit.CNOT, Control: 2},
		"gate 0 (cnot): qubit 1 is both":                 {Kind: circuit.CNOT, Control: 1, Target: 1},
		"gate 0 (ry): angle NaN":                         {Kind: circuit.RY, Angle: math.NaN()},
		"gate 0 (rz): angle 10: give it in radians":      {Kind: circuit.RZ, Angle: 10},
		"gate 0 (rz): angle -9.9999996: give it in radi": {Kind: circuit.RZ, Angle: -9.9999996},
	} {
		err := (&circuit.Program{Qubits: 2, Gates: []circuit.Gate{g}}).Check()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	for _, qubits := range []int{-1, 0, 25} {
		if err := (&circuit.Program{Qubits: qubits}).Check(); err == nil || !strings.Contains(err.Error(), "it takes 1 to 24") {
			t.Errorf("%d qubits: error %v", qubits, err)
		}
	}
}

func TestRounded(t *testing.T) {
	p := amplified(t, randomTable(4), 2)
	before := p.QASM()
	q := p.Rounded()
	if p.QASM() != before {
		t.Error("Rounded changed its program")
	}
	const step = 2 * math.Pi / 65536
	moved := 0.0
	for i, g := range q.Gates {
		if math.IsNaN(g.Angle) || math.Abs(math.Remainder(g.Angle, step)) > 1e-14 {
			t.Errorf("gate %d: angle %v is no multiple of 2^-16 turn", i, g.Angle)
		}
		if g.Angle == 0 && math.Signbit(g.Angle) {
			t.Errorf("gate %d: angle -0", i)
		}
		moved = max(moved, math.Abs(g.Angle-p.Gates[i].Angle))
	}
	if moved > step/2*1.000001 || moved < step/4 {
		t.Errorf("angles moved by up to %v, half a step is %v", moved, step/2)
	}
	tiny := (&circuit.Program{Qubits: 1, Gates: []circuit.Gate{{Kind: circuit.RY, Angle: -1e-9}}}).Rounded().Gates[0]
	if math.Signbit(tiny.Angle) {
		t.Error("-1e-9 is rounded to -0")
	}
}

func ExampleAmplified() {
	// One loss qubit: no loss with 3/4, a full loss with 1/4.
	program, err := circuit.Amplified(circuit.Table{P: []float64{0.75, 0.25}, F: []float64{0, 1}}, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(program.QASM())
	// Output:
	// OPENQASM 3.0;
	// bit[2] b;
	// qubit[2] q;
	// ry(1.047198) q[0];
	// ry(1.570796) q[1];
	// cnot q[0], q[1];
	// ry(-1.570796) q[1];
	// cnot q[0], q[1];
	// b[0] = measure q[0];
	// b[1] = measure q[1];
}

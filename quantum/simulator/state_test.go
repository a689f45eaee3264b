package simulator_test

import (
	"context"
	"fmt"
	"math"
	"math/cmplx"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/simulator"
)

// naive applies gates one after the other to complex amplitudes, straight from their matrices.
func naive(p *circuit.Program) []complex128 {
	v := make([]complex128, 1<<p.Qubits)
	v[0] = 1
	for _, g := range p.Gates {
		s, c := math.Sincos(g.Angle / 2)
		h := complex(math.Sqrt2/2, 0)
		m := map[circuit.Kind][4]complex128{
			circuit.RY:   {complex(c, 0), complex(-s, 0), complex(s, 0), complex(c, 0)},
			circuit.RZ:   {complex(c, -s), 0, 0, complex(c, s)},
			circuit.X:    {0, 1, 1, 0},
			circuit.H:    {h, h, h, -h},
			circuit.Z:    {1, 0, 0, -1},
			circuit.CNOT: {0, 1, 1, 0},
		}[g.Kind]
		target, control := 1<<(p.Qubits-1-g.Target), 1<<(p.Qubits-1-g.Control)
		for i := range v {
			if i&target != 0 || g.Kind == circuit.CNOT && i&control == 0 {
				continue
			}
			x, y := v[i], v[i|target]
			v[i], v[i|target] = m[0]*x+m[1]*y, m[2]*x+m[3]*y
		}
	}
	return v
}

// randomProgram draws gates of the given kinds.
func randomProgram(key rng.Key, qubits, gates int, kinds ...circuit.Kind) *circuit.Program {
	p := &circuit.Program{Qubits: qubits}
	s := key.Stream()
	for range gates {
		g := circuit.Gate{Kind: kinds[s.Intn(len(kinds))], Target: s.Intn(qubits)}
		switch g.Kind {
		case circuit.RY, circuit.RZ:
			g.Angle = (s.Float64() - 0.5) * 4 * math.Pi
		case circuit.CNOT:
			if qubits == 1 {
				continue
			}
			g.Control = (g.Target + 1 + s.Intn(qubits-1)) % qubits
		}
		p.Gates = append(p.Gates, g)
	}
	return p
}

func run(t testing.TB, p *circuit.Program, o simulator.Options) *simulator.State {
	t.Helper()
	s, err := simulator.Run(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRunAgainstMatrices compares random programs, from one qubit to more than fit a block, with products of complex matrices.
func TestRunAgainstMatrices(t *testing.T) {
	everything := []circuit.Kind{circuit.RY, circuit.RZ, circuit.X, circuit.H, circuit.Z, circuit.CNOT, circuit.CNOT}
	realOnly := []circuit.Kind{circuit.RY, circuit.X, circuit.H, circuit.Z, circuit.CNOT, circuit.CNOT}
	for qubits := 1; qubits <= 17; qubits++ {
		for name, kinds := range map[string][]circuit.Kind{"all": everything, "real": realOnly} {
			gates := 300
			if qubits > 12 {
				gates = 150
			}
			p := randomProgram(rng.New(uint64(qubits)), qubits, gates, kinds...)
			want := naive(p)
			got := run(t, p, simulator.Options{Workers: 2})
			worst := 0.0
			for i, w := range want {
				re, im := got.Amplitude(i)
				worst = max(worst, cmplx.Abs(complex(re, im)-w))
			}
			if worst > 1e-13 {
				t.Errorf("%d qubits, %s gates: amplitudes differ by %.2g", qubits, name, worst)
			}
		}
	}
}

// A product of the number of workers and its blocks must not show in the bits.
func TestWorkersSameBits(t *testing.T) {
	p := randomProgram(rng.New(3), 17, 200, circuit.RY, circuit.RZ, circuit.CNOT, circuit.H)
	one := run(t, p, simulator.Options{})
	for _, workers := range []int{2, 3, 7} {
		other := run(t, p, simulator.Options{Workers: workers})
		for i := range 1 << 17 {
			re, im := one.Amplitude(i)
			re2, im2 := other.Amplitude(i)
			if re != re2 || im != im2 {
				t.Fatalf("%d workers: amplitude %d is (%v, %v), with one (%v, %v)", workers, i, re2, im2, re, im)
			}
		}
	}
}

// first is X on qubit 0 alone.
func first(qubits int) *circuit.Program {
	return &circuit.Program{Qubits: qubits, Gates: []circuit.Gate{{Kind: circuit.X}}}
}

// The order of bits that package circuit promises, on a circuit that no mirror leaves as it is.
func TestBitOrder(t *testing.T) {
	for qubits := 2; qubits <= 6; qubits++ {
		s := run(t, first(qubits), simulator.Options{})
		if p := s.Outcome(1 << (qubits - 1)); p != 1 {
			t.Errorf("X on the first of %d: outcome 10…0 has probability %v", qubits, p)
		}
		if s.Probability(0) != 1 || s.Probability(qubits-1) != 0 {
			t.Errorf("X on the first of %d: qubit 0 reads 1 with probability %v, the last with %v", qubits, s.Probability(0), s.Probability(qubits-1))
		}
	}
	// Cells with probabilities of their own and the objective at the end: outcome 2i+1 is cell i, paid.
	table := circuit.Table{P: []float64{0.4, 0.3, 0.2, 0.1}, F: []float64{0, 0.25, 0.5, 1}}
	program, err := circuit.Amplified(table, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := run(t, program, simulator.Options{})
	for i, p := range table.P {
		if got, want := s.Outcome(2*i+1), p*table.F[i]; math.Abs(got-want) > 1e-15 {
			t.Errorf("outcome %03b has probability %v, want %v", 2*i+1, got, want)
		}
		if got, want := s.Outcome(2*i), p*(1-table.F[i]); math.Abs(got-want) > 1e-15 {
			t.Errorf("outcome %03b has probability %v, want %v", 2*i, got, want)
		}
	}
}

// tables of n loss qubits: random, with empty cells, certain, and an exceedance.
func tables(n int) map[string]circuit.Table {
	key := rng.New(uint64(n))
	cells := 1 << n
	random := circuit.Table{P: make([]float64, cells), F: make([]float64, cells)}
	total := 0.0
	for i := range cells {
		random.P[i], random.F[i] = key.Float64(uint64(i)), key.Float64(uint64(i+cells))
		total += random.P[i]
	}
	for i := range cells {
		random.P[i] /= total
	}
	holes := circuit.Table{P: make([]float64, cells), F: random.F}
	holes.P[0], holes.P[cells-1] = 0.25, 0.75
	tail := circuit.Table{P: random.P, F: make([]float64, cells)}
	tail.F[cells-1] = 1
	certain := circuit.Table{P: random.P, F: make([]float64, cells)}
	for i := range cells {
		certain.F[i] = 1
	}
	return map[string]circuit.Table{"random": random, "holes": holes, "tail": tail, "certain": certain, "never": {P: random.P, F: make([]float64, cells)}}
}

// TestClosedForm: the objective's probability is sin²((2k+1)θ), by gates and by reflections.
func TestClosedForm(t *testing.T) {
	worst, between := 0.0, 0.0
	for n := 1; n <= 6; n++ {
		for name, table := range tables(n) {
			theta := math.Asin(math.Sqrt(min(1, table.Amplitude())))
			for k := range 4 {
				want := math.Pow(math.Sin(float64(2*k+1)*theta), 2)
				program, err := circuit.Amplified(table, k)
				if err != nil {
					t.Fatal(err)
				}
				gates := run(t, program, simulator.Options{}).Probability(n)
				fast, err := simulator.Probability(context.Background(), table, k, simulator.Options{})
				if err != nil {
					t.Fatal(err)
				}
				worst, between = max(worst, math.Abs(gates-want), math.Abs(fast-want)), max(between, math.Abs(gates-fast))
				if math.Abs(gates-want) > 1e-12 || math.Abs(fast-want) > 1e-12 {
					t.Errorf("n=%d k=%d %s: gates %v, reflections %v, closed form %v", n, k, name, gates, fast, want)
				}
			}
		}
	}
	t.Logf("largest difference from the closed form %.2g, between the two ways %.2g", worst, between)
}

// Probabilities that sum to 1 only nearly, as a table may, are the same problem for both ways.
func TestNearlyOne(t *testing.T) {
	table := tables(3)["random"]
	for i := range table.P {
		table.P[i] *= 1 + 9e-10
	}
	program, err := circuit.Amplified(table, 40)
	if err != nil {
		t.Fatal(err)
	}
	fast, err := simulator.Probability(context.Background(), table, 40, simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if gates := run(t, program, simulator.Options{}).Probability(3); math.Abs(gates-fast) > 1e-12 {
		t.Errorf("gates %v, reflections %v", gates, fast)
	}
}

// High powers and many cells: the two reflections keep their promise where gates would take minutes.
func TestReflectionsHighPowers(t *testing.T) {
	for _, n := range []int{4, 8, 12} {
		for name, table := range tables(n) {
			theta := math.Asin(math.Sqrt(min(1, table.Amplitude())))
			for _, k := range []int{10, 1000, 4000} {
				if n == 12 && k > 1000 {
					continue
				}
				got, err := simulator.Probability(context.Background(), table, k, simulator.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if want := math.Pow(math.Sin(float64(2*k+1)*theta), 2); math.Abs(got-want) > 1e-11 {
					t.Errorf("n=%d k=%d %s: %v, closed form %v", n, k, name, got, want)
				}
			}
		}
	}
}

func TestRunRefuses(t *testing.T) {
	ctx := context.Background()
	stopped, stop := context.WithCancel(ctx)
	stop()
	wide := &circuit.Program{Qubits: 24, Gates: []circuit.Gate{{Kind: circuit.RZ}}}
	table := tables(2)["random"]
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"25 qubits":      {second(simulator.Run(ctx, &circuit.Program{Qubits: 25}, simulator.Options{})), "program of 25 qubits: it takes 1 to 24"},
		"memory":         {second(simulator.Run(ctx, wide, simulator.Options{Memory: 1 << 20})), "the amplitudes take 268435456 bytes and the limit is 1048576"},
		"workers":        {second(simulator.Run(ctx, first(2), simulator.Options{Workers: -1})), "-1 workers"},
		"target":         {second(simulator.Run(ctx, &circuit.Program{Qubits: 2, Gates: []circuit.Gate{{Kind: circuit.X, Target: 2}}}, simulator.Options{})), "gate 0 (x): target 2"},
		"stopped":        {second(simulator.Run(stopped, first(2), simulator.Options{})), "context canceled"},
		"table":          {second(simulator.Probability(ctx, circuit.Table{}, 0, simulator.Options{})), "0 cells"},
		"power":          {second(simulator.Probability(ctx, table, -1, simulator.Options{})), "power -1"},
		"memory, fast":   {second(simulator.Probability(ctx, table, 0, simulator.Options{Memory: 127})), "take 128 bytes and the limit is 127"},
		"stopped, fast":  {second(simulator.Probability(stopped, table, 3, simulator.Options{})), "context canceled"},
		"memory is kept": {second(simulator.Probability(ctx, table, 0, simulator.Options{Memory: 128})), ""},
	} {
		if c.want == "" && c.err == nil {
			continue
		}
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, c.err, c.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func ExampleRun() {
	// The chance that a loss pays: three cells of four pay something.
	table := circuit.Table{P: []float64{0.7, 0.2, 0.08, 0.02}, F: []float64{0, 0.1, 0.5, 1}}
	program, err := circuit.Amplified(table, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	state, err := simulator.Run(context.Background(), program, simulator.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("amplitude %.2f, objective reads 1 with probability %.4f after one Grover step\n", table.Amplitude(), state.Probability(table.Qubits()))
	// Output: amplitude 0.08, objective reads 1 with probability 0.5746 after one Grover step
}

// What leaves the host, angles of 16 bits printed with six decimals, still measures the amplitude: circuit.Rounded promises 2e-4.
func TestRoundedText(t *testing.T) {
	worst := 0.0
	for n := 2; n <= 4; n++ {
		for name, table := range tables(n) {
			for k := range 3 {
				program, err := circuit.Amplified(table, k)
				if err != nil {
					t.Fatal(err)
				}
				text, err := circuit.Parse(program.Rounded().QASM())
				if err != nil {
					t.Fatal(err)
				}
				moved := math.Abs(run(t, text, simulator.Options{}).Probability(n) - run(t, program, simulator.Options{}).Probability(n))
				worst = max(worst, moved)
				if moved > 2e-4 {
					t.Errorf("n=%d k=%d %s: probability moves by %.2g", n, k, name, moved)
				}
			}
		}
	}
	t.Logf("probabilities move by up to %.2g", worst)
}

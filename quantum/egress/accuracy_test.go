package egress_test

import (
	"math"
	"testing"

	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/simulator"
)

// randomTable has exponential weights and uniform payoffs.
func randomTable(n int, key rng.Key) circuit.Table {
	table := circuit.Table{P: make([]float64, 1<<n), F: make([]float64, 1<<n)}
	total := 0.0
	for i := range table.P {
		table.P[i] = -math.Log(key.Float64(uint64(2 * i)))
		table.F[i] = key.Float64(uint64(2*i + 1))
		total += table.P[i]
	}
	for i := range table.P {
		table.P[i] /= total
	}
	return table
}

// measured is the objective's probability of a source, simulated gate by gate.
func measured(t *testing.T, source string) float64 {
	t.Helper()
	program, err := circuit.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	state, err := simulator.Run(t.Context(), program, simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return state.Probability(program.Qubits - 1)
}

// ideal is sin²((2k+1)θ) of an amplitude.
func ideal(a float64, power int) float64 {
	s := math.Sin(float64(2*power+1) * math.Asin(math.Sqrt(a)))
	return s * s
}

// TestRoundingAccuracy measures by how much what leaves differs from what was meant: angles on the grid, printed with six
// decimals, after relabelling, mix and complement. The limits are a sixtieth of the shot noise of
// 500 shots (0.022) or less.
func TestRoundingAccuracy(t *testing.T) {
	limits := map[int]float64{0: 6e-5, 1: 1.5e-4, 2: 3e-4}
	worst := map[int]float64{}
	for n := 2; n <= 4; n++ {
		for k := range uint64(20) {
			table := randomTable(n, rng.New(k).Derive(uint64(n)))
			job, secret, err := egress.Prepare(table, egress.Schedule{Qubits: n, Powers: []int{0, 1, 2}, Shots: 1}, seed(k))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range job.Circuits {
				off := math.Abs(measured(t, c.Source) - ideal(secret.Sent(table.Amplitude()), c.Power))
				worst[c.Power] = max(worst[c.Power], off)
			}
		}
	}
	for power, limit := range limits {
		t.Logf("power %d: worst error of a probability %.2g", power, worst[power])
		if worst[power] > limit || worst[power] == 0 {
			t.Errorf("power %d: a probability is off by %v; want at most %v, and not nothing", power, worst[power], limit)
		}
	}
}

// TestHomeAgain runs a job on the noiseless simulator and wants the amplitude back, to shot noise, for a table that was coarsened.
func TestHomeAgain(t *testing.T) {
	table := tail(8, 20)
	const shots = 4000
	var sum, queries float64
	for k := range uint64(40) {
		job, secret, err := egress.Prepare(table, egress.Schedule{Qubits: 3, Powers: []int{0}, Shots: shots, Twins: 1}, seed(k))
		if err != nil {
			t.Fatal(err)
		}
		outcomes := make([]circuit.Outcome, len(job.Circuits))
		for i, c := range job.Circuits {
			p, ones := measured(t, c.Source), 0
			for s := range uint64(shots) {
				if rng.New(k).Derive(uint64(i)).Float64(s) < p {
					ones++
				}
			}
			outcomes[i] = circuit.Outcome{Shots: shots, Ones: ones}
		}
		observations, err := secret.Observations(outcomes)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range observations {
			if o.Twin == nil {
				sum += secret.Amplitude(float64(o.Ones) / float64(o.Shots))
				queries++
			}
		}
	}
	// One estimate has a standard deviation of at most 0.5/sqrt(shots)/slope.
	if got, want := sum/queries, table.Amplitude(); math.Abs(got-want) > 4*0.5/math.Sqrt(shots*queries)/0.5 {
		t.Errorf("mean estimate %v, want %v", got, want)
	}
}

package simulator_test

import (
	"context"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/internal/fmath"
	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/simulator"
)

func measure(t testing.TB, b *simulator.Backend, batch ...circuit.Experiment) []circuit.Outcome {
	t.Helper()
	outcomes, err := b.Measure(context.Background(), batch)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}

// Shots are a row: split or whole, in whatever order and company, the same seed makes the same shots.
func TestShotsAreARow(t *testing.T) {
	x, y := tables(3)["random"], tables(3)["tail"]
	whole := measure(t, &simulator.Backend{Seed: 1}, circuit.Experiment{Table: x, Power: 1, Shots: 1000})[0]
	b := &simulator.Backend{Seed: 1, GateByGate: true}
	ones := 0
	for i, shots := range []int{1, 399, 600} {
		got := measure(t, b, circuit.Experiment{Table: y, Power: i, Shots: 7}, circuit.Experiment{Table: x, Power: 1, Shots: shots}, circuit.Experiment{Table: x, Power: 2, Shots: 5})
		if got[1].Shots != shots {
			t.Errorf("%d shots were asked for, %d made", shots, got[1].Shots)
		}
		ones += got[1].Ones
	}
	if whole.Shots != 1000 || whole.Ones != ones {
		t.Errorf("1000 shots at once read 1 %d times, in three parts %d times", whole.Ones, ones)
	}
	again := measure(t, b, circuit.Experiment{Table: x, Power: 1, Shots: 1000})[0]
	other := measure(t, &simulator.Backend{Seed: 2}, circuit.Experiment{Table: x, Power: 1, Shots: 1000})[0]
	if again == whole || other == whole {
		t.Errorf("later shots (%d) or another seed's (%d) are the first ones (%d) again", again.Ones, other.Ones, whole.Ones)
	}
}

// The counts are binomial: over many seeds every count comes as often as it must (chi-square, 1e-6).
func TestShotsAreBinomial(t *testing.T) {
	table := tables(2)["random"]
	p, err := simulator.Probability(context.Background(), table, 1, simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const seeds, shots = 40_000, 12
	var counts [shots + 1]float64
	for seed := range uint64(seeds) {
		counts[measure(t, &simulator.Backend{Seed: seed}, circuit.Experiment{Table: table, Power: 1, Shots: shots})[0].Ones]++
	}
	x, df := 0.0, -1.0
	for k := range shots + 1 {
		choose := fmath.LogGamma(shots+1) - fmath.LogGamma(float64(k)+1) - fmath.LogGamma(shots-float64(k)+1)
		want := seeds * math.Exp(choose+float64(k)*math.Log(p)+float64(shots-k)*math.Log1p(-p))
		if want < 5 {
			continue
		}
		x += (counts[k] - want) * (counts[k] - want) / want
		df++
	}
	z := (math.Cbrt(x/df) - (1 - 2/(9*df))) / math.Sqrt(2/(9*df))
	t.Logf("p = %.3f, chi-square %.1f on %.0f degrees of freedom", p, x, df)
	if z > 4.9 {
		t.Errorf("chi-square %.1f on %.0f degrees of freedom, z = %.1f", x, df, z)
	}
}

// Goroutines share a Backend: together they make the shots that one makes alone.
func TestMeasureConcurrent(t *testing.T) {
	table := tables(4)["random"]
	e := circuit.Experiment{Table: table, Power: 3, Shots: 1}
	whole := measure(t, &simulator.Backend{}, circuit.Experiment{Table: table, Power: 3, Shots: 400})[0]
	b, counts := &simulator.Backend{}, make([]int, 8)
	var group sync.WaitGroup
	for i := range counts {
		group.Go(func() {
			for range 50 {
				if outcomes, err := b.Measure(context.Background(), []circuit.Experiment{e}); err == nil {
					counts[i] += outcomes[0].Ones
				}
			}
		})
	}
	group.Wait()
	sum := 0
	for _, n := range counts {
		sum += n
	}
	if sum != whole.Ones {
		t.Errorf("eight goroutines read 1 %d times, one %d times", sum, whole.Ones)
	}
}

func TestMeasureRefuses(t *testing.T) {
	good := circuit.Experiment{Table: tables(2)["random"], Shots: 10}
	for want, bad := range map[string]circuit.Experiment{
		"experiment 2 of 2: 0 shots":  {Table: good.Table},
		"1000000001 shots: give 1 to": {Table: good.Table, Shots: simulator.MaxShots + 1},
		"experiment 2 of 2: power -1": {Table: good.Table, Power: -1, Shots: 1},
		"experiment 2 of 2: table":    {Shots: 1},
	} {
		for _, gates := range []bool{false, true} {
			b := &simulator.Backend{GateByGate: gates}
			if _, err := b.Measure(context.Background(), []circuit.Experiment{good, bad}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("gates %v: error %v, want %q", gates, err, want)
			}
			if got, want := measure(t, b, good), measure(t, &simulator.Backend{}, good); !reflect.DeepEqual(got, want) {
				t.Errorf("after a refusal the first shots are %v, want %v", got, want)
			}
		}
	}
	b := &simulator.Backend{GateByGate: true, Options: simulator.Options{Memory: 63}}
	if _, err := b.Measure(context.Background(), []circuit.Experiment{good}); err == nil || !strings.Contains(err.Error(), "experiment 1 of 1: program of 3 qubits") {
		t.Errorf("error %v, want one about the memory of the first experiment", err)
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if _, err := b.Measure(stopped, nil); err == nil {
		t.Error("a batch is measured although the context has ended")
	}
}

// TestGolden pins shots and amplitudes. Do not change these to fix a build: estimates that users keep hang on them.
func TestGolden(t *testing.T) {
	table := tables(5)["random"]
	got := measure(t, &simulator.Backend{Seed: 42}, circuit.Experiment{Table: table, Power: 0, Shots: 1000}, circuit.Experiment{Table: table, Power: 5, Shots: 1000})
	if want := []circuit.Outcome{{Shots: 1000, Ones: 429}, {Shots: 1000, Ones: 988}}; !reflect.DeepEqual(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
	s := run(t, randomProgram(rng.New(9), 16, 120, circuit.RY, circuit.RZ, circuit.H, circuit.X, circuit.Z, circuit.CNOT), simulator.Options{})
	key := rng.New(0)
	for i := range 1 << 16 {
		re, im := s.Amplitude(i)
		key = key.Derive(math.Float64bits(re)).Derive(math.Float64bits(im))
	}
	if want := rng.Key(0xce7613419fb7cbc9); key != want {
		t.Errorf("digest of the amplitudes %#x, want %#x", uint64(key), uint64(want))
	}
}

package estimate_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/estimate"
	"github.com/qrsrisk/qrsd/quantum/simulator"
)

// table has amplitude a.
func table(a float64) circuit.Table {
	return circuit.Table{P: []float64{(1 - a) / 2, (1 - a) / 2, 0.75 * a, 0.25 * a}, F: []float64{0, 0, 1, 1}}
}

// simulated is a table on a simulator.
type simulated struct {
	backend *simulator.Backend
	table   circuit.Table
}

func (s simulated) Measure(ctx context.Context, power, shots int) (int, error) {
	out, err := s.backend.Measure(ctx, []circuit.Experiment{{Table: s.table, Power: power, Shots: shots}})
	if err != nil {
		return 0, err
	}
	return out[0].Ones, nil
}

func on(seed uint64, a float64) simulated {
	return simulated{&simulator.Backend{Seed: seed}, table(a)}
}

// TestIterativeCoverage: on 1,000 repetitions at each amplitude the intervals hold the truth at least as often as they say, are
// as narrow as was asked, and cost at most what the theory allows.
func TestIterativeCoverage(t *testing.T) {
	const repetitions, half = 1000, 1e-3
	for _, c := range []struct{ a, queries float64 }{{0, 2600}, {1e-5, 2600}, {0.004, 5500}, {0.01, 7000}, {0.05, 15_000}, {0.2, 26_000}, {0.5, 35_000}, {0.97, 13_000}, {1, 2600}} {
		held, queries, squares := 0, 0, 0.0
		for i := range repetitions {
			r, err := estimate.Iterative(t.Context(), on(uint64(i), c.a), estimate.IterativeOptions{HalfWidth: half})
			if err != nil {
				t.Fatal(err)
			}
			if h := r.Hull().HalfWidth(); !r.Reached || h > half || r.Confidence != 0.95 {
				t.Fatalf("a = %v: half-width %v, reached %v, confidence %v", c.a, h, r.Reached, r.Confidence)
			}
			if r.Contains(c.a) {
				held++
			}
			queries += r.Queries
			squares += (r.Amplitude - c.a) * (r.Amplitude - c.a)
		}
		mean, rmse := float64(queries)/repetitions, math.Sqrt(squares/repetitions)
		if held < repetitions*95/100 {
			t.Errorf("a = %v: %d of %d intervals hold it", c.a, held, repetitions)
		}
		if mean > c.queries {
			t.Errorf("a = %v: %.0f queries on average, want at most %.0f", c.a, mean, c.queries)
		}
		if rmse > half {
			t.Errorf("a = %v: root mean square error %v", c.a, rmse)
		}
	}
}

// TestIterativeKnownAnswers are amplitudes with published estimates: Bernoulli 0.2 and 0.49, and the sine integral on 2 to
// 4 qubits (the tests of qiskit-algorithms, Apache-2.0, agree with these to three places).
func TestIterativeKnownAnswers(t *testing.T) {
	sine := func(n int) circuit.Table {
		cells := 1 << n
		s := circuit.Table{P: make([]float64, cells), F: make([]float64, cells)}
		for i := range cells {
			s.P[i] = 1 / float64(cells)
			x := math.Sin((float64(i) + 0.5) / float64(cells))
			s.F[i] = x * x
		}
		return s
	}
	for _, c := range []struct {
		name string
		t    circuit.Table
		want float64
	}{{"0.2", table(0.2), 0.2}, {"0.49", table(0.49), 0.49}, {"sine, 2 qubits", sine(2), 0.2702}, {"sine, 3 qubits", sine(3), 0.2721}, {"sine, 4 qubits", sine(4), 0.2725}} {
		if math.Abs(c.t.Amplitude()-c.want) > 1e-4 {
			t.Errorf("%s: the table's amplitude is %v", c.name, c.t.Amplitude())
		}
		r, err := estimate.Iterative(t.Context(), simulated{&simulator.Backend{Seed: 3}, c.t}, estimate.IterativeOptions{HalfWidth: 5e-4, Confidence: 0.99})
		if err != nil || math.Abs(r.Amplitude-c.want) > 6e-4 || !r.Contains(c.t.Amplitude()) {
			t.Errorf("%s: %+v, %v; want %v", c.name, r, err, c.want)
		}
	}
}

// counted passes measurements on and keeps their cost.
type counted struct {
	estimate.Circuit
	queries, shots, rounds, most int
}

func (c *counted) Measure(ctx context.Context, power, shots int) (int, error) {
	c.queries += shots * (2*power + 1)
	c.shots += shots
	c.rounds++
	c.most = max(c.most, power)
	return c.Circuit.Measure(ctx, power, shots)
}

func TestIterativeCost(t *testing.T) {
	c := &counted{Circuit: on(1, 0.03)}
	r, err := estimate.Iterative(t.Context(), c, estimate.IterativeOptions{HalfWidth: 1e-4})
	if err != nil || r.Queries != c.queries || r.Shots != c.shots || r.Rounds != c.rounds || r.LargestPower != c.most {
		t.Errorf("%+v, %v; measured were %+v", r, err, c)
	}
}

func TestIterativeBounds(t *testing.T) {
	capped := &counted{Circuit: on(1, 0.03)}
	r, err := estimate.Iterative(t.Context(), capped, estimate.IterativeOptions{HalfWidth: 1e-3, LargestPower: 4})
	if err != nil || !r.Reached || capped.most > 4 || !r.Contains(0.03) {
		t.Errorf("largest power 4: %+v, %v", r, err)
	}
	r, err = estimate.Iterative(t.Context(), on(1, 0.03), estimate.IterativeOptions{HalfWidth: 1e-6, MaxQueries: 5000})
	if err != nil || r.Reached || r.Queries > 5000 || r.Queries < 2000 || !r.Contains(0.03) {
		t.Errorf("at most 5000 queries: %+v, %v", r, err)
	}
	// Far from the level, a look or two decide; on it, the precision.
	far, err := estimate.Iterative(t.Context(), on(1, 0.3), estimate.IterativeOptions{HalfWidth: 1e-4, Level: 0.01})
	if err != nil || !far.Reached || far.Queries > 200 || far.Hull().Low <= 0.01 {
		t.Errorf("level 0.01: %+v, %v", far, err)
	}
	near, err := estimate.Iterative(t.Context(), on(1, 0.01), estimate.IterativeOptions{HalfWidth: 1e-4, Level: 0.01})
	if err != nil || !near.Reached || near.Hull().HalfWidth() > 1e-4 {
		t.Errorf("on the level: %+v, %v", near, err)
	}
}

// faulty returns too many ones, or an error.
type faulty struct{ err error }

func (f faulty) Measure(context.Context, int, int) (int, error) { return 101, f.err }

func TestIterativeRefuses(t *testing.T) {
	broken := errors.New("device offline")
	if _, err := estimate.Iterative(t.Context(), faulty{broken}, estimate.IterativeOptions{HalfWidth: 0.1}); !errors.Is(err, broken) {
		t.Errorf("%v, want the circuit's error", err)
	}
	if _, err := estimate.Iterative(t.Context(), faulty{}, estimate.IterativeOptions{HalfWidth: 0.1}); err == nil || !strings.Contains(err.Error(), "101 ones of 100 shots") {
		t.Errorf("%v, want the count refused", err)
	}
	for says, o := range map[string]estimate.IterativeOptions{
		"half-width 0":    {},
		"half-width 0.6":  {HalfWidth: 0.6},
		"half-width NaN":  {HalfWidth: math.NaN()},
		"confidence 1":    {HalfWidth: 0.1, Confidence: 1},
		"confidence -0.5": {HalfWidth: 0.1, Confidence: -0.5},
		"shots -1":        {HalfWidth: 0.1, Shots: -1},
		"level 2":         {HalfWidth: 0.1, Level: 2},
	} {
		if _, err := estimate.Iterative(t.Context(), on(1, 0.1), o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want %q", o, err, says)
		}
	}
}

// TestIterativeOnNoiseIsWrong is why noisy devices have another estimator.
func TestIterativeOnNoiseIsWrong(t *testing.T) {
	held := 0
	for i := range 200 {
		r, err := estimate.Iterative(t.Context(), noisy{0.05, 0.05, rng.New(uint64(i)).Stream()}, estimate.IterativeOptions{HalfWidth: 1e-3})
		if err != nil {
			t.Fatal(err)
		}
		if r.Contains(0.05) {
			held++
		}
	}
	if held > 100 {
		t.Errorf("%d of 200 intervals hold the truth under noise: has the estimator learned of it?", held)
	}
}

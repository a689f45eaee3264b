package egress

import (
	"crypto/sha256"
	"fmt"
	"io"
	"slices"

	"github.com/qrsrisk/qrsd/quantum/circuit"
)

// Schedule is what is asked of a device for one amplitude. There is no useful zero: Check refuses it.
type Schedule struct {
	Qubits int   // loss qubits n of every circuit, 1 to MaxQubits-1; a finer table is coarsened to 2^n bins
	Powers []int // of the Grover operator, rising, 0 to maxPower
	Shots  int   // of every circuit
	Twins  int   // calibration twins per power, 0 to maxTwins
}

const (
	maxPower = 64
	maxTwins = 8
)

// MaxCircuits and MaxShots bound one job and one of its circuits: beyond them no device takes it and no relay reads it.
const (
	MaxCircuits = 64
	MaxShots    = 100_000
)

// Check refuses a schedule that cannot be built, with field, value, reason and mend.
func (s Schedule) Check() error {
	switch {
	case s.Qubits < 1 || s.Qubits >= MaxQubits:
		return fmt.Errorf("loss qubits %d: circuits that leave have 1 to %d", s.Qubits, MaxQubits-1)
	case len(s.Powers) == 0:
		return fmt.Errorf("powers: none given; give powers of the Grover operator such as 0,1,2")
	case s.Powers[0] < 0 || s.Powers[len(s.Powers)-1] > maxPower:
		return fmt.Errorf("powers %v: give powers between 0 and %d", s.Powers, maxPower)
	case s.Shots < 1 || s.Shots > MaxShots:
		return fmt.Errorf("shots %d: give 1 to %d for every circuit", s.Shots, MaxShots)
	case s.Twins < 0 || s.Twins > maxTwins:
		return fmt.Errorf("twins %d: give 0 to %d for every power", s.Twins, maxTwins)
	}
	if n := len(s.Powers) * (1 + s.Twins); n > MaxCircuits {
		return fmt.Errorf("powers %v with %d twins each are %d circuits: a job has at most %d", s.Powers, s.Twins, n, MaxCircuits)
	}
	for i, p := range s.Powers[1:] {
		if p <= s.Powers[i] {
			return fmt.Errorf("powers %v: give each power once, in rising order", s.Powers)
		}
	}
	return nil
}

// Circuit is one circuit that leaves.
type Circuit struct {
	Source string   // OpenQASM 3, of the form that Check takes
	SHA256 [32]byte // of Source
	Power  int      // of the Grover operator; the count of gates tells it to whoever sees the source
	Shots  int
	Qubits int // loss qubits and the payoff's
	Gates  int
}

// Job is all that leaves for one amplitude: the circuit and its twins at every power, in random order. Nothing in it but the
// sources and shots goes to a device.
type Job struct {
	Circuits []Circuit
}

// Prepare builds the job of an amplitude and the secret that reads its answer.
//
// It coarsens the table to 2^n bins (the amplitude stays), relabels them by a random permutation, replaces the
// payoff by a random mix, puts twins beside, rounds every angle to 2^-16 turn and shuffles the circuits. All of
// it is a function of the table, the schedule and 32 bytes read from random, which must be fit for keys and fresh for every job:
// two jobs of one seed can be laid side by side.
//
// The mix is of the job and not of the circuit. The powers of a job speak of one amplitude; with
// a mix of their own each would narrow down, from outside, where it lies.
//
// Errors: a table or schedule that cannot be built, a failing random. A source that breaks the grammar is our own bug.
func Prepare(table circuit.Table, schedule Schedule, random io.Reader) (*Job, *Secret, error) {
	secret := new(Secret)
	if _, err := io.ReadFull(random, secret.seed[:]); err != nil {
		return nil, nil, fmt.Errorf("reading randomness for the circuits: %w", err)
	}
	job, err := secret.build(table, schedule)
	if err != nil {
		return nil, nil, err
	}
	return job, secret, nil
}

// build makes the job of the secret's seed and fills in the rest of the secret.
func (s *Secret) build(table circuit.Table, schedule Schedule) (*Job, error) {
	if err := schedule.Check(); err != nil {
		return nil, err
	}
	if err := table.Check(); err != nil {
		return nil, err
	}
	coarse, err := coarsen(table, schedule.Qubits)
	if err != nil {
		return nil, err
	}
	draws := newDraws(s.seed)
	s.mix = draws.mix()
	tables := []circuit.Table{disguise(coarse, s.mix, draws)}
	for range schedule.Twins {
		tables = append(tables, disguise(twin(coarse, draws), draws.mix(), draws))
	}
	job := new(Job)
	for _, power := range schedule.Powers {
		for i, t := range tables {
			c, err := compose(t, power, schedule.Shots)
			if err != nil {
				return nil, err
			}
			job.Circuits = append(job.Circuits, c)
			s.parts = append(s.parts, part{power: power, shots: schedule.Shots, twin: i > 0, amplitude: t.Amplitude()})
		}
	}
	order := draws.permutation(len(job.Circuits))
	job.Circuits, s.parts = rearranged(job.Circuits, order), rearranged(s.parts, order)
	return job, nil
}

// coarsen merges neighbouring bins to 2^n. A merged bin has the payoff's conditional mean: the amplitude stays.
func coarsen(t circuit.Table, n int) (circuit.Table, error) {
	have := t.Qubits()
	if have < n {
		return t, fmt.Errorf("loss qubits %d: the table has 2^%d bins; give at most %d", n, have, have)
	}
	width := 1 << (have - n)
	out := circuit.Table{P: make([]float64, 1<<n), F: make([]float64, 1<<n)}
	for i := range out.P {
		var p, pf, f float64
		for k := i * width; k < (i+1)*width; k++ {
			p += t.P[k]
			pf += float64(t.P[k] * t.F[k])
			f += t.F[k]
		}
		if out.P[i], out.F[i] = p, f/float64(width); p > 0 {
			out.F[i] = pf / p
		}
		out.F[i] = min(max(out.F[i], 0), 1)
	}
	return out, nil
}

// disguise relabels the bins and mixes the payoff.
func disguise(t circuit.Table, m mix, d *draws) circuit.Table {
	order := d.permutation(len(t.P))
	out := circuit.Table{P: rearranged(t.P, order), F: rearranged(t.F, order)}
	for i, f := range out.F {
		out.F[i] = m.send(f)
	}
	return out
}

// twin is a table of the same probabilities and the same payoffs, paired otherwise: it tells nothing that the circuit
// itself does not, and its amplitude is known. From outside it is a second candidate, no more: a payoff that
// rises with the loss can be told from one that does not by whoever knows how losses are binned.
func twin(t circuit.Table, d *draws) circuit.Table {
	return circuit.Table{P: t.P, F: rearranged(t.F, d.permutation(len(t.F)))}
}

// rearranged has at i the element order[i].
func rearranged[T any](s []T, order []int) []T {
	out := make([]T, len(s))
	for i, from := range order {
		out[i] = s[from]
	}
	return out
}

// compose writes the circuit of a table: canonical template, angles on the grid, held to grammar and template.
func compose(t circuit.Table, power, shots int) (Circuit, error) {
	program, err := circuit.Amplified(t, power)
	if err != nil {
		return Circuit{}, fmt.Errorf("building the circuit of power %d: %w", power, err)
	}
	program = program.Rounded()
	if err := template(program, t.Qubits(), power); err != nil {
		return Circuit{}, err
	}
	source := program.QASM()
	shape, err := Check(source)
	if err != nil {
		return Circuit{}, fmt.Errorf("building the circuit of power %d: %w", power, err)
	}
	return Circuit{
		Source: source, SHA256: sha256.Sum256([]byte(source)), Power: power, Shots: shots, Qubits: shape.Qubits, Gates: shape.Gates,
	}, nil
}

// template holds a program to the gates that n and the power alone decide: were one gate left out because its angle is
// zero, the layout would tell of the table.
func template(p *circuit.Program, n, power int) error {
	even := circuit.Table{P: make([]float64, 1<<n), F: make([]float64, 1<<n)}
	for i := range even.P {
		even.P[i], even.F[i] = 1/float64(int(1)<<n), 0.5
	}
	reference, err := circuit.Amplified(even, power)
	if err != nil {
		return fmt.Errorf("building the template of %d qubits, power %d: %w", n, power, err)
	}
	same := slices.EqualFunc(p.Gates, reference.Gates, func(a, b circuit.Gate) bool {
		a.Angle, b.Angle = 0, 0
		return a == b
	})
	if !same {
		return &GrammarError{0, "its gates are not those of the template; the layout would tell of the table"}
	}
	return nil
}

package simulator

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/circuit"
)

// Backend makes shots of experiments on the simulator. It is safe for many goroutines, and must not be copied after its first use.
//
// A shot is a function of the seed, the table, the power and the shot's number: shot s of a table at a power reads 1 where
// draw s of rng.New(Seed).Derive(table).Derive(power) lies below the probability. The Backend remembers how many shots
// of each it has made, so that later calls continue the row: 50 shots twice are the first 100, in whatever order
// experiments come. A new Backend with the same seed begins anew.
type Backend struct {
	Seed       uint64  // names the row of shots
	GateByGate bool    // run the gates of circuit.Amplified instead of the two reflections; slower, the same to 1e-12
	Options    Options // of Run, with GateByGate; its Memory counts for both ways

	mu   sync.Mutex
	made map[rng.Key]uint64 // shots made, by table and power; guarded by mu
}

// Measure runs the experiments and counts the shots whose objective read 1, one Outcome for each Experiment. It refuses a faulty
// table, a negative power, less than one shot or more than MaxShots, and what Options refuse, with the experiment's number; then no shot counts as made.
func (b *Backend) Measure(ctx context.Context, batch []circuit.Experiment) ([]circuit.Outcome, error) {
	probabilities := make([]float64, len(batch))
	for i, e := range batch {
		var err error
		if probabilities[i], err = b.probability(ctx, e); err != nil {
			return nil, fmt.Errorf("experiment %d of %d: %w", i+1, len(batch), err)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	outcomes := make([]circuit.Outcome, len(batch))
	for i, e := range batch {
		key := b.key(e)
		first := b.take(key, e.Shots)
		outcomes[i] = circuit.Outcome{Shots: e.Shots, Ones: ones(key, first, e.Shots, probabilities[i])}
	}
	return outcomes, nil
}

// MaxShots is the largest number of shots of one Experiment: they are drawn one by one, some two seconds for so many.
const MaxShots = 1_000_000_000

// probability is the objective's, by the way the Backend is set to.
func (b *Backend) probability(ctx context.Context, e circuit.Experiment) (float64, error) {
	if e.Shots < 1 || e.Shots > MaxShots {
		return 0, fmt.Errorf("%d shots: give 1 to %d", e.Shots, MaxShots)
	}
	if !b.GateByGate {
		return Probability(ctx, e.Table, e.Power, b.Options)
	}
	program, err := circuit.Amplified(e.Table, e.Power)
	if err != nil {
		return 0, err
	}
	state, err := Run(ctx, program, b.Options)
	if err != nil {
		return 0, err
	}
	return state.Probability(program.Qubits - 1), nil
}

// key names the row of shots of a table at a power.
func (b *Backend) key(e circuit.Experiment) rng.Key {
	k := rng.New(b.Seed)
	for i, p := range e.Table.P {
		k = k.Derive(math.Float64bits(p)).Derive(math.Float64bits(e.Table.F[i]))
	}
	return k.Derive(uint64(e.Power))
}

// take reserves the next shots of a row and returns the number of the first.
func (b *Backend) take(key rng.Key, shots int) (first uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.made == nil {
		b.made = map[rng.Key]uint64{}
	}
	first = b.made[key]
	b.made[key] = first + uint64(shots)
	return first
}

// ones counts the shots that read 1: a binomial number, exactly, shot by shot.
func ones(key rng.Key, first uint64, shots int, p float64) (n int) {
	for s := range uint64(shots) {
		if key.Float64(first+s) < p {
			n++
		}
	}
	return n
}

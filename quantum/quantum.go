// Package quantum puts a quantum amplitude estimate beside the tail figures of a loss distribution: the story of the panel
// that stands next to every run.
//
// A [Problem] is a distribution of annual losses in 2^n bins. [Estimate] asks it, for every return period, the probability of
// exceedance, the value and the tail value at risk, and the expected loss of the layer up to the next return
// period; it answers each by amplitude estimation on a [Backend], and sets beside the answer what it must be held against: the
// exact sum over the bins, the value without bins and so the error that binning makes, and what plain and stratified sampling
// give for the same effort. A [Report] is the panels of a run, as a file.
//
// # What this is not
//
// The bins are read off the losses before any circuit is made, and their sum is the answer. The panel is a check of a method
// and no source of information about risk; nothing of it enters a run's results. [Notice] says so to users, and
// docs/quantum.md at length.
//
// The package knows no portfolio, no file and no network: losses come as numbers, devices as a Backend.
//
// Begin with Estimate, then Problem.
package quantum

import (
	"context"
	"fmt"

	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/estimate"
)

// Notice stands with every panel.
const Notice = "A check of a method, not a source of information about risk: the circuits are computed from the loss distribution, whose exact sum stands beside. " +
	"Queries are counted, not timed: simulating them takes longer than the sum. Binning, sampling of years and the model's own error are not reduced."

// Backend runs experiments and returns an outcome for each, in their order. An error means that none is to be
// used. simulator.Backend implements it.
type Backend interface {
	Measure(ctx context.Context, batch []circuit.Experiment) ([]circuit.Outcome, error)
}

// Provenance says what a backend is.
type Provenance struct {
	Name      string `json:"name"` // for example "simulator"
	Simulated bool   `json:"simulated"`
	// Cost in USD that the provider charges for the panel; 0 on the simulator.
	Cost float64 `json:"cost_usd"`
}

// Options say how a panel is made.
type Options struct {
	Backend    Provenance // must have a name
	Seed       uint64     // of the classical sampling; the backend has its own
	Confidence float64    // of every interval; 0 = 0.95
	// Precision is the half-width of intervals asked for, relative to the probability or loss estimated; 0 = 0.05.
	Precision float64
}

func (o Options) complete() (Options, error) {
	if o.Confidence == 0 {
		o.Confidence = estimate.DefaultConfidence
	}
	if o.Precision == 0 {
		o.Precision = 0.05
	}
	switch {
	case o.Backend.Name == "":
		return o, fmt.Errorf("backend without a name: an estimate says where it was computed")
	case !(o.Confidence > 0 && o.Confidence < 1):
		return o, fmt.Errorf("confidence %v: not between 0 and 1; give for example 0.95", o.Confidence)
	case !(o.Precision >= 0.001 && o.Precision <= 1):
		return o, fmt.Errorf("precision %v: not between 0.001 and 1; give for example 0.05", o.Precision)
	}
	return o, nil
}

// Estimate answers every question of a problem on a noiseless backend, by iterative amplitude estimation. Noisy devices
// need a fixed schedule and estimate.NoiseAware instead.
//
// The same problem, options and backend (with its seed) give the same panel, bit for bit. Errors: a problem that Check
// refuses, options out of range, or the backend's.
func Estimate(ctx context.Context, p *Problem, backend Backend, o Options) (*Panel, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	r := &respondent{problem: p, backend: backend, options: o, alias: newAlias(p.Probabilities)}
	panel := &Panel{Name: p.Name, Qubits: p.Qubits, Seed: o.Seed, Backend: o.Backend, Confidence: o.Confidence, Precision: o.Precision,
		Problem: p, Omitted: p.Omitted}
	for i := range p.Periods {
		r.key = rng.New(o.Seed).Derive(uint64(i))
		for _, ask := range []func(context.Context, Period) (Answer, error){r.exceedance, r.valueAtRisk, r.tailValueAtRisk, r.layer} {
			a, err := ask(ctx, p.Periods[i])
			if err != nil {
				return nil, fmt.Errorf("%s, return period %v: %w", p.Name, p.Periods[i].ReturnPeriod, err)
			}
			panel.Answers = append(panel.Answers, a)
		}
	}
	return panel, nil
}

// respondent answers the questions of one problem.
type respondent struct {
	problem *Problem
	backend Backend
	options Options
	alias   *alias
	key     rng.Key // of the classical draws of the period in hand
}

// measured is a table on a backend, as the estimators want it.
type measured struct {
	backend Backend
	table   circuit.Table
}

// Measure implements estimate.Circuit.
func (m measured) Measure(ctx context.Context, power, shots int) (int, error) {
	out, err := m.backend.Measure(ctx, []circuit.Experiment{{Table: m.table, Power: power, Shots: shots}})
	if err != nil {
		return 0, err
	}
	if len(out) != 1 || out[0].Shots != shots {
		return 0, fmt.Errorf("the backend returned %d outcomes for one experiment of %d shots", len(out), shots)
	}
	return out[0].Ones, nil
}

// amplitude estimates one to an absolute half-width, with a permitted error of miss. level as in
// estimate.IterativeOptions. The cost is added to e.
func (r *respondent) amplitude(ctx context.Context, e *Estimated, a Amplitude, halfWidth, miss, level float64) (*estimate.Result, error) {
	result, err := estimate.Iterative(ctx, measured{r.backend, a.Table}, estimate.IterativeOptions{
		HalfWidth: min(max(halfWidth, leastHalfWidth), 0.5), Confidence: 1 - miss, Level: level,
	})
	if err != nil {
		return nil, err
	}
	e.Amplitudes++
	e.Queries += result.Queries
	e.Shots += result.Shots
	e.LargestPower = max(e.LargestPower, result.LargestPower)
	e.Reached = e.Reached && result.Reached
	return result, nil
}

// leastHalfWidth keeps the powers below ten million.
const leastHalfWidth = 1e-7

// miss is the permitted error of an answer.
func (r *respondent) miss() float64 { return 1 - r.options.Confidence }

// exceedance answers: with which probability is a year's loss at least the loss of the return period?
func (r *respondent) exceedance(ctx context.Context, t Period) (Answer, error) {
	q := r.problem.Exceedance(t.Bin)
	a := r.answer(ExceedanceProbability, t, q.Exact(), t.Exceedance)
	result, err := r.amplitude(ctx, &a.Estimate, q, r.options.Precision/t.ReturnPeriod, r.miss(), 0)
	if err != nil {
		return a, err
	}
	i := result.Hull()
	a.Estimate.set(result.Amplitude, i.Low, i.High)
	r.compare(&a, func(d draws) Sampled { return d.exceedance(t.Bin, r.miss()) })
	return a, nil
}

// layer answers: what does a layer from this return period's loss to the next one's cost in a year, on average?
func (r *respondent) layer(ctx context.Context, t Period) (Answer, error) {
	q := r.problem.Layer(t.Loss, t.Limit)
	a := r.answer(ExpectedLayerLoss, t, q.Exact(), t.LayerLoss)
	a.Attachment, a.Limit = &t.Loss, &t.Limit
	if !(t.Limit > 0) {
		return a.certain(0), nil
	}
	result, err := r.amplitude(ctx, &a.Estimate, q, float64(r.options.Precision*(t.LayerLoss/t.Limit)), r.miss(), 0)
	if err != nil {
		return a, err
	}
	i := result.Hull()
	a.Estimate.set(q.Value(result.Amplitude), q.Value(i.Low), q.Value(i.High))
	r.compare(&a, func(d draws) Sampled { return d.mean(q, r.miss()) })
	return a, nil
}

// tailValueAtRisk answers: how large is the mean of the largest years, of which there is one in the return period? It is the edge
// at the return period's loss and, beyond it, the mean excess over the chance of one in the return period, which is known: one amplitude. Where
// several years have that very loss, the run's tables take as many of them as belong to the largest, and so does this; the mean given that the
// loss is reached would take all (R. T. Rockafellar, S. Uryasev, Journal of Banking and Finance 26 (2002) 1443, proposition 5).
func (r *respondent) tailValueAtRisk(ctx context.Context, t Period) (Answer, error) {
	p, q := r.problem, r.problem.Excess(t.Bin)
	a := r.answer(TailValueAtRisk, t, p.tail(t, q.Table.Amplitude()), t.TVaR)
	if q.Scale == 0 {
		return a.certain(p.Edges[t.Bin]), nil
	}
	result, err := r.amplitude(ctx, &a.Estimate, q, float64(r.options.Precision*q.Table.Amplitude()), r.miss(), 0)
	if err != nil {
		return a, err
	}
	i := result.Hull()
	a.Estimate.set(p.tail(t, result.Amplitude), p.tail(t, i.Low), p.tail(t, i.High))
	r.compare(&a, func(d draws) Sampled { return d.tail(p, t, r.miss()) })
	return a, nil
}

// tail is the tail value at risk that an amplitude of the excess gives; a mean is not above the largest value.
func (p *Problem) tail(t Period, excess float64) float64 {
	q := p.Excess(t.Bin)
	return p.Edges[t.Bin] + min(q.Scale, float64(float64(q.Scale*excess)*t.ReturnPeriod))
}

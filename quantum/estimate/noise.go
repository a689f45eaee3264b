package estimate

import (
	"fmt"
	"math"
	"slices"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// InconsistentError says that the noise model does not explain the counts: there is no estimate.
type InconsistentError struct {
	Fit Fit
}

// Error names the test and its outcome.
func (e *InconsistentError) Error() string {
	return fmt.Sprintf("hardware inconsistent with model; no estimate: chi-square %.1f on %d degrees of freedom has probability %.2g, below %g",
		e.Fit.ChiSquare, e.Fit.DegreesOfFreedom, e.Fit.Probability, e.Fit.Gate)
}

// NoiseModel is what a fit supposed of the noise.
type NoiseModel string

// The noise models, in the order of how little they suppose. K is 2k+1.
const (
	// NoiseFree: offset and contrast are free at each power, P = b + c sin^2(K theta). Needs at each power twins of at least
	// two different amplified probabilities.
	NoiseFree NoiseModel = "offset and contrast at each power"
	// NoiseContrast: the contrast is free at each power, the offset that of depolarising, b = (1-c)/2. Needs
	// a twin at each power.
	NoiseContrast NoiseModel = "contrast at each power"
	// NoiseDecay: one rate for all powers, P = 1/2 + (sin^2(K theta) - 1/2) exp(-rate K). Needs no twin, and knows least.
	NoiseDecay NoiseModel = "one decay rate"
)

// Level is the noise fitted at one power: P = Offset + Contrast sin^2((2 Power+1) theta).
type Level struct {
	Power    int     `json:"power"`
	Offset   float64 `json:"offset"`
	Contrast float64 `json:"contrast"`
}

// Fit is how well a noise model explains the counts.
type Fit struct {
	Model  NoiseModel `json:"model"`
	Levels []Level    `json:"levels"` // by power
	// ChiSquare is Pearson's statistic of all counts at the fit; Probability that of a larger one if the model
	// holds; Gate the probability below which there is no estimate.
	ChiSquare        float64 `json:"chi_square"`
	DegreesOfFreedom int     `json:"degrees_of_freedom"`
	Probability      float64 `json:"probability"`
	Gate             float64 `json:"gate"`
	// Widening is the factor by which misfit widens the log likelihood ratio's threshold, at least 1.
	Widening float64 `json:"widening"`
}

// FitGate is the probability of a fit below which there is no estimate.
const FitGate = 0.01

// NoiseAware estimates an amplitude from counts of a noisy device at a fixed schedule of powers, with the noise fitted to the
// same counts by the most general model that the twins among them allow (see NoiseModel). The interval inverts the
// profile likelihood ratio: for each angle the noise is fitted anew. Its threshold is multiplied by
// max(1, chi-square / degrees of freedom), as for over-dispersed counts (P. McCullagh, J. A. Nelder,
// Generalized Linear Models, 1989, §4.5), because noise is never quite what a model says.
//
// Errors: observations out of range, fewer powers than the fit can be tested with (two, or three without twins), or
// *InconsistentError where the counts contradict the model.
func NoiseAware(observations []Observation, o LikelihoodOptions) (*Result, *Fit, error) {
	o, err := o.complete()
	if err != nil {
		return nil, nil, err
	}
	r := &Result{Confidence: o.Confidence, Reached: true}
	if err := r.take(observations); err != nil {
		return nil, nil, err
	}
	m := newNoisy(observations)
	dof := len(observations) - 1 - m.parameters()
	if dof < 1 || len(m.powers) == 0 {
		return nil, nil, fmt.Errorf("%d counts at %d powers leave nothing to test the noise model (%s) with: measure at more powers", len(observations), len(m.powers), m.model)
	}
	points := gridPoints(observations)
	r.fit(m.profile, points, o.Threshold)
	fit := m.assess(angle(r.Amplitude), dof)
	if fit.Probability < FitGate {
		return nil, &fit, &InconsistentError{fit}
	}
	if fit.Widening > 1 {
		r.Intervals = nil
		r.fit(m.profile, points, float64(o.Threshold*fit.Widening))
	}
	return r, &fit, nil
}

// noisy are the counts with a model of their noise.
type noisy struct {
	model  NoiseModel
	powers []int           // ascending, those of the circuit itself
	counts [][]Observation // by power, the circuit's own and the twins'
}

func newNoisy(observations []Observation) *noisy {
	m := &noisy{model: NoiseFree}
	for _, o := range observations {
		if o.Twin == nil && !slices.Contains(m.powers, o.Power) {
			m.powers = append(m.powers, o.Power)
		}
	}
	slices.Sort(m.powers)
	for _, k := range m.powers {
		var here []Observation
		var twins []float64
		for _, o := range observations {
			if o.Power == k {
				here = append(here, o)
			}
			if o.Power == k && o.Twin != nil {
				twins = append(twins, probability(k, angle(*o.Twin)))
			}
		}
		m.counts = append(m.counts, here)
		switch {
		case len(twins) == 0:
			m.model = NoiseDecay
		case m.model == NoiseFree && slices.Max(twins)-slices.Min(twins) < leastSpread:
			m.model = NoiseContrast
		}
	}
	return m
}

// leastSpread is how far the amplified probabilities of twins must lie apart for offset and contrast to be told from
// one another.
const leastSpread = 0.2

// parameters of the noise, beside the angle.
func (m *noisy) parameters() int {
	switch m.model {
	case NoiseFree:
		return 2 * len(m.powers)
	case NoiseContrast:
		return len(m.powers)
	}
	return 1
}

// profile is the log likelihood of an angle at the noise that suits it best.
func (m *noisy) profile(theta float64) float64 {
	if m.model == NoiseDecay {
		_, value := m.decay(theta)
		return value
	}
	sum := 0.0
	for i := range m.powers {
		_, value := m.level(i, theta)
		sum += value
	}
	return sum
}

// levels are the noise that suits an angle best.
func (m *noisy) levels(theta float64) []Level {
	levels := make([]Level, len(m.powers))
	rate := 0.0
	if m.model == NoiseDecay {
		rate, _ = m.decay(theta)
	}
	for i, k := range m.powers {
		if m.model == NoiseDecay {
			levels[i] = depolarised(k, fmath.Exp(-float64(rate*float64(2*k+1))))
		} else {
			levels[i], _ = m.level(i, theta)
		}
	}
	return levels
}

// depolarised is the noise that mixes a share 1-contrast of fair coin throws in.
func depolarised(power int, contrast float64) Level {
	return Level{power, float64((1 - contrast) / 2), contrast}
}

// value is the log likelihood of the counts at power i under a noise level.
func (m *noisy) value(i int, l Level, theta float64) float64 {
	sum := 0.0
	for _, o := range m.counts[i] {
		sum += binomial(o.Ones, o.Shots, l.expect(o, theta))
	}
	return sum
}

// expect is the probability of a one.
func (l Level) expect(o Observation, theta float64) float64 {
	if o.Twin != nil {
		theta = angle(*o.Twin)
	}
	return l.Offset + float64(l.Contrast*probability(l.Power, theta))
}

// level is the noise at power i that suits an angle best. With low and high, the probabilities of a one where the noiseless circuit
// gives 0 and 1, every expectation is linear in each: the log likelihood is concave, and climbing along
// one after the other in the square [0,1] x [0,1] leads to its maximum.
func (m *noisy) level(i int, theta float64) (Level, float64) {
	k := m.powers[i]
	shares := make([]float64, len(m.counts[i]))
	for j, o := range m.counts[i] {
		shares[j] = Level{k, 0, 1}.expect(o, theta)
	}
	var l Level
	if m.model == NoiseContrast {
		l = depolarised(k, highest(m.counts[i], func(j int) (float64, float64) { return 0.5, shares[j] - 0.5 }))
		return l, m.value(i, l, theta)
	}
	low, high := 0.0, 1.0
	for range 200 {
		was := low + high
		low = highest(m.counts[i], func(j int) (float64, float64) { return float64(high * shares[j]), 1 - shares[j] })
		high = highest(m.counts[i], func(j int) (float64, float64) { return float64(low * (1 - shares[j])), shares[j] })
		if math.Abs(low+high-was) < 1e-10 {
			break
		}
	}
	l = Level{k, low, high - low}
	return l, m.value(i, l, theta)
}

// highest is the x in [0, 1] at which the log likelihood of counts with expectations from + x slope is largest: where its
// falling derivative changes sign, by Newton's method kept in a bracket by bisection.
func highest(counts []Observation, line func(j int) (from, slope float64)) float64 {
	low, high, x := 0.0, 1.0, 0.5
	for range 60 {
		rise, bend := 0.0, 0.0
		for j, o := range counts {
			from, slope := line(j)
			p := min(max(from+float64(x*slope), leastProbability), 1-leastProbability)
			one, zero := float64(o.Ones)/p, float64(o.Shots-o.Ones)/(1-p)
			rise += float64((one - zero) * slope)
			bend += float64((one/p + zero/(1-p)) * float64(slope*slope))
		}
		if rise > 0 {
			low = x
		} else {
			high = x
		}
		next := x + rise/bend
		if !(next > low && next < high) {
			next = float64((low + high) / 2)
		}
		if math.Abs(next-x) < 1e-12 {
			return next
		}
		x = next
	}
	return x
}

// mostDecay bounds the rate per query: beyond it one application of A leaves 2 % of contrast.
const mostDecay = 4

// decay is the rate that suits an angle best, looked for on 24 steps of a square scale and refined.
func (m *noisy) decay(theta float64) (rate, value float64) {
	f := func(root float64) float64 {
		sum := 0.0
		for i, k := range m.powers {
			sum += m.value(i, depolarised(k, fmath.Exp(-float64(float64(root*root)*float64(2*k+1)))), theta)
		}
		return sum
	}
	const steps = 24
	step := math.Sqrt(mostDecay) / steps
	best, at := math.Inf(-1), 0
	for i := range steps + 1 {
		if v := f(float64(float64(i) * step)); v > best {
			best, at = v, i
		}
	}
	root, value := climb(f, float64(float64(max(at-1, 0))*step), float64(float64(min(at+1, steps))*step))
	if best > value {
		root, value = float64(float64(at)*step), best
	}
	return float64(root * root), value
}

// assess is the goodness of fit at an angle.
func (m *noisy) assess(theta float64, dof int) Fit {
	fit := Fit{Model: m.model, Levels: m.levels(theta), DegreesOfFreedom: dof, Gate: FitGate}
	for i := range m.powers {
		for _, o := range m.counts[i] {
			p := min(max(fit.Levels[i].expect(o, theta), leastProbability), 1-leastProbability)
			n := float64(o.Shots)
			miss := float64(o.Ones) - float64(n*p)
			fit.ChiSquare += miss * miss / (n * p * (1 - p))
		}
	}
	fit.Probability = chiSquareSurvival(dof, fit.ChiSquare)
	fit.Widening = max(1, fit.ChiSquare/float64(dof))
	return fit
}

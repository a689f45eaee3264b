// Package estimate turns counts of measured shots into an amplitude with an interval.
//
// A circuit A prepares sqrt(1-a)|..0> + sqrt(a)|..1> with a = sin^2 theta; after A and k Grover
// iterations its objective qubit is 1 with probability sin^2((2k+1) theta). An [Observation] is what came of
// measuring that circuit some number of times. Three estimators:
//
//   - [Iterative] chooses the next power from what it has seen. For exact simulators only: on a noisy device
//     its interval is wrong without any sign of it.
//   - [MaximumLikelihood] takes a fixed schedule of powers, without noise.
//   - [NoiseAware] takes a fixed schedule and fits the noise with it, best with calibration twins: circuits of
//     the same gates whose amplitude is known. It refuses counts that its model does not explain.
//
// The cost of a measurement is counted in queries: applications of A or its inverse, 2k+1 for each shot.
//
// Not here: circuits, simulators, devices, and what an amplitude means in money (package quantum).
//
// Begin with Result.
package estimate

import (
	"fmt"
	"math"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// DefaultConfidence is that of every interval unless an option says otherwise.
const DefaultConfidence = 0.95

// Interval is a closed range of amplitudes, 0 <= Low <= High <= 1.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// HalfWidth is half the distance of the ends.
func (i Interval) HalfWidth() float64 { return float64((i.High - i.Low) / 2) }

// Contains says whether a lies in the range.
func (i Interval) Contains(a float64) bool { return i.Low <= a && a <= i.High }

// Result is an estimated amplitude and what it cost.
type Result struct {
	// Amplitude is the point estimate, in [0, 1].
	Amplitude float64
	// Intervals hold the amplitude with the stated confidence, taken together. They are disjoint and
	// ascending; there is more than one where separate ranges explain the counts about as well as one another.
	Intervals  []Interval
	Confidence float64

	Queries      int // applications of A or its inverse, those of calibration twins included
	OwnQueries   int // of Queries, those in circuits of the amplitude sought itself
	Shots        int
	LargestPower int // most Grover iterations in one circuit
	Rounds       int // measurements asked for, each a number of shots at one power
	// Reached says that the estimate is as precise as was asked (Iterative; the others take what they are given).
	Reached bool
}

// Hull is the smallest range that holds all intervals.
func (r *Result) Hull() Interval {
	return Interval{r.Intervals[0].Low, r.Intervals[len(r.Intervals)-1].High}
}

// Contains says whether a lies in one of the intervals.
func (r *Result) Contains(a float64) bool {
	for _, i := range r.Intervals {
		if i.Contains(a) {
			return true
		}
	}
	return false
}

// count adds a measurement to the cost.
func (r *Result) count(power, shots int) {
	r.Rounds++
	r.Shots += shots
	r.Queries += shots * (2*power + 1)
	r.OwnQueries += shots * (2*power + 1)
	r.LargestPower = max(r.LargestPower, power)
}

// Observation is what came of measuring one circuit: A and Power Grover iterations, Shots times, of which the
// objective qubit was 1 Ones times.
type Observation struct {
	Power, Shots, Ones int
	// Twin is nil for the circuit whose amplitude is sought. A calibration twin has the same gates in the same
	// places with other angles, so that its amplitude is known; it tells what the noise does at its power.
	Twin *float64
}

// check names what is wrong with observation i.
func (o Observation) check(i int) error {
	switch {
	case o.Power < 0 || o.Power > maxPower:
		return fmt.Errorf("observation %d: power %d is outside 0 … %d", i, o.Power, maxPower)
	case o.Shots < 1:
		return fmt.Errorf("observation %d: %d shots; at least 1 is needed", i, o.Shots)
	case o.Ones < 0 || o.Ones > o.Shots:
		return fmt.Errorf("observation %d: %d ones of %d shots", i, o.Ones, o.Shots)
	case o.Twin != nil && !(*o.Twin >= 0 && *o.Twin <= 1):
		return fmt.Errorf("observation %d: the twin's amplitude %v is outside 0 … 1", i, *o.Twin)
	}
	return nil
}

// maxPower bounds the powers of a fixed schedule: the likelihood is searched on 60 points per period.
const maxPower = 10_000

// confidence is c or the default; an error where it is neither 0 nor between 0 and 1.
func confidence(c float64) (float64, error) {
	if c == 0 {
		return DefaultConfidence, nil
	}
	if !(c > 0 && c < 1) {
		return 0, fmt.Errorf("confidence %v: not between 0 and 1; give for example 0.95", c)
	}
	return c, nil
}

// probability is sin^2((2k+1) theta).
func probability(power int, theta float64) float64 {
	s := fmath.Sin(float64(float64(2*power+1) * theta))
	return float64(s * s)
}

// angle is the theta in [0, pi/2] with sin^2 theta = a.
func angle(a float64) float64 { return fmath.Asin(math.Sqrt(min(max(a, 0), 1))) }

// amplitude is sin^2 theta.
func amplitude(theta float64) float64 { return probability(0, theta) }

package estimate

import (
	"context"
	"fmt"
	"math"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// Circuit is a circuit that can be measured. Measure runs A and power Grover iterations shots times and says how
// often the objective qubit was 1. Its error ends the estimate.
type Circuit interface {
	Measure(ctx context.Context, power, shots int) (ones int, err error)
}

// IterativeOptions say how precise an estimate shall be.
type IterativeOptions struct {
	HalfWidth    float64 // of the interval of the amplitude, above 0 and at most 0.5; must be given
	Confidence   float64 // 0 = DefaultConfidence
	Shots        int     // of one look; 0 = 100
	LargestPower int     // Grover iterations of one circuit at most; 0 = as many as the precision takes
	MaxQueries   int     // stop, without having reached the precision, before this many; 0 = 1e9
	// Level, if above 0, is an amplitude that the answer is held against: the estimate stops as soon as the interval
	// lies on one side of it, however wide it is. Reached is then true.
	Level float64
}

func (o IterativeOptions) complete() (IterativeOptions, error) {
	var err error
	if o.Confidence, err = confidence(o.Confidence); err != nil {
		return o, err
	}
	switch {
	case !(o.HalfWidth > 1e-9 && o.HalfWidth <= 0.5):
		return o, fmt.Errorf("half-width %v: not between 1e-9 and 0.5; give the precision wanted of the amplitude", o.HalfWidth)
	case o.Shots < 0 || o.LargestPower < 0 || o.MaxQueries < 0:
		return o, fmt.Errorf("shots %d, largest power %d, most queries %d: none may be below 0", o.Shots, o.LargestPower, o.MaxQueries)
	case !(o.Level >= 0 && o.Level <= 1):
		return o, fmt.Errorf("level %v: not an amplitude between 0 and 1", o.Level)
	}
	if o.Shots == 0 {
		o.Shots = 100
	}
	if o.MaxQueries == 0 {
		o.MaxQueries = 1e9
	}
	return o, nil
}

// Iterative estimates an amplitude by iterative amplitude estimation (D. Grinko, J. Gacon, C. Zoufal, S. Woerner,
// npj Quantum Information 7 (2021) 52): each stage measures at a power at which the interval so far leaves one
// branch of sin^2, and cuts the interval by Clopper and Pearson's for the count.
//
// Three things differ from the paper and its well-known implementation:
//
//   - It stops on the half-width of the amplitude, not of the angle: in a tail the angle is wanted far less precisely.
//   - It takes the smallest power that is expected to suffice, not the largest that is unambiguous.
//   - The permitted error is spent over stages, the later the more, and over looks within a stage (a share
//     6/(pi l)^2 of the stage's for its look l), so that the interval holds with its confidence although the number of looks
//     depends on what was seen. There are at most 1 + log2(pi/(4 HalfWidth)) stages, as each at least doubles 2k+1.
//
// It assumes noiseless circuits. Errors: options out of range, or the circuit's.
func Iterative(ctx context.Context, c Circuit, o IterativeOptions) (*Result, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	s := &search{options: o, theta: turn{0, math.Pi / 2}, factor: 1, result: &Result{Confidence: o.Confidence}}
	s.last = s.stages()
	for !s.done() {
		s.advance()
		if s.result.Queries+o.Shots*s.factor > o.MaxQueries {
			break
		}
		power := (s.factor - 1) / 2
		ones, err := c.Measure(ctx, power, o.Shots)
		if err != nil {
			return nil, fmt.Errorf("measuring %d shots after %d Grover iterations: %w", o.Shots, power, err)
		}
		if ones < 0 || ones > o.Shots {
			return nil, fmt.Errorf("measuring after %d Grover iterations: %d ones of %d shots", power, ones, o.Shots)
		}
		s.see(ones)
	}
	return s.finish(), nil
}

// turn is a range of angles in [0, pi/2].
type turn struct{ low, high float64 }

// search is the state of Iterative.
type search struct {
	options IterativeOptions
	theta   turn // where the angle is
	factor  int  // 2k+1 of this stage
	look    int  // looks taken in this stage
	shots   int  // of this stage
	ones    int
	stage   int // counted from 0
	last    int // stages at most
	result  *Result
}

// stages bounds the number of stages: one begins only while the interval of the angle is wider than twice the
// half-width asked for the amplitude, whose derivative by the angle is at most 1; then 2k+1 < pi/(4 half-width).
func (s *search) stages() int {
	n := 1
	for f := 2.0; f <= math.Pi/(4*s.options.HalfWidth); f *= 2 {
		n++
	}
	return n
}

func (s *search) interval() Interval {
	return Interval{amplitude(s.theta.low), amplitude(s.theta.high)}
}

func (s *search) done() bool {
	i := s.interval()
	decided := s.options.Level > 0 && !i.Contains(s.options.Level)
	return decided || i.HalfWidth() <= s.options.HalfWidth
}

// advance begins a new stage if the interval allows a factor at least twice as large.
func (s *search) advance() {
	if s.look == 0 {
		return
	}
	if next := s.next(); next > s.factor {
		s.factor, s.look, s.shots, s.ones = next, 0, 0, 0
		s.stage++
	}
}

// next is the odd factor of the next stage, or this one's. Factors for which all of the interval lies in one
// branch are candidates: the least that is expected to give the precision with one look, else the largest.
func (s *search) next() int {
	largest := int(math.Floor(math.Pi / 2 / (s.theta.high - s.theta.low)))
	if s.options.LargestPower > 0 {
		largest = min(largest, 2*s.options.LargestPower+1)
	}
	least := (2 * s.factor) | 1
	wanted := max(least, s.enough())
	for f := wanted; f <= largest; f += 2 {
		if s.oneBranch(f) {
			return f
		}
	}
	for f := min(wanted-2, (largest-1)|1); f >= least; f -= 2 {
		if s.oneBranch(f) {
			return f
		}
	}
	return s.factor
}

// enough is the odd factor at which one look is expected to give the half-width: the count's relative to its
// probability is at most z/(2 sqrt N) in the angle, divided by the factor.
func (s *search) enough() int {
	z := fmath.NormQuantile(1 - float64(s.lookMiss(s.stage+1, 1)/2))
	slope := 1.0 // of the amplitude by the angle, sin(2 theta), at its largest in the interval
	if s.theta.high < math.Pi/4 || s.theta.low > math.Pi/4 {
		slope = max(fmath.Sin(2*s.theta.low), fmath.Sin(2*s.theta.high))
	}
	f := 1.1 * z * slope / (2 * s.options.HalfWidth * math.Sqrt(float64(s.options.Shots)))
	return int(min(math.Ceil(f), 1e9)) | 1
}

// oneBranch says whether sin^2(factor theta) is monotone over the interval.
func (s *search) oneBranch(factor int) bool {
	f := float64(factor)
	return branch(f*s.theta.low, math.Floor) == branch(f*s.theta.high, math.Ceil)-1
}

// branch counts quarter turns.
func branch(angle float64, round func(float64) float64) int { return int(round(angle / (math.Pi / 2))) }

// lookMiss is the permitted error of a look, counted from 1: all looks of all stages together spend 1 - Confidence.
// A stage's share grows with its number, because an early miss leads far astray and is cheap to avoid.
func (s *search) lookMiss(stage, look int) float64 {
	share := float64(stage+1) / (float64(s.last) * float64(s.last+1) / 2)
	return (1 - s.options.Confidence) * share * 6 / (math.Pi * math.Pi * float64(look) * float64(look))
}

// see takes in the count of one look.
func (s *search) see(ones int) {
	s.look++
	s.shots += s.options.Shots
	s.ones += ones
	s.result.count((s.factor-1)/2, s.options.Shots)
	p := ClopperPearson(s.ones, s.shots, s.lookMiss(s.stage, s.look))
	f := float64(s.factor)
	// The middle: rounding cannot put it on a neighbouring branch.
	j := branch(f*float64((s.theta.low+s.theta.high)/2), math.Floor)
	low, high := angle(p.Low), angle(p.High)
	if j%2 == 1 {
		low, high = math.Pi/2-high, math.Pi/2-low
	}
	start := float64(float64(j) * (math.Pi / 2))
	cut := turn{max(s.theta.low, (start+low)/f), min(s.theta.high, (start+high)/f)}
	if cut.low > cut.high {
		// This interval or an earlier one missed, as happens no oftener than was permitted: the later one stands.
		cut = turn{max(0, (start+low)/f), min(math.Pi/2, (start+high)/f)}
	}
	s.theta = cut
}

func (s *search) finish() *Result {
	i := s.interval()
	s.result.Amplitude = i.Low + i.HalfWidth()
	s.result.Intervals = []Interval{i}
	s.result.Reached = s.done()
	return s.result
}

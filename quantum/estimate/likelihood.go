package estimate

import (
	"fmt"
	"math"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// LikelihoodOptions say how an interval is made from a likelihood.
type LikelihoodOptions struct {
	Confidence float64 // 0 = DefaultConfidence
	// Threshold of twice the log likelihood ratio within which an angle belongs to the interval; 0 = the quantile of
	// chi-square with one degree of freedom at 1 - 0.6 (1-Confidence), 4.7 for 95 %.
	Threshold float64
}

// calibration is the share of the permitted error for which the chi-square quantile is taken. The distribution of the
// likelihood ratio is chi-square's for many shots only: with its own quantile (a share of 1) the intervals of a nominal 95 %
// hold the truth in as few as 93.3 % of 1,000 repetitions at some amplitudes and schedules. The share was chosen
// so that every row of the coverage study (make qae-study) is at least nominal.
const calibration = 0.6

func (o LikelihoodOptions) complete() (LikelihoodOptions, error) {
	var err error
	if o.Confidence, err = confidence(o.Confidence); err != nil {
		return o, err
	}
	if !(o.Threshold >= 0 && o.Threshold <= math.MaxFloat64) {
		return o, fmt.Errorf("threshold %v: not a number of at least 0", o.Threshold)
	}
	if o.Threshold == 0 {
		o.Threshold = chiSquareQuantile1(1 - float64(calibration*(1-o.Confidence)))
	}
	return o, nil
}

// MaximumLikelihood estimates an amplitude from counts at a fixed schedule of powers, without noise (Y. Suzuki
// and others, Quantum Information Processing 19 (2020) 75). The interval inverts the likelihood ratio
// on a grid of angles, refined at its ends; Fisher's information is not used, as its interval holds the truth too
// seldom. Where separate angles explain the counts about as well there are several intervals.
//
// Errors: no observation, counts out of range, or a twin among them: those are for NoiseAware.
func MaximumLikelihood(observations []Observation, o LikelihoodOptions) (*Result, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	r := &Result{Confidence: o.Confidence, Reached: true}
	if err := r.take(observations); err != nil {
		return nil, err
	}
	for i, x := range observations {
		if x.Twin != nil {
			return nil, fmt.Errorf("observation %d is of a calibration twin: estimate with NoiseAware", i)
		}
	}
	r.fit(func(theta float64) float64 { return logLikelihood(observations, theta) }, gridPoints(observations), o.Threshold)
	return r, nil
}

// take checks the observations and adds up their cost.
func (r *Result) take(observations []Observation) error {
	if len(observations) == 0 {
		return fmt.Errorf("no observation: at least one count is needed")
	}
	for i, o := range observations {
		if err := o.check(i); err != nil {
			return err
		}
		r.count(o.Power, o.Shots)
		if o.Twin != nil {
			r.OwnQueries -= o.Shots * (2*o.Power + 1)
		}
	}
	return nil
}

// logLikelihood is that of the counts at an angle, up to a constant.
func logLikelihood(observations []Observation, theta float64) float64 {
	sum := 0.0
	for _, o := range observations {
		sum += binomial(o.Ones, o.Shots, probability(o.Power, theta))
	}
	return sum
}

// leastProbability keeps logarithms finite where rounding alone says that something cannot happen.
const leastProbability = 1e-15

// binomial is the log likelihood of a count at probability p, less its binomial coefficient.
func binomial(ones, shots int, p float64) float64 {
	p = min(max(p, leastProbability), 1-leastProbability)
	return float64(float64(ones)*fmath.Log(p)) + float64(float64(shots-ones)*fmath.Log1p(-p))
}

// gridPoints is how many steps the angles 0 … pi/2 are searched in: 60 for each unit of the largest factor, which is 60
// in each branch of its sin^2.
func gridPoints(observations []Observation) int {
	factor := 1
	for _, o := range observations {
		factor = max(factor, 2*o.Power+1)
	}
	return 60 * factor
}

// fit finds the largest value of a log likelihood over the angles and the ranges where twice its distance from
// there is within the threshold.
func (r *Result) fit(f func(theta float64) float64, points int, threshold float64) {
	step := math.Pi / 2 / float64(points)
	grid := make([]float64, points+1)
	top, best := 0.0, math.Inf(-1)
	for i := range grid {
		grid[i] = f(float64(float64(i) * step))
	}
	for i := range grid {
		// Each peak of the grid is climbed: the highest may lie beside a lower point.
		if i > 0 && grid[i-1] > grid[i] || i < points && grid[i+1] > grid[i] {
			continue
		}
		theta, value := climb(f, float64(float64(max(i-1, 0))*step), float64(float64(min(i+1, points))*step))
		if grid[i] >= value {
			theta, value = float64(float64(i)*step), grid[i]
		}
		if value > best {
			top, best = theta, value
		}
	}
	r.Amplitude = amplitude(top)
	r.ranges(f, grid, step, best-float64(threshold/2), top)
}

// ranges collects where f >= least, as intervals of the amplitude; top is an angle where it surely is.
func (r *Result) ranges(f func(float64) float64, grid []float64, step, least, top float64) {
	inside := func(theta float64) bool { return f(theta) >= least }
	// The grid and the top, in order: the highest peak may be narrower than a step.
	angles := make([]float64, 0, len(grid)+1)
	for i := range grid {
		theta := float64(float64(i) * step)
		if before := float64(float64(i-1) * step); i > 0 && before < top && top < theta {
			angles = append(angles, top)
		}
		angles = append(angles, theta)
	}
	var low float64
	in := false
	for i, theta := range angles {
		now := theta == top || inside(theta)
		switch {
		case now && !in && i == 0:
			low = theta
		case now && !in:
			low = border(inside, theta, angles[i-1])
		case in && !now:
			r.Intervals = append(r.Intervals, Interval{amplitude(low), amplitude(border(inside, angles[i-1], theta))})
		}
		in = now
	}
	if in {
		r.Intervals = append(r.Intervals, Interval{amplitude(low), 1})
	}
}

// border is where, between an angle inside and one outside, the inside ends; the last angle outside that was
// seen, so that the range is too wide rather than too narrow.
func border(inside func(float64) bool, in, out float64) float64 {
	for range 40 {
		middle := float64((in + out) / 2)
		if inside(middle) {
			in = middle
		} else {
			out = middle
		}
	}
	return out
}

// golden is the golden section's smaller part.
const golden = 0.3819660112501051

// climb finds the maximum of a function with one peak between low and high by golden sections.
func climb(f func(float64) float64, low, high float64) (at, value float64) {
	span := high - low
	a, b := low+float64(golden*span), high-float64(golden*span)
	fa, fb := f(a), f(b)
	for range 40 {
		if fa >= fb {
			high, b, fb = b, a, fa
			a = low + float64(golden*(high-low))
			fa = f(a)
		} else {
			low, a, fa = a, b, fb
			b = high - float64(golden*(high-low))
			fb = f(b)
		}
	}
	if fa >= fb {
		return a, fa
	}
	return b, fb
}

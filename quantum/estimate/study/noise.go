package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/estimate"
)

// noisy compares estimators under the decay P = 1/2 + (sin^2 - 1/2) exp(-rate K).
func noisy(ctx context.Context, w *tabwriter.Writer, n int) error {
	fmt.Fprintf(w, "NOISE, a = 0.05, powers 0 1 2 4, 500 shots each, nominal 95 %%, %d repetitions: coverage / rmse (refused)\n", n)
	fmt.Fprintln(w, "rate\tlikelihood unaware\taware, no twin\taware, 1 twin a power\taware, 2 twins\titerative unaware\tMC rmse, equal queries\t")
	const a = 0.05
	for _, rate := range []float64{0.02, 0.05, 0.1, 0.2} {
		var unaware, walk, draws tally
		var aware [3]tally
		err := each(n, func(i int) (o outcomes, err error) { return repeat(ctx, a, rate, i) }, func(o outcomes) {
			unaware.take(a, o.unaware)
			walk.take(a, o.walk)
			for k := range aware {
				aware[k].take(a, o.aware[k])
			}
			sample(&draws, rng.New(uint64(draws.n)).Derive(9).Stream(), a, o.unaware.Queries)
		})
		if err != nil {
			return err
		}
		cell := func(t *tally) string { return fmt.Sprintf("%s / %s (%d)", t.cover(), t.rmse(), t.refused) }
		fmt.Fprintf(w, "%g\t%s\t%s\t%s\t%s\t%s\t%s\t\n", rate, cell(&unaware), cell(&aware[0]), cell(&aware[1]), cell(&aware[2]), cell(&walk), draws.rmse())
	}
	return nil
}

// take adds a result; nil is one that was refused.
func (t *tally) take(truth float64, r *estimate.Result) {
	if r == nil {
		t.refused++
		return
	}
	h := r.Hull()
	t.add(truth, r.Amplitude, h.Low, h.High, r.Contains(truth))
}

// outcomes are the estimates of one repetition; aware is by the number of twins at each power, nil where refused.
type outcomes struct {
	unaware, walk *estimate.Result
	aware         [3]*estimate.Result
}

func repeat(ctx context.Context, a, rate float64, i int) (o outcomes, err error) {
	powers := []int{0, 1, 2, 4}
	b := newBench(a, rate, i)
	list, err := b.schedule(ctx, powers, 500)
	if err != nil {
		return o, err
	}
	if o.unaware, err = estimate.MaximumLikelihood(list, estimate.LikelihoodOptions{}); err != nil {
		return o, err
	}
	if o.walk, err = estimate.Iterative(ctx, b, estimate.IterativeOptions{HalfWidth: 1e-3}); err != nil {
		return o, err
	}
	for twins := range o.aware {
		if twins > 0 {
			more, err := b.twins(ctx, powers, twins-1)
			if err != nil {
				return o, err
			}
			list = append(list, more...)
		}
		var inconsistent *estimate.InconsistentError
		if o.aware[twins], _, err = estimate.NoiseAware(list, estimate.LikelihoodOptions{}); err != nil && !errors.As(err, &inconsistent) {
			return o, err
		}
	}
	return o, nil
}

// twins measures at each power a circuit whose probability without noise is near 0 (number 0) or 1 (number 1).
func (b bench) twins(ctx context.Context, powers []int, number int) (list []estimate.Observation, err error) {
	for _, k := range powers {
		theta := (float64(number)*0.8 + 0.1) * math.Pi / 2 / float64(2*k+1)
		a := math.Sin(theta) * math.Sin(theta)
		twin := b
		twin.table = tail(a)
		ones, err := twin.Measure(ctx, k, 500)
		if err != nil {
			return nil, err
		}
		list = append(list, estimate.Observation{Power: k, Shots: 500, Ones: ones, Twin: &a})
	}
	return list, nil
}

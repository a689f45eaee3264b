package main

import (
	"context"
	"fmt"
	"math"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/internal/fmath"
	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/estimate"
	"github.com/qrsrisk/qrsd/quantum/simulator"
)

// tail is a table of eight bins whose two last have probability a together.
func tail(a float64) circuit.Table {
	t := circuit.Table{P: make([]float64, 8), F: []float64{0, 0, 0, 0, 0, 0, 1, 1}}
	for i := range 6 {
		t.P[i] = (1 - a) * float64(6-i) / 21
	}
	t.P[6], t.P[7] = a*0.75, a*0.25
	return t
}

// bench is the simulator with one table; with decay, its outcomes mixed with fair coin throws.
type bench struct {
	backend *simulator.Backend
	table   circuit.Table
	decay   float64
	coins   *rng.Stream
}

func newBench(a, decay float64, repetition int) bench {
	seed := uint64(repetition) + 1
	return bench{&simulator.Backend{Seed: seed}, tail(a), decay, rng.New(seed).Derive(7).Stream()}
}

// Measure implements estimate.Circuit.
func (b bench) Measure(ctx context.Context, power, shots int) (int, error) {
	if b.decay == 0 {
		out, err := b.backend.Measure(ctx, []circuit.Experiment{{Table: b.table, Power: power, Shots: shots}})
		if err != nil {
			return 0, err
		}
		return out[0].Ones, nil
	}
	p, err := simulator.Probability(ctx, b.table, power, simulator.Options{})
	if err != nil {
		return 0, err
	}
	p = 0.5 + (p-0.5)*fmath.Exp(-b.decay*float64(2*power+1))
	return heads(b.coins, shots, p), nil
}

// heads counts coin throws.
func heads(s *rng.Stream, n int, p float64) (k int) {
	for range n {
		if s.Float64() < p {
			k++
		}
	}
	return k
}

// schedule measures a bench at each power.
func (b bench) schedule(ctx context.Context, powers []int, shots int) ([]estimate.Observation, error) {
	var list []estimate.Observation
	for _, k := range powers {
		ones, err := b.Measure(ctx, k, shots)
		if err != nil {
			return nil, err
		}
		list = append(list, estimate.Observation{Power: k, Shots: shots, Ones: ones})
	}
	return list, nil
}

func iterative(ctx context.Context, w *tabwriter.Writer, n int) error {
	fmt.Fprintf(w, "ITERATIVE, nominal 95 %%, %d repetitions\n", n)
	fmt.Fprintln(w, "a\thalf-width asked\tcoverage\thalf-width\trmse\tqueries\tshots\tlargest power\tMC rmse, equal queries\tcoverage\tMC rmse, equal shots\tstratified rmse\tcoverage\t")
	for _, a := range []float64{0.004, 0.01, 0.05, 0.2} {
		for _, half := range []float64{1e-3, 4e-4, 1e-4} {
			var qae, draws, shots, strata tally
			err := each(n, func(i int) (*estimate.Result, error) {
				return estimate.Iterative(ctx, newBench(a, 0, i), estimate.IterativeOptions{HalfWidth: half})
			}, func(r *estimate.Result) {
				h := r.Hull()
				qae.within(a, r.Amplitude, h.Low, h.High)
				qae.cost(r.Queries, r.Shots, r.LargestPower)
				s := rng.New(uint64(qae.n)).Derive(8).Stream()
				sample(&draws, s, a, r.Queries)
				sample(&shots, s, a, r.Shots)
				stratified(&strata, s, a, r.Queries)
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%g\t%g\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t\n", a, half, qae.cover(), qae.half(), qae.rmse(), qae.mean(qae.queries), qae.mean(qae.shots), qae.most,
				draws.rmse(), draws.cover(), shots.rmse(), strata.rmse(), strata.cover())
		}
	}
	return nil
}

// sample is classical Monte Carlo of n draws.
func sample(t *tally, s *rng.Stream, a float64, n int) {
	k := heads(s, n, a)
	i := estimate.ClopperPearson(k, n, 0.05)
	t.within(a, float64(k)/float64(n), i.Low, i.High)
}

// stratified is one draw from each of n strata: all but the one that the threshold lies in are certain.
func stratified(t *tally, s *rng.Stream, a float64, n int) {
	whole := math.Floor(a * float64(n))
	k := whole + float64(heads(s, 1, a*float64(n)-whole))
	t.within(a, k/float64(n), math.Max(0, k-1)/float64(n), math.Min(1, (k+1)/float64(n)))
}

func likelihood(ctx context.Context, w *tabwriter.Writer, n int) error {
	fmt.Fprintf(w, "MAXIMUM LIKELIHOOD, powers 0 1 2 4 8, nominal 95 %%, %d repetitions\n", n)
	fmt.Fprintln(w, "a\tshots each\tqueries\trmse\tcoverage\thalf-width\tseveral ranges\tcoverage with chi-square's quantile\tFisher's coverage\tMC rmse, equal queries\t")
	type pair struct{ own, chi *estimate.Result }
	for _, shots := range []int{100, 500} {
		for _, a := range []float64{0.001, 0.004, 0.01, 0.05, 0.2, 0.5} {
			var own, chi, fisher, draws tally
			several := 0
			err := each(n, func(i int) (p pair, err error) {
				list, err := newBench(a, 0, i).schedule(ctx, []int{0, 1, 2, 4, 8}, shots)
				if err != nil {
					return p, err
				}
				if p.own, err = estimate.MaximumLikelihood(list, estimate.LikelihoodOptions{}); err != nil {
					return p, err
				}
				p.chi, err = estimate.MaximumLikelihood(list, estimate.LikelihoodOptions{Threshold: 3.841458820694124})
				return p, err
			}, func(p pair) {
				h := p.own.Hull()
				own.add(a, p.own.Amplitude, h.Low, h.High, p.own.Contains(a))
				own.cost(p.own.Queries, p.own.Shots, p.own.LargestPower)
				chi.add(a, p.chi.Amplitude, 0, 0, p.chi.Contains(a))
				half := 1.959964 * math.Sqrt(p.own.Amplitude*(1-p.own.Amplitude)/float64(shots*(1+9+25+81+289)))
				fisher.within(a, p.own.Amplitude, p.own.Amplitude-half, p.own.Amplitude+half)
				if len(p.own.Intervals) > 1 {
					several++
				}
				sample(&draws, rng.New(uint64(own.n)).Derive(9).Stream(), a, p.own.Queries)
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%g\t%d\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t\n", a, shots, own.mean(own.queries), own.rmse(), own.cover(), own.half(), several, chi.cover(), fisher.cover(), draws.rmse())
		}
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/internal/fmath"
	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum"
	"github.com/qrsrisk/qrsd/quantum/simulator"
)

// lognormal is 10,000 years of which 40 in 100 have a loss, heavy in the tail.
func lognormal() quantum.Losses {
	s := rng.New(1).Stream()
	l := quantum.Losses{Name: "lognormal", Years: 10_000}
	for range l.Years {
		if s.Float64() < 0.4 {
			l.Positive = append(l.Positive, fmath.Exp(12+2*s.Normal()))
		}
	}
	return l
}

// panel measures how often the intervals of whole answers hold the exact value of the bins.
func panel(ctx context.Context, w *tabwriter.Writer, n int) error {
	p, err := quantum.NewProblem(lognormal(), 8, []float64{10, 100, 1000})
	if err != nil {
		return err
	}
	type row struct{ qae, queries, shots, strata tally }
	rows := make([]row, 4*len(p.Periods))
	var answers []quantum.Answer
	err = each(n, func(i int) (*quantum.Panel, error) {
		seed := uint64(i) + 1
		return quantum.Estimate(ctx, p, &simulator.Backend{Seed: seed}, quantum.Options{Backend: quantum.Provenance{Name: "simulator", Simulated: true}, Seed: seed})
	}, func(x *quantum.Panel) {
		answers = x.Answers
		for i, a := range x.Answers {
			r, e := &rows[i], a.Estimate
			r.qae.within(a.Exact, e.Value, e.Low, e.High)
			r.qae.cost(e.Queries, e.Shots, e.LargestPower)
			r.queries.sampled(a.Exact, a.Queries)
			r.shots.sampled(a.Exact, a.Shots)
			r.strata.sampled(a.Exact, a.Stratified)
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "PANEL, lognormal losses in 256 bins, half-width asked 5 %%, nominal 95 %%, %d repetitions: coverage / rmse (no answer)\n", n)
	fmt.Fprintln(w, "1 in\tquestion\texact\tamplitude estimate\tqueries\tshots\tMC, equal queries\tMC, equal shots\tstratified\t")
	for i, a := range answers {
		r := &rows[i]
		cell := func(t *tally) string { return fmt.Sprintf("%s / %s (%d)", t.cover(), t.rmse(), t.refused) }
		fmt.Fprintf(w, "%g\t%s\t%.4g\t%s\t%s\t%s\t%s\t%s\t%s\t\n", a.ReturnPeriod, a.Kind, a.Exact, cell(&r.qae), r.qae.mean(r.qae.queries), r.qae.mean(r.qae.shots),
			cell(&r.queries), cell(&r.shots), cell(&r.strata))
	}
	return nil
}

func (t *tally) sampled(truth float64, s quantum.Sampled) {
	if s.Value == nil {
		t.refused++
		return
	}
	t.within(truth, *s.Value, *s.Low, *s.High)
}

package quantum

import (
	"context"

	"github.com/qrsrisk/qrsd/quantum/estimate"
)

// valueAtRisk answers: which loss is reached or exceeded once in the return period? It is the largest edge of a bin whose
// probability of exceedance is at least 1 in the return period, and is found by bisection over the edges.
func (r *respondent) valueAtRisk(ctx context.Context, t Period) (Answer, error) {
	p := r.problem
	a := r.answer(ValueAtRisk, t, p.Edges[t.Bin], t.Loss)
	b := &bisection{respondent: r, spent: &a.Estimate, chance: 1 / t.ReturnPeriod, seen: map[int]*estimate.Result{}}
	at, low, high, err := b.find(ctx)
	if err != nil {
		return a, err
	}
	a.Estimate.set(p.Edges[at], p.Edges[low], p.Edges[high])
	r.compare(&a, func(d draws) Sampled { return d.quantile(p, b.chance, r.miss()) })
	return a, nil
}

// bisection looks for the last edge whose probability of exceedance is at least chance.
type bisection struct {
	respondent *respondent
	spent      *Estimated
	chance     float64
	seen       map[int]*estimate.Result
}

// find returns the edge and the edges between which it lies. Three searches of at most n+1 steps each share the
// estimates: one by the estimates themselves; one for the last edge that is surely at or above the
// chance; one for the first that is surely below it.
func (b *bisection) find(ctx context.Context) (at, low, high int, err error) {
	end := b.respondent.problem.used()
	at, err = b.last(ctx, 0, end, func(r *estimate.Result) bool { return r.Amplitude >= b.chance })
	if err == nil {
		low, err = b.last(ctx, 0, at+1, func(r *estimate.Result) bool { return r.Intervals[0].Low >= b.chance })
	}
	if err == nil {
		high, err = b.last(ctx, at, end, func(r *estimate.Result) bool { return r.Intervals[0].High >= b.chance })
	}
	return at, low, high, err
}

// last is the last edge in [from, to) for which holds is true, of edge from it is known.
func (b *bisection) last(ctx context.Context, from, to int, holds func(*estimate.Result) bool) (int, error) {
	for to-from > 1 {
		middle := (from + to) / 2
		result, err := b.estimate(ctx, middle)
		if err != nil {
			return 0, err
		}
		if holds(result) {
			from = middle
		} else {
			to = middle
		}
	}
	return from, nil
}

// estimate is that of an edge's probability of exceedance, once for each edge. All together have the answer's permitted error.
func (b *bisection) estimate(ctx context.Context, edge int) (*estimate.Result, error) {
	if result := b.seen[edge]; result != nil {
		return result, nil
	}
	r := b.respondent
	miss := r.miss() / float64(3*(r.problem.Qubits+1))
	result, err := r.amplitude(ctx, b.spent, r.problem.Exceedance(edge), float64(r.options.Precision*b.chance), miss, b.chance)
	if err != nil {
		return nil, err
	}
	b.seen[edge] = result
	return result, nil
}

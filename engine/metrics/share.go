package metrics

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/qrsrisk/qrsd/engine/loss"
)

// TailShares are the parts that events have in the tail of annual losses.
type TailShares struct {
	TVaR  float64   // of AEP, by the calculation of Report.Headline
	Share []float64 // by index of loss.Table.Events; they add up to 1, and are all 0 where the tail is
}

// Shares divides the TVaR of the annual loss of all events (AEP) at a return period among the events of one summary (index in
// t.Summaries): an event's share is its loss in the years and draws that make the tail up, over their whole loss (Euler's allocation:
// Tasche 2000, Risk contributions and performance measurement). Errors: a period that is not between 1 and the
// table's years, or a table that is not as its documentation says.
func Shares(t *loss.Table, summary int, p loss.Perspective, period float64) (*TailShares, error) {
	if err := check(t); err != nil {
		return nil, fmt.Errorf("loss table: %w", err)
	}
	if !(period >= 1 && period <= float64(t.Years)) {
		return nil, fmt.Errorf("return period %v: not between 1 and the %d simulated years", period, t.Years)
	}
	if summary < 0 || summary >= len(t.Summaries) || p >= loss.NumPerspectives {
		return nil, fmt.Errorf("summary %d, perspective %d: there is none", summary, p)
	}
	rows := rowsBySummary(t)[summary]
	w := &worker{table: t}
	w.gather(t.Loss[p], rows)
	r := w.ranking(t.Years*t.Width(), w.descending(w.sum))
	at, tvar := r.loss(period)
	out := &TailShares{TVaR: tvar, Share: make([]float64, len(t.Events))}
	if tvar > 0 {
		out.divide(t, t.Loss[p], rows, w.tailWeights(r.rank(period), at), tvar*float64(r.rank(period)))
	}
	return out, nil
}

// tailWeights are how much each annual loss counts to the tail: 1 for the first of rank; the last for as much as the curve takes of it.
func (w *worker) tailWeights(rank int, at float64) map[int]float64 {
	order := make([]int, 0, len(w.sum))
	for cell, x := range w.sum {
		if x > 0 {
			order = append(order, cell)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(w.sum[b], w.sum[a]), cmp.Compare(a, b)) })
	weights := map[int]float64{}
	for i, cell := range order[:min(rank, len(order))] {
		weights[cell] = 1
		if i == rank-1 {
			weights[cell] = at / w.sum[cell]
		}
	}
	return weights
}

// divide sums up each event's losses in the cells of the tail. Cells count as gather lays them out: years with a row, in order.
func (s *TailShares) divide(t *loss.Table, l []float64, rows []uint32, weights map[int]float64, whole float64) {
	width := t.Width()
	year, active := int32(0), -1
	for _, row := range rows {
		event := t.RowEvent[row]
		if y := t.Events[event].Year; y != year {
			year = y
			active++
		}
		for j, x := range l[int(row)*width : (int(row)+1)*width] {
			if weight, in := weights[active*width+j]; in {
				s.Share[event] += float64(weight * x)
			}
		}
	}
	for i := range s.Share {
		s.Share[i] /= whole
	}
}

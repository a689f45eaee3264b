package quantum

import (
	"fmt"
	"math"

	"github.com/qrsrisk/qrsd/quantum/circuit"
)

// Losses are the annual losses of a run: of each simulated year (and sample) the sum of its events' losses or the largest of them.
type Losses struct {
	Name    string // what they are: "gross_aep"
	Years   int
	Samples int // draws for each year; 0 = one value a year, as with the mean alone
	// Positive are the losses above zero, in any order and in the portfolio's currency. Those missing to Years
	// times Samples are zero.
	Positive []float64
}

// cells are the values, zeros among them.
func (l Losses) cells() int { return l.Years * max(l.Samples, 1) }

// Problem is a distribution of annual losses in 2^n bins of ascending losses. Bin i holds the losses in
// [Edges[i], Edges[i+1]); Losses[i] is their mean, so that sums over bins lose nothing inside a bin. Bins at the
// end with probability 0 fill up to 2^n.
type Problem struct {
	Name          string    `json:"name"`
	Years         int       `json:"years"`
	Samples       int       `json:"samples"`
	Qubits        int       `json:"qubits"`        // n
	Probabilities []float64 `json:"probabilities"` // 2^n
	Losses        []float64 `json:"losses"`        // conditional means; currency
	Edges         []float64 `json:"edges"`         // smallest loss of each bin; currency
	Periods       []Period  `json:"periods"`       // the questions, by rising return period
	// Omitted are the return periods that were asked about in vain. In a file they stand in the Panel.
	Omitted []Omitted `json:"-"`
}

// Period is a return period and what the losses themselves, without bins, say of it.
type Period struct {
	ReturnPeriod float64 `json:"return_period"` // years
	// Bin is the last bin whose probability of exceedance, its own included, is at least 1/ReturnPeriod.
	Bin int `json:"bin"`
	// Loss and TVaR follow the rule of the run's own tables (engine/metrics): the i-th largest of N has return
	// period N/i, linear between.
	Loss float64 `json:"loss"`
	TVaR float64 `json:"tvar"`
	// Exceedance is the share of values that reach Loss.
	Exceedance float64 `json:"exceedance"`
	// Limit is of the layer from Loss up to the loss of the next return period, or for the last to the largest loss; LayerLoss
	// its mean annual loss.
	Limit     float64 `json:"limit"`
	LayerLoss float64 `json:"layer_loss"`
}

// Omitted is a return period that is not asked about.
type Omitted struct {
	ReturnPeriod float64 `json:"return_period"`
	Reason       string  `json:"reason"`
}

// MaxQubits bounds a problem: 4,096 bins.
const MaxQubits = 12

// Check says what is wrong with a problem that was read from a file; those of NewProblem are right.
func (p *Problem) Check() error {
	if p.Qubits < 1 || p.Qubits > MaxQubits {
		return fmt.Errorf("%s: %d qubits; give 1 to %d", p.Name, p.Qubits, MaxQubits)
	}
	bins := 1 << p.Qubits
	if len(p.Probabilities) != bins || len(p.Losses) != bins || len(p.Edges) != bins {
		return fmt.Errorf("%s: %d probabilities, %d losses and %d edges for %d bins", p.Name, len(p.Probabilities), len(p.Losses), len(p.Edges), bins)
	}
	if err := (circuit.Table{P: p.Probabilities, F: make([]float64, bins)}).Check(); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	for i := range bins {
		ordered := i == 0 || p.Edges[i] >= p.Edges[i-1] && p.Losses[i] >= p.Losses[i-1]
		inside := p.Losses[i] >= p.Edges[i] && (i+1 == bins || p.Losses[i] <= p.Edges[i+1])
		if !(p.Edges[i] >= 0 && p.Losses[i] <= math.MaxFloat64 && ordered && inside) {
			return fmt.Errorf("%s, bin %d: edge %v and loss %v are no amounts, or the loss does not lie within the bin's edges", p.Name, i, p.Edges[i], p.Losses[i])
		}
	}
	for i, t := range p.Periods {
		if !(t.ReturnPeriod >= 1 && t.Bin >= 0 && t.Bin < p.used() && t.Limit >= 0 && t.Loss >= 0 && t.LayerLoss >= 0) {
			return fmt.Errorf("%s, period %d: return period %v, bin %d, loss %v and limit %v do not fit the bins", p.Name, i, t.ReturnPeriod, t.Bin, t.Loss, t.Limit)
		}
	}
	return nil
}

// used is the number of bins up to the last with a probability.
func (p *Problem) used() int {
	n := len(p.Probabilities)
	for n > 1 && p.Probabilities[n-1] == 0 {
		n--
	}
	return n
}

// Amplitude is a question about a problem that one amplitude answers: the answer is Scale a.
type Amplitude struct {
	Table circuit.Table
	Scale float64 // 1 for a probability, else in currency
}

// Value is the answer that amplitude a gives.
func (a Amplitude) Value(x float64) float64 { return float64(a.Scale * x) }

// Exact is the answer as the sum over the bins.
func (a Amplitude) Exact() float64 { return a.Value(a.Table.Amplitude()) }

// Exceedance asks for the probability of a loss of at least Edges[bin].
func (p *Problem) Exceedance(bin int) Amplitude {
	return p.question(1, func(i int) float64 {
		if i < bin {
			return 0
		}
		return 1
	})
}

// Excess asks for the mean of the loss beyond Edges[bin], of years without such a loss 0. With it the
// tail value at risk of a return period T is Edges[bin] + T Excess.
func (p *Problem) Excess(bin int) Amplitude {
	top := p.Losses[len(p.Losses)-1] - p.Edges[bin]
	return p.question(top, func(i int) float64 {
		if i < bin || top == 0 {
			return 0
		}
		return (p.Losses[i] - p.Edges[bin]) / top
	})
}

// Layer asks for the mean annual loss of a layer: the part of the loss above attachment, up to limit. It panics where
// the limit is negative.
func (p *Problem) Layer(attachment, limit float64) Amplitude {
	if !(limit >= 0) {
		panic("quantum: layer with a negative limit")
	}
	return p.question(limit, func(i int) float64 {
		if limit == 0 {
			return 0
		}
		return (p.Losses[i] - attachment) / limit // cut to 0 … 1 like every payoff
	})
}

// question is a table with payoffs cut to 0 … 1.
func (p *Problem) question(scale float64, payoff func(bin int) float64) Amplitude {
	t := circuit.Table{P: p.Probabilities, F: make([]float64, len(p.Probabilities))}
	for i := range t.F {
		t.F[i] = min(max(payoff(i), 0), 1)
	}
	return Amplitude{Table: t, Scale: scale}
}

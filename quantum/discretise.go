package quantum

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// ErrNoLoss says that no year has a loss: there is nothing to estimate.
var ErrNoLoss = errors.New("no simulated year has a loss")

// NewProblem puts losses into 2^qubits bins and asks about the return periods (in years; each at least 1). Years without a loss are a
// bin of their own. Each return period's loss is the edge of a bin; half of the other edges are of equal probability,
// half at equal steps of the logarithm of the return period, so that bins are finer in the tail. Equal losses are never
// parted.
//
// Return periods longer than the simulated years, and those whose loss is zero, are omitted, and named in the problem.
//
// Errors: ErrNoLoss; losses or years that are no amounts; fewer than 1 or more than MaxQubits qubits, or
// too few for the return periods.
func NewProblem(l Losses, qubits int, returnPeriods []float64) (*Problem, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	if qubits < 1 || qubits > MaxQubits {
		return nil, fmt.Errorf("%d qubits: give 1 to %d", qubits, MaxQubits)
	}
	r := newRanking(l)
	p := &Problem{Name: l.Name, Years: l.Years, Samples: l.Samples, Qubits: qubits}
	cut := &cut{ranking: r, most: 1<<qubits - 1}
	var asked []Period
	for _, t := range slices.Compact(slices.Sorted(slices.Values(returnPeriods))) {
		switch loss, tvar, rank := r.at(t); {
		case !(t >= 1 && t <= math.MaxFloat64):
			return nil, fmt.Errorf("return period %v: not a number of years of at least 1", t)
		case t > float64(l.Years):
			p.Omitted = append(p.Omitted, Omitted{t, "longer than the simulated years"})
		case loss == 0:
			p.Omitted = append(p.Omitted, Omitted{t, "the loss is zero"})
		default:
			asked = append(asked, Period{ReturnPeriod: t, Loss: loss, TVaR: tvar, Exceedance: float64(r.reaching(loss)) / float64(r.n)})
			cut.edge(rank)
		}
	}
	cut.edge(len(r.losses)) // between the losses and the years without one
	if len(cut.ranks) > cut.most {
		return nil, fmt.Errorf("%d return periods in %d bins: use more qubits or ask about fewer", len(asked), cut.most+1)
	}
	cut.fill()
	p.bins(r, cut.ranks)
	p.periods(r, asked)
	return p, nil
}

func (l Losses) check() error {
	if l.Years < 1 || l.Samples < 0 || l.cells() < len(l.Positive) {
		return fmt.Errorf("%s: %d losses of %d years with %d samples: there are more than years and samples, or no year", l.Name, len(l.Positive), l.Years, l.Samples)
	}
	if len(l.Positive) == 0 {
		return fmt.Errorf("%s: %w", l.Name, ErrNoLoss)
	}
	for i, x := range l.Positive {
		if !(x > 0 && x <= math.MaxFloat64/float64(l.cells())) {
			return fmt.Errorf("%s, loss %d: %v is no amount above zero", l.Name, i, x)
		}
	}
	return nil
}

// ranking is a list of n losses; those not listed are zero.
type ranking struct {
	n      int
	losses []float64 // descending
	sums   []float64 // sums[i] is the sum of the i largest
}

func newRanking(l Losses) *ranking {
	r := &ranking{n: l.cells(), losses: slices.SortedFunc(slices.Values(l.Positive), func(a, b float64) int { return cmp.Compare(b, a) })}
	r.sums = make([]float64, len(r.losses)+1)
	for i, x := range r.losses {
		r.sums[i+1] = r.sums[i] + x
	}
	return r
}

// at are the loss and the tail value of a return period t <= n by the rule of engine/metrics, and the rank of the loss
// at or below it.
func (r *ranking) at(t float64) (loss, tvar float64, rank int) {
	n := float64(r.n)
	rank = max(1, int(math.Ceil(n/t)))
	// The quotient's rounding must not move an exact return period to its neighbour.
	for rank > 1 && n/float64(rank-1) <= t {
		rank--
	}
	for n/float64(rank) > t {
		rank++
	}
	if rank > len(r.losses) {
		return 0, r.sums[len(r.losses)] / float64(rank), rank
	}
	loss = r.losses[rank-1]
	if here := n / float64(rank); rank > 1 && here < t {
		above := n / float64(rank-1)
		loss += float64((t - here) * (r.losses[rank-2] - loss) / (above - here))
	}
	return loss, (r.sums[rank-1] + loss) / float64(rank), rank
}

// reaching is how many losses are at least x > 0.
func (r *ranking) reaching(x float64) int {
	i, _ := slices.BinarySearchFunc(r.losses, x, func(loss, x float64) int {
		if loss >= x {
			return -1
		}
		return 1
	})
	return i
}

// cut is a choice of edges: rank k is one between the k-th largest loss and the next.
type cut struct {
	*ranking
	ranks []int // ascending
	most  int
}

// parts says whether rank k lies between different losses.
func (c *cut) parts(k int) bool {
	if k < 1 || k >= c.n || k > len(c.losses) {
		return false
	}
	return k == len(c.losses) || c.losses[k-1] > c.losses[k]
}

// edge adds the first possible edge from rank k on, so that the k-th largest loss lies above it.
func (c *cut) edge(k int) {
	for k = max(k, 1); k < len(c.losses) && !c.parts(k); {
		k = c.reaching(c.losses[k-1])
	}
	if !c.parts(k) {
		return
	}
	if at, there := slices.BinarySearch(c.ranks, k); !there {
		c.ranks = slices.Insert(c.ranks, at, k)
	}
}

// fill adds edges of equal probability and of equal steps in the logarithm of the return period, and then halves
// the bins with most losses, until there are as many as may be.
func (c *cut) fill() {
	half := (c.most - len(c.ranks)) / 2
	count := float64(len(c.losses))
	for j := 1; j <= half; j++ {
		share := float64(j) / float64(half+1)
		c.edge(int(float64(count * share)))
		c.edge(int(fmath.Pow(count, share)))
	}
	for whole := map[int]bool{}; len(c.ranks) < c.most; {
		largest, from, to := 0, 0, 0
		before := 0
		for _, k := range c.ranks {
			if k-before > largest && !whole[before] {
				largest, from, to = k-before, before, k
			}
			before = k
		}
		if largest < 2 {
			return // no bin can be halved
		}
		had := len(c.ranks)
		c.edge((from + to) / 2)
		if len(c.ranks) == had {
			c.edge(from + 1)
		}
		whole[from] = len(c.ranks) == had
	}
}

// bins fills in the bins below the edges, smallest losses first.
func (p *Problem) bins(r *ranking, ranks []int) {
	size := 1 << p.Qubits
	p.Probabilities, p.Losses, p.Edges = make([]float64, size), make([]float64, size), make([]float64, size)
	ends := append([]int{0}, ranks...)
	if ends[len(ends)-1] < r.n {
		ends = append(ends, r.n)
	}
	bin := 0
	for i := len(ends) - 1; i > 0; i-- {
		p.Probabilities[bin] = float64(ends[i]-ends[i-1]) / float64(r.n)
		p.Losses[bin], p.Edges[bin] = r.mean(ends[i-1], ends[i])
		bin++
	}
	for ; bin < size; bin++ {
		p.Losses[bin], p.Edges[bin] = p.Losses[bin-1], p.Losses[bin-1]
	}
}

// mean is that of the losses of ranks from+1 to to, and the least of them.
func (r *ranking) mean(from, to int) (mean, least float64) {
	if from >= len(r.losses) {
		return 0, 0
	}
	sum := 0.0
	for i := min(to, len(r.losses)) - 1; i >= from; i-- {
		sum += r.losses[i]
	}
	if to <= len(r.losses) {
		least = r.losses[to-1]
	}
	// Rounding must not carry the mean beyond the losses.
	return min(max(sum/float64(to-from), least), r.losses[from]), least
}

// periods finds the bin of each return period and the layer above its loss.
func (p *Problem) periods(r *ranking, asked []Period) {
	for i, t := range asked {
		for t.Bin = p.used() - 1; t.Bin > 0; t.Bin-- {
			// In counts, so that a probability of exactly 1 in the return period is seen as that.
			if float64(r.n)/float64(r.reaching(p.Edges[t.Bin])) <= t.ReturnPeriod {
				break
			}
		}
		next := r.losses[0]
		if i+1 < len(asked) {
			next = asked[i+1].Loss
		}
		t.Limit = max(0, next-t.Loss)
		t.LayerLoss = r.layer(t.Loss, t.Limit)
		p.Periods = append(p.Periods, t)
	}
}

// layer is the mean annual loss of a layer.
func (r *ranking) layer(attachment, limit float64) float64 {
	sum := 0.0
	for _, x := range r.losses {
		sum += min(max(x-attachment, 0), limit)
	}
	return sum / float64(r.n)
}

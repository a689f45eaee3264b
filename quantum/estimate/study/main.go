// The program study measures how often the intervals of amplitude estimates hold the truth, how far the estimates are from it, and what
// they cost, beside sampling of equal effort. It prints four tables:
//
//   - iterative: iterative estimation on the simulator, beside Monte Carlo of as many draws as it took queries, and as it
//     took shots, and stratified sampling of as many draws as queries;
//   - likelihood: maximum likelihood at the schedule 0, 1, 2, 4, 8, with the interval of this package, with chi-square's own
//     quantile, and with Fisher's information;
//   - noise: contrast that decays by exp(-rate K): likelihood that knows nothing of it, noise-aware without twins,
//     with one and with two at each power, and iterative estimation that knows nothing of it;
//   - panel: the answers of quantum.Estimate to a lognormal loss distribution in 256 bins.
//
// The same flags give the same numbers. Run it by `make qae-study`, or
//
//	go run ./quantum/estimate/study -repetitions 1000 -noise 400
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"text/tabwriter"
)

func main() {
	repetitions := flag.Int("repetitions", 1000, "of every row but those with noise")
	noise := flag.Int("noise", 400, "repetitions of rows with noise")
	panels := flag.Int("panels", 1000, "repetitions of the panel")
	flag.Parse()
	ctx := context.Background()
	for _, table := range []func(context.Context, *tabwriter.Writer) error{
		func(ctx context.Context, w *tabwriter.Writer) error { return iterative(ctx, w, *repetitions) },
		func(ctx context.Context, w *tabwriter.Writer) error { return likelihood(ctx, w, *repetitions) },
		func(ctx context.Context, w *tabwriter.Writer) error { return noisy(ctx, w, *noise) },
		func(ctx context.Context, w *tabwriter.Writer) error { return panel(ctx, w, *panels) },
	} {
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
		if err := table(ctx, w); err != nil {
			log.Fatal(err)
		}
		w.Flush()
		fmt.Println()
	}
}

// tally adds up repetitions of one estimator against a known truth.
type tally struct {
	n, held, refused     int
	squares, width       float64
	queries, shots, most int
}

func (t *tally) add(truth, value, low, high float64, held bool) {
	t.n++
	if held {
		t.held++
	}
	t.squares += (value - truth) * (value - truth)
	t.width += (high - low) / 2
}

func (t *tally) cost(queries, shots, power int) {
	t.queries += queries
	t.shots += shots
	t.most = max(t.most, power)
}

// within adds an interval by its ends.
func (t *tally) within(truth, value, low, high float64) {
	t.add(truth, value, low, high, low <= truth && truth <= high)
}

func (t *tally) rmse() string  { return fmt.Sprintf("%.2g", math.Sqrt(t.squares/float64(t.n))) }
func (t *tally) cover() string { return fmt.Sprintf("%.3f", float64(t.held)/float64(t.n)) }
func (t *tally) half() string  { return fmt.Sprintf("%.2g", t.width/float64(t.n)) }
func (t *tally) mean(x int) string {
	return fmt.Sprintf("%.0f", float64(x)/float64(t.n))
}

// each calls f with every number below n, on all cores; f returns what is to be added up, and add gets it in order.
func each[T any](n int, f func(i int) (T, error), add func(T)) error {
	results, errs := make([]T, n), make([]error, n)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				results[i], errs[i] = f(i)
			}
		})
	}
	wait.Wait()
	for i := range results {
		if errs[i] != nil {
			return errs[i]
		}
		add(results[i])
	}
	return nil
}

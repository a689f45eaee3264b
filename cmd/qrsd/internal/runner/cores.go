package runner

import "context"

// cores are those that compute years, shared by all runs in hand: a worker takes one for each block of years. Whoever waits longest is
// next, so that runs side by side go on at one speed.
type cores chan struct{}

// take waits for a core; false: ctx has ended.
func (c cores) take(ctx context.Context) bool {
	select {
	case c <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c cores) give() { <-c }

// Package turns shares a few places for heavy work among many who ask for it: each has one at most, so that nobody who asks often keeps the
// others waiting.
//
// Begin with New, then Take.
package turns

import (
	"context"
	"sync"
)

// Turns are places in which heavy work is done, by whom K names one at a time. They are safe for many goroutines.
type Turns[K comparable] struct {
	places chan struct{} // whoever works holds one

	mu sync.Mutex
	by map[K]*turn
}

// turn is that of one name, while somebody works or waits under it.
type turn struct {
	held  chan struct{}
	users int
}

// New makes places for as many at once as it is told; of less than one, one.
func New[K comparable](atOnce int) *Turns[K] {
	return &Turns[K]{places: make(chan struct{}, max(atOnce, 1)), by: map[K]*turn{}}
}

// Take waits for a place, behind others of the same name before it takes one from the rest. What it returns gives the place free. Its error
// is that of a context which ends before.
func (t *Turns[K]) Take(ctx context.Context, name K) (end func(), err error) {
	own := t.join(name)
	if err := enter(ctx, own.held); err != nil {
		t.leave(name, own)
		return nil, err
	}
	if err := enter(ctx, t.places); err != nil {
		<-own.held
		t.leave(name, own)
		return nil, err
	}
	return sync.OnceFunc(func() {
		<-t.places
		<-own.held
		t.leave(name, own)
	}), nil
}

func enter(ctx context.Context, place chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case place <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *Turns[K]) join(name K) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.by[name]
	if own == nil {
		own = &turn{held: make(chan struct{}, 1)}
		t.by[name] = own
	}
	own.users++
	return own
}

func (t *Turns[K]) leave(name K, own *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(t.by, name)
	}
}

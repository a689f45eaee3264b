package store

import (
	"context"
	"sync"
)

// fence lets whoever replaces keys wait for everything that was begun under the old ones. What begins takes a ticket and
// gives it back when it has ended; wait returns when all tickets given before it are back. It holds nobody up: what
// begins while someone waits goes on under the new keys.
type fence struct {
	mu     sync.Mutex
	next   uint64
	out    map[uint64]struct{}
	change chan struct{} // closed when a ticket comes back
}

func newFence() *fence { return &fence{out: map[uint64]struct{}{}, change: make(chan struct{})} }

// enter takes a ticket; leave gives it back.
func (f *fence) enter() (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ticket := f.next
	f.next++
	f.out[ticket] = struct{}{}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.out, ticket)
		close(f.change)
		f.change = make(chan struct{})
	}
}

// wait returns when everything that had entered before has left.
func (f *fence) wait(ctx context.Context) error {
	f.mu.Lock()
	before := f.next
	f.mu.Unlock()
	for {
		f.mu.Lock()
		waiting := false
		for ticket := range f.out {
			waiting = waiting || ticket < before
		}
		change := f.change
		f.mu.Unlock()
		if !waiting {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

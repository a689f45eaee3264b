// Package parallel runs independent pieces of work on all cores and hands over their
// results in the order of the input, so that sums do not depend on the number of cores.
package parallel

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// errBroken stops the other workers when one panics.
var errBroken = errors.New("parallel: a worker panicked")

// Ordered calls work(i, worker) for i in [0, n) on the given number of goroutines and
// merge(i, result) for every i in increasing order, one at a time. worker is in
// [0, workers), for buffers that a goroutine keeps.
//
// At most 2·workers results wait for their turn. The first error of work or merge, or
// ctx's, stops the rest and is returned; Ordered returns only when all goroutines have. A
// panic of work or merge stops the rest too, and is raised again in the caller's goroutine, as a
// text with the stack of where it began, so that the caller can end one run and not the program.
func Ordered[T any](ctx context.Context, n, workers int, work func(i, worker int) (T, error), merge func(i int, result T) error) error {
	workers = max(1, min(workers, n))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	q := &queue[T]{n: n, done: make(map[int]T), room: 2 * workers, merge: merge}
	q.wake = sync.NewCond(&q.mu)
	stop := context.AfterFunc(ctx, q.wakeAll)
	defer stop()
	var wg sync.WaitGroup
	var broken atomic.Pointer[string] // the first panic
	for w := range workers {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					stack := make([]byte, 16<<10)
					text := fmt.Sprintf("%v\n\n%s", p, stack[:runtime.Stack(stack, false)])
					broken.CompareAndSwap(nil, &text)
					cancel(errBroken)
				}
			}()
			for {
				i, ok := q.take(ctx)
				if !ok {
					return
				}
				result, err := work(i, w)
				if err == nil {
					err = q.put(i, result)
				}
				if err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if text := broken.Load(); text != nil {
		panic(*text)
	}
	if q.merged < n {
		return context.Cause(ctx)
	}
	return nil
}

// queue hands out indices and merges results in order. mu guards all fields; merge is called under it.
type queue[T any] struct {
	mu           sync.Mutex
	wake         *sync.Cond
	n            int
	next, merged int // next index to hand out; number merged
	room         int // how far next may run ahead of merged
	done         map[int]T
	merge        func(int, T) error
}

func (q *queue[T]) wakeAll() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wake.Broadcast()
}

func (q *queue[T]) take(ctx context.Context) (int, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.next < q.n && q.next-q.merged >= q.room && ctx.Err() == nil {
		q.wake.Wait()
	}
	if q.next >= q.n || ctx.Err() != nil {
		return 0, false
	}
	q.next++
	return q.next - 1, true
}

func (q *queue[T]) put(i int, result T) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done[i] = result
	for {
		r, ok := q.done[q.merged]
		if !ok {
			break
		}
		delete(q.done, q.merged)
		if err := q.merge(q.merged, r); err != nil {
			return err
		}
		q.merged++
	}
	q.wake.Broadcast()
	return nil
}

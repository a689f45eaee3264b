package daemon

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// Pauses before a task that panicked is begun again.
const (
	firstRest = 5 * time.Second
	lastRest  = 5 * time.Minute
)

// tend runs a task until it ends or ctx does, and begins it again when it panics: one that cannot go on must not take sign-ins, runs and
// exports with it. What it had in hand is in the store, where its next beginning finds it. rest is the pause before that, which doubles.
func tend(ctx context.Context, rest time.Duration, task func(context.Context), panicked func(what string, stack []byte)) {
	for ; ; rest = min(2*rest, lastRest) {
		if ran(ctx, task, panicked) || ctx.Err() != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest):
		}
	}
}

// ran reports whether a task ended by itself.
func ran(ctx context.Context, task func(context.Context), panicked func(what string, stack []byte)) (ended bool) {
	defer func() {
		if broken := recover(); broken != nil {
			panicked(fmt.Sprint(broken), debug.Stack())
		}
	}()
	task(ctx)
	return true
}

// task is a task of the daemon's for its group: it is tended, and its panics are told.
func (a *appliance) task(ctx context.Context, name string, run func(context.Context)) func() error {
	return func() error {
		tend(ctx, firstRest, run, func(what string, stack []byte) {
			a.log.Error("panic", "task", name, "panic", what, "stack", string(stack))
			a.watch.metrics.Panicked(name)
		})
		return nil
	}
}

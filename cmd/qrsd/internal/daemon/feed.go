package daemon

import (
	"context"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web"
)

// feed gives package web the events of runs.
type feed struct{ *runner.Feed }

// Since implements web.Feed.
func (f feed) Since(tenant store.ID, after uint64) ([]web.RunEvent, uint64, bool) {
	events, last, gap := f.Feed.Since(tenant, after)
	return runEvents(events), last, gap
}

// Listen implements web.Feed.
func (f feed) Listen(tenant store.ID, after uint64) web.Listener {
	return listener{f.Feed.Listen(tenant, after)}
}

type listener struct{ *runner.Listener }

// Next implements web.Listener.
func (l listener) Next(ctx context.Context) ([]web.RunEvent, bool, error) {
	events, gap, err := l.Listener.Next(ctx)
	return runEvents(events), gap, err
}

func runEvents(events []runner.Event) []web.RunEvent {
	out := make([]web.RunEvent, len(events))
	for i, e := range events {
		out[i] = web.RunEvent(e)
	}
	return out
}

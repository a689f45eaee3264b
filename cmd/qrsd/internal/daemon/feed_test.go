package daemon_test

import (
	"context"
	"testing"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/daemon"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web"
)

// TestFeed: what the runner publishes reaches the server whole, to listeners and to those who ask, and no other tenant's.
func TestFeed(t *testing.T) {
	from := runner.NewFeed(nil)
	var feed web.Feed = daemon.Feed(from)
	mine, run := store.ID{0: 1}, store.ID{0: 9}
	l := feed.Listen(mine, 0)
	defer l.Close()
	from.Publish(runner.Event{Tenant: store.ID{0: 2}, Run: run, State: workspace.Queued})
	from.Publish(runner.Event{Tenant: mine, Run: run, State: workspace.Running, Stage: "years", Done: 3, Of: 10, Rate: 2, Left: 5})
	heard, gap, err := l.Next(t.Context())
	if err != nil || gap || len(heard) != 1 {
		t.Fatalf("%v, %v, %v", heard, gap, err)
	}
	e := heard[0]
	if e.Run != run || e.Tenant != mine || e.State != workspace.Running || e.Stage != "years" || e.Done != 3 || e.Of != 10 || e.Rate != 2 || e.Left != 5 || e.At.IsZero() || e.ID != l.Last() {
		t.Errorf("%+v", e)
	}
	if since, last, _ := feed.Since(mine, 0); len(since) != 1 || since[0] != e || last != e.ID {
		t.Errorf("since: %+v up to %d", since, last)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := l.Next(gone); err == nil {
		t.Error("a cancelled listener waits on")
	}
}

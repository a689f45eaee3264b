package daemon

import (
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
)

// newQueue is the queue of runs, which tells a's feed of them.
func (a *appliance) newQueue() (*runner.Queue, error) {
	a.feed = runner.NewFeed(nil)
	return runner.NewQueue(runner.QueueOptions{
		DB: a.db, Feed: a.feed, Log: a.log.Named("runs"), Cores: a.config.Runs.Cores, AtOnce: a.config.Runs.AtOnce,
	})
}

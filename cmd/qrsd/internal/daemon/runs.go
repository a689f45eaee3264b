package daemon

import (
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/webhook"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// newQueue is the queue of runs, which tells a's feed of them.
func (a *appliance) newQueue() (*runner.Queue, error) {
	a.feed = runner.NewFeed(nil)
	o := runner.QueueOptions{
		DB: a.db, Feed: a.feed, Log: a.log.Named("runs"), Cores: a.config.Runs.Cores, AtOnce: a.config.Runs.AtOnce,
		Panicked: a.watch.metrics.Panicked,
	}
	if a.traces != nil {
		o.Traced = a.traces.Run
	}
	return runner.NewQueue(o)
}

// newDeliveries sends the events of runs and of all else to the webhooks of tenants.
func (a *appliance) newDeliveries() (*webhook.Sender, error) {
	return webhook.New(webhook.Options{Outbox: workspace.OpenCourier(a.db, nil), Dialer: a.dialer, Log: a.log.Named("webhooks"), Version: a.options.Version})
}

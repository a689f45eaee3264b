package daemon

import (
	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/bundle"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/collector"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
)

// tellCollectors begins to tell the collectors that the configuration names. The dialer is there.
func (a *appliance) tellCollectors() {
	o := collector.Options{Dialer: a.dialer, Count: a.watch.metrics, Log: a.log.Named("collector"), Version: a.options.Version}
	if t := a.config.Traces; t != nil {
		traces := collector.TracesOptions{Options: o, Endpoint: t.Endpoint}
		if !t.Authorization.IsZero() {
			traces.Authorization = t.Authorization.Read
		}
		a.traces = collector.NewTraces(traces)
	}
	if e := a.config.Errors; e != nil {
		a.faults = collector.NewFaults(collector.FaultsOptions{
			Options: o, Commit: runner.ThisBuild().Commit, DSN: e.DSN.Read, Words: bundle.Words, Member: bundle.Member,
		})
		a.sinks().RegisterSink(a.faults)
	}
}

// sinks is the log as what others may listen to.
func (a *appliance) sinks() hclog.InterceptLogger {
	log, ok := a.log.(hclog.InterceptLogger)
	if !ok {
		panic("daemon: the log takes no sinks")
	}
	return log
}

// stopCollectors tells what is left, and no more.
func (a *appliance) stopCollectors() {
	if a.faults != nil {
		a.sinks().DeregisterSink(a.faults)
		a.faults.Stop()
	}
	if a.traces != nil {
		a.traces.Stop()
	}
}

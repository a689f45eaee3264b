package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/store"
)

const (
	flushEvery = 5 * time.Minute // when sessions and keys were last used; as often as the directory itself does for busy tenants
	renewEvery = 24 * time.Hour
)

// attend does what is to be done beside requests, until ctx ends. What the store does by itself while it is unlocked (checkpoints,
// rotation of keys that are due, going on with what was cut short) is not here.
func (a *appliance) attend(ctx context.Context) error {
	if !a.opened.Load() {
		retried := make(chan struct{})
		go func() { defer close(retried); a.retry(ctx) }()
		defer func() { <-retried }()
	}
	flush, renew := time.NewTicker(flushEvery), time.NewTicker(renewEvery)
	defer flush.Stop()
	defer renew.Stop()
	alive, stop := a.watchdog()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			a.notify(stopping)
			a.log.Info("stopping: requests in hand are finished")
			return nil
		case <-a.options.Hangup:
			a.reload()
		case <-flush.C:
			a.watch.shelf.Forget(time.Now())
			if err := a.directory.Flush(ctx); err != nil && !errors.Is(err, store.ErrLocked) {
				a.log.Error("writing when sessions and keys were last used", "error", err)
			}
		case <-renew.C:
			if err := a.certificate.renew(); err != nil {
				a.log.Error("renewing the certificate", "error", err)
			}
		case <-alive:
			a.notify(watchdog)
		}
	}
}

// watchdog ticks twice as often as systemd wants to hear of the process, or never.
func (a *appliance) watchdog() (<-chan time.Time, func()) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		a.log.Warn("the watchdog of systemd", "error", err)
	}
	if err != nil || every <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(every / 2)
	return t.C, t.Stop
}

// reload reads the configuration and the certificate anew, takes up what can change while requests run, and says what cannot.
// A configuration that is at fault changes nothing.
func (a *appliance) reload() {
	a.notify(reloading, daemon.SdNotifyMonotonicUsec())
	defer a.notify(ready)
	c, err := config.Load(a.config.File)
	if err != nil {
		a.log.Error("nothing is reloaded: the configuration is at fault", "error", err)
		return
	}
	if waiting := config.NeedRestart(a.config, c); len(waiting) > 0 {
		a.log.Warn("these changes wait for a restart", "keys", waiting)
	}
	a.log.SetLevel(hclog.LevelFromString(c.Log.Level))
	files := a.config.TLS
	files.Certificate, files.Key = c.TLS.Certificate, c.TLS.Key
	a.certificate.rename(files)
	if err := a.certificate.load(); err != nil {
		a.log.Error("the certificate of before stays", "error", err)
		return
	}
	if c.TLS.ClientCA != "" && a.config.TLS.ClientCA != "" { // whether clients are asked at all waits for a restart
		if err := a.loadAuthorities(c.TLS); err != nil {
			a.log.Error("the authorities of client certificates of before stay", "error", err)
			return
		}
	}
	a.log.Info("reloaded", "log_level", c.Log.Level)
}

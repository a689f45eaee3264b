// Package daemon is the life of the appliance as one process: it opens the store, serves the one port, works in the
// background, takes up new certificates, and stops in order.
//
// It joins what does not know one another: store, directory, outbound dialer, server. It decides nothing about
// requests (package web), reads no configuration file but to take it up anew (package config), and has no verb of its own.
//
// Begin with Run.
package daemon

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// Options of a daemon. All but Hangup, Unlocker and Begun are needed.
type Options struct {
	// Config is what config.Load returned.
	Config *config.Config

	// Unlocker makes the way to unlock that the configuration names, which may dial through d; nil: a person unlocks the store.
	Unlocker func(ctx context.Context, d *outbound.Dialer) (store.Unlocker, error)

	// Operator is who unlocks and closes the store in the audit log: the account that the daemon runs under.
	Operator store.Principal

	// Hangup asks to read the configuration and the certificate anew.
	Hangup <-chan os.Signal

	// Log is where lines are written, and the set-up code among them.
	Log io.Writer

	// Version of the product.
	Version string

	// Begun is called when the appliance serves, on a goroutine of its own, until ctx ends; an error ends the daemon. Nil: nothing
	// is to be done then.
	Begun func(ctx context.Context, r Running) error
}

// Running is a daemon that serves, for whoever started it in the same process: a throw-away appliance that sets itself up.
type Running struct {
	URL         string // that people type
	Certificate string // PEM file of the self-signed one; "": the configuration names another
	DB          *store.DB
	Directory   *directory.Directory
	Feed        *runner.Feed
	Queue       *runner.Queue
}

// Run serves until ctx ends, and then returns nil when everything in hand was finished, the store is locked and closed. Errors
// are those of the store (store.InUseError, *store.RollbackError, damage), of listening, and of files that the configuration
// names. That the store cannot be unlocked is none: it is served locked.
func Run(ctx context.Context, o Options) (err error) {
	a, err := newAppliance(o)
	if err != nil {
		return err
	}
	defer func() {
		a.stopCollectors()
		err = errors.Join(err, a.closeKnown(), a.closeLog())
	}()
	if err := a.openStore(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	listener, err := a.listen(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // where it was not served
	a.directory = a.newDirectory()
	if err := a.unlockAlone(ctx); err != nil {
		return err
	}
	if err := a.certificate.load(); err != nil {
		return err
	}
	return a.serve(ctx, listener)
}

// serve answers, works beside that, and returns when all of it has ended.
func (a *appliance) serve(ctx context.Context, listener net.Listener) error {
	var err error
	if a.queue, err = a.newQueue(); err != nil {
		return err
	}
	a.newSignInCheck(listener.Addr())
	if a.backups, err = a.newBackups(ctx); err != nil {
		return err
	}
	server, err := a.newServer()
	if err != nil {
		return err
	}
	sender, err := a.newSender()
	if err != nil {
		return err
	}
	deliveries, err := a.newDeliveries()
	if err != nil {
		return err
	}
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return server.Serve(ctx, listener) })
	work.Go(func() error { return a.attend(ctx) })
	work.Go(a.task(ctx, "runs", a.queue.Run))
	work.Go(a.task(ctx, "sign-in-check", a.watch.signIn.Run))
	work.Go(a.task(ctx, "webhooks", deliveries.Run))
	if k := a.backups; k != nil {
		work.Go(a.task(ctx, "backups", func(ctx context.Context) {
			k.Keeper.Run(ctx, func(what string, err error) { a.log.Error(what, "error", err) })
		}))
	}
	if sender != nil {
		work.Go(a.task(ctx, "mail", sender.Run))
	}
	a.announce(ctx, listener.Addr())
	if a.options.Begun != nil {
		work.Go(func() error { return a.options.Begun(ctx, a.running()) })
	}
	return work.Wait()
}

func (a *appliance) running() Running {
	r := Running{URL: a.url, DB: a.db, Directory: a.directory, Feed: a.feed, Queue: a.queue}
	if a.config.TLS.Certificate == "" {
		r.Certificate = filepath.Join(a.config.TLS.Folder, certificateFile)
	}
	return r
}

// closing bounds the last writes.
const closing = 30 * time.Second

// close writes what is only in memory, locks the store and gives it free. Requests have ended.
func (a *appliance) close() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	if a.directory != nil {
		err = a.directory.Flush(ctx)
	}
	if errors.Is(err, store.ErrLocked) {
		err = nil // an operator has locked it, and what was seen since is no loss
	}
	err = errors.Join(err, a.db.Close())
	a.log.Info("stopped", "in_order", err == nil)
	return err
}

// listen takes the socket that systemd has opened, or opens one.
func (a *appliance) listen(ctx context.Context) (net.Listener, error) {
	l, err := inherited()
	if l == nil && err == nil {
		l, err = new(net.ListenConfig).Listen(ctx, "tcp", a.config.Listen)
	}
	if err != nil {
		return nil, err
	}
	a.url = a.config.URL
	if site, free := strings.CutSuffix(a.url, ":0"); free { // any free port, which is known now
		if _, port, err := net.SplitHostPort(l.Addr().String()); err == nil {
			a.url = site + ":" + port
		}
	}
	return l, nil
}

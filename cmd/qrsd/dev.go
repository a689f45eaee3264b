package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/daemon"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/throwaway"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// devCommand is `qrsd dev`.
type devCommand struct {
	Listen string `default:"127.0.0.1:8443" placeholder:"HOST:PORT" help:"Port of this host to serve on; port 0 is any that is free."`
	Keep   string `placeholder:"DIR" help:"Keep the appliance in this folder; the same command serves it again. Without it all is removed at the end."`
	Years  int    `default:"10000" help:"Simulated years of the first run."`
	JSON   bool   `help:"Print a line of JSON for each thing that happens."`
}

// Help is shown by `qrsd dev --help`.
func (devCommand) Help() string {
	return `Makes a throw-away appliance to try the product with: a sample tenant, people whose passwords are printed, the synthetic sample portfolio,
and a first run that begins by itself. It serves this host alone, asks nobody for a second factor, and opens no connection to anywhere. Put nothing
into it that must be kept secret. Ctrl-C ends it and removes all of it.`
}

// Run carries out the command.
func (x *devCommand) Run(ctx context.Context, c console) (err error) {
	if x.Years < 1 {
		return &runner.ErrUsage{Reason: fmt.Sprintf("--years %d: give 1 or more", x.Years)}
	}
	folder, remove, err := x.folder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	cfg, err := throwaway.Configure(folder, x.Listen)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(folder, throwaway.LogFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	shown := x.watcher(c)
	err = daemon.Run(ctx, x.options(cfg, folder, log, shown))
	shown.end()
	return err
}

// folder makes the appliance's folder; remove takes it away again, unless it is to be kept.
func (x *devCommand) folder() (path string, remove func() error, err error) {
	if x.Keep != "" {
		path, err = filepath.Abs(x.Keep)
		return path, func() error { return nil }, err
	}
	path, err = os.MkdirTemp("", "qrsd-dev-")
	return path, func() error { return os.RemoveAll(path) }, err
}

func (x *devCommand) options(cfg *config.Config, folder string, log *os.File, w throwaway.Watcher) daemon.Options {
	return daemon.Options{
		Config: cfg, Unlocker: unlockerOf(cfg.Store.Unlock), Operator: operator(), Log: log, Version: engine.Version,
		Begun: func(ctx context.Context, r daemon.Running) error {
			return throwaway.Begin(ctx, r, throwaway.Options{Folder: folder, Years: x.Years}, w)
		},
	}
}

// devWatcher shows what becomes of the appliance.
type devWatcher interface {
	throwaway.Watcher
	end() // of the appliance
}

func (x *devCommand) watcher(c console) devWatcher {
	if x.JSON {
		return devLines{c}
	}
	return &devScreen{c: c, keep: x.Keep != ""}
}

// devLines is `qrsd dev --json`.
type devLines struct{ c console }

// devLine is one line of it.
type devLine struct {
	Event string `json:"event"` // ready, run, sealed
	*throwaway.SignIn
	Run     string  `json:"run,omitempty"`
	State   string  `json:"state,omitempty"`
	Stage   string  `json:"stage,omitempty"`
	Done    int     `json:"done,omitempty"` // years
	Of      int     `json:"of,omitempty"`
	Seconds float64 `json:"seconds_left,omitempty"`
	Reason  string  `json:"reason,omitempty"`
}

// Ready implements throwaway.Watcher.
func (d devLines) Ready(s throwaway.SignIn, _ bool) error {
	return printLine(d.c.out, devLine{Event: "ready", SignIn: &s})
}

// Run implements throwaway.Watcher.
func (d devLines) Run(e runner.Event) error {
	line := devLine{Event: "run", Run: e.Run.String(), State: string(e.State), Stage: e.Stage, Done: e.Done, Of: e.Of, Seconds: e.Left.Seconds(), Reason: e.Reason}
	if e.Sealed {
		line.Event = "sealed"
	}
	return printLine(d.c.out, line)
}

func (devLines) end() {}

// devScreen shows it to a person.
type devScreen struct {
	c    console
	keep bool
	bar  *runProgress
}

// Ready implements throwaway.Watcher.
func (d *devScreen) Ready(s throwaway.SignIn, again bool) error {
	out := d.c.out
	fmt.Fprintf(out, "A throw-away appliance with synthetic data. Put nothing into it that must be kept secret.\n\n  %s\n\n", s.URL)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, a := range s.Accounts {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", a.Role, a.Email, a.Password)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n  API key      %s\n  certificate  %s\n  sample       %s\n", s.APIKey, s.Certificate, s.Sample)
	fmt.Fprintf(out, "\n  curl --cacert %s -H @%s %s/api/v1/runs\n\n", s.Certificate, s.Header, s.URL)
	if d.keep {
		fmt.Fprintf(out, "It is kept in %s. Ctrl-C ends it.\n", s.Folder)
	} else {
		fmt.Fprintln(out, "Ctrl-C ends it and removes all of it.")
	}
	if !again {
		d.bar = startRunProgress(d.c.err)
	}
	return nil
}

// Run implements throwaway.Watcher.
func (d *devScreen) Run(e runner.Event) error {
	switch {
	case e.Sealed:
		d.end()
		fmt.Fprintf(d.c.out, "first run %s: sealed\n", e.Run)
	case e.State == workspace.Failed || e.State == workspace.Cancelled:
		d.end()
		fmt.Fprintf(d.c.out, "first run %s: %s: %s\n", e.Run, e.State, printableText(e.Reason))
	default:
		d.bar.update(runStep{State: string(e.State), Stage: e.Stage, Done: e.Done, Of: e.Of, Left: e.Left})
	}
	return nil
}

// end takes the bar away. The watcher's calls have ended, or this is one of them.
func (d *devScreen) end() {
	if d.bar != nil {
		d.bar.stop()
		d.bar = nil
	}
}

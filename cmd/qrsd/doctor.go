package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/doctor"
)

// doctorCommand is `qrsd doctor`.
type doctorCommand struct {
	configFlags
	operatorKeyFlags
	JSON bool `help:"Print the report as JSON."`
}

// Help is shown by `qrsd doctor --help`.
func (doctorCommand) Help() string {
	return `Looks appliance and host over, and says of each thing how it is and what to do: disk, clock, memory, permissions, certificate, port,
ages of keys, backups and drills, anchor, audit chain. Works while the appliance runs and while it does not. Beside a running one it sees what
lies open; with an operator's API key (scope store.diagnose) the appliance itself is asked for the rest. Nothing is mended.
Exit code 1: something is out of order. 3: a log or the anchor does not verify. Warnings end with 0.`
}

// errUnwell says that something is out of order; it has been printed.
var errUnwell = errors.New("something is out of order: its line says what to do")

// Run carries out the command.
func (x *doctorCommand) Run(ctx context.Context, c console) (err error) {
	f := findAppliance(ctx, x.Config)
	defer f.close(&err)
	report, err := f.report(ctx, c, x.operatorKeyFlags)
	if err != nil {
		return err
	}
	if x.JSON {
		err = printJSON(c.out, report)
	} else {
		printDoctor(c.out, report)
	}
	switch {
	case err != nil:
		return err
	case report.Broken():
		return errDiffer
	case report.Worst() == doctor.Failure:
		return errUnwell
	}
	return nil
}

// report is that of the running appliance, where it may be asked, else what is seen from here.
func (f *foundAppliance) report(ctx context.Context, c console, key operatorKeyFlags) (doctor.Report, error) {
	if f.running() {
		if report, err := f.askDoctor(ctx, key); err != nil {
			fmt.Fprintf(c.err, "qrsd: the running appliance does not say more: %v\n", err)
		} else if report != nil {
			return *report, nil
		}
	}
	if err := f.examine(ctx, "store.diagnose"); err != nil {
		return doctor.Report{}, err
	}
	return doctor.Examine(ctx, f.Subject), nil
}

// askDoctor asks the running appliance; nil where no key is given.
func (f *foundAppliance) askDoctor(ctx context.Context, key operatorKeyFlags) (*doctor.Report, error) {
	a, err := f.client(key)
	if a == nil || err != nil {
		return nil, err
	}
	said, err := a.Doctor(ctx)
	if err != nil {
		return nil, err
	}
	r := &doctor.Report{At: said.At, Version: said.Version}
	for _, l := range said.Findings {
		r.Findings = append(r.Findings, doctor.Finding{Check: l.Check, State: doctor.State(l.State), Found: l.Found, Advice: l.Advice})
	}
	return r, nil
}

func printDoctor(w io.Writer, r doctor.Report) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range r.Findings {
		state := string(f.State)
		if f.State == doctor.Failure || f.State == doctor.Warning {
			state = strings.ToUpper(state)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", state, f.Check, plain(f.Found))
		if f.Advice != "" {
			fmt.Fprintf(t, "\t\t%s\n", plain(f.Advice))
		}
	}
	t.Flush()
}

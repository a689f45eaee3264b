package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/store"
)

// checkCommand is `qrsd check`.
type checkCommand struct {
	storeFlags
	JSON bool `help:"Print the report as JSON."`
}

// Help is shown by `qrsd check --help`.
func (checkCommand) Help() string {
	return `Reads every byte: the pages of the database, every record at its own place, every blob to its end, every leaf, hash and
checkpoint of every log. Exit code 3 where anything is not as it was written; the report names the place. Nothing is mended.`
}

// Run carries out the command.
func (x *checkCommand) Run(ctx context.Context, c console) error {
	report, err := x.check(ctx, c)
	if store.IsDamage(err) { // so badly that the store cannot be opened, or closed in order
		if report == nil {
			report = &store.CheckReport{Logs: []store.LogReport{}}
		}
		report.Faults = append(report.Faults, store.Fault{Where: x.Store, Reason: err.Error()})
		err = nil
	}
	if err != nil {
		return err
	}
	if x.JSON {
		err = printJSON(c.out, report)
	} else {
		printCheckReport(c.out, report)
	}
	if err == nil && len(report.Faults) > 0 {
		return errDiffer
	}
	return err
}

func (x *checkCommand) check(ctx context.Context, c console) (report *store.CheckReport, err error) {
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return nil, err
	}
	defer closeStore(db, &err)
	shown := startTally(c.err, -1)
	defer shown.stop()
	return db.Check(ctx, operator(), func(what string, done int64) {
		if what == "log leaves" {
			shown.add(what, done)
			return
		}
		shown.at(what, done)
	})
}

func printCheckReport(w io.Writer, r *store.CheckReport) {
	if len(r.Logs) == 0 { // it could not be opened
		printFaultList(w, r.Faults)
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "records\t%s\nblobs\t%s\n", grouped(float64(r.Records)), grouped(float64(r.Blobs)))
	if r.Orphans > 0 {
		fmt.Fprintf(t, "orphans\t%s, of writes that were cut short; no fault\n", grouped(float64(r.Orphans)))
	}
	t.Flush()
	printLogs(w, r.Logs)
	if len(r.Faults) == 0 {
		fmt.Fprintln(w, "everything is as it was written")
		return
	}
	printFaultList(w, r.Faults)
}

func printFaultList(w io.Writer, faults []store.Fault) {
	for _, f := range faults {
		fmt.Fprintf(w, "FAULT  %s\n", f)
	}
	fmt.Fprintf(w, "%s; keep the directory as evidence, and restore from a backup\n", counted(len(faults), "fault"))
}

// printLogs is a line for each log that has leaves or a fault.
func printLogs(w io.Writer, logs []store.LogReport) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, l := range logs {
		if l.Leaves == 0 && l.Fault == nil {
			continue
		}
		state := "verified"
		if l.Fault != nil {
			state = "NOT VERIFIED"
		}
		fmt.Fprintf(t, "%s\t%s\t%s leaves\t%s\t%s", tenantInWords(l.Tenant), l.Log, grouped(float64(l.Leaves)), counted(l.Checkpoints, "checkpoint"), state)
		if l.Opaque > 0 {
			fmt.Fprintf(t, ", %s of them hashes alone, their texts were erased", grouped(float64(l.Opaque)))
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}

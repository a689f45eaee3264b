package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"filippo.io/age"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/backups"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/backup"
	"github.com/qrsrisk/qrsd/store/directory"
)

// restoreCommand is `qrsd restore`.
type restoreCommand struct {
	storeFlags
	placeFlags
	identityFlags
	Backup string `arg:"" optional:"" placeholder:"NAME" help:"Backup, as qrsd backup list names it; the newest verified one unless told."`
	Locked bool   `help:"Leave the restored store locked and unproved: for a host without its key."`
	JSON   bool   `help:"Print what was restored as JSON."`
}

// Help is shown by its --help.
func (restoreCommand) Help() string {
	return `Makes a new store at --store from a backup, unlocks it with the key that unlocked it then, and holds every log to the backup's manifest. Nothing is
overwritten. With --anchor, the anchor that was kept elsewhere, a backup from before its last checkpoint is refused unless
--accept-rollback says that what came after it is lost. Tenants that were erased since stay erased. An appliance that reached out
is air-gapped until its mode is set again, unless its configuration names a mode; --locked leaves the mode as it was.`
}

// restoreOutput is `qrsd restore --json`.
type restoreOutput struct {
	Backup      string    `json:"backup"`
	Time        time.Time `json:"time"` // what was committed by then is in it
	Place       string    `json:"place"`
	Store       string    `json:"store"`
	Bytes       int64     `json:"bytes"`
	Blobs       int       `json:"blobs"`
	LaterKeys   bool      `json:"later_keys"`
	Proved      bool      `json:"proved"`
	Calmed      bool      `json:"calmed"` // it reached out when it was backed up, and is air-gapped now
	Seconds     float64   `json:"seconds"`
	LossSeconds float64   `json:"loss_seconds"` // from the backup until now
}

// Run carries out the command.
func (x *restoreCommand) Run(ctx context.Context, c console) error {
	switch {
	case x.Store == "":
		return &runner.ErrUsage{Reason: "--store: name the folder that is to be made, here or with QRSD_STORE"}
	case x.Identity == "":
		return &runner.ErrUsage{Reason: "--identity: name the file of the identity, here or with QRSD_BACKUP_IDENTITY"}
	}
	if x.Anchor != "" { // which is written anew, and then closed to whose it was
		if err := store.CheckOwner(x.Anchor); err != nil {
			return fmt.Errorf("--anchor: %w", err)
		}
	}
	with, err := backups.Identities(x.Identity)
	if err != nil {
		return err
	}
	place, err := x.one(ctx, nil)
	if err != nil {
		return err
	}
	began := time.Now()
	shown := startTally(c.err, -1)
	r, err := backup.Restore(ctx, place, backup.RestoreOptions{
		Backup: x.Backup, Identities: with, Dir: x.Store, Anchor: x.Anchor, AcceptRollback: x.AcceptRollback, Progress: shownBytes(shown),
	})
	shown.stop()
	if err != nil {
		return err
	}
	calmed := false
	if !x.Locked {
		if calmed, err = x.prove(ctx, c, r); err != nil {
			return errors.Join(fmt.Errorf("%s was put into %s, and is not proved, or not air-gapped", r.Backup, x.Store), err)
		}
	}
	out := restoreOutput{
		Backup: r.Backup, Time: r.Manifest.Time.UTC(), Place: place.Name(), Store: x.Store, Bytes: r.Bytes, Blobs: r.Blobs, LaterKeys: r.LaterKeys, Proved: !x.Locked, Calmed: calmed,
		Seconds: time.Since(began).Seconds(), LossSeconds: time.Since(r.Manifest.Time).Seconds(),
	}
	if x.JSON {
		return printJSON(c.out, out)
	}
	out.print(c.out)
	return nil
}

// prove unlocks the restored store and holds it to the manifest. The anchor that was kept elsewhere is replaced when that is done, and
// not before: until then the store goes by a copy of its own.
func (x *restoreCommand) prove(ctx context.Context, c console, r *backup.Restored) (calmed bool, err error) {
	if calmed, err = x.conclude(ctx, c, r); err != nil || x.Anchor == "" {
		return calmed, err
	}
	return calmed, store.MoveAnchor(x.Store, x.Anchor)
}

func (x *restoreCommand) conclude(ctx context.Context, c console, r *backup.Restored) (calmed bool, err error) {
	flags := x.storeFlags
	flags.Anchor = ""
	db, err := openStore(ctx, c, flags)
	if err != nil {
		return false, err
	}
	defer closeStore(db, &err)
	if err := backup.Conclude(ctx, db, operator(), r); err != nil {
		return false, err
	}
	return calm(ctx, db)
}

// calm makes the appliance air-gapped: webhooks and letters that were due at the time of the backup, and people who have lost their rights
// since, reach nobody before its owner says so again.
func calm(ctx context.Context, db *store.DB) (calmed bool, err error) {
	d := directory.Open(db, directory.Options{})
	mode, err := d.Mode(ctx)
	if err != nil || mode == outbound.AirGapped {
		return false, err
	}
	_, err = d.SetMode(ctx, operator(), outbound.AirGapped, 0)
	return err == nil, err
}

func (o restoreOutput) print(w io.Writer) {
	fmt.Fprintf(w, "%s of %s is restored in %s: %s, %s, in %s\n", o.Backup, minute(o.Time), o.Store, bytesInWords(o.Bytes), counted(o.Blobs, "blob"), inSeconds(o.Seconds))
	if o.LaterKeys {
		fmt.Fprintln(w, "its key file was removed with an erasure, and a later one was taken: tenants erased since are gone")
	}
	if o.Proved {
		fmt.Fprintln(w, "every log is the one that was backed up")
	} else {
		fmt.Fprintln(w, "it is locked and not proved: unlock it, and run qrsd check")
		fmt.Fprintln(w, `its mode is that of the backup: start it with mode = "air-gapped" in its configuration`)
	}
	if o.Calmed {
		fmt.Fprintln(w, "its mode is air-gapped now, unless its configuration names one: set it again when nothing is left that should not leave")
	}
	fmt.Fprintf(w, "what was done after %s is lost: %s\n", minute(o.Time), inSeconds(o.LossSeconds))
}

// inSeconds is a duration as people read it.
func inSeconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d > time.Minute {
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}

// drillCommand is `qrsd drill`.
type drillCommand struct {
	keeperFlags
	identityFlags
	Backup string `arg:"" optional:"" placeholder:"NAME" help:"Backup, as qrsd backup list names it; the newest unless told."`
	Quick  bool   `help:"Only what is done after every backup: database, key file and logs, without blobs and without a run."`
	Report string `placeholder:"FILE" help:"Write the signed report into this new file."`
	JSON   bool   `help:"Print the report as JSON."`
}

// Help is shown by its --help.
func (drillCommand) Help() string {
	return `Restores a backup into a scratch folder, walks every page, verifies every log, record and blob, computes one small run again and compares its tables,
and says how old the backup was (RPO) and how long it took (RTO). With --identity it is opened by the owner's own identity: try
that at times. The report is signed and kept in the store. Exit code 3 where anything differs. A server does it every quarter by itself.`
}

// Run carries out the command.
func (x *drillCommand) Run(ctx context.Context, c console) (err error) {
	form := backup.Full
	if x.Quick {
		form = backup.Quick
	}
	k, db, leave, err := x.open(ctx, c, nil)
	if err != nil {
		return err
	}
	defer leave(&err)
	var with []age.Identity // none: the appliance's own
	if x.Identity != "" {
		if with, err = backups.Identities(x.Identity); err != nil {
			return err
		}
	}
	shown := startTally(c.err, -1)
	r, err := k.Drill(ctx, operator(), form, x.Backup, nil, with, shownBytes(shown))
	shown.stop()
	if err != nil {
		return err
	}
	if x.Report != "" {
		if err := keepReport(x.Report, db, r); err != nil {
			return err
		}
	}
	if x.JSON {
		err = printJSON(c.out, r)
	} else {
		printDrill(c.out, r)
	}
	if err == nil && r.Outcome != backup.Done {
		return errDiffer
	}
	return err
}

// keepReport writes the signed report, never over a file.
func keepReport(path string, db *store.DB, r *backup.Report) error {
	signed, err := db.SignDocument(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(signed)
	return errors.Join(err, f.Close())
}

func printDrill(w io.Writer, r *backup.Report) {
	fmt.Fprintf(w, "%s drill of %s on %s\n", r.Form, r.Backup, r.Target)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range r.Steps {
		detail := s.Detail
		if s.Outcome == backup.Failed {
			detail = "FAILED"
		}
		fmt.Fprintf(t, "    %s\t%s\t%s\n", s.Name, inSeconds(s.Seconds), detail)
	}
	t.Flush()
	fmt.Fprintf(w, "RPO %s, RTO %s\n", inSeconds(r.RPO), inSeconds(r.RTO))
	if r.Outcome == backup.Done {
		fmt.Fprintln(w, "the backup can be restored")
		return
	}
	printDrillFaults(w, r.Faults)
}

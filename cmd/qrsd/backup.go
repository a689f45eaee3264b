package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/backups"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/egressfile"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/backup"
	"github.com/qrsrisk/qrsd/store/directory"
)

// backupCommand is `qrsd backup`.
type backupCommand struct {
	Create   backupCreateCommand   `cmd:"" help:"Make a backup and verify it by restoring it."`
	List     backupListCommand     `cmd:"" help:"List the backups of a place."`
	Verify   backupVerifyCommand   `cmd:"" help:"Read every byte of a backup, without a store."`
	Prune    backupPruneCommand    `cmd:"" help:"Remove backups that are past their time."`
	Identity backupIdentityCommand `cmd:"" help:"Make the identity that backups are restored with."`
}

// placeFlags say where backups are: in a folder, or where the configuration of the server says.
type placeFlags struct {
	At     string `name:"at" env:"QRSD_BACKUP" placeholder:"DIR" help:"Folder of the backups."`
	Config string `placeholder:"FILE" help:"Take the places, and with them the recipients and the store, from the block backup of this configuration of the server. Of several places, --place names one."`
	Place  string `placeholder:"NAME" help:"With --config: the one place meant, as qrsd backup list shows it."`
}

// load reads the configuration, where one is named.
func (f placeFlags) load() (*config.Config, error) {
	if f.Config == "" {
		if f.At == "" {
			return nil, &runner.ErrUsage{Reason: "--at: name the folder of the backups, here or with QRSD_BACKUP, or give --config"}
		}
		return nil, nil
	}
	if f.At != "" {
		return nil, &runner.ErrUsage{Reason: "--at and --config both say where backups are: give one"}
	}
	c, err := config.Load(f.Config)
	if err == nil && c.Backup == nil {
		err = &runner.ErrUsage{Reason: fmt.Sprintf("--config %s: it has no block backup", f.Config)}
	}
	return c, err
}

// targets are the places; db says in which mode the appliance is where the configuration does not, nil: nobody does.
func (f placeFlags) targets(ctx context.Context, c *config.Config, db *store.DB) (all []backup.Target, err error) {
	if c == nil {
		return []backup.Target{backup.Folder(f.At)}, nil
	}
	reach := c.Outbound
	reach.Log = &egressfile.Journal{Path: c.Record, Now: time.Now}
	switch {
	case c.Mode != nil:
		reach.Mode = *c.Mode
	case db != nil:
		if reach.Mode, err = directory.Open(db, directory.Options{}).Mode(ctx); err != nil {
			return nil, err
		}
	}
	if len(c.Backup.Buckets) > 0 {
		if err := os.MkdirAll(filepath.Dir(c.Record), 0o700); err != nil {
			return nil, fmt.Errorf("making the folder of the record of connections: %w", err)
		}
	}
	d, err := outbound.New(reach)
	if err != nil {
		return nil, err
	}
	if all, err = backups.Targets(ctx, c.Backup, d); err != nil || f.Place == "" {
		return all, err
	}
	var names []string
	for _, t := range all {
		if t.Name() == f.Place {
			return []backup.Target{t}, nil
		}
		names = append(names, t.Name())
	}
	return nil, &runner.ErrUsage{Reason: fmt.Sprintf("--place %q: the configuration has %s", f.Place, strings.Join(names, ", "))}
}

// one is the place that is meant where only one can be.
func (f placeFlags) one(ctx context.Context, db *store.DB) (backup.Target, error) {
	c, err := f.load()
	if err != nil {
		return nil, err
	}
	all, err := f.targets(ctx, c, db)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// keeperFlags open a store and the keeper of its backups.
type keeperFlags struct {
	storeFlags
	placeFlags
	Scratch string `placeholder:"DIR" help:"Folder on a local disk for copies while they are made and verified; that of the store's folder unless told."`
}

// open gives the store unlocked and its keeper. leave closes it; it is deferred with the verb's named result.
func (f keeperFlags) open(ctx context.Context, c console, recipients []string) (k *backup.Keeper, db *store.DB, leave func(*error), err error) {
	conf, err := f.load()
	if err != nil {
		return nil, nil, nil, err
	}
	s := f.storeFlags
	if conf != nil {
		s.Store, s.Anchor = cmp.Or(s.Store, conf.Store.Path), cmp.Or(s.Anchor, conf.Store.Options.Anchor)
		s.KeyFile = cmp.Or(s.KeyFile, conf.Store.Unlock.KeyFile)
	}
	if db, err = openStore(ctx, c, s); err != nil {
		return nil, nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	targets, err := f.targets(ctx, conf, db)
	if err != nil {
		return nil, nil, nil, err
	}
	o := backup.Options{Targets: targets, Program: engine.Version, Recompute: backups.Recompute, Scratch: filepath.Dir(filepath.Clean(s.Store))}
	if conf != nil {
		o = backups.Options(conf.Backup, targets, engine.Version)
	}
	if len(recipients) > 0 {
		o.Recipients = recipients
	}
	if f.Scratch != "" {
		o.Scratch = f.Scratch
	}
	k, err = backup.NewKeeper(db, o)
	return k, db, func(err *error) { closeStore(db, err) }, err
}

// shownBytes shows how far a backup, restore or drill is.
func shownBytes(t *tally) backup.Progress {
	return func(what string, done, total int64) {
		if total > 0 {
			t.of(what, int(done), int(total))
			return
		}
		t.at(what, done)
	}
}

// backupCreateCommand is `qrsd backup create`.
type backupCreateCommand struct {
	keeperFlags
	Recipient []string `placeholder:"AGE1...|FILE" help:"Encrypt to this public key, of age-keygen or qrsd backup identity, or to those in this file, one a line. May be given more than once."`
	JSON      bool     `help:"Print what was made as JSON."`
}

// Help is shown by its --help.
func (backupCreateCommand) Help() string {
	return `Copies the database as of one moment, with all blobs that the place does not hold yet, encrypted to the recipients; then restores it into
a scratch folder and verifies it there. Exit code 3 where that fails. A server makes backups by itself: see qrsd.hcl.example.`
}

// Run carries out the command.
func (x *backupCreateCommand) Run(ctx context.Context, c console) (err error) {
	to, err := backups.Recipients(x.Recipient)
	if err != nil {
		return err
	}
	k, _, leave, err := x.open(ctx, c, to)
	if err != nil {
		return err
	}
	defer leave(&err)
	shown := startTally(c.err, -1)
	all, err := k.Create(ctx, operator(), shownBytes(shown))
	shown.stop()
	if x.JSON {
		return errors.Join(printJSON(c.out, all), err)
	}
	for _, b := range all {
		if b.Outcome != backup.Done {
			continue
		}
		fmt.Fprintf(c.out, "%s on %s: database %s, %s, %s sent; verified by restoring it\n", b.Name, b.Target, bytesInWords(b.DatabaseBytes), counted(b.Blobs, "blob"), bytesInWords(b.SentBytes))
		if len(b.Pruned) > 0 {
			fmt.Fprintf(c.out, "past their time and removed: %s\n", strings.Join(b.Pruned, ", "))
		}
	}
	return err
}

// backupListCommand is `qrsd backup list`.
type backupListCommand struct {
	placeFlags
	JSON bool `help:"Print the backups as JSON."`
}

// Help is shown by its --help.
func (backupListCommand) Help() string {
	return `Needs no key and no store. "verified" is a backup that was restored by a drill.`
}

// listedOutput is a line of `qrsd backup list --json`.
type listedOutput struct {
	Place     string    `json:"place"`
	Name      string    `json:"name"`
	Time      time.Time `json:"time"`
	Verified  bool      `json:"verified"`
	Bytes     int64     `json:"bytes"` // on the place, with what it shares with others
	Blobs     int       `json:"blobs"`
	Install   store.ID  `json:"install"`
	Program   string    `json:"program"`
	Format    int       `json:"format"`
	Recipient []string  `json:"recipients"`
	Fault     string    `json:"fault,omitempty"`
}

// Run carries out the command.
func (x *backupListCommand) Run(ctx context.Context, c console) error {
	conf, err := x.load()
	if err != nil {
		return err
	}
	targets, err := x.targets(ctx, conf, nil)
	if err != nil {
		return err
	}
	out := []listedOutput{}
	for _, t := range targets {
		all, err := backup.List(ctx, t)
		if err != nil {
			return err
		}
		for _, l := range all {
			one := listedOutput{Place: t.Name(), Name: l.Name, Time: l.Time.UTC(), Verified: l.Verified, Fault: l.Fault}
			if m := l.Manifest; m != nil {
				one.Bytes, one.Blobs, one.Install, one.Program, one.Format, one.Recipient = m.StoredBytes(), m.Blobs, m.Install, m.Program, m.Format, m.Recipients
			}
			out = append(out, one)
		}
	}
	if x.JSON {
		return printJSON(c.out, out)
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, l := range out {
		state := "not verified"
		if l.Verified {
			state = "verified"
		}
		if l.Fault != "" {
			state = "FAULT " + l.Fault
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, minute(l.Time), bytesInWords(l.Bytes), counted(l.Blobs, "blob"), state, l.Place)
	}
	return t.Flush()
}

// backupVerifyCommand is `qrsd backup verify`.
type backupVerifyCommand struct {
	placeFlags
	identityFlags
	Backup string `arg:"" optional:"" placeholder:"NAME" help:"Backup, as qrsd backup list names it; the newest unless told."`
	JSON   bool   `help:"Print the report as JSON."`
}

// identityFlags name the owner's identity.
type identityFlags struct {
	Identity string `env:"QRSD_BACKUP_IDENTITY" placeholder:"FILE" help:"File with the identity of a recipient, as age-keygen or qrsd backup identity writes it."`
}

// Help is shown by its --help.
func (backupVerifyCommand) Help() string {
	return `Decrypts every object of the backup and holds it to the manifest, with nothing but the identity. That it also makes a store is proved by
qrsd drill or qrsd restore. Exit code 3 where anything is not as it was written.`
}

// Run carries out the command.
func (x *backupVerifyCommand) Run(ctx context.Context, c console) error {
	if x.Identity == "" {
		return &runner.ErrUsage{Reason: "--identity: name the file of the identity, here or with QRSD_BACKUP_IDENTITY"}
	}
	with, err := backups.Identities(x.Identity)
	if err != nil {
		return err
	}
	place, err := x.one(ctx, nil)
	if err != nil {
		return err
	}
	shown := startTally(c.err, -1)
	r, err := backup.Verify(ctx, place, x.Backup, with, shownBytes(shown))
	shown.stop()
	if err != nil {
		return err
	}
	if x.JSON {
		err = printJSON(c.out, r)
	} else {
		fmt.Fprintf(c.out, "%s on %s: %s, %s\n", r.Backup, r.Target, counted(r.Objects, "object"), bytesInWords(r.Bytes))
		if len(r.Faults) == 0 {
			fmt.Fprintln(c.out, "every byte is as it was written")
		} else {
			printDrillFaults(c.out, r.Faults)
		}
	}
	if err == nil && len(r.Faults) > 0 {
		return errDiffer
	}
	return err
}

func printDrillFaults(w io.Writer, faults []store.Fault) {
	for _, f := range faults {
		fmt.Fprintf(w, "FAULT  %s\n", f)
	}
	fmt.Fprintf(w, "%s; this backup is not to be relied on: make another one, and find out what damaged it\n", counted(len(faults), "fault"))
}

// backupPruneCommand is `qrsd backup prune`.
type backupPruneCommand struct {
	keeperFlags
	Keep time.Duration `placeholder:"840h" help:"Keep backups that are younger; 35 days, or what the configuration says, unless told."`
	JSON bool          `help:"Print what was removed as JSON."`
}

// Help is shown by its --help.
func (backupPruneCommand) Help() string {
	return `Happens by itself after every backup. The newest backup, the newest that was verified, and whatever a kept one needs stay whatever their age.`
}

// Run carries out the command.
func (x *backupPruneCommand) Run(ctx context.Context, c console) (err error) {
	k, _, leave, err := x.open(ctx, c, nil)
	if err != nil {
		return err
	}
	defer leave(&err)
	all, err := k.Prune(ctx, operator(), x.Keep)
	if x.JSON {
		return errors.Join(printJSON(c.out, all), err)
	}
	for place, p := range all {
		fmt.Fprintf(c.out, "%s: %s removed, %d kept, %s in all removed", place, counted(len(p.Backups), "backup"), p.Kept, counted(p.Objects, "object"))
		if p.Held > 0 {
			fmt.Fprintf(c.out, ", %s still held by object lock", counted(p.Held, "object"))
		}
		fmt.Fprintln(c.out)
	}
	return err
}

// backupIdentityCommand is `qrsd backup identity`.
type backupIdentityCommand struct {
	Out         string `required:"" short:"o" placeholder:"FILE" help:"New file for the identity, which nobody else may read. Keep it away from this host."`
	Recipient   string `placeholder:"FILE" help:"Also write the recipient into this new file."`
	PostQuantum bool   `help:"Make one that also withstands quantum computers (hybrid ML-KEM-768 and X25519); its recipient is longer."`
}

// Help is shown by its --help.
func (backupIdentityCommand) Help() string {
	return `What age-keygen does. The recipient that is printed goes into the configuration; the file goes into a safe: whoever has it, a backup, and what
unlocks the store, has the data.`
}

// Run carries out the command.
func (x *backupIdentityCommand) Run(c console) error {
	recipient, err := backups.NewIdentity(x.Out, x.PostQuantum, time.Now())
	if err != nil {
		return err
	}
	if x.Recipient != "" {
		if err := backups.KeepRecipient(x.Recipient, recipient); err != nil {
			return err
		}
	}
	fmt.Fprintln(c.out, recipient)
	return nil
}

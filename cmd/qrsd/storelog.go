package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// What the two logs of a tenant, audit log and ledger, have in common on the command line.

// verifyFlags say what to verify: a store, or an export of one.
type verifyFlags struct {
	File string `arg:"" optional:"" placeholder:"FILE" help:"Verify this export, without any store."`
	Keys string `placeholder:"FILE" help:"Public keys that the export must be signed with, as qrsd key public prints them, known from elsewhere."`
	storeFlags
	tenantFlags
	JSON bool `help:"Print the report as JSON."`
}

// exportReport is the report on an export as JSON.
type exportReport struct {
	Verified   bool        `json:"verified"`
	Trusted    bool        `json:"trusted"` // signed with keys that were given; otherwise with those in the export alone
	Log        ledger.ID   `json:"log"`
	Origin     string      `json:"origin"`
	Size       int64       `json:"size"`
	Root       ledger.Hash `json:"root"`
	Signed     time.Time   `json:"signed"`
	Entries    int64       `json:"entries"`
	First      int64       `json:"first"`
	Last       int64       `json:"last"`
	Opaque     int64       `json:"opaque"`
	Complete   bool        `json:"complete"`
	PublicKeys []string    `json:"public_keys"`
}

// verify verifies the export, or the logs of the store: both of each tenant for the audit log, the ledgers for the ledger.
func (f verifyFlags) verify(ctx context.Context, c console, kind store.LogKind) error {
	if f.File != "" {
		return f.verifyExport(c)
	}
	if f.Keys != "" {
		return &runner.ErrUsage{Reason: "--keys is for an export: name its file; the store is verified with its own keys"}
	}
	kinds := []store.LogKind{kind}
	if kind == store.AuditLog {
		kinds = append(kinds, store.Lineage)
	}
	shown, err := f.verifyStore(ctx, c, kinds)
	if err != nil {
		return err
	}
	faults := 0
	for _, l := range shown {
		if l.Fault != nil {
			faults++
		}
	}
	if f.JSON {
		err = printJSON(c.out, shown)
	} else {
		printVerified(c.out, shown, faults)
	}
	if err == nil && faults > 0 {
		return errDiffer
	}
	return err
}

func (f verifyFlags) verifyStore(ctx context.Context, c console, kinds []store.LogKind) (logs []store.LogReport, err error) {
	db, err := openStore(ctx, c, f.storeFlags)
	if err != nil {
		return nil, err
	}
	defer closeStore(db, &err)
	t, leave, err := f.enter(ctx, db)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, leave()) }()
	shown := startTally(c.err, -1)
	defer shown.stop()
	return db.VerifyLogs(ctx, t.Principal(), func(n int64) { shown.add("leaves verified", n) }, kinds...)
}

func printVerified(w io.Writer, logs []store.LogReport, faults int) {
	printLogs(w, logs)
	leaves := int64(0)
	for _, l := range logs {
		leaves += l.Leaves
		if l.Fault != nil {
			fmt.Fprintf(w, "FAULT  %s\n", *l.Fault)
		}
	}
	if faults == 0 {
		fmt.Fprintf(w, "%s leaves verified from their bytes\n", grouped(float64(leaves)))
	}
}

// verifyExport needs neither store nor network.
func (f verifyFlags) verifyExport(c console) error {
	r, err := f.readExport()
	if err != nil {
		return fmt.Errorf("%s: %w", f.File, err)
	}
	out := exportReport{
		Verified: true, Trusted: r.Trusted, Log: r.Log, Origin: r.Origin, Size: r.Checkpoint.Size, Root: r.Checkpoint.Root, Signed: r.Checkpoint.Time,
		Entries: r.Count, First: r.First, Last: r.Last, Opaque: r.Opaque, Complete: r.Complete, PublicKeys: r.Keys,
	}
	if f.JSON {
		return printJSON(c.out, out)
	}
	printExportReport(c.out, out)
	return nil
}

func (f verifyFlags) readExport() (r ledger.Report, err error) {
	file, err := os.Open(f.File)
	if err != nil {
		return r, err
	}
	defer file.Close()
	if f.Keys == "" {
		return ledger.VerifyExport(file, nil)
	}
	text, err := os.ReadFile(f.Keys)
	if err != nil {
		return r, err
	}
	trusted, err := ledger.ParseKeys(string(text))
	if err != nil {
		return r, &runner.ErrUsage{Reason: f.Keys + ": " + err.Error()}
	}
	return ledger.VerifyExport(file, trusted)
}

func printExportReport(w io.Writer, r exportReport) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, values ...any) { fmt.Fprintf(t, name+"\t"+format+"\n", values...) }
	row("log", "%s", r.Origin)
	row("checkpoint", "%s, root %s, signed %s", countedEntries(r.Size), r.Root, minute(r.Signed))
	row("in the file", "%s", exportedInWords(r))
	if r.Trusted {
		row("signature", "by a key that you trust")
	} else {
		row("signature", "by a key in the export itself: undamaged, but whoever made it could have made up everything; name keys that you trust with --keys")
	}
	t.Flush()
	fmt.Fprintln(w, "every entry verified: its leaf, its proof, its place in the chain")
}

func exportedInWords(r exportReport) string {
	text := countedEntries(r.Entries)
	if r.Complete {
		text += ", all of them"
	} else {
		text += fmt.Sprintf(", of %d to %d", r.First, r.Last)
	}
	if r.Opaque > 0 {
		text += fmt.Sprintf("; of %d the text was erased", r.Opaque)
	}
	return text
}

// exportFlags say where a log goes.
type exportFlags struct {
	Out string `short:"o" required:"" placeholder:"FILE" help:"Write the entries, one JSON line each, with checkpoint, public keys and proofs, into this new file."`
	storeFlags
	tenantFlags
	JSON bool `help:"Print what was written as JSON."`
}

// export writes the file whole or not at all.
func (f exportFlags) export(ctx context.Context, c console, kind store.LogKind) (err error) {
	if _, err := os.Lstat(f.Out); err == nil {
		return fmt.Errorf("%s: %w; name a new file", f.Out, store.ErrExists)
	}
	t, leave, err := openTenant(ctx, c, f.storeFlags, f.tenantFlags)
	if err != nil {
		return err
	}
	defer leave(&err)
	temporary, err := os.CreateTemp(filepath.Dir(f.Out), ".qrsd-export-*")
	if err != nil {
		return err
	}
	count, err := t.Export(ctx, kind, temporary)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Link(temporary.Name(), f.Out) // never over a file that came meanwhile
	}
	if err = errors.Join(err, os.Remove(temporary.Name())); err != nil {
		return err
	}
	if f.JSON {
		return printJSON(c.out, struct {
			File    string `json:"file"`
			Log     string `json:"log"`
			Entries int64  `json:"entries"`
		}{f.Out, kind.String(), count})
	}
	fmt.Fprintf(c.out, "%s written to %s\n", countedEntries(count), f.Out)
	return nil
}

// proveFlags name a leaf.
type proveFlags struct {
	Sequence int64 `arg:"" help:"Sequence of the entry."`
	storeFlags
	tenantFlags
	JSON bool `help:"Print the proof as JSON."`
}

// prove proves a leaf against a checkpoint that is made now.
func (f proveFlags) prove(ctx context.Context, c console, kind store.LogKind) (err error) {
	t, leave, err := openTenant(ctx, c, f.storeFlags, f.tenantFlags)
	if err != nil {
		return err
	}
	defer leave(&err)
	p, err := t.Prove(ctx, kind, f.Sequence)
	if err != nil {
		return err
	}
	if f.JSON {
		return printJSON(c.out, p)
	}
	fmt.Fprintf(c.out, "leaf %d  %s\n", p.Sequence, p.Leaf)
	for i, h := range p.Path {
		fmt.Fprintf(c.out, "path %d  %s\n", i, h)
	}
	fmt.Fprintf(c.out, "root    %s of %s\n\nThe leaf is in the tree of this checkpoint (RFC 6962):\n\n%s", p.Root, countedEntries(p.Size), p.Checkpoint)
	return nil
}

// when reads a date or a time; a date is its beginning in UTC.
func when(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, &runner.ErrUsage{Reason: fmt.Sprintf("%s %q: write a date such as 2026-06-01, or a time such as 2026-06-01T12:00:00Z", flag, text)}
}

package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/durablefile"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/relay"
)

// quantumExport is `qrsd quantum export`.
type quantumExport struct {
	Folder   string `arg:"" name:"run" placeholder:"DIR" help:"Results folder of qrsd run."`
	Out      string `short:"o" required:"" placeholder:"FILE" help:"File to write, such as job.qcirc.json."`
	MaxPrice string `required:"" placeholder:"USD" help:"The relay runs nothing if its quote is above this."`
	planFlags
	homeFlags
	JSON bool `help:"Print what was done as JSON."`
}

// exportOutput is `qrsd quantum export --json`.
type exportOutput struct {
	Job         string `json:"job"`
	File        string `json:"file"`
	Tasks       int    `json:"tasks"`
	Shots       int    `json:"shots"`
	Device      string `json:"device"`
	MaxPriceUSD string `json:"max_price_usd"`
	HostKey     string `json:"host_key_fingerprint"`
	WhatLeaves  string `json:"what_leaves"`
}

// Run carries out the command.
func (x *quantumExport) Run(ctx context.Context, c console) error {
	limit, err := amount("--max-price", x.MaxPrice)
	if err != nil {
		return err
	}
	home, err := x.open()
	if err != nil {
		return err
	}
	jobs, err := newJobs(home)
	if err != nil {
		return err
	}
	k, err := x.job(ctx, jobs, x.Folder)
	if err != nil {
		return err
	}
	if _, err := k.Rehearse(ctx); err != nil {
		return err
	}
	if err := jobs.Export(ctx, k, limit, func(file []byte) error { return durablefile.Write(x.Out, file, 0o644) }); err != nil {
		return fmt.Errorf("exporting: %w; the job is kept, and qrsd quantum export %s --job %.8s goes on", err, x.Folder, k.ID)
	}
	out := exportOutput{
		Job: k.ID, File: x.Out, Tasks: len(k.Circuits), Shots: k.Shots(), Device: k.Device, MaxPriceUSD: limit.String(),
		HostKey: jobs.HostKey.Public().Fingerprint(), WhatLeaves: egress.Meaning,
	}
	if x.JSON {
		return printJSON(c.out, out)
	}
	fmt.Fprintf(c.out, "job %.8s: %d tasks, %d shots on %s, at most %s USD, in %s\n", out.Job, out.Tasks, out.Shots, out.Device, out.MaxPriceUSD, out.File)
	fmt.Fprintf(c.out, "signed by this host's key %s\n", out.HostKey)
	fmt.Fprintf(c.out, "what leaves is %s\n", egress.Meaning)
	return nil
}

// amount reads US dollars of a flag.
func amount(flag, text string) (braket.USD, error) {
	usd, err := braket.ParseUSD(text)
	if err != nil {
		return 0, &runner.ErrUsage{Reason: flag + " " + err.Error()}
	}
	return usd, nil
}

// quantumImport is `qrsd quantum import`.
type quantumImport struct {
	File   string `arg:"" placeholder:"FILE" help:"The relay's result, such as job.qres.json."`
	Folder string `name:"run" placeholder:"DIR" help:"Where the run's results lie, if the folder was moved since."`
	trustFlags
	homeFlags
	JSON bool `help:"Print the estimate as JSON."`
}

// readCarried reads a file that came from elsewhere, up to what one can be.
func readCarried(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := relay.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

// Run carries out the command.
func (x *quantumImport) Run(ctx context.Context, c console) error {
	file, err := readCarried(x.File)
	if err != nil {
		return fmt.Errorf("reading the result: %w", err)
	}
	home, err := x.open()
	if err != nil {
		return err
	}
	jobs, err := newJobs(home)
	if err != nil {
		return err
	}
	if jobs.Relays, err = x.trusted(home, quantumjob.Relays); err != nil {
		return err
	}
	k, report, err := jobs.Import(ctx, file, x.Folder)
	var unknown *relay.UnknownKeyError
	if errors.As(err, &unknown) {
		peer, pinned := x.pin(home, quantumjob.Relays, err)
		if pinned != nil {
			return refused(c, fmt.Errorf("%s: %w", x.File, pinned))
		}
		fmt.Fprintf(c.err, "trusting relay %s, %s, from now on\n", peer.Name, peer.Key.Fingerprint())
		jobs.Relays = append(jobs.Relays, peer)
		k, report, err = jobs.Import(ctx, file, x.Folder)
	}
	if err != nil {
		return refused(c, fmt.Errorf("%s: %w", x.File, err))
	}
	return printReport(c, k, report, x.JSON)
}

// printReport shows an estimate.
func printReport(c console, k *quantumjob.Kept, r *quantumjob.Report, asJSON bool) error {
	if asJSON {
		return printJSON(c.out, r)
	}
	simulated := "quantum hardware"
	if r.Simulated {
		simulated = "simulated by the provider"
	}
	fmt.Fprintf(c.out, "%s\n", r.Text)
	fmt.Fprintf(c.out, "backend %s, %s, %s; %d tasks, %d shots, quoted %s USD\n", r.Backend, r.Device, simulated, len(r.Tasks), r.Shots, r.QuoteUSD)
	if r.Estimate == nil {
		fmt.Fprintf(c.out, "estimate  none: %s\n", r.NoEstimate)
	} else {
		fmt.Fprintf(c.out, "estimate  %s", inUnit(r.Estimate.Value, r.Unit))
		for i, v := range r.Estimate.Intervals {
			word := ", " + strconvPercent(r.Estimate.Confidence) + " interval "
			if i > 0 {
				word = " or "
			}
			fmt.Fprintf(c.out, "%s%s to %s", word, inUnit(v.Low, r.Unit), inUnit(v.High, r.Unit))
		}
		fmt.Fprintln(c.out)
	}
	fmt.Fprintf(c.out, "exact     %s, the sum over the bins\n", inUnit(r.Exact, r.Unit))
	fmt.Fprintf(c.out, "%s: %s\n", r.Provenance, r.Tasks[0])
	for _, arn := range r.Tasks[1:] {
		fmt.Fprintf(c.out, "    %s\n", arn)
	}
	fmt.Fprintln(c.out, r.Note)
	if k.Report != "" {
		fmt.Fprintf(c.out, "written to %s\n", k.Report)
	}
	return nil
}

func strconvPercent(p float64) string { return fmt.Sprintf("%.0f %%", 100*p) }

// inUnit is a probability, or an amount in the portfolio's currency.
func inUnit(x float64, unit string) string {
	if unit == "" {
		return fmt.Sprintf("%.5f", x)
	}
	return money(x)
}

// quantumKey is `qrsd quantum key`.
type quantumKey struct {
	homeFlags
	JSON bool `help:"Print the key as JSON."`
}

// Run carries out the command.
func (x *quantumKey) Run(c console) error {
	home, err := x.open()
	if err != nil {
		return err
	}
	key, err := home.HostKey()
	if err != nil {
		return err
	}
	return printKey(c, key.Public(), x.JSON)
}

func printKey(c console, key relay.PublicKey, asJSON bool) error {
	if asJSON {
		return printJSON(c.out, map[string]string{"key": key.String(), "fingerprint": key.Fingerprint()})
	}
	fmt.Fprintf(c.out, "%s\n%s\n", key, key.Fingerprint())
	return nil
}

// quantumRecord is `qrsd quantum record`.
type quantumRecord struct {
	homeFlags
	Bytes bool `help:"Show the bytes of every entry too."`
	JSON  bool `help:"Print the entries as JSON lines, as they are kept."`
}

// Run carries out the command.
func (x *quantumRecord) Run(c console) error {
	home, err := x.open()
	if err != nil {
		return err
	}
	journal := home.Journal(time.Now)
	var listed egress.Chain
	chain, err := journal.Verify(func(e egress.Entry) error {
		if x.JSON {
			// A verified line is the one that the chain writes for its entry, byte for byte.
			line, next, err := listed.Next(e)
			if err == nil {
				listed = next
				_, err = c.out.Write(line)
			}
			return err
		}
		fmt.Fprintf(c.out, "%4d  %s  %-10s  %-20s  %-40s  %6d bytes", e.Number, e.Time, e.Kind, e.Purpose, e.Destination, len(e.Bytes))
		if e.Failure != "" {
			fmt.Fprintf(c.out, "  %q", e.Failure)
		}
		fmt.Fprintln(c.out)
		if x.Bytes {
			fmt.Fprintf(c.out, "%s\n", printable(e.Bytes))
		}
		return nil
	})
	var broken *egress.BrokenError
	if errors.As(err, &broken) {
		return refused(c, fmt.Errorf("%s: %w", journal.Path, err))
	}
	if err == nil && !x.JSON {
		fmt.Fprintf(c.out, "%d entries, unbroken; head %s\n", chain.Number, chain.Head())
	}
	return err
}

// printable is text as it is, and anything with control characters as base64: a terminal must not obey what came from outside.
func printable(b []byte) string {
	for _, x := range string(b) {
		if x < ' ' && x != '\n' && x != '\r' && x != '\t' || x == 0x7f || x >= 0x80 && x < 0xa0 || x == '\ufffd' {
			return base64.StdEncoding.EncodeToString(b)
		}
	}
	return string(b)
}

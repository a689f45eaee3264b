package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/web/client"
	"github.com/qrsrisk/qrsd/web/wire"
)

// runsCommand is `qrsd runs`.
type runsCommand struct {
	List     runsList     `cmd:"" help:"List the runs, newest first."`
	Show     runsShow     `cmd:"" help:"Show a run: its state and settings and, when it is done, its figures."`
	Follow   runsFollow   `cmd:"" help:"Follow a run with its progress until it has ended and is sealed."`
	Cancel   runsCancel   `cmd:"" help:"End a run that waits or is being carried out."`
	Rename   runsRename   `cmd:"" help:"Give a run another name or note."`
	Compare  runsCompare  `cmd:"" help:"Put one to three runs beside a baseline: what was put in otherwise, then what came out."`
	Events   runsEvents   `cmd:"" help:"List the storms of a run, largest loss first."`
	Tables   runsTables   `cmd:"" help:"List the tables and files of a run."`
	Download runsDownload `cmd:"" help:"Save tables, estimate, manifest and seal of a run into a folder."`
	Seal     runsSeal     `cmd:"" help:"Have the appliance verify the seal of a run now."`
}

// Help is shown by `qrsd runs --help`.
func (runsCommand) Help() string {
	return `Runs of an appliance, over its API; qrsd run --server submits one. A run is named by its id, the beginning of one, or its name.`
}

// runFlags name a run of an appliance.
type runFlags struct {
	ID string `arg:"" name:"run" placeholder:"RUN" help:"Id, the beginning of one, or name."`
	serverFlags
}

// at finds it.
func (f runFlags) at(ctx context.Context) (a *client.Client, id string, err error) {
	if a, err = f.connect(); err != nil {
		return nil, "", err
	}
	id, err = runNamed(ctx, a, f.ID)
	return a, id, err
}

// runsList is `qrsd runs list`.
type runsList struct {
	State     string `enum:",queued,running,done,failed,cancelled" default:"" placeholder:"STATE" help:"Only runs in this state: queued, running, done, failed or cancelled."`
	Portfolio string `placeholder:"PORTFOLIO" help:"Only runs of this portfolio: id, the beginning of one, or name."`
	Limit     int    `default:"30" help:"At most so many; 0 = all."`
	serverFlags
	JSON bool `help:"Print the runs as JSON."`
}

// Run carries out the command.
func (x *runsList) Run(ctx context.Context, c console) error {
	if x.Limit < 0 {
		return &runner.ErrUsage{Reason: fmt.Sprintf("--limit %d: give 1 or more, or 0 for all", x.Limit)}
	}
	a, err := x.connect()
	if err != nil {
		return err
	}
	q := client.RunQuery{State: x.State}
	if x.Portfolio != "" {
		if q.Portfolio, err = portfolioNamed(ctx, a, x.Portfolio); err != nil {
			return err
		}
	}
	all := []wire.Run{}
	for r, err := range a.Runs(ctx, q) {
		if err != nil {
			return err
		}
		if all = append(all, r); len(all) == x.Limit {
			break
		}
	}
	if x.JSON {
		return printJSON(c.out, all)
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RUN\tSTATE\tSUBMITTED\tTOOK\tYEARS\tSAMPLES\tNAME")
	for _, r := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", r.ID, stateInWords(r), minute(r.Submitted), took(r), grouped(float64(r.Spec.Years)), r.Spec.Samples, plain(r.Name))
	}
	return t.Flush()
}

// stateInWords is a run's state and, of one that is done, whether it is sealed; of one at work, how far it is.
func stateInWords(r wire.Run) string {
	switch {
	case r.Seal != "":
		return r.State + ", " + map[string]string{"sealed": "sealed", "pending": "not sealed yet"}[r.Seal]
	case r.Progress != nil && r.Progress.Of > 0:
		return fmt.Sprintf("%s, %d %%", r.State, 100*r.Progress.Done/r.Progress.Of)
	}
	return r.State
}

// took is how long a run was carried out.
func took(r wire.Run) string {
	if r.Started == nil || r.Ended == nil {
		return "-"
	}
	return r.Ended.Sub(*r.Started).Round(time.Second / 10).String()
}

// runsShow is `qrsd runs show`.
type runsShow struct {
	runFlags
	JSON bool `help:"Print the run, its settings and its figures as JSON."`
}

// Run carries out the command.
func (x *runsShow) Run(ctx context.Context, c console) error {
	a, id, err := x.at(ctx)
	if err != nil {
		return err
	}
	return showRun(ctx, c, a, id, x.JSON)
}

// showRun prints a run, and its figures where it is done.
func showRun(ctx context.Context, c console, a *client.Client, id string, asJSON bool) error {
	r, _, err := a.Run(ctx, id)
	if err != nil {
		return err
	}
	if r.State == "done" {
		out, err := newRemoteOutput(ctx, a, r)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c.out, out)
		}
		printRemote(c.out, out)
		return nil
	}
	s, err := a.RunSettings(ctx, id)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(c.out, remoteOutput{Run: r, Settings: s.Settings})
	}
	fmt.Fprintf(c.out, "run %s  %s\n%s, submitted %s by %s\n", r.ID, plain(r.Name), stateInWords(r), minute(r.Submitted), r.By)
	if r.Reason != "" {
		fmt.Fprintln(c.out, plain(r.Reason))
	}
	printSettings(c.out, s.Settings)
	return nil
}

func printSettings(w io.Writer, all []wire.Setting) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range all {
		by := ""
		if s.Default {
			by = "default"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", plain(s.Name), plain(s.Value), by)
	}
	t.Flush()
}

// runsFollow is `qrsd runs follow`.
type runsFollow struct {
	runFlags
	JSON bool `help:"Print a line of JSON for each event."`
}

// Run carries out the command.
func (x *runsFollow) Run(ctx context.Context, c console) error {
	a, id, err := x.at(ctx)
	if err != nil {
		return err
	}
	return follow(ctx, c, a, id, x.JSON)
}

// follow shows the progress of a run until it is sealed. One that failed or was cancelled is an error.
func follow(ctx context.Context, c console, a *client.Client, id string, asJSON bool) error {
	var bar *runProgress
	if !asJSON {
		bar = startRunProgress(c.err)
		defer bar.stop()
	}
	for e, err := range a.FollowRun(ctx, id) {
		switch {
		case ctx.Err() != nil:
			return leftRun{id, ctx.Err()}
		case err != nil:
			return fmt.Errorf("%w; the run is not touched by that: qrsd runs follow %s", err, id)
		case asJSON:
			if err := printLine(c.out, e); err != nil {
				return err
			}
		default:
			bar.update(stepOf(e))
		}
		if e.State == "failed" || e.State == "cancelled" {
			return fmt.Errorf("run %s: %s: %s", id, e.State, plain(e.Reason))
		}
	}
	if !asJSON {
		bar.stop()
		fmt.Fprintf(c.out, "run %s: sealed\n", id)
	}
	return nil
}

// stepOf is an event as the bar shows it.
func stepOf(e wire.RunEvent) runStep {
	s := runStep{State: e.State}
	if p := e.Progress; p != nil {
		s.Stage, s.Done, s.Of, s.Left = p.Stage, p.Done, p.Of, time.Duration(p.SecondsLeft*float64(time.Second))
	}
	if e.State == "done" {
		s.Stage = "seal"
	}
	return s
}

// leftRun is the error of a command that was stopped while an appliance carries a run out.
type leftRun struct {
	id string
	error
}

// Unwrap is the error beneath.
func (l leftRun) Unwrap() error { return l.error }

// runsCancel is `qrsd runs cancel`.
type runsCancel struct {
	runFlags
	Reason string `required:"" placeholder:"TEXT" help:"Why, for whoever looks at the run later."`
}

// Run carries out the command.
func (x *runsCancel) Run(ctx context.Context, c console) error {
	a, id, err := x.at(ctx)
	if err != nil {
		return err
	}
	if err := a.CancelRun(ctx, id, x.Reason); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "run %s was cancelled\n", id)
	return nil
}

// runsRename is `qrsd runs rename`.
type runsRename struct {
	runFlags
	Name string `arg:"" optional:"" placeholder:"NAME" help:"What the run is called from now on."`
	Note string `placeholder:"TEXT" help:"A note with the run, in place of the one there is."`
}

// Run carries out the command.
func (x *runsRename) Run(ctx context.Context, c console) error {
	if x.Name == "" && x.Note == "" {
		return &runner.ErrUsage{Reason: "give a name, --note, or both"}
	}
	a, id, err := x.at(ctx)
	if err != nil {
		return err
	}
	var change wire.RunChange
	if x.Name != "" {
		change.Name = &x.Name
	}
	if x.Note != "" {
		change.Note = &x.Note
	}
	r, _, err := a.ChangeRun(ctx, id, change, "")
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "run %s is called %q\n", id, plain(r.Name))
	return nil
}

// runsCompare is `qrsd runs compare`.
type runsCompare struct {
	Baseline string   `arg:"" placeholder:"RUN" help:"Run to which the others are held: id, the beginning of one, or name."`
	With     []string `arg:"" placeholder:"RUN" help:"One to three others."`
	serverFlags
	All    bool   `help:"Show the figures of lines of business and counties too."`
	Output string `short:"o" placeholder:"FILE" help:"Save the comparison as an Excel workbook, with the bands of all figures, in place of printing it."`
	JSON   bool   `help:"Print the comparison as JSON."`
}

// Run carries out the command.
func (x *runsCompare) Run(ctx context.Context, c console) error {
	a, err := x.connect()
	if err != nil {
		return err
	}
	ids := make([]string, 0, 1+len(x.With))
	for _, text := range append([]string{x.Baseline}, x.With...) {
		id, err := runNamed(ctx, a, text)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	if x.Output != "" {
		return x.save(ctx, c, a, ids)
	}
	out, err := a.CompareRuns(ctx, ids[0], ids[1:]...)
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, out)
	}
	fmt.Fprintf(c.out, "baseline %s\n", comparedInWords(out.Baseline))
	for _, with := range out.With {
		printComparison(c.out, with, x.All)
	}
	return nil
}

// save saves the workbook.
func (x *runsCompare) save(ctx context.Context, c console, a *client.Client, ids []string) error {
	if x.JSON || x.All {
		return &runner.ErrUsage{Reason: "--output: the workbook has all figures; leave --all and --json out"}
	}
	bar := startTransfer(c.err, filepath.Base(x.Output))
	err := saved(x.Output, "", func(w io.Writer) error { return a.ExportComparison(ctx, ids[0], ids[1:], w, bar.update) })
	bar.stop()
	if err == nil {
		fmt.Fprintln(c.out, x.Output)
	}
	return err
}

func comparedInWords(r wire.ComparedRun) string {
	return fmt.Sprintf("%s  %s  portfolio %s, %s years, %s", r.Basis.Run, plain(r.Name), plain(r.PortfolioName), grouped(float64(r.Basis.Years)), samplesInWords(r.Basis.Samples))
}

func printComparison(w io.Writer, with wire.ComparedWith, all bool) {
	fmt.Fprintf(w, "\nwith     %s\n", comparedInWords(with.Run))
	same := true
	for _, part := range []struct {
		what    string
		changes []wire.Change
	}{{"exposure", with.Exposure}, {"model", with.Model}, {"settings", with.Settings}} {
		for _, x := range part.changes {
			same = false
			fmt.Fprintf(w, "  %s, %s: %s in the baseline, %s here\n", part.what, plain(x.Name), plain(x.Baseline), plain(x.With))
		}
	}
	if same {
		fmt.Fprintln(w, "  nothing was put in otherwise")
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "figure\tbaseline\there\tdifference\t%\t")
	for _, f := range with.Figures {
		if f.Level != "portfolio" && !all {
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t\n", figureInWords(f), amountOr(f.Baseline), amountOr(f.With), amountOr(f.Absolute), percentOr(f.Relative))
	}
	t.Flush()
}

func figureInWords(f wire.FigureDifference) string {
	words := f.Figure
	if known := map[string]string{"tiv": "TIV", "aal": "AAL", "sd": "standard deviation", "oep": "OEP", "aep": "AEP", "oep_tvar": "OEP TVaR", "aep_tvar": "AEP TVaR"}[words]; known != "" {
		words = known
	}
	if f.Perspective != "" {
		words = strings.ReplaceAll(f.Perspective, "_", "-") + " " + words
	}
	if f.ReturnPeriod != nil {
		words += " 1 in " + grouped(*f.ReturnPeriod)
	}
	if f.Level != "portfolio" {
		words = f.Name + " " + words
	}
	return plain(words)
}

func amountOr(v *float64) string {
	if v == nil {
		return "–"
	}
	return money(*v)
}

func percentOr(v *float64) string {
	if v == nil || math.IsInf(*v, 0) {
		return "–"
	}
	return strconv.FormatFloat(100**v, 'f', 1, 64)
}

// runsEvents is `qrsd runs events`.
type runsEvents struct {
	runFlags
	Gross bool `help:"By the loss after policy terms, in place of ground-up."`
	Limit int  `default:"20" help:"At most so many, up to 1000."`
	JSON  bool `help:"Print the storms as JSON."`
}

// Run carries out the command.
func (x *runsEvents) Run(ctx context.Context, c console) error {
	if x.Limit < 1 || x.Limit > 1000 {
		return &runner.ErrUsage{Reason: fmt.Sprintf("--limit %d: give 1 to 1000", x.Limit)}
	}
	a, id, err := x.at(ctx)
	if err != nil {
		return err
	}
	q := client.EventQuery{}
	if x.Gross {
		q.Perspective = "gross"
	}
	all, err := a.RunEvents(ctx, id, q, client.Part{Limit: x.Limit})
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, all)
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "event\tyear\tdate\tTIV in its wind\tground-up\tgross\t")
	for _, e := range all.Items {
		gross := "–"
		if e.Gross != nil {
			gross = money(e.Gross.Mean)
		}
		fmt.Fprintf(t, "%d\t%d\t%02d-%02d\t%s\t%s\t%s\t\n", e.Event, e.Year, e.Month, e.Day, money(e.FootprintTIV), money(e.GroundUp.Mean), gross)
	}
	t.Flush()
	fmt.Fprintf(c.out, "%d of %s storms with a loss\n", len(all.Items), grouped(float64(all.Total)))
	return nil
}

// runsTables is `qrsd runs tables`.
type runsTables struct {
	runFlags
	JSON bool `help:"Print the list as JSON."`
}

// Run carries out the command.
func (x *runsTables) Run(ctx context.Context, c console) error {
	a, id, err := x.at(ctx)
	if err != nil {
		return err
	}
	all, err := a.RunTables(ctx, id)
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, all)
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TABLE\tFILE\tSIZE\tSHA256 OF THE COLUMNS")
	for _, table := range all.Tables {
		for i, f := range table.Files {
			name, digest := "", ""
			if i == 0 {
				name, digest = table.Name, table.Digest
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", plain(name), plain(f.Name), bytesInWords(f.Bytes), digest)
		}
	}
	for _, f := range all.Files {
		fmt.Fprintf(t, "\t%s\t%s\t\n", plain(f.Name), bytesInWords(f.Bytes))
	}
	return t.Flush()
}

// runsDownload is `qrsd runs download`.
type runsDownload struct {
	runFlags
	Out    string   `short:"o" required:"" placeholder:"DIR" help:"Folder to save the files into."`
	Table  []string `placeholder:"NAME" help:"Only these tables, without estimate, manifest and seal (see qrsd runs tables)."`
	Format []string `placeholder:"csv|parquet|xlsx" help:"Tables in these formats; CSV and Parquet, as they are kept and sealed, unless told. xlsx needs --table."`
}

// Run carries out the command.
func (x *runsDownload) Run(ctx context.Context, c console) error {
	workbooks := false
	var kept []string
	for _, f := range x.Format {
		switch {
		case f == "xlsx" && len(x.Table) == 0:
			return &runner.ErrUsage{Reason: "--format xlsx makes a workbook of each table: name them with --table"}
		case f == "xlsx":
			workbooks = true
		case f == "csv" || f == "parquet":
			kept = append(kept, f)
		default:
			return &runner.ErrUsage{Reason: fmt.Sprintf("--format %q: write csv, parquet or xlsx", f)}
		}
	}
	a, id, err := x.at(ctx)
	if err != nil {
		return err
	}
	all, err := a.RunTables(ctx, id)
	if err != nil {
		return err
	}
	var files []wire.ResultFile
	if !workbooks || len(kept) > 0 {
		if files, err = resultFiles(all, x.Table, kept); err != nil {
			return err
		}
	}
	if err := downloadRun(ctx, c, a, id, x.Out, files); err != nil {
		return err
	}
	if workbooks {
		if err := downloadWorkbooks(ctx, c, a, id, x.Out, x.Table); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "%s in %s\n", counted(len(x.Table), "workbook"), x.Out)
	}
	if len(x.Table) > 0 {
		if len(files) > 0 {
			fmt.Fprintf(c.out, "%s in %s\n", counted(len(files), "file"), x.Out)
		}
		return nil
	}
	return x.sealed(ctx, c, a, id, len(files))
}

// sealed saves the seal too, and says how it is verified.
func (x *runsDownload) sealed(ctx context.Context, c console, a *client.Client, id string, files int) error {
	name, err := downloadSeal(ctx, a, id, x.Out)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s in %s\n", counted(files, "file"), x.Out)
	if name == "" {
		fmt.Fprintln(c.out, "the run is not sealed yet")
		return nil
	}
	fmt.Fprintf(c.out, "the seal is %s\n", name)
	return nil
}

// runsSeal is `qrsd runs seal`.
type runsSeal struct {
	runFlags
	JSON bool `help:"Print the verification as JSON."`
}

// Run carries out the command.
func (x *runsSeal) Run(ctx context.Context, c console) error {
	a, id, err := x.at(ctx)
	if err != nil {
		return err
	}
	s, err := a.Seal(ctx, id)
	if err != nil {
		return err
	}
	if x.JSON {
		if err := printJSON(c.out, s); err != nil {
			return err
		}
	} else {
		printSealChecks(c.out, s)
	}
	if !s.Valid {
		return errDiffer
	}
	return nil
}

func printSealChecks(w io.Writer, s wire.RunSeal) {
	for _, x := range s.Checks {
		switch {
		case x.OK:
			fmt.Fprintf(w, "ok    %s\n", plain(x.Name))
		case x.Reason != "":
			fmt.Fprintf(w, "WRONG %s: %s\n", plain(x.Name), plain(x.Reason))
		default:
			fmt.Fprintf(w, "WRONG %s: %s, and sealed is %s\n", plain(x.Name), plain(x.Got), plain(x.Want))
		}
	}
	verdict := "the seal holds"
	if !s.Valid {
		verdict = "the seal does not hold"
	}
	fmt.Fprintf(w, "%s: run %s, signed %s with key %s\n", verdict, s.Run, minute(s.Made), s.Key)
}

// downloadWorkbooks saves tables as workbooks, which the appliance makes.
func downloadWorkbooks(ctx context.Context, c console, a *client.Client, run, folder string, tables []string) error {
	for _, name := range tables {
		file, err := safeName(name + ".xlsx")
		if err != nil {
			return &runner.ErrUsage{Reason: fmt.Sprintf("--table %q: this is no name of a table", name)}
		}
		bar := startTransfer(c.err, file)
		err = saved(filepath.Join(folder, file), "", func(w io.Writer) error { return a.ExportRunTable(ctx, run, name, "xlsx", w, bar.update) })
		bar.stop()
		if err != nil {
			return err
		}
	}
	return nil
}

// isNotFound reports whether an appliance has no such thing.
func isNotFound(err error) bool {
	var p *client.Problem
	return errors.As(err, &p) && p.Status == 404
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/web/client"
	"github.com/qrsrisk/qrsd/web/wire"
)

// runServerFlags make qrsd run work on an appliance: it takes the exposure in, or has it, carries the run out, and keeps and seals the result.
type runServerFlags struct {
	Server  string `group:"On an appliance" placeholder:"URL" help:"Run on this appliance, such as https://qrsd.example.com:8443, in place of this host."`
	RunName string `group:"On an appliance" placeholder:"TEXT" help:"What the run is called there."`
	Note    string `group:"On an appliance" placeholder:"TEXT" help:"A note with the run, for whoever looks at it later."`
	Detach  bool   `group:"On an appliance" help:"Submit the run, print its id, and do not wait."`

	reachFlags `group:"On an appliance"`
}

// runOnServer is `qrsd run --server URL`.
func (r *runCommand) runOnServer(ctx context.Context, c console) error {
	asked, err := r.asked()
	if err != nil {
		return err
	}
	a, err := serverFlags{r.Server, r.reachFlags, homeFlags{r.Home}}.connect()
	if err != nil {
		return err
	}
	var imported *wire.ImportedPortfolio
	if asked.Portfolio, imported, err = r.remotePortfolio(ctx, c, a); err != nil {
		return err
	}
	made, err := a.SubmitRun(ctx, asked)
	if err != nil {
		return err
	}
	if r.Detach {
		return r.detached(c, made, imported)
	}
	if err := r.await(ctx, c, a, made.ID); err != nil {
		return err
	}
	return r.finished(ctx, c, a, made.ID, imported)
}

// asked is the run as the appliance is asked for it. What the user did not say is the appliance's default, which is this program's.
func (r *runCommand) asked() (n wire.NewRun, err error) {
	for _, f := range []struct {
		given bool
		name  string
		why   string
	}{
		{r.Tenant != "" && os.Getenv("QRSD_TENANT") == "", "--tenant", "the tenant is that of the API key's owner"},
		{r.TakeUp != "", "--take-up", "the appliance takes up its runs by itself"},
		{r.Resume, "--resume", "the appliance goes on with its runs by itself; qrsd runs follow looks at one"},
		{r.Scenario != "" || r.Track != "" || r.Storm != "", "--scenario, --track and --storm", "an appliance runs the catalogue; leave --server out for one storm"},
		{r.Workers != 0, "--workers", "the configuration of the appliance says how many cores runs have"},
		{r.NoQuantum, "--no-quantum", "the appliance puts the estimate beside every run"},
		{r.Qubits != 8, "--qubits", "the configuration of the appliance says how fine the estimate is"},
		{r.Excel, "--excel", "qrsd runs download --format xlsx makes workbooks of tables"},
		{(r.Location == "") == (r.Portfolio == ""), "--location and --portfolio", "give one of them"},
		{r.PortfolioVersion != 0 && (r.Portfolio == "" || r.PortfolioVersion < 0), "--portfolio-version", "with --portfolio, name a version from 1; leave it out for the latest"},
		{r.Portfolio != "" && (r.Account != "" || r.Name != "" || r.BadRows != ""), "--account, --name and --bad-rows", "they are for an upload; the portfolio was imported before"},
		{r.Detach && r.Out != "", "--detach and -o", "there is no result yet to save; qrsd runs download saves it later"},
	} {
		if f.given {
			return n, &runner.ErrUsage{Reason: fmt.Sprintf("%s with --server: %s", f.name, f.why)}
		}
	}
	seed := strconv.FormatUint(r.Seed, 10)
	n = wire.NewRun{Name: r.RunName, Note: r.Note, Years: r.Years, Samples: &r.Samples, Seed: &seed, ReturnPeriods: r.ReturnPeriods, Without: r.Without}
	if r.PortfolioVersion != 0 {
		n.PortfolioVersion = &r.PortfolioVersion
	}
	if r.Correlation != "default" {
		correlation, err := parseCorrelation(r.Correlation)
		if err != nil {
			return n, err
		}
		n.Correlation = &wire.Correlation{Event: correlation.Event, Local: correlation.Local}
	}
	return n, nil
}

// remotePortfolio is the portfolio that is named, or the upload of this host's files.
func (r *runCommand) remotePortfolio(ctx context.Context, c console, a *client.Client) (id string, imported *wire.ImportedPortfolio, err error) {
	if r.Portfolio != "" {
		id, err = portfolioNamed(ctx, a, r.Portfolio)
		return id, nil, err
	}
	files := exposureFlags{Location: r.Location, Account: r.Account, BadRows: r.BadRows}
	e, err := files.exposure(r.Name, "")
	if err != nil {
		return "", nil, err
	}
	made, err := upload(ctx, c, a, e)
	if err != nil {
		return "", nil, files.saveRefused(ctx, c, a, err)
	}
	if !r.JSON {
		printImported(c.err, made)
	}
	return made.ID, &made, nil
}

// detached says how to go on.
func (r *runCommand) detached(c console, made wire.SubmittedRun, imported *wire.ImportedPortfolio) error {
	if r.JSON {
		return printJSON(c.out, struct {
			wire.SubmittedRun
			Imported *wire.ImportedPortfolio `json:"imported,omitempty"`
		}{made, imported})
	}
	fmt.Fprintln(c.out, made.ID)
	fmt.Fprintf(c.err, "qrsd runs follow %s looks at it\n", made.ID)
	return nil
}

// sealPatience is how long a run that is done is waited for to be sealed: a store without a key to seal with must not hold a command up.
const sealPatience = 30 * time.Second

// await follows the run to its end, and for a while to its seal.
func (r *runCommand) await(ctx context.Context, c console, a *client.Client, id string) error {
	bar := startRunProgress(c.err)
	defer bar.stop()
	bar.update(runStep{State: "queued"})
	looking, stop := context.WithCancel(ctx)
	defer stop()
	done := false
	for e, err := range a.FollowRun(looking, id) {
		switch {
		case ctx.Err() != nil:
			return leftRun{id, ctx.Err()}
		case done && looking.Err() != nil:
			return nil // done, and not sealed in time: the summary says so
		case err != nil:
			return fmt.Errorf("%w; the run is not touched by that: qrsd runs follow %s", err, id)
		}
		bar.update(stepOf(e))
		if e.State == "failed" || e.State == "cancelled" {
			return fmt.Errorf("run %s: %s: %s", id, e.State, plain(e.Reason))
		}
		if e.State == "done" && !done {
			done = true
			time.AfterFunc(sealPatience, stop)
		}
	}
	return nil
}

// finished saves the result where it is wanted, and prints it as that of a run on this host.
func (r *runCommand) finished(ctx context.Context, c console, a *client.Client, id string, imported *wire.ImportedPortfolio) error {
	run, _, err := a.Run(ctx, id)
	if err != nil {
		return err
	}
	out, err := newRemoteOutput(ctx, a, run)
	if err != nil {
		return err
	}
	out.Portfolio = imported
	where := ""
	if r.Out != "" {
		if where, err = saveRun(ctx, c, a, id, r.Out); err != nil {
			return errors.Join(err, fmt.Errorf("the run is done; qrsd runs download %s -o DIR saves it again", id))
		}
	}
	if r.JSON {
		return printJSON(c.out, out)
	}
	printRemote(c.out, out)
	if where != "" {
		fmt.Fprintf(c.out, "\n%s\n", where)
	}
	return nil
}

// saveRun saves all of a run, and says what in words.
func saveRun(ctx context.Context, c console, a *client.Client, id, folder string) (string, error) {
	all, err := a.RunTables(ctx, id)
	if err != nil {
		return "", err
	}
	files, err := resultFiles(all, nil, nil)
	if err != nil {
		return "", err
	}
	if err := downloadRun(ctx, c, a, id, folder, files); err != nil {
		return "", err
	}
	name, err := downloadSeal(ctx, a, id, folder)
	if err != nil {
		return "", err
	}
	words := fmt.Sprintf("%s in %s", counted(len(files), "file"), folder)
	if name == "" {
		return words + "; the run is not sealed yet", nil
	}
	return words + ", and the seal " + name, nil
}

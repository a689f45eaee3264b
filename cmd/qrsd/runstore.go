package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// runStoreFlags make qrsd run work in a tenant of a store: with a tenant, the exposure is imported, the run entered in the
// ledger, and the result kept encrypted.
type runStoreFlags struct {
	storeFlags
	tenantFlags
	sealSignerFlags
	Portfolio        string `placeholder:"ID" help:"With --tenant or --server: run a portfolio that was imported before, in place of --location."`
	PortfolioVersion int    `placeholder:"N" help:"With --portfolio: in this version; the latest unless told."`
	TakeUp           string `placeholder:"ID" help:"With --tenant: take up this run, which waits or whose process is gone, with its own portfolio and spec."`
	Name             string `placeholder:"TEXT" help:"With --tenant or --server: what the imported portfolio is called; the location file's name unless told."`
}

func (f runStoreFlags) stored() bool { return f.Tenant != "" || f.Portfolio != "" || f.TakeUp != "" }

// runStored is `qrsd run --store DIR --tenant T`.
func (r *runCommand) runStored(ctx context.Context, c console, request runner.Request) (err error) {
	s, err := r.storedRun()
	if err != nil {
		return err
	}
	if err := r.sealWith(ctx, &r.storeFlags); err != nil {
		return err
	}
	tenant, leave, err := openTenant(ctx, c, r.storeFlags, r.tenantFlags)
	if err != nil {
		return err
	}
	defer leave(&err)
	s.Workspace = workspace.Open(tenant)
	bar := startProgress(c.err)
	request.Progress = bar.update
	out, err := runner.RunStored(ctx, request, s)
	bar.stop()
	if err != nil {
		return err
	}
	kept, err := newStoredOutput(ctx, tenant, out)
	if err != nil {
		return err
	}
	if r.JSON {
		all := newRunOutput(out.Outcome)
		all.Stored = kept
		if err := printJSON(c.out, all); err != nil {
			return err
		}
		return unsealed(c, out)
	}
	printRun(c.out, out.Outcome, "")
	kept.print(c)
	return unsealed(c, out)
}

// unsealed is an error where the run has no seal. That an earlier run has none is told beside the result.
func unsealed(c console, out *runner.StoredOutcome) error {
	if out.Unsealed == nil || out.Run.Value.Seal != workspace.Sealed {
		return out.Unsealed
	}
	fmt.Fprintln(c.err, "qrsd: a run that ended earlier has no seal yet:", out.Unsealed)
	return nil
}

var errPortfolioVersion = &runner.ErrUsage{Reason: "--portfolio-version: with --portfolio, name a version from 1; leave it out for the latest"}

// storedRun reads the flags.
func (r *runCommand) storedRun() (s runner.Stored, err error) {
	s = runner.Stored{Name: r.Name, Version: r.PortfolioVersion, Worker: runner.WorkerName()}
	sources := 0
	for _, given := range []string{r.Location, r.Portfolio, r.TakeUp} {
		if given != "" {
			sources++
		}
	}
	switch {
	case r.Tenant == "":
		return s, &runner.ErrUsage{Reason: "--portfolio needs --tenant or --server, --take-up --tenant"}
	case r.Out != "" || r.Resume:
		return s, &runner.ErrUsage{Reason: "-o and --resume are for runs outside of a store: with --tenant the result is kept in the store"}
	case sources != 1:
		return s, &runner.ErrUsage{Reason: "give --location to import exposure, or --portfolio to run what was imported before, or --take-up to go on with a run"}
	case r.PortfolioVersion != 0 && (r.Portfolio == "" || r.PortfolioVersion < 0):
		return s, errPortfolioVersion
	case r.Location != "":
		return s, nil
	case r.Account != "" || r.Name != "":
		return s, &runner.ErrUsage{Reason: "--portfolio and --take-up stand for exposure that is imported: leave --account and --name out"}
	case r.TakeUp != "" && (r.Scenario != "" || r.Track != "" || len(r.Without) > 0):
		return s, &runner.ErrUsage{Reason: "--take-up runs the spec that was submitted: leave --scenario, --track and --without out"}
	}
	if s.Portfolio, err = parseGiven("--portfolio", r.Portfolio); err == nil {
		s.TakeUp, err = parseGiven("--take-up", r.TakeUp)
	}
	return s, err
}

// parseGiven reads the id of a flag, zero where it was not given.
func parseGiven(flag, text string) (id store.ID, err error) {
	if text == "" {
		return id, nil
	}
	if id, err = store.ParseID(text); err != nil {
		err = &runner.ErrUsage{Reason: flag + ": " + err.Error()}
	}
	return id, err
}

// storedOutput says where the run is kept.
type storedOutput struct {
	Tenant     store.ID `json:"tenant"`
	Portfolio  store.ID `json:"portfolio"`
	Run        store.ID `json:"run"`
	Files      int      `json:"files"`
	Seal       string   `json:"seal"`
	LedgerSize int64    `json:"ledger_size"`
	LedgerHead string   `json:"ledger_head"` // leaf of the last entry
}

func newStoredOutput(ctx context.Context, t *store.Tenant, out *runner.StoredOutcome) (*storedOutput, error) {
	kept := &storedOutput{Tenant: t.ID(), Portfolio: out.Portfolio, Run: out.Run.ID, Files: len(out.Result.Files), Seal: out.Run.Value.Seal}
	size, head, err := t.LedgerHead(ctx)
	if err != nil {
		return nil, errors.Join(errors.New("the run is finished and kept"), err)
	}
	kept.LedgerSize, kept.LedgerHead = size, head.String()
	return kept, nil
}

func (k *storedOutput) print(c console) {
	fmt.Fprintf(c.out, "\nKept in the store, encrypted: portfolio %s, run %s (%d files, seal %s)\nLedger: %d leaves, head %s\n", k.Portfolio, k.Run, k.Files, k.Seal, k.LedgerSize, k.LedgerHead)
}

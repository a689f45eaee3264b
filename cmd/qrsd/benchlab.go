package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/benchlab"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

// benchlabCommand is `qrsd benchlab`.
type benchlabCommand struct {
	Plan        benchlabPlanCommand        `cmd:"" help:"Lay down a benchmark beforehand: seeds, sizes, exposure, checks and their limits."`
	Run         benchlabRunCommand         `cmd:"" help:"Compute the 30 replicates of a plan; goes on where an earlier run stopped."`
	Report      benchlabReportCommand      `cmd:"" help:"Judge a finished run: a page, the 30 rows as CSV, pass or fail for every check."`
	Seal        benchlabSealCommand        `cmd:"" help:"Bind the seals of the 30 runs, the plan and the report into the release's meta-seal."`
	Countersign benchlabCountersignCommand `cmd:"" help:"For an independent laboratory: verify a meta-seal and add a signature of one's own."`
}

// benchlabPlanCommand is `qrsd benchlab plan`.
type benchlabPlanCommand struct {
	Out        string `short:"o" default:"plan.json" placeholder:"FILE" help:"The plan file."`
	Quick      bool   `xor:"profile" help:"30 × 2,000 years, not for sign-off, in place of 30 × 50,000."`
	Years      int    `xor:"profile" placeholder:"N" help:"30 × N years, not for sign-off."`
	MasterSeed uint64 `default:"1" help:"From which the 30 seeds are drawn; below 2^53."`
	Samples    *int   `placeholder:"5" help:"Draws of damage per event; another number than 5 is not for sign-off."`
	Portfolio  string `placeholder:"DIR" help:"Also write the reference portfolio into this folder as OED location files, one for each variant."`
	JSON       bool   `help:"Print the plan as JSON."`
}

// Run carries out the command.
func (b *benchlabPlanCommand) Run(c console) error {
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return err
	}
	options := benchlab.PlanOptions{Profile: benchlab.Record, MasterSeed: b.MasterSeed, Samples: b.Samples}
	switch {
	case b.Quick:
		options.Profile = benchlab.Quick
	case b.Years != 0:
		options.Profile, options.Years = benchlab.Trial, b.Years
	}
	plan, err := benchlab.NewPlan(model, options)
	if err != nil {
		return &runner.ErrUsage{Reason: err.Error()}
	}
	if _, err := os.Stat(b.Out); err == nil {
		return fmt.Errorf("%s: %w: there is a plan already; plans are not changed, give another name", b.Out, benchlab.ErrConflict)
	}
	digest, err := benchlab.WritePlan(b.Out, plan)
	if err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	if b.Portfolio != "" {
		if err := writeReferencePortfolio(b.Portfolio, model); err != nil {
			return err
		}
	}
	if b.JSON {
		return printJSON(c.out, struct {
			Digest string         `json:"digest"`
			Plan   *benchlab.Plan `json:"plan"`
		}{digest, plan})
	}
	fmt.Fprintf(c.out, "%s: profile %s, %s: %d replicates of %s years, %s, master seed %d\n",
		b.Out, plan.Profile, plan.Signoff(), benchlab.K, grouped(float64(plan.Years)), samplesInWords(plan.Samples), plan.MasterSeed)
	fmt.Fprintf(c.out, "digest %s\n", digest)
	return nil
}

// writeReferencePortfolio writes both variants, named for themselves.
func writeReferencePortfolio(folder string, model *modelpack.Model) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making the folder for the portfolio: %w", err)
	}
	for _, v := range benchlab.Variants() {
		f, err := os.Create(filepath.Join(folder, string(v)+".csv"))
		if err != nil {
			return fmt.Errorf("writing the reference portfolio: %w", err)
		}
		if err := errors.Join(benchlab.WriteOED(f, model.Ground, v), f.Close()); err != nil {
			return fmt.Errorf("writing the reference portfolio: %w", err)
		}
	}
	return nil
}

// benchlabRunCommand is `qrsd benchlab run`.
type benchlabRunCommand struct {
	Plan    string `required:"" placeholder:"FILE" help:"The plan file."`
	Out     string `short:"o" required:"" placeholder:"DIR" help:"Folder for the replicates. What it holds of this plan is gone on from."`
	Workers int    `placeholder:"N" help:"Goroutines; default all cores. No figure depends on it."`
	JSON    bool   `help:"Print as JSON."`
}

// Run carries out the command.
func (b *benchlabRunCommand) Run(ctx context.Context, c console) error {
	if b.Workers < 0 {
		return &runner.ErrUsage{Reason: fmt.Sprintf("workers %d: give 1 or more, or leave it out for all cores", b.Workers)}
	}
	plan, _, err := benchlab.ReadPlan(b.Plan)
	if err != nil {
		return err
	}
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return err
	}
	build := runner.ThisBuild()
	program, err := benchlab.ThisProgram(build.Go, build.Platform, build.Commit, build.Modified)
	if err != nil {
		return err
	}
	bar := startProgress(c.err)
	outcome, err := benchlab.Run(ctx, model, plan, benchlab.RunOptions{Folder: b.Out, Workers: b.Workers, Program: program, Progress: bar.update})
	bar.stop()
	if errors.Is(err, context.Canceled) {
		return stoppedBenchmark{err}
	}
	if err != nil {
		return err
	}
	if b.JSON {
		return printJSON(c.out, outcome)
	}
	fmt.Fprintf(c.out, "%d replicates computed in %s, %d kept from before; now: qrsd benchlab report -o %s\n",
		outcome.Computed, seconds(outcome.Seconds), outcome.Kept, b.Out)
	return nil
}

// stoppedBenchmark is the error of a benchmark that was stopped; finished replicates are kept.
type stoppedBenchmark struct{ error }

// Unwrap is the error beneath.
func (s stoppedBenchmark) Unwrap() error { return s.error }

// benchlabReportCommand is `qrsd benchlab report`.
type benchlabReportCommand struct {
	Out  string `short:"o" required:"" placeholder:"DIR" help:"The folder of the run; the report is written into it."`
	JSON bool   `help:"Print the report as JSON."`
	Meta string `placeholder:"FILE" help:"The release's meta-seal: the page then says who has countersigned it."`
	Keys string `placeholder:"FILE" help:"Published keys that are trusted (JWK Set), the laboratory's among them; needed with --meta."`
}

// Run carries out the command.
func (b *benchlabReportCommand) Run(c console) error {
	if (b.Meta == "") != (b.Keys == "") {
		return &runner.ErrUsage{Reason: "--meta and --keys: give both, or neither"}
	}
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return err
	}
	plan, evaluation, err := benchlab.Evaluate(b.Out, model)
	if err != nil {
		return err
	}
	report, err := benchlab.WriteReport(b.Out, plan, evaluation, benchlab.PendingSignoff)
	if err != nil {
		return err
	}
	standing := benchlab.PendingSignoff
	if b.Meta != "" { // known only once the report is there that it binds
		if standing, err = b.standing(model); err != nil {
			return err
		}
		if report, err = benchlab.WriteReport(b.Out, plan, evaluation, standing); err != nil {
			return err
		}
	}
	if b.JSON {
		if err := printJSON(c.out, evaluation); err != nil {
			return err
		}
	} else {
		printBenchmark(c, plan, report, standing)
	}
	if !evaluation.Passed {
		return errDiffer
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
)

// runCommand is `qrsd run`.
type runCommand struct {
	Location string `placeholder:"FILE" help:"OED location file, CSV or Parquet."`
	Account  string `placeholder:"FILE" help:"OED account file, CSV or Parquet. Without it no policy terms apply."`
	BadRows  string `placeholder:"DIR" help:"Write the rows with faults, with their reasons, into this folder."`

	Years         *int      `placeholder:"10000" help:"Simulated years; 10000 unless told. A single storm has none."`
	Samples       int       `default:"5" help:"Draws of damage per event; 0 = the mean alone (terms are then applied to the mean)."`
	Seed          uint64    `default:"1" help:"Seed of the catalogue and of damage."`
	Correlation   string    `default:"default" placeholder:"none|default|full|EVENT,LOCAL" help:"Correlation of damage between sites of one event."`
	ReturnPeriods []float64 `placeholder:"YEARS" help:"Return periods to report, separated by commas."`
	Without       []string  `placeholder:"GROUP" help:"Switch judgement groups of the damage curves off (see qrsd model parameters)."`

	Scenario string `xor:"storm" placeholder:"NAME" help:"Run one storm of the model's own instead of the catalogue (see qrsd model scenarios)."`
	Track    string `xor:"storm" placeholder:"FILE" help:"Run one storm of this HURDAT2 or ATCF file."`
	Storm    string `placeholder:"ID" help:"The storm's ATCF id in the track file, such as AL092022."`

	NoQuantum bool `name:"no-quantum" help:"Leave the quantum estimate beside the tail figures out."`
	Qubits    int  `default:"8" help:"The quantum estimate works on 2^n bins of the losses, 1 to 12."`

	Out     string `short:"o" placeholder:"DIR" help:"Write result tables (CSV and Parquet), the quantum estimate and a manifest of digests into this folder."`
	Excel   bool   `help:"Write the tables as one Excel workbook into the output folder too."`
	Resume  bool   `help:"Go on from the blocks that a stopped run left in the output folder."`
	Workers int    `placeholder:"N" help:"Goroutines; default all cores. The result does not depend on it."`
	JSON    bool   `help:"Print the result as JSON."`

	runStoreFlags
	runServerFlags
}

// Run carries out the command.
func (r *runCommand) Run(ctx context.Context, c console) error {
	request, err := r.request()
	if err != nil {
		return err
	}
	if r.Server != "" {
		return r.runOnServer(ctx, c)
	}
	if r.stored() {
		return r.runStored(ctx, c, request)
	}
	if r.PortfolioVersion != 0 {
		return errPortfolioVersion
	}
	if r.Location == "" {
		return &runner.ErrUsage{Reason: "--location: name the OED location file, or with --tenant or --server a --portfolio that was imported before"}
	}
	bar := startProgress(c.err)
	request.Progress = bar.update
	outcome, err := runner.Run(ctx, request)
	bar.stop()
	if errors.Is(err, context.Canceled) && r.Out != "" {
		return stoppedRun{err}
	}
	if err != nil {
		return err
	}
	if r.JSON {
		return printJSON(c.out, newRunOutput(outcome))
	}
	printRun(c.out, outcome, r.Out)
	return nil
}

// defaultYears are simulated unless the user says otherwise.
const defaultYears = 10000

func (r *runCommand) request() (runner.Request, error) {
	correlation, err := parseCorrelation(r.Correlation)
	if err != nil {
		return runner.Request{}, err
	}
	periods := r.ReturnPeriods
	if len(periods) == 0 {
		periods = metrics.DefaultReturnPeriods()
	}
	years := defaultYears
	if r.Years != nil {
		if r.Scenario != "" || r.Track != "" {
			return runner.Request{}, &runner.ErrUsage{Reason: fmt.Sprintf("years %d: one storm is run, not years; leave --years out", *r.Years)}
		}
		years = *r.Years
	}
	if r.Workers < 0 {
		return runner.Request{}, &runner.ErrUsage{Reason: fmt.Sprintf("workers %d: give 1 or more, or leave it out for all cores", r.Workers)}
	}
	if r.Qubits < 1 {
		return runner.Request{}, &runner.ErrUsage{Reason: fmt.Sprintf("qubits %d: give 1 to 12, or --no-quantum", r.Qubits)}
	}
	if r.Resume && r.Out == "" {
		return runner.Request{}, &runner.ErrUsage{Reason: "--resume needs the output folder (-o) of the run that was stopped"}
	}
	var workbook *runner.Workbook
	if r.Excel {
		if r.Out == "" {
			return runner.Request{}, &runner.ErrUsage{Reason: "--excel needs the output folder (-o) that the workbook is written into"}
		}
		workbook = &runner.Workbook{Limits: limits}
	}
	return runner.Request{
		Files: runner.Files{Location: r.Location, Account: r.Account, BadRows: r.BadRows},
		Spec: engine.Spec{
			Years: years, Samples: r.Samples, Seed: r.Seed, Correlation: correlation,
			ReturnPeriods: periods, Without: r.Without,
		},
		Scenario: runner.Scenario{Name: r.Scenario, Track: r.Track, Storm: r.Storm},
		Out:      r.Out, Resume: r.Resume, Workers: r.Workers,
		Quantum: runner.Quantum{Off: r.NoQuantum, Qubits: r.Qubits}, Workbook: workbook,
	}, nil
}

// parseCorrelation reads none, default, full, or the two correlations.
func parseCorrelation(text string) (loss.Correlation, error) {
	switch text {
	case "none":
		return loss.Correlation{}, nil
	case "default":
		return loss.DefaultCorrelation(), nil
	case "full":
		return loss.Correlation{Event: 1}, nil
	}
	event, local, ok := strings.Cut(text, ",")
	e, err1 := strconv.ParseFloat(event, 64)
	l, err2 := strconv.ParseFloat(local, 64)
	if !ok || err1 != nil || err2 != nil {
		return loss.Correlation{}, &runner.ErrUsage{Reason: fmt.Sprintf("correlation %q: write none, default, full, or two numbers such as 0.05,0.10", text)}
	}
	c := loss.Correlation{Event: e, Local: l}
	if err := c.Check(); err != nil {
		return c, &runner.ErrUsage{Reason: err.Error()}
	}
	return c, nil
}

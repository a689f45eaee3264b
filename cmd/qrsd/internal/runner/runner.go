// Package runner carries a run out on this host: reads the exposure files, runs the engine, asks the quantum simulator about
// the tail, and writes the results with a manifest of their digests.
//
// It holds what the engine must not: files, the clock, and the blocks kept for a run that is taken up again; and, for the
// appliance, the queue of the runs that wait in the store, with the feed of what becomes of them.
// It prints nothing; progress goes to a callback or the feed.
//
// Begin with Run; for the appliance with NewQueue, then Queue.Run and carry.
package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/cmd/internal/runestimate"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/quantum"
)

// Request is a run as a user asks for it.
type Request struct {
	Files    Files
	Spec     engine.Spec
	Scenario Scenario // zero: the catalogue
	Out      string   // folder for results; "" = none are written
	Resume   bool     // take up the blocks that a stopped run left in Out
	Workers  int      // 0 = all cores
	Progress func(engine.Progress)

	Quantum  Quantum
	Workbook *Workbook // nil: none
}

// Outcome is a finished run.
type Outcome struct {
	Result   *engine.Result
	Exposure *exposure.Report
	Manifest *Manifest
	// Estimate stands beside the result and is no part of it; nil where it was not wanted or a single storm was run.
	Estimate *quantum.Report
	Event    string // the scenario's name; "" for a catalogue
	Elapsed  time.Duration
}

// Run reads the exposure, runs the engine, puts the quantum estimate beside the result, and writes both.
func Run(ctx context.Context, r Request) (*Outcome, error) {
	start := time.Now()
	model, err := r.open()
	if err != nil {
		return nil, err
	}
	say(r, engine.Progress{Stage: "exposure"})
	portfolio, report, err := r.Files.Read(model.Ground)
	if err != nil {
		return nil, err
	}
	blocks, err := openBlocks(r, model.Digest, portfolio.Digest())
	if err != nil {
		return nil, err
	}
	out, err := compute(ctx, r, model, portfolio, blocks.store())
	if err != nil {
		return nil, err
	}
	out.Exposure = report
	say(r, engine.Progress{Stage: "files"})
	if out.Manifest, err = write(r.Out, out.Result, out.Estimate, r.Workbook); err != nil {
		return nil, err
	}
	out.Elapsed = time.Since(start)
	return out, blocks.discard()
}

// open opens the model as the request wants it, completes the spec by the storm that was named, and checks it.
func (r *Request) open() (*modelpack.Model, error) {
	model, err := openModel(r.Spec.Without)
	if err != nil {
		return nil, err
	}
	return model, r.complete(model)
}

// openModel opens the model with judgement groups of its curves switched off.
func openModel(without []string) (*modelpack.Model, error) {
	model, err := modelpack.Florida(vulnerability.Options{Without: without})
	var unknown *vulnerability.UnknownGroupError
	if errors.As(err, &unknown) {
		return nil, usage("--without %v", unknown)
	}
	return model, err
}

// complete completes the spec by the storm that was named, and checks it.
func (r *Request) complete(model *modelpack.Model) error {
	if err := r.Scenario.apply(model, &r.Spec); err != nil {
		return err
	}
	if err := r.Spec.Check(); err != nil {
		return &ErrUsage{err.Error()}
	}
	return r.Quantum.check(r.Spec)
}

// compute runs the engine and puts the quantum estimate beside its result.
func compute(ctx context.Context, r Request, model *modelpack.Model, portfolio *exposure.Portfolio, blocks engine.BlockStore) (*Outcome, error) {
	result, err := engine.Run(ctx, model, portfolio, r.Spec, engine.Options{Workers: r.Workers, Progress: r.Progress, Blocks: blocks})
	if err != nil {
		return nil, err
	}
	out := &Outcome{Result: result}
	if r.Spec.Scenario != nil {
		out.Event = r.Spec.Scenario.Name
	}
	if !r.Quantum.wanted(r.Spec) {
		return out, nil
	}
	say(r, engine.Progress{Stage: "estimate"})
	out.Estimate, err = runestimate.Report(ctx, result, portfolio.Currency, r.Quantum.qubits())
	return out, err
}

func say(r Request, p engine.Progress) {
	if r.Progress != nil {
		r.Progress(p)
	}
}

// Tables are the result tables of a run.
func Tables(r *engine.Result) []results.Table { return results.Tables(r.Table, r.Report) }

// geocoder places locations by the model's ground.
func geocoder(g *geography.Florida) exposure.Geocoder { return geography.Geocoder{Florida: g} }

// ErrUsage marks a request that the user must put otherwise.
type ErrUsage struct{ Reason string }

// Error is the reason.
func (e *ErrUsage) Error() string { return e.Reason }

func usage(format string, args ...any) error { return &ErrUsage{fmt.Sprintf(format, args...)} }

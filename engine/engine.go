package engine

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/internal/parallel"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/engine/modelpack"
)

// Version names the engine's calculation: a change that moves any result changes it.
const Version = "1.0.0"

// Spec is what a run is asked to do. With model and portfolio it determines the result to the last bit.
type Spec struct {
	Years         int              `json:"years"`   // simulated years, 1 to hazard.MaxYears; 1 for a scenario
	Samples       int              `json:"samples"` // draws of damage per event; 0 = the mean alone
	Seed          uint64           `json:"seed"`    // of the catalogue and of damage
	Correlation   loss.Correlation `json:"correlation"`
	ReturnPeriods []float64        `json:"return_periods"`     // years
	Scenario      *hazard.Event    `json:"scenario,omitempty"` // one storm in place of the catalogue
	Without       []string         `json:"without,omitempty"`  // judgement groups of the curves switched off; the model is opened with them
}

// MaxSamples bounds Spec.Samples: beyond it more years are the better use of time.
const MaxSamples = 1000

// Check returns an error that names the field, its value and its bounds.
func (s *Spec) Check() error {
	switch {
	case s.Years < 1 || s.Years > hazard.MaxYears:
		return fmt.Errorf("years %d: must be 1 to %d", s.Years, hazard.MaxYears)
	case s.Samples < 0 || s.Samples > MaxSamples:
		return fmt.Errorf("samples %d: must be 0 (the mean alone) to %d", s.Samples, MaxSamples)
	case s.Scenario != nil && s.Years != 1:
		return fmt.Errorf("years %d: a scenario is one event in one year", s.Years)
	}
	if err := (metrics.Options{ReturnPeriods: s.ReturnPeriods}).Check(); err != nil {
		return err
	}
	return s.Correlation.Check()
}

// Options are how a run is carried out; nothing in them changes the result.
type Options struct {
	Workers  int            // goroutines; 0 = all cores
	Progress func(Progress) // called from several goroutines, often; must be quick; may be nil
	Blocks   BlockStore     // keeps finished blocks, so that a stopped run can go on; may be nil
}

func (o Options) workers() int {
	if o.Workers <= 0 {
		return runtime.GOMAXPROCS(0)
	}
	return o.Workers
}

// Progress is how far a run is.
type Progress struct {
	Stage      string // "sites", "years", "figures"
	Done, All  int    // years, in the stage "years"
	SiteEvents int64  // pairs of site and damaging event computed so far
}

// BlockStore keeps the partial tables of finished blocks of years, by number.
type BlockStore interface {
	// Load returns what Save was given for the block, or nil if there is nothing (or nothing whole).
	Load(block int) []byte
	// Save keeps a block's bytes. An error stops the run.
	Save(block int, partial []byte) error
}

// Result is what came out.
type Result struct {
	Spec       Spec
	Model      modelpack.Digest
	Portfolio  [32]byte // digest of the exposure
	Table      *loss.Table
	Report     *metrics.Report
	Notes      []loss.Note
	SiteEvents int64 // pairs of site and damaging event that were computed, not counting blocks taken from Blocks
}

// Run computes the losses of a portfolio.
//
// Errors: a spec out of bounds, buildings or terms the model cannot compute, ctx's error, or that of opt.Blocks.
func Run(ctx context.Context, m *modelpack.Model, p *exposure.Portfolio, s Spec, opt Options) (*Result, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	say(opt, Progress{Stage: "sites"})
	sites, err := loss.NewSites(p, m.Ground, m.Curves, windfield.Standard())
	if err != nil {
		return nil, err
	}
	table, siteEvents, err := simulate(ctx, sites, events(m, s), s, opt)
	if err != nil {
		return nil, err
	}
	say(opt, Progress{Stage: "figures", Done: s.Years, All: s.Years, SiteEvents: siteEvents})
	report, err := metrics.Summarise(table, metrics.Options{ReturnPeriods: s.ReturnPeriods, Workers: opt.workers()})
	if err != nil {
		return nil, err
	}
	return &Result{
		Spec: s, Model: m.Digest, Portfolio: p.Digest(),
		Table: table, Report: report, Notes: sites.Notes, SiteEvents: siteEvents,
	}, nil
}

// events are the catalogue or, for a scenario, the one event in year 1.
func events(m *modelpack.Model, s Spec) loss.Events {
	if s.Scenario != nil {
		return scenario{*s.Scenario}
	}
	return hazard.NewCatalog(m.Climate, m.Ground, s.Seed)
}

type scenario struct{ event hazard.Event }

// Year implements loss.Events.
func (s scenario) Year(int) []hazard.Event { return []hazard.Event{s.event} }

// blockCount is into how many blocks the years are cut: enough to keep many cores busy and to lose little
// in a crash, few enough that the blocks' sums by account stay small. It must not depend on the
// number of cores, as the order of summation follows it.
const blockCount = 64

// simulate computes the blocks of years on all cores and merges them in order.
func simulate(ctx context.Context, sites *loss.Sites, events loss.Events, s Spec, opt Options) (*loss.Table, int64, error) {
	draw := loss.Draw{Samples: s.Samples, Seed: s.Seed, Correlation: s.Correlation}
	blocks := min(blockCount, s.Years)
	workers := min(opt.workers(), blocks)
	r := &run{sites: sites, spec: s, opt: opt, blocks: blocks, kernels: make([]*loss.Kernel, workers),
		make: func() *loss.Kernel { return loss.NewKernel(sites, events, draw) }}
	table := loss.NewBuilder(sites, s.Years, draw)
	err := parallel.Ordered(ctx, blocks, workers,
		func(block, worker int) (*loss.Partial, error) { return r.block(ctx, block, worker) },
		func(_ int, p *loss.Partial) error { table.Add(p); return nil })
	if err != nil {
		return nil, 0, err
	}
	return table.Table(), r.siteEvents.Load(), nil
}

// run is the state that the workers of simulate share.
type run struct {
	sites      *loss.Sites
	spec       Spec
	opt        Options
	blocks     int
	kernels    []*loss.Kernel // one per worker, owned by it
	make       func() *loss.Kernel
	done       atomic.Int64 // years
	siteEvents atomic.Int64
}

// block computes one block of years, or takes it from the block store.
func (r *run) block(ctx context.Context, block, worker int) (*loss.Partial, error) {
	first, last := block*r.spec.Years/r.blocks+1, (block+1)*r.spec.Years/r.blocks
	if r.opt.Blocks != nil {
		if kept := r.opt.Blocks.Load(block); kept != nil {
			p, err := loss.DecodePartial(kept, r.sites)
			if err == nil {
				r.advance(last-first+1, 0)
				return p, nil
			}
		}
	}
	if r.kernels[worker] == nil {
		r.kernels[worker] = r.make()
	}
	kernel := r.kernels[worker]
	before := kernel.SiteEvents()
	partial := kernel.Begin()
	for year := first; year <= last; year++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		kernel.Year(year, partial)
		r.advance(1, kernel.SiteEvents()-before)
		before = kernel.SiteEvents()
	}
	if r.opt.Blocks != nil {
		if err := r.opt.Blocks.Save(block, partial.Encode()); err != nil {
			return nil, fmt.Errorf("keeping block %d: %w", block, err)
		}
	}
	return partial, nil
}

func (r *run) advance(years int, siteEvents int64) {
	say(r.opt, Progress{Stage: "years", Done: int(r.done.Add(int64(years))), All: r.spec.Years, SiteEvents: r.siteEvents.Add(siteEvents)})
}

func say(opt Options, p Progress) {
	if opt.Progress != nil {
		opt.Progress(p)
	}
}

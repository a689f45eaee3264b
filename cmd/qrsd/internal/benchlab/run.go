package benchlab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/modelpack"
)

// RunOptions are how a plan is carried out; nothing in them changes a figure.
type RunOptions struct {
	Folder   string // the output folder; what it holds of this plan is gone on from
	Workers  int    // goroutines; 0 = all cores
	Program  Program
	Progress func(engine.Progress) // years of the catalogue and of losses, over all replicates that are left; may be nil
}

// Outcome is what a run found and did.
type Outcome struct {
	Plan     string  `json:"plan"` // digest
	Kept     int     `json:"replicates_kept"`
	Computed int     `json:"replicates_computed"`
	Seconds  float64 `json:"seconds"`
}

// ErrConflict is wrapped by errors that say that the folder holds work of another plan or program.
var ErrConflict = errors.New("the folder holds other work")

// laboratory is a run in progress.
type laboratory struct {
	plan      *Plan
	digest    string // of the plan
	model     *modelpack.Model
	portfolio *exposure.Portfolio
	weights   map[string]float64 // of the Population variant
	options   RunOptions

	done       atomic.Int64 // years of replicates, counting catalogue and losses
	all        int
	siteEvents atomic.Int64
}

// Run carries out the plan: every replicate that the folder does not hold yet, then the comparison of bits. Each finished
// replicate is a file of its own, so that a run that was stopped goes on with the next.
//
// Errors: a plan that was changed or made for another model (ErrOtherModel), a folder with work of another plan or program
// (ErrConflict), an altered file (ErrAltered), ctx's error, or those of the disk.
func Run(ctx context.Context, m *modelpack.Model, p *Plan, o RunOptions) (*Outcome, error) {
	start := time.Now()
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	l, err := open(m, p, o)
	if err != nil {
		return nil, err
	}
	missing, err := l.missing()
	if err != nil {
		return nil, err
	}
	l.all = len(missing) * 2 * p.Years
	for _, i := range missing {
		if err := l.replicate(ctx, i); err != nil {
			return nil, err
		}
	}
	if err := l.identity(ctx); err != nil {
		return nil, err
	}
	return &Outcome{Plan: l.digest, Kept: K - len(missing), Computed: len(missing), Seconds: time.Since(start).Seconds()}, nil
}

// open checks the plan and claims the folder for it.
func open(m *modelpack.Model, p *Plan, o RunOptions) (*laboratory, error) {
	if err := p.Check(m); err != nil {
		return nil, err
	}
	digest, err := Digest(p)
	if err != nil {
		return nil, err
	}
	portfolio, err := ReferencePortfolio(m.Ground, Equal)
	if err != nil {
		return nil, err
	}
	l := &laboratory{plan: p, digest: digest, model: m, portfolio: portfolio, weights: countyWeights(m.Ground, Population), options: o}
	return l, l.claim()
}

// claim puts the plan into the folder, or finds it there.
func (l *laboratory) claim() error {
	if err := os.MkdirAll(l.options.Folder, 0o755); err != nil {
		return fmt.Errorf("making the output folder: %w", err)
	}
	there := filepath.Join(l.options.Folder, PlanFile)
	_, digest, err := ReadPlan(there)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = WritePlan(there, l.plan)
		return err
	}
	if err != nil {
		return err
	}
	if digest != l.digest {
		return fmt.Errorf("%w: %s has digest %s, this plan %s; give another folder", ErrConflict, there, digest, l.digest)
	}
	return nil
}

// missing lists the replicates that the folder does not hold, and refuses those that do not belong to this run.
func (l *laboratory) missing() (list []int, err error) {
	for i := range K {
		r, err := l.load(i)
		if errors.Is(err, fs.ErrNotExist) {
			list = append(list, i)
			continue
		}
		if err != nil {
			return nil, err
		}
		if r.Program != l.options.Program {
			return nil, fmt.Errorf("%w: replicate %d was computed by another program (%s); go on with that one, or give another folder",
				ErrConflict, i+1, r.Program)
		}
	}
	return list, nil
}

// String is the program in words.
func (p Program) String() string { return p.build() + ", " + p.SHA256 }

// brief is String with the beginning of the digest.
func (p Program) brief() string { return p.build() + ", " + short(p.SHA256) }

func (p Program) build() string {
	commit := "no commit recorded"
	if p.Commit != "" {
		commit = "commit " + p.Commit
	}
	if p.Modified {
		commit += ", changed work tree"
	}
	return fmt.Sprintf("%s, %s %s", commit, p.Go, p.Platform)
}

// load reads replicate i and holds it against the plan.
func (l *laboratory) load(i int) (*Replicate, error) {
	return loadReplicate(l.options.Folder, l.plan, l.digest, i)
}

func loadReplicate(folder string, p *Plan, digest string, i int) (*Replicate, error) {
	path := filepath.Join(folder, replicateFile(i))
	r := new(Replicate)
	if _, err := read(path, r); err != nil {
		return nil, err
	}
	for _, x := range []struct{ what, got, want string }{
		{"plan", r.Plan, digest}, {"engine", r.Engine, p.Engine}, {"model", r.Model, p.Model}, {"portfolio", r.Portfolio, p.Exposure[Equal]},
		{"number", fmt.Sprint(r.Number), fmt.Sprint(i + 1)}, {"spec", fmt.Sprint(r.Spec), fmt.Sprint(p.Spec(i))},
	} {
		if x.got != x.want {
			return nil, fmt.Errorf("%w: %s: %s is %s, the plan wants %s; give another folder", ErrConflict, path, x.what, x.got, x.want)
		}
	}
	return r, r.complete(p, path)
}

// complete wants all that the checks look at, so that none of them meets a hole.
func (r *Replicate) complete(p *Plan, path string) error {
	reached := func(periods []float64) (n int) {
		for _, years := range periods {
			if years <= float64(p.Years) {
				n++
			}
		}
		return n
	}
	for _, v := range Variants() {
		f := r.Figures[v]
		if f == nil || len(f.Counties) == 0 || len(f.Classes) != len(p.Archetypes) || len(f.Batches) != len(p.BatchYears) ||
			len(f.OEP) != reached(p.ReturnPeriods) || len(f.AEP) != len(f.OEP) {
			return fmt.Errorf("%w: %s: the figures of the variant %s are not complete", ErrAltered, path, v)
		}
	}
	l := r.Landfalls
	if l == nil || len(l.Coasts) != len(regions())+1 || l.Years != p.Years || len(l.Quantities) != numQuantities {
		return fmt.Errorf("%w: %s: the landfalls are not complete", ErrAltered, path)
	}
	if len(r.Gusts) != numCities {
		return fmt.Errorf("%w: %s: gusts of %d cities", ErrAltered, path, len(r.Gusts))
	}
	for _, g := range r.Gusts {
		if len(g.Gust) != reached(p.GustPeriods) {
			return fmt.Errorf("%w: %s: the gusts at %s are not complete", ErrAltered, path, g.City)
		}
	}
	return nil
}

// alike wants the same counties and the same record in all replicates.
func alike(list []*Replicate) error {
	first := list[0]
	for _, r := range list[1:] {
		same := len(r.Figures[Equal].Counties) == len(first.Figures[Equal].Counties)
		for i, q := range first.Landfalls.Quantities {
			o := r.Landfalls.Quantities[i]
			same = same && len(o.Below) == len(q.Below) && len(o.UpTo) == len(q.Below)
		}
		if !same {
			return fmt.Errorf("%w: replicate %d has other counties, or another record of landfalls, than replicate 1", ErrAltered, r.Number)
		}
	}
	return nil
}

// replicate computes one replicate and keeps it.
func (l *laboratory) replicate(ctx context.Context, i int) error {
	start := time.Now()
	stage := fmt.Sprintf("%d/%d", i+1, K)
	before := l.siteEvents.Load()
	result, err := engine.Run(ctx, l.model, l.portfolio, l.plan.Spec(i), engine.Options{
		Workers: l.options.Workers, Progress: l.losses(stage, before),
	})
	if err != nil {
		return err
	}
	l.siteEvents.Store(before + result.SiteEvents)
	falls, gusts, err := countCatalogue(ctx, l.model, l.plan.Seeds[i], l.plan.Years, l.options.Workers, l.plan.GustPeriods,
		func(n int) { l.advance(stage, n) })
	if err != nil {
		return err
	}
	figures, err := figuresOf(result, l.portfolio, l.weights, l.plan)
	if err != nil {
		return err
	}
	r := &Replicate{
		Plan: l.digest, Number: i + 1, Engine: engine.Version, Model: result.Model.String(), Portfolio: hexDigest(result.Portfolio),
		Spec: result.Spec, Program: l.options.Program, Tables: TableDigests(result), Figures: figures, Landfalls: falls, Gusts: gusts,
		Cost: Cost{Workers: l.options.Workers, SiteEvents: result.SiteEvents, Events: len(result.Table.Events)},
	}
	r.Cost.MemoryBytes = memoryObtained()
	r.Cost.Seconds = time.Since(start).Seconds()
	if _, err := write(l.options.Folder, replicateFile(i), r); err != nil {
		return fmt.Errorf("keeping replicate %d: %w", i+1, err)
	}
	return nil
}

// memoryObtained is what the program has obtained from the system so far. It does not fall when memory is given back.
func memoryObtained() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys
}

// losses passes the engine's progress on as steps of the whole.
func (l *laboratory) losses(stage string, before int64) func(engine.Progress) {
	var last atomic.Int64
	return func(p engine.Progress) {
		if p.Stage != "years" {
			return
		}
		l.siteEvents.Store(before + p.SiteEvents)
		for {
			was := last.Load()
			if int64(p.Done) <= was {
				return
			}
			if last.CompareAndSwap(was, int64(p.Done)) {
				l.advance(stage, p.Done-int(was))
				return
			}
		}
	}
}

func (l *laboratory) advance(stage string, years int) {
	done := l.done.Add(int64(years))
	if l.options.Progress != nil {
		l.options.Progress(engine.Progress{Stage: stage, Done: int(done), All: l.all, SiteEvents: l.siteEvents.Load()})
	}
}

// ThisProgram completes what is known of the build by the digest of the program's file: two builds of a changed work
// tree have one commit.
func ThisProgram(goVersion, platform, commit string, modified bool) (Program, error) {
	p := Program{Go: goVersion, Platform: platform, Commit: commit, Modified: modified}
	path, err := os.Executable()
	if err != nil {
		return p, fmt.Errorf("finding this program: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return p, fmt.Errorf("reading this program: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return p, fmt.Errorf("reading this program: %w", err)
	}
	p.SHA256 = "sha256:" + hex.EncodeToString(h.Sum(nil))
	return p, nil
}

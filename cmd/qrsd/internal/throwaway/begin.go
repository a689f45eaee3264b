package throwaway

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/daemon"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/examples/florida"
	"github.com/qrsrisk/qrsd/internal/intake"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// The first run.
const (
	Years   = 10_000
	samples = 5
	seed    = 1
)

// Options of Begin.
type Options struct {
	Folder string
	Years  int // of the first run; 0: Years
}

// Watcher hears what becomes of an appliance.
type Watcher interface {
	// Ready is called when people can sign in. again: the appliance was set up by an earlier start, and there is no first run.
	Ready(s SignIn, again bool) error

	// Run is called for all that becomes of the first run, until it is sealed or has ended otherwise.
	Run(e runner.Event) error
}

// Begin sets the appliance up, submits the first run, and tells of it to its end. It is what daemon.Options.Begun calls. Errors are those
// of the store and of w; that ctx ends is none.
func Begin(ctx context.Context, r daemon.Running, o Options, w Watcher) error {
	err := begin(ctx, r, o, w)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func begin(ctx context.Context, r daemon.Running, o Options, w Watcher) error {
	source := store.Source{Address: "host", UserAgent: "qrsd/" + engine.Version, Request: "dev"}
	s, modeler, err := people(ctx, r, source)
	again := errors.Is(err, directory.ErrIsSetUp)
	if again {
		s, err = kept(o.Folder)
	}
	if err != nil {
		return err
	}
	s.URL, s.Certificate, s.Folder, s.Sample = r.URL, r.Certificate, o.Folder, filepath.Join(o.Folder, sampleFiles)
	s.Header = filepath.Join(o.Folder, headerFile)
	if err := s.keep(); err != nil {
		return err
	}
	if err := w.Ready(s, again); err != nil || again {
		return err
	}
	tenant, err := r.DB.Tenant(ctx, modeler, s.Tenant)
	if err != nil {
		return err
	}
	listener := r.Feed.Listen(s.Tenant, 0)
	defer listener.Close()
	run, err := firstRun(ctx, workspace.Open(tenant), s.Sample, o.Years)
	if err != nil {
		return fmt.Errorf("the first run: %w", err)
	}
	r.Queue.Submitted(s.Tenant, run)
	return watch(ctx, listener, run, w)
}

// firstRun imports the sample and queues a run of it.
func firstRun(ctx context.Context, w *workspace.Workspace, sample string, years int) (run store.ID, err error) {
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return run, err
	}
	files := runner.Files{Location: filepath.Join(sample, florida.Location), Account: filepath.Join(sample, florida.Account)}
	exposure, report, err := files.Read(model.Ground)
	if err != nil {
		return run, fmt.Errorf("reading the sample: %w", err)
	}
	n := files.AsPortfolio(florida.Name, exposure, report)
	n.Summary = intake.Summary(exposure, report)
	kept, err := intake.Kept(exposure, report)
	if err != nil {
		return run, fmt.Errorf("reading the sample: %w", err)
	}
	n.Files = append(n.Files, kept...)
	portfolio, err := w.Import(ctx, n)
	if err != nil {
		return run, fmt.Errorf("importing the sample: %w", err)
	}
	if years == 0 {
		years = Years
	}
	return w.Submit(ctx, workspace.NewRun{
		Portfolio: portfolio, Model: model.Digest, ModelVersion: engine.Version, Name: "First run",
		Note: "Submitted by qrsd dev. The portfolio is synthetic: the figures say nothing about any insurer.",
		Spec: engine.Spec{
			Years: years, Samples: samples, Seed: seed, Correlation: loss.DefaultCorrelation(), ReturnPeriods: metrics.DefaultReturnPeriods(),
		},
	})
}

// watch tells of a run until nothing more becomes of it. A listener that was too slow goes on with what is next.
func watch(ctx context.Context, l *runner.Listener, run store.ID, w Watcher) error {
	for {
		events, _, err := l.Next(ctx)
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.Run != run {
				continue
			}
			if err := w.Run(e); err != nil {
				return err
			}
			if e.Sealed || e.State == workspace.Failed || e.State == workspace.Cancelled {
				return nil
			}
		}
	}
}

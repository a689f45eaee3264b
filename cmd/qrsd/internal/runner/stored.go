package runner

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/cmd/internal/runestimate"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/engine/results/parquet"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// Stored is where a run through the encrypted store takes its exposure from and leaves its result.
type Stored struct {
	Workspace *workspace.Workspace
	Portfolio store.ID // imported before; zero: the request's files are imported first
	Version   int      // of the portfolio; 0: the latest
	Name      string   // of the portfolio to be imported; "" is the location file's name
	TakeUp    store.ID // a run that waits, or whose worker is gone; then its own portfolio and spec are run. Zero: a new one is submitted
	Worker    string   // who runs, such as host and process

	renewal time.Duration // how often the lease is renewed; 0 is renewal
}

// StoredOutcome is a finished run in the store.
type StoredOutcome struct {
	*Outcome
	Portfolio store.ID
	Run       store.Record[workspace.Run]
	Result    workspace.Result
	// Unsealed is why this run, or one that had ended before without its seal, could not be sealed; nil: all are.
	Unsealed error
}

// lease is for how long a run is the worker's without a sign of life; renewal is how often it gives one.
const (
	lease   = 2 * time.Minute
	renewal = 30 * time.Second
)

// RunStored imports the exposure (or opens one imported before), registers the model, submits and claims the run, carries it
// out, and finishes it: each a transaction of the workspace. Its commit point is Finish. A run that cannot be carried
// out is ended as failed or cancelled, with the reason. One whose process died stays as running until it is taken up.
func RunStored(ctx context.Context, r Request, s Stored) (*StoredOutcome, error) {
	start := time.Now()
	waiting, err := s.takeUp(ctx, &r)
	if err != nil {
		return nil, err
	}
	model, err := r.open()
	if err != nil {
		return nil, err
	}
	say(r, engine.Progress{Stage: "exposure"})
	portfolio, report, err := s.exposure(ctx, &r, model)
	if err != nil {
		return nil, err
	}
	run, err := s.claim(ctx, r, model, waiting)
	if err != nil {
		return nil, err
	}
	out, err := s.carryOut(ctx, r, run.ID, model, portfolio)
	if err != nil {
		return nil, errors.Join(err, s.end(ctx, run.ID, err))
	}
	out.Exposure, out.Portfolio = report, s.Portfolio
	s.seal(ctx, out)
	out.Elapsed = time.Since(start)
	return out, nil
}

// takeUp puts the spec and portfolio of a run that exists into the place of those asked for, and gives its version.
func (s *Stored) takeUp(ctx context.Context, r *Request) (run store.Record[workspace.Run], err error) {
	if s.TakeUp.IsZero() {
		return run, nil
	}
	if run, err = s.Workspace.Run(ctx, s.TakeUp); err != nil {
		return run, err
	}
	s.Portfolio, s.Version = run.Value.Portfolio, run.Value.PortfolioVersion
	r.Spec, r.Scenario = run.Value.Spec, Scenario{}
	return run, nil
}

// claim takes the run that is to be taken up, as it was read, or submits one and takes it.
func (s *Stored) claim(ctx context.Context, r Request, model *modelpack.Model, waiting store.Record[workspace.Run]) (run store.Record[workspace.Run], err error) {
	if s.TakeUp.IsZero() {
		if err := s.register(ctx, model); err != nil {
			return run, err
		}
		id, err := s.Workspace.Submit(ctx, workspace.NewRun{Portfolio: s.Portfolio, PortfolioVersion: s.Version, Model: model.Digest, Spec: r.Spec})
		if err != nil {
			return run, err
		}
		return s.Workspace.Claim(ctx, id, s.Worker, lease)
	}
	if waiting.Value.Model != ledger.Digest(model.Digest) {
		return run, fmt.Errorf("run %s was submitted for the model %s, this version of qrsd has %x: submit it again", s.TakeUp, waiting.Value.Model, model.Digest)
	}
	run, err = s.Workspace.Claim(ctx, s.TakeUp, s.Worker, lease)
	if err == nil && !reflect.DeepEqual(run.Value.Spec, waiting.Value.Spec) {
		err = fmt.Errorf("run %s: its spec was changed while it was taken up: %w", s.TakeUp, store.ErrConflict)
		err = errors.Join(err, s.end(ctx, run.ID, err))
	}
	return run, err
}

// register enters the model with its first run. An analyst may run models that are registered, and register none.
func (s *Stored) register(ctx context.Context, model *modelpack.Model) error {
	_, err := s.Workspace.Model(ctx, model.Digest)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if _, err := s.Workspace.RegisterModel(ctx, model.Digest, engine.Version); err != nil {
		return fmt.Errorf("the model is new to this tenant, and its first run registers it: %w", err)
	}
	return nil
}

// end tells the store why a run was not finished.
func (s Stored) end(ctx context.Context, id store.ID, cause error) error {
	ctx = context.WithoutCancel(ctx)
	var gone *workspace.StateError
	switch {
	case errors.As(cause, &gone):
		return nil // it is someone else's, or was cancelled: there is nothing to end
	case errors.Is(cause, context.Canceled):
		return s.Workspace.Cancel(ctx, id, "stopped by its worker")
	}
	return s.Workspace.Fail(ctx, id, s.Worker, cause.Error())
}

// carryOut computes, while the lease is renewed, and finishes.
func (s Stored) carryOut(ctx context.Context, r Request, id store.ID, model *modelpack.Model, portfolio *exposure.Portfolio) (*StoredOutcome, error) {
	alive, stop := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		stayAlive(alive, s.renewal, func(ctx context.Context) error { return s.Workspace.Renew(ctx, id, s.Worker, lease) }, stop)
	})
	defer renewing.Wait()
	defer stop(nil)
	out, err := compute(alive, r, model, portfolio, nil)
	if err != nil {
		if lost := context.Cause(alive); lost != nil && ctx.Err() == nil {
			return nil, lost
		}
		return nil, err
	}
	say(r, engine.Progress{Stage: "files"})
	files, err := resultFiles(out)
	if err != nil {
		return nil, err
	}
	done, err := s.Workspace.Finish(ctx, id, s.Worker, files)
	if err != nil {
		return nil, err
	}
	kept, err := s.Workspace.Result(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("the run is finished and kept: %w", err)
	}
	return &StoredOutcome{Outcome: out, Run: done, Result: kept}, nil
}

// seal seals the run, and those before it that were cut off between their end and their seal. The run is kept whatever comes of it.
func (s Stored) seal(ctx context.Context, out *StoredOutcome) {
	_, out.Unsealed = s.Workspace.SealPending(ctx)
	run, err := s.Workspace.Run(context.WithoutCancel(ctx), out.Run.ID)
	if err != nil {
		out.Unsealed = errors.Join(out.Unsealed, err)
		return
	}
	out.Run = run
}

// stayAlive renews the lease until ctx ends. A run that was cancelled or taken over is stopped; so is one whose lease
// could not be renewed until it ended, by a full disk for instance.
func stayAlive(ctx context.Context, period time.Duration, renew func(context.Context) error, stop context.CancelCauseFunc) {
	beat := time.NewTicker(cmp.Or(period, renewal))
	defer beat.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
		}
		err := renew(ctx)
		var gone *workspace.StateError
		switch {
		case err == nil:
			last = time.Now()
		case errors.As(err, &gone) || time.Since(last) >= lease:
			stop(err)
			return
		}
	}
}

// exposure reads the portfolio: from the request's files, which are then imported as they are, or from the store's.
func (s *Stored) exposure(ctx context.Context, r *Request, model *modelpack.Model) (*exposure.Portfolio, *exposure.Report, error) {
	if !s.Portfolio.IsZero() {
		return s.imported(ctx, r, model)
	}
	portfolio, report, err := r.Files.Read(model.Ground)
	if err != nil {
		return nil, nil, err
	}
	s.Version = 1
	s.Portfolio, err = s.Workspace.Import(ctx, r.Files.AsPortfolio(s.Name, portfolio, report))
	return portfolio, report, err
}

// AsPortfolio is what is kept of files that were read, without a summary. An empty name is that of the location file.
func (f Files) AsPortfolio(name string, portfolio *exposure.Portfolio, report *exposure.Report) workspace.NewPortfolio {
	n := workspace.NewPortfolio{
		Name: cmp.Or(name, filepath.Base(f.Location)), Digest: portfolio.Digest(), Locations: report.Locations, Accounts: report.Accounts, Currency: report.Currency,
		Files: []workspace.NewFile{inFile("location", f.Location)},
	}
	for _, v := range report.TIV {
		n.TIV += v
	}
	if f.Account != "" {
		n.Files = append(n.Files, inFile("account", f.Account))
	}
	return n
}

func inFile(role, path string) workspace.NewFile {
	return workspace.NewFile{Name: filepath.Base(path), Role: role, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
}

// imported reads a portfolio from the store's blobs, and holds it to the digest it was imported with.
func (s *Stored) imported(ctx context.Context, r *Request, model *modelpack.Model) (*exposure.Portfolio, *exposure.Report, error) {
	p, err := s.Workspace.PortfolioVersion(ctx, s.Portfolio, s.Version)
	if err != nil {
		return nil, nil, err
	}
	s.Version = p.Value.Number // the run is of what was read, also where a next version is imported meanwhile
	from := func(role string) (*store.BlobReader, error) {
		return s.Workspace.OpenFile(ctx, s.Portfolio, s.Version, role)
	}
	return r.Files.readKept(model.Ground, p, from)
}

// readKept reads a portfolio from the store's blobs, each opened by its role, and holds it to the digest it was imported with.
func (f Files) readKept(ground *geography.Florida, p store.Record[workspace.Portfolio], from func(role string) (*store.BlobReader, error)) (*exposure.Portfolio, *exposure.Report, error) {
	var account source
	if slices.ContainsFunc(p.Value.Files, func(f workspace.File) bool { return f.Role == "account" }) {
		account = kept("account", p.Value.Files, from)
	}
	portfolio, report, err := f.read(ground, kept("location", p.Value.Files, from), account)
	if err != nil {
		return nil, nil, err
	}
	if got := portfolio.Digest(); got != p.Value.Digest {
		return nil, nil, fmt.Errorf("portfolio %s reads as %x, it was imported as %s: this version of qrsd reads exposure otherwise; import it again", p.ID, got, p.Value.Digest)
	}
	return portfolio, report, nil
}

func nameOf(files []workspace.File, role string) string {
	for _, f := range files {
		if f.Role == role {
			return f.Name
		}
	}
	return ""
}

// kept reads one file of a portfolio from its blob.
func kept(role string, files []workspace.File, open func(role string) (*store.BlobReader, error)) source {
	return func() (*exposure.Source, func(), error) {
		from, err := open(role)
		if err != nil {
			return nil, nil, err
		}
		return sourceOf(nameOf(files, role), from, from.Size()), func() { _ = from.Close() }, nil
	}
}

// BuildFile is the name of the result file that says which program carried the run out, to the last module: a seal.Build as JSON.
const BuildFile = "build.json"

func buildText() ([]byte, error) {
	info, _ := debug.ReadBuildInfo() // nil of a program without: its seal says so
	text, err := json.MarshalIndent(seal.BuildOf(info, engine.Version), "", "  ")
	return append(text, '\n'), err
}

// resultFiles are a run's tables as CSV and Parquet, the estimate, the program and the manifest, to be kept in the store. The tables
// carry their canonical digests, which the manifest lists.
func resultFiles(out *Outcome) (files []workspace.NewFile, err error) {
	if out.Manifest, err = write("", out.Result, out.Estimate, nil); err != nil {
		return nil, err
	}
	for _, t := range Tables(out.Result) {
		digest := results.Digest(t)
		files = append(files, workspace.NewFile{Name: t.Name + ".csv", Role: "table", Digest: digest, Open: streamed(t, results.WriteCSV)})
		files = append(files, workspace.NewFile{Name: t.Name + ".parquet", Role: "table", Digest: digest, Open: streamed(t, parquet.Write)})
	}
	if out.Estimate != nil {
		text, err := runestimate.Text(out.Estimate)
		if err != nil {
			return nil, err
		}
		files = append(files, whole(EstimateFile, "estimate", text))
	}
	build, err := buildText()
	if err != nil {
		return nil, err
	}
	files = append(files, whole(BuildFile, workspace.RoleBuild, build))
	text, err := json.MarshalIndent(out.Manifest, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(files, whole(ManifestFile, "manifest", append(text, '\n'))), nil
}

// streamed gives a table's bytes as they are written.
func streamed(t results.Table, form func(io.Writer, results.Table) error) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		from, to := io.Pipe()
		go func() { to.CloseWithError(form(to, t)) }()
		return from, nil
	}
}

func whole(name, role string, text []byte) workspace.NewFile {
	return workspace.NewFile{Name: name, Role: role, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }}
}

// WorkerName names this process as a worker: nobody else on any host has the name.
func WorkerName() string {
	host, _ := os.Hostname()
	sum := sha256.Sum256([]byte(host))
	return hex.EncodeToString(sum[:4]) + "/" + fmt.Sprint(os.Getpid(), "/", time.Now().UnixNano())
}

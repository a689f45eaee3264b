package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// carry carries a claimed run out to its end and its seal, or gives it back.
func (q *Queue) carry(ctx context.Context, job *workspace.Job) {
	run := job.Run()
	began := time.Now()
	e := Event{Tenant: job.Tenant(), Run: run.ID, State: workspace.Running, Of: run.Value.Spec.Years}
	q.log.Info("run started", "run", run.ID.String(), "tenant", e.Tenant.String(), "claims", run.Value.Claims)
	q.o.Feed.Publish(e)
	kept, err := q.carryOut(ctx, job, e)
	if err != nil {
		q.giveUp(ctx, job, err)
		return
	}
	q.log.Info("run done", "run", run.ID.String(), "tenant", e.Tenant.String(), "took", time.Since(began).Round(time.Millisecond).String(), "kept_blocks", kept)
	if kept == 0 && q.alone() {
		q.learn(sizeOf(job), time.Since(began))
	}
	e.State, e.Done = workspace.Done, e.Of
	q.o.Feed.Publish(e)
	if _, err := job.Seal(ctx); err != nil {
		q.log.Warn("a run waits for its seal", "run", run.ID.String(), "tenant", e.Tenant.String(), "reason", err)
		return
	}
	e.Sealed = true
	q.o.Feed.Publish(e)
}

// carryOut computes, while the lease is renewed, and finishes. kept is how many blocks were not computed again.
func (q *Queue) carryOut(ctx context.Context, job *workspace.Job, e Event) (kept int, err error) {
	run := job.Run().Value
	if run.Claims > mostClaims {
		return 0, fmt.Errorf("the run was begun %d times, and each time the appliance stopped before its end: its operator finds the reason in the log; ask for fewer years or samples", run.Claims-1)
	}
	alive, stop := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		stayAlive(alive, 0, func(ctx context.Context) error { return job.Renew(ctx, lease) }, stop)
	})
	defer renewing.Wait()
	defer stop(nil)
	kept, err = q.computeOrFail(alive, job, e)
	if lost := context.Cause(alive); err != nil && lost != nil && ctx.Err() == nil {
		return 0, lost
	}
	return kept, err
}

// errFault is why a run failed whose computation panicked.
var errFault = errors.New("the program has a fault, which this run has come upon; the log of the appliance has the place under the run's id: hand it to support")

// computeOrFail is compute, whose panic is an error of the run: others go on, and the appliance.
func (q *Queue) computeOrFail(ctx context.Context, job *workspace.Job, e Event) (kept int, err error) {
	defer func() {
		if broken := recover(); broken != nil {
			text, _, _ := strings.Cut(fmt.Sprint(broken), "\n") // what comes after it is the stack of a worker
			q.log.Error("panic", "run", e.Run.String(), "panic", text, "stack", fmt.Sprint(broken)+"\n"+string(debug.Stack()))
			if q.o.Panicked != nil {
				q.o.Panicked("run")
			}
			err = errFault
		}
	}()
	return q.compute(ctx, job, e)
}

// compute opens what the run is of, computes it, and finishes the run.
func (q *Queue) compute(ctx context.Context, job *workspace.Job, e Event) (kept int, err error) {
	run := job.Run().Value
	r := Request{Spec: run.Spec, Workers: cap(q.cores)}
	model, err := q.models.open(&r)
	if err != nil {
		return 0, err
	}
	if run.Model != ledger.Digest(model.Digest) {
		return 0, fmt.Errorf("the run was submitted for the model %s, this version of qrsd has %x: submit it again", run.Model, model.Digest)
	}
	keep := &keeper{ctx: ctx, cores: q.cores, worth: q.o.keepWorth, log: q.log, began: map[int]time.Time{}}
	m := &meter{feed: q.o.Feed, kept: keep.kept, now: time.Now, event: e}
	if q.o.Traced != nil {
		m.staged = q.o.Traced()
		defer m.end()
	}
	r.Progress = m.progress
	say(r, engine.Progress{Stage: "exposure"})
	from := func(role string) (*store.BlobReader, error) { return job.OpenFile(ctx, role) }
	portfolio, _, err := r.Files.readKept(model.Ground, job.Portfolio(), from)
	if err != nil {
		return 0, err
	}
	keep.blocks, err = job.OpenBlocks(ctx, workspace.Computation{Model: model.Digest, Exposure: portfolio.Digest(), Spec: run.Spec, Program: q.program})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, keep.close()) }()
	out, err := compute(ctx, r, model, portfolio, keep)
	if err != nil {
		return 0, err
	}
	say(r, engine.Progress{Stage: "files"})
	files, err := resultFiles(out)
	if err != nil {
		return 0, err
	}
	_, err = job.Finish(ctx, files)
	return keep.kept(), err
}

// giveUp ends a run that was not carried out: it is given back to be taken up again where that can help, and else fails.
func (q *Queue) giveUp(ctx context.Context, job *workspace.Job, cause error) {
	if ctx.Err() != nil {
		cause = ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	e := Event{Tenant: job.Tenant(), Run: job.Run().ID, Of: job.Run().Value.Spec.Years}
	about := []any{"run", e.Run.String(), "tenant", e.Tenant.String(), "reason", cause}
	var gone *workspace.StateError
	switch {
	case errors.As(cause, &gone):
		q.log.Info("run ended by others", about...)
		q.ended(e, gone.Is)
		return
	case passes(cause):
		q.log.Info("run given back, to go on later", about...)
		q.giveBack(ctx, job, e, cause)
		return
	}
	q.log.Warn("run failed", about...)
	e.State, e.Reason = workspace.Failed, cause.Error()
	if err := job.Fail(ctx, e.Reason); err != nil {
		q.log.Error("entering that a run failed; it is begun again", "run", e.Run.String(), "reason", err)
		q.notBefore(e.Run, q.o.retryAfter)
		return
	}
	q.o.Feed.Publish(e)
}

// giveBack ends the lease. Where that is refused, by a full disk or a locked store, the run is left.
func (q *Queue) giveBack(ctx context.Context, job *workspace.Job, e Event, cause error) {
	err := job.Release(ctx)
	var gone *workspace.StateError
	switch {
	case errors.As(err, &gone):
		q.ended(e, gone.Is)
		return
	case err != nil:
		q.log.Warn("a run could not be given back, and is taken up all the same", "run", e.Run.String(), "reason", err)
		q.leave()
	}
	e.State = workspace.Running
	switch {
	case errors.Is(cause, context.Canceled):
		return
	case errors.Is(cause, store.ErrLocked):
		e.Reason = "the store was locked: it goes on when it is unlocked"
	default:
		e.Reason = "the appliance could not keep what was computed: it goes on when its disk has room"
		q.notBefore(e.Run, q.o.retryAfter)
	}
	q.o.Feed.Publish(e)
}

// ended tells the feed of a run that others ended, unless they told it.
func (q *Queue) ended(e Event, state workspace.State) {
	if _, known := q.o.Feed.Latest(e.Tenant, e.Run); known && state.Ended() {
		e.State = state
		q.o.Feed.Publish(e)
	}
}

// passes reports whether an error is of the appliance's state and not of the run.
func passes(err error) bool {
	for _, e := range []error{store.ErrLocked, store.ErrClosed, syscall.ENOSPC, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, e) {
			return true
		}
	}
	var low store.ErrReadOnly
	var large store.ErrTooLarge
	var file *fs.PathError
	return errors.As(err, &low) || errors.As(err, &large) || errors.As(err, &file)
}

// models keeps the model that was opened last: runs mostly use the same. It is safe for many goroutines.
type models struct {
	mu      sync.Mutex
	without []string
	last    *modelpack.Model
}

// open is Request.open with the model that is kept, if that is the one.
func (m *models) open(r *Request) (*modelpack.Model, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last == nil || !slices.Equal(m.without, r.Spec.Without) {
		model, err := openModel(r.Spec.Without)
		if err != nil {
			return nil, err
		}
		m.without, m.last = slices.Clone(r.Spec.Without), model
	}
	return m.last, r.complete(m.last)
}

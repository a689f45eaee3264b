package workspace

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Run is a run: what was asked, and how far it is. What came out is its Result.
type Run struct {
	State     State    `json:"state"`
	Name      string   `json:"name,omitempty"` // for people; need not be unique
	Note      string   `json:"note,omitempty"`
	Portfolio store.ID `json:"portfolio"`
	// PortfolioVersion is the number of the version that it is of, whatever is imported later.
	PortfolioVersion int           `json:"portfolio_version"`
	Exposure         ledger.Digest `json:"exposure"` // digest of that version
	Model            ledger.Digest `json:"model"`    // digest of the model pack
	Spec             engine.Spec   `json:"spec"`
	Submitted        time.Time     `json:"submitted"`
	By               store.ID      `json:"by"`
	Started          *time.Time    `json:"started,omitempty"` // the last time it was claimed
	Ended            *time.Time    `json:"ended,omitempty"`
	Worker           string        `json:"worker,omitempty"` // who runs it, or did last
	Lease            *time.Time    `json:"lease,omitempty"`  // until then nobody else may claim it
	Claims           int           `json:"claims,omitempty"` // how often it was claimed
	Reason           string        `json:"reason,omitempty"` // why it failed or was cancelled
	Seal             string        `json:"seal,omitempty"`   // of a finished run: SealPending until it is sealed
}

// SealPending is Run.Seal of a finished run that has no seal yet.
const SealPending = "pending"

// Schema 2 brought name and note, schema 3 the portfolio's version: exposure with runs could not become other exposure before there were versions.
var runs = store.Define[Run]("runs", 3, store.Upgrade{From: 1, Do: nothingMissing}, store.Upgrade{From: 2, Do: ofFirstVersion("portfolio_version")})

// NewRun is what Submit takes.
type NewRun struct {
	Portfolio store.ID // imported before
	// PortfolioVersion is the number of the version that it is to be of; 0: the latest.
	PortfolioVersion int
	Model            [32]byte // digest of a registered model pack
	// ModelVersion, where not "", registers the model with the run if it is not registered: what an appliance does with the model that
	// it came with, of that version of the engine.
	ModelVersion string
	Spec         engine.Spec
	Name         string // at most 200 characters; may be ""
	Note         string // at most 2,000 characters; may be ""
}

// Submit queues a run of a portfolio and a model that the tenant has. *Invalid: what is to be mended; *QuotaError: so many runs
// wait already, or its files take all the room that the tenant has; store.ErrNotFound: there is no such portfolio, or no such version of it.
func (w *Workspace) Submit(ctx context.Context, n NewRun) (id store.ID, err error) {
	var spec ledger.Digest
	first := func() (err error) {
		if err = checkLabel(n.Name, n.Note); err != nil {
			return err
		}
		if err = checkText("version", n.ModelVersion, 0, 200); err != nil {
			return err
		}
		spec, err = checkSpec(n.Spec)
		return err
	}
	err = w.change(ctx, store.Action{Verb: rights.RunSubmit}, first, func(tx *store.WriteTx) error {
		p, err := versionAt(tx, n.Portfolio, n.PortfolioVersion)
		if err != nil {
			return err
		}
		if err := w.haveModel(tx, n); err != nil {
			return err
		}
		id = tx.NewID()
		tx.Of(id)
		if err := w.enqueue(tx, id); err != nil {
			return err
		}
		r := Run{
			State: Queued, Name: n.Name, Note: n.Note, Portfolio: n.Portfolio, PortfolioVersion: p.Value.Number, Exposure: p.Value.Digest, Model: n.Model, Spec: n.Spec,
			Submitted: stamp(tx.Now()), By: w.tenant.Principal().User(),
		}
		if err := runs.Insert(tx, id, r); err != nil {
			return err
		}
		tx.Enter(leaf(ledger.SpecAdded, id, map[string]ledger.Digest{"portfolio": r.Exposure, "model": r.Model, "spec": spec}, ""))
		if err := w.announce(tx, RunQueued, id); err != nil {
			return err
		}
		return pointTo(tx, n.Portfolio, id)
	})
	if err != nil {
		return store.ID{}, err
	}
	return id, nil
}

// enqueue enters a run that waits, within the tenant's quotas.
func (w *Workspace) enqueue(tx *store.WriteTx, id store.ID) error {
	q, err := quotasOf(tx, w.tenant.ID())
	if err != nil {
		return err
	}
	return w.withWorkload(tx, func(l *workload) error {
		l.set(id, Queued, false)
		return errors.Join(within("queued", int64(l.count(Queued)), int64(q.Value.Queued)), within("bytes", l.Bytes, q.Value.Bytes))
	})
}

// checkLabel holds name and note of a run to their lengths.
func checkLabel(name, note string) error {
	if err := checkText("name", name, 0, maxName); err != nil {
		return err
	}
	return checkText("note", note, 0, maxRemark)
}

// Label is what people call a run. Of one that is changed, nil leaves what there is.
type Label struct{ Name, Note *string }

// Describe gives a run another name or note, or both; it was read in that version, 0: any (store.ErrConflict: someone changed it). It voids a
// request for the run's approval, because whoever decides has read them.
func (w *Workspace) Describe(ctx context.Context, id store.ID, version uint64, l Label) (r store.Record[Run], err error) {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	first := func() error { return checkLabel(text(l.Name), text(l.Note)) }
	err = w.change(ctx, store.Action{Verb: rights.RunSubmit, Object: id}, first, func(tx *store.WriteTx) error {
		r, err = runs.Get(tx, id)
		if err != nil {
			return err
		}
		r.Version = cmp.Or(version, r.Version)
		if l.Name != nil {
			r.Value.Name = *l.Name
		}
		if l.Note != nil {
			r.Value.Note = *l.Note
		}
		if r, err = runs.Put(tx, r); err != nil {
			return err
		}
		return w.voidRequest(tx, id, "name or note of the run was changed")
	})
	return r, err
}

// checkSpec refuses what the engine would refuse, and digests the spec.
func checkSpec(s engine.Spec) (ledger.Digest, error) {
	if err := s.Check(); err != nil {
		return ledger.Digest{}, &Invalid{"spec", err.Error()}
	}
	return specDigest(s)
}

// specDigest is over the spec's canonical JSON with the seed as a decimal text: a seed has more digits than a JSON number keeps.
func specDigest(s engine.Spec) (ledger.Digest, error) {
	text, err := specText(s)
	return sha256.Sum256(text), err
}

// haveModel refuses a run of a model that is not registered, and is not to be.
func (w *Workspace) haveModel(tx *store.WriteTx, n NewRun) error {
	if n.ModelVersion == "" {
		return registered(tx, n.Model)
	}
	_, err := w.register(tx, n.Model, n.ModelVersion)
	return err
}

// registered refuses a model that the ledger does not know: the run's lineage would begin with nothing.
func registered(tx store.Reader, model ledger.Digest) error {
	_, err := modelByDigest.Find(tx, model.String())
	if errors.Is(err, store.ErrNotFound) {
		return &Invalid{"model", fmt.Sprintf("%s is not registered", model)}
	}
	return err
}

// pointTo enters the portfolio's first run.
func pointTo(tx *store.WriteTx, portfolio, run store.ID) error {
	first, err := firstRun(tx, portfolio)
	if err != nil || !first.IsZero() {
		return err
	}
	return runsOf.Set(tx, portfolio.String(), run)
}

// ChangeSpec changes what a queued run is asked to do; the run was read in that version (store.ErrConflict: someone changed
// it). *StateError: it is queued no longer.
func (w *Workspace) ChangeSpec(ctx context.Context, id store.ID, version uint64, s engine.Spec) error {
	var spec ledger.Digest
	first := func() (err error) {
		spec, err = checkSpec(s)
		return err
	}
	return w.change(ctx, store.Action{Verb: rights.RunSubmit, Object: id}, first, func(tx *store.WriteTx) error {
		r, err := runs.Get(tx, id)
		if err != nil {
			return err
		}
		if r.Value.State != Queued {
			return &StateError{Run: id, Is: r.Value.State, Want: Queued}
		}
		before, err := specDigest(r.Value.Spec)
		if err != nil {
			return err
		}
		r.Version, r.Value.Spec = version, s
		tx.Enter(leaf(ledger.ParameterChanged, id, map[string]ledger.Digest{"spec": spec, "spec/before": before}, ""))
		_, err = runs.Put(tx, r)
		return err
	})
}

// Claim takes a run for a worker until the lease ends: a queued one, or a running one whose lease has ended because its
// process is gone. *StateError: someone else has it, or it has ended. Leases go by the store's clock.
func (w *Workspace) Claim(ctx context.Context, id store.ID, worker string, lease time.Duration) (out store.Record[Run], err error) {
	first := func() error { return checkLease(worker, lease) }
	err = w.change(ctx, store.Action{Verb: rights.RunClaim, Object: id}, first, func(tx *store.WriteTx) error {
		out, err = w.claim(tx, id, worker, lease, (*Run).claimable)
		return err
	})
	return out, err
}

// claim takes the run if it is free.
func (w *Workspace) claim(tx *store.WriteTx, id store.ID, worker string, lease time.Duration, free func(*Run, time.Time) bool) (out store.Record[Run], err error) {
	r, err := runs.Get(tx, id)
	if err != nil {
		return out, err
	}
	v, now := &r.Value, stamp(tx.Now())
	if !free(v, now) {
		return out, &StateError{id, v.State, Running, v.Lease}
	}
	if err := w.withWorkload(tx, func(l *workload) error {
		l.Started = now
		l.set(id, Running, false)
		return nil
	}); err != nil {
		return out, err
	}
	until := now.Add(lease)
	v.State, v.Worker, v.Started, v.Lease = Running, worker, &now, &until
	v.Claims++
	tx.Enter(leaf(ledger.RunStarted, id, map[string]ledger.Digest{"portfolio": v.Exposure, "model": v.Model}, ""))
	if out, err = runs.Put(tx, r); err != nil {
		return out, err
	}
	return out, w.announce(tx, RunStarted, id)
}

// claimable reports whether a worker may take the run.
func (r *Run) claimable(now time.Time) bool {
	return r.State == Queued || r.State == Running && (r.Lease == nil || !now.Before(*r.Lease))
}

func checkLease(worker string, lease time.Duration) error {
	if err := checkWorker(worker); err != nil {
		return err
	}
	if lease < time.Second || lease > 24*time.Hour {
		return &Invalid{"lease", fmt.Sprintf("%v is not between a second and a day", lease)}
	}
	return nil
}

func checkWorker(name string) error { return checkText("worker", name, 1, maxName) }

// Renew prolongs the worker's lease; *StateError where the run is no longer the worker's, who then stops.
func (w *Workspace) Renew(ctx context.Context, id store.ID, worker string, lease time.Duration) error {
	return w.renew(ctx, id, hold{worker: worker}, lease)
}

func (w *Workspace) renew(ctx context.Context, id store.ID, h hold, lease time.Duration) error {
	first := func() error { return checkLease(h.worker, lease) }
	return w.change(ctx, store.Action{Verb: rights.RunClaim, Object: id}, first, func(tx *store.WriteTx) error {
		r, err := h.of(tx, id, Running)
		if err != nil {
			return err
		}
		until := stamp(tx.Now()).Add(lease)
		r.Value.Lease = &until
		_, err = runs.Put(tx, r)
		return err
	})
}

// hold is what a worker has of a run: its name, and which claim of the run was its own. Claim 0 is any.
type hold struct {
	worker string
	claim  int
}

// of reads a run that the worker holds.
func (h hold) of(tx store.Reader, id store.ID, to State) (store.Record[Run], error) {
	r, err := runs.Get(tx, id)
	if err == nil && (r.Value.State != Running || r.Value.Worker != h.worker || h.claim != 0 && r.Value.Claims != h.claim) {
		err = &StateError{Run: id, Is: r.Value.State, Want: to}
	}
	return r, err
}

// Finish keeps what came out and ends the run: the commit point of a run. Tables have their canonical digests. The names of
// files differ. *StateError: the run is no longer the worker's.
func (w *Workspace) Finish(ctx context.Context, id store.ID, worker string, files []NewFile) (out store.Record[Run], err error) {
	return w.finish(ctx, id, hold{worker: worker}, files)
}

func (w *Workspace) finish(ctx context.Context, id store.ID, h hold, files []NewFile) (out store.Record[Run], err error) {
	var kept []File
	first := func() (err error) {
		if kept, err = w.keepResult(ctx, files); err != nil {
			err = fmt.Errorf("result of run %s: %w", id, err)
		}
		return err
	}
	err = w.change(ctx, store.Action{Verb: rights.RunFinish, Object: id}, first, func(tx *store.WriteTx) error {
		r, err := h.of(tx, id, Done)
		if err != nil {
			return err
		}
		if err := w.ended(tx, id, Done, onDisk(kept)); err != nil {
			return err
		}
		now := stamp(tx.Now())
		r.Value.State, r.Value.Ended, r.Value.Lease, r.Value.Seal = Done, &now, nil, SealPending
		if out, err = runs.Put(tx, r); err != nil {
			return err
		}
		if err := enterResult(tx, id, kept); err != nil {
			return err
		}
		return w.announce(tx, RunDone, id)
	})
	return out, err
}

// ended takes a run that ends off the list of open ones, but for its seal, and its kept blocks away.
func (w *Workspace) ended(tx *store.WriteTx, id store.ID, to State, bytes int64) error {
	err := w.withWorkload(tx, func(l *workload) error {
		l.set(id, to, false)
		l.Bytes += bytes
		return nil
	})
	if err != nil {
		return err
	}
	return dropBlocks(tx, id)
}

// Fail ends a run that could not be carried out, with the reason for the user. *StateError: the run is no longer the worker's.
func (w *Workspace) Fail(ctx context.Context, id store.ID, worker, reason string) error {
	return w.fail(ctx, id, hold{worker: worker}, reason)
}

func (w *Workspace) fail(ctx context.Context, id store.ID, h hold, reason string) error {
	return w.tenant.Update(ctx, store.Action{Verb: rights.RunFail, Object: id}, func(tx *store.WriteTx) error {
		r, err := h.of(tx, id, Failed)
		if err != nil {
			return err
		}
		return w.end(tx, r, Failed, reason)
	})
}

// Cancel ends a run that has not ended; its worker learns of it at its next Renew or Finish. *StateError: it has ended.
func (w *Workspace) Cancel(ctx context.Context, id store.ID, reason string) error {
	return w.tenant.Update(ctx, store.Action{Verb: rights.RunCancel, Object: id}, func(tx *store.WriteTx) error {
		r, err := runs.Get(tx, id)
		if err != nil {
			return err
		}
		return w.end(tx, r, Cancelled, reason)
	})
}

func (w *Workspace) end(tx *store.WriteTx, r store.Record[Run], to State, reason string) error {
	if !r.Value.State.CanBecome(to) {
		return &StateError{Run: r.ID, Is: r.Value.State, Want: to}
	}
	if err := w.ended(tx, r.ID, to, 0); err != nil {
		return err
	}
	now := stamp(tx.Now())
	r.Value.State, r.Value.Ended, r.Value.Lease, r.Value.Reason = to, &now, nil, clip(reason)
	if _, err := runs.Put(tx, r); err != nil {
		return err
	}
	return w.announce(tx, map[State]EventKind{Failed: RunFailed, Cancelled: RunCancelled}[to], r.ID)
}

// Runs lists runs, newest first, up to limit (1 to 1,000) from a cursor.
func (w *Workspace) Runs(ctx context.Context, after store.Cursor, limit int) (page store.Page[Run], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.RunRead}, func(tx *store.ReadTx) (err error) {
		page, err = runs.ListNewest(tx, after, limit)
		return err
	})
	return page, err
}

// Waiting looks through up to limit runs (1 to 1,000) from a cursor, oldest first, and gives those that a worker may claim
// at that moment: queued ones, and running ones whose lease has ended. Page.Next leads on through all runs.
func (w *Workspace) Waiting(ctx context.Context, at time.Time, after store.Cursor, limit int) (page store.Page[Run], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.RunRead}, func(tx *store.ReadTx) error {
		all, err := runs.List(tx, after, limit)
		page = store.Page[Run]{Next: all.Next}
		for _, r := range all.Records {
			if r.Value.claimable(at) {
				page.Records = append(page.Records, r)
			}
		}
		return err
	})
	return page, err
}

// Run reads one.
func (w *Workspace) Run(ctx context.Context, id store.ID) (r store.Record[Run], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.RunRead, Object: id}, func(tx *store.ReadTx) (err error) {
		r, err = runs.Get(tx, id)
		return err
	})
	return r, err
}

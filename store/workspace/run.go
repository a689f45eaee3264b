package workspace

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/ledger/canonical"
)

// Run is a run: what was asked, how far it is, and, once done, what came out.
type Run struct {
	State     State         `json:"state"`
	Portfolio store.ID      `json:"portfolio"`
	Exposure  ledger.Digest `json:"exposure"` // digest of the portfolio
	Model     ledger.Digest `json:"model"`    // digest of the model pack
	Spec      engine.Spec   `json:"spec"`
	Submitted time.Time     `json:"submitted"`
	By        store.ID      `json:"by"`
	Started   *time.Time    `json:"started,omitempty"` // the last time it was claimed
	Ended     *time.Time    `json:"ended,omitempty"`
	Worker    string        `json:"worker,omitempty"` // who runs it
	Lease     *time.Time    `json:"lease,omitempty"`  // until then nobody else may claim it
	Claims    int           `json:"claims,omitempty"` // how often it was claimed
	Reason    string        `json:"reason,omitempty"` // why it failed or was cancelled
	Files     []File        `json:"files,omitempty"`  // tables, manifest, estimate
	Seal      string        `json:"seal,omitempty"`   // "pending" until the run is sealed
}

// SealPending is Run.Seal of a finished run that has no seal yet.
const SealPending = "pending"

var runs = store.Define[Run]("runs", 1)

// runsOf finds a run of a portfolio, so that a portfolio with runs is not deleted: the portfolio's id leads to its first run.
var runsOf = store.DefineIndex("run.portfolio")

func runOf(tx store.Reader, portfolio store.ID) (store.ID, error) {
	run, err := runsOf.Find(tx, portfolio.String())
	if errors.Is(err, store.ErrNotFound) {
		return store.ID{}, nil
	}
	return run, err
}

// StateError refuses a step that a run's state does not allow.
type StateError struct {
	Run      store.ID
	Is, Want State
}

func (e *StateError) Error() string {
	return fmt.Sprintf("run %s is %s and cannot become %s", e.Run, e.Is, e.Want)
}

// AuditReason is its class in the audit log.
func (e *StateError) AuditReason() string { return "state" }

// Unwrap makes it a conflict: someone else was faster.
func (e *StateError) Unwrap() error { return store.ErrConflict }

// RegisterModel enters a model pack in the ledger, once for each digest.
func (w *Workspace) RegisterModel(ctx context.Context, digest [32]byte, version string) error {
	return w.tenant.Update(ctx, store.Action{Verb: rights.ModelRegister}, func(tx *store.WriteTx) error {
		_, err := modelByDigest.Find(tx, ledger.Digest(digest).String())
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		id := tx.NewID()
		tx.Of(id)
		m := Model{Digest: ledger.Digest(digest), Version: version, Registered: stamp(tx.Now())}
		if err := models.Insert(tx, id, m); err != nil {
			return err
		}
		tx.Enter(leaf(ledger.ModelRegistered, id, map[string]ledger.Digest{"model": m.Digest}, version))
		return modelByDigest.Set(tx, m.Digest.String(), id)
	})
}

// Model is a model pack that the tenant has used.
type Model struct {
	Digest     ledger.Digest `json:"digest"`
	Version    string        `json:"version"` // of the engine it came with
	Registered time.Time     `json:"registered"`
}

var (
	models        = store.Define[Model]("models", 1)
	modelByDigest = store.DefineIndex("model.digest")
)

// NewRun is what Submit takes.
type NewRun struct {
	Portfolio store.ID
	Model     [32]byte
	Spec      engine.Spec
}

// Submit queues a run of a portfolio that exists.
func (w *Workspace) Submit(ctx context.Context, n NewRun) (id store.ID, err error) {
	if err := n.Spec.Check(); err != nil {
		return id, &Invalid{"spec", err.Error()}
	}
	text, err := canonical.Marshal(n.Spec)
	if err != nil {
		return id, err
	}
	err = w.tenant.Update(ctx, store.Action{Verb: rights.RunSubmit}, func(tx *store.WriteTx) error {
		p, err := portfolios.Get(tx, n.Portfolio)
		if err != nil {
			return err
		}
		id = tx.NewID()
		tx.Of(id)
		r := Run{
			State: Queued, Portfolio: n.Portfolio, Exposure: p.Value.Digest, Model: ledger.Digest(n.Model), Spec: n.Spec,
			Submitted: stamp(tx.Now()), By: w.tenant.Principal().User(),
		}
		if err := runs.Insert(tx, id, r); err != nil {
			return err
		}
		first, err := runOf(tx, n.Portfolio)
		if err != nil {
			return err
		}
		if first.IsZero() {
			if err := runsOf.Set(tx, n.Portfolio.String(), id); err != nil {
				return err
			}
		}
		tx.Enter(leaf(ledger.SpecAdded, id, map[string]ledger.Digest{"portfolio": r.Exposure, "model": r.Model, "spec": digestOf(text)}, ""))
		return nil
	})
	return id, err
}

// Claim takes a run for a worker until the lease ends: a queued one, or a running one whose lease has ended because its
// process is gone. *StateError: someone else has it.
func (w *Workspace) Claim(ctx context.Context, id store.ID, worker string, lease time.Duration) (out store.Record[Run], err error) {
	err = w.tenant.Update(ctx, store.Action{Verb: rights.RunClaim, Object: id}, func(tx *store.WriteTx) (err error) {
		out, err = w.claim(tx, id, worker, lease)
		return err
	})
	return out, err
}

func (w *Workspace) claim(tx *store.WriteTx, id store.ID, worker string, lease time.Duration) (store.Record[Run], error) {
	r, err := runs.Get(tx, id)
	if err != nil {
		return r, err
	}
	v := &r.Value
	now := stamp(tx.Now())
	if !v.State.CanBecome(Running) || v.State == Running && v.Lease != nil && now.Before(*v.Lease) {
		return r, &StateError{id, v.State, Running}
	}
	until := now.Add(lease)
	v.State, v.Worker, v.Started, v.Lease = Running, worker, &now, &until
	v.Claims++
	tx.Enter(leaf(ledger.RunStarted, id, map[string]ledger.Digest{"portfolio": v.Exposure, "model": v.Model}, ""))
	return runs.Put(tx, r)
}

// Renew prolongs the worker's lease; *StateError where the run is no longer the worker's, who then stops.
func (w *Workspace) Renew(ctx context.Context, id store.ID, worker string, lease time.Duration) error {
	return w.tenant.Update(ctx, store.Action{Verb: rights.RunClaim, Object: id}, func(tx *store.WriteTx) error {
		r, err := w.held(tx, id, worker, Running)
		if err != nil {
			return err
		}
		until := stamp(tx.Now()).Add(lease)
		r.Value.Lease = &until
		_, err = runs.Put(tx, r)
		return err
	})
}

// held reads a run that the worker has claimed.
func (w *Workspace) held(tx *store.WriteTx, id store.ID, worker string, to State) (store.Record[Run], error) {
	r, err := runs.Get(tx, id)
	if err != nil {
		return r, err
	}
	if r.Value.State != Running || r.Value.Worker != worker {
		return r, &StateError{id, r.Value.State, to}
	}
	return r, nil
}

// Finish keeps what came out and ends the run: the commit point of a run. Tables have their canonical digests.
func (w *Workspace) Finish(ctx context.Context, id store.ID, worker string, results []NewFile) (out store.Record[Run], err error) {
	files, err := w.keepAll(ctx, results)
	if err != nil {
		return out, err
	}
	err = w.tenant.Update(ctx, store.Action{Verb: rights.RunFinish, Object: id}, func(tx *store.WriteTx) error {
		r, err := w.held(tx, id, worker, Done)
		if err != nil {
			return err
		}
		now := stamp(tx.Now())
		v := &r.Value
		v.State, v.Ended, v.Lease, v.Files, v.Seal = Done, &now, nil, files, SealPending
		if out, err = runs.Put(tx, r); err != nil {
			return err
		}
		enterResults(tx, id, files)
		return refer(tx, id, files)
	})
	return out, err
}

// enterResults writes the leaves of a finished run: one of its output, and one of its estimate if it has one.
func enterResults(tx *store.WriteTx, id store.ID, files []File) {
	output, estimate := map[string]ledger.Digest{}, map[string]ledger.Digest{}
	for _, f := range files {
		if f.Role == "estimate" {
			estimate[f.Role] = f.Digest
			continue
		}
		output[f.Role+"/"+f.Name] = f.Digest
	}
	tx.Enter(leaf(ledger.OutputRecorded, id, output, ""))
	if len(estimate) > 0 {
		tx.Enter(leaf(ledger.EstimateRecorded, id, estimate, ""))
	}
}

// Fail ends a run that could not be carried out, with the reason for the user.
func (w *Workspace) Fail(ctx context.Context, id store.ID, worker, reason string) error {
	return w.tenant.Update(ctx, store.Action{Verb: rights.RunFail, Object: id}, func(tx *store.WriteTx) error {
		r, err := w.held(tx, id, worker, Failed)
		if err != nil {
			return err
		}
		return end(tx, r, Failed, reason)
	})
}

// Cancel ends a run that has not ended; its worker learns of it at its next Renew or Finish.
func (w *Workspace) Cancel(ctx context.Context, id store.ID, reason string) error {
	return w.tenant.Update(ctx, store.Action{Verb: rights.RunCancel, Object: id}, func(tx *store.WriteTx) error {
		r, err := runs.Get(tx, id)
		if err != nil {
			return err
		}
		return end(tx, r, Cancelled, reason)
	})
}

func end(tx *store.WriteTx, r store.Record[Run], to State, reason string) error {
	if !r.Value.State.CanBecome(to) {
		return &StateError{r.ID, r.Value.State, to}
	}
	now := stamp(tx.Now())
	r.Value.State, r.Value.Ended, r.Value.Lease, r.Value.Reason = to, &now, nil, reason
	_, err := runs.Put(tx, r)
	return err
}

// Runs lists runs, newest first, up to limit from a cursor.
func (w *Workspace) Runs(ctx context.Context, after store.Cursor, limit int) (page store.Page[Run], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.RunRead}, func(tx *store.ReadTx) (err error) {
		page, err = runs.ListNewest(tx, after, limit)
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

// OpenResult opens one of a finished run's files by its name, to be read here. The reader must be closed.
func (w *Workspace) OpenResult(ctx context.Context, id store.ID, name string) (*store.BlobReader, error) {
	return w.openResult(ctx, rights.RunRead, id, name)
}

// Export opens one of a finished run's files by its name, to leave the appliance. The reader must be closed.
func (w *Workspace) Export(ctx context.Context, id store.ID, name string) (*store.BlobReader, error) {
	return w.openResult(ctx, rights.RunExport, id, name)
}

func (w *Workspace) openResult(ctx context.Context, verb store.Verb, id store.ID, name string) (from *store.BlobReader, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: verb, Object: id}, func(tx *store.ReadTx) error {
		r, err := runs.Get(tx, id)
		if err != nil {
			return err
		}
		for _, f := range r.Value.Files {
			if f.Name == name {
				from, err = tx.OpenBlob(f.Blob)
				return err
			}
		}
		return fmt.Errorf("run %s, file %q: %w", id, name, store.ErrNotFound)
	})
	return from, err
}

package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Worker is the appliance at work on the runs of all tenants: it finds the next one of each, claims it, and seals what has ended. Of a
// tenant it gives what is needed to carry out a run that it has claimed (Job), and nothing else. What it does stands in the tenant's
// audit log, done by the appliance in the role worker. It is safe for many goroutines.
//
// A store is open in one process only, so that whoever else holds a run is gone: a Worker takes it over without waiting for the end of
// its lease. There is one Worker for a store.
type Worker struct {
	db   *store.DB
	name string
	now  func() time.Time
}

// OpenWorker gives the appliance its runs. name is this process, such as its host and number, and differs from that of all before it;
// now is the store's clock, nil: time.Now.
func OpenWorker(db *store.DB, name string, now func() time.Time) (*Worker, error) {
	if err := checkWorker(name); err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	return &Worker{db, name, now}, nil
}

// Next is a run that could be started now, with what its time and memory follow from.
type Next struct {
	Tenant    store.ID
	Run       store.ID
	Submitted time.Time
	Model     ledger.Digest
	Years     int
	Samples   int
	Locations int
	Claims    int // how often it was started before: its process went away so often
	started   time.Time
}

// Waiting gives at most one run of each tenant, in the order of how long the tenant has waited since a run of it was last started:
// whoever starts the first, and asks again, alternates between tenants. Of a tenant it is the run whose worker is gone, else
// the one that was queued first. A tenant that runs as many as its quota allows has none. Looking leaves no entry.
func (k *Worker) Waiting(ctx context.Context) (all []Next, err error) {
	err = k.each(ctx, func(tx *store.ReadTx, tenant store.ID, l workload) error {
		n, found, err := k.next(tx, tenant, l)
		if found {
			all = append(all, n)
		}
		return err
	})
	slices.SortStableFunc(all, func(x, y Next) int {
		return cmp.Or(x.started.Compare(y.started), x.Submitted.Compare(y.Submitted))
	})
	return all, err
}

// each looks at the workload of every tenant that has open runs.
func (k *Worker) each(ctx context.Context, fn func(*store.ReadTx, store.ID, workload) error) error {
	at, err := k.db.Follow(ctx, openWork, openRuns)
	if err != nil {
		return err
	}
	for _, p := range at {
		err := look(ctx, k.db, p.Tenant, func(tx *store.ReadTx) error {
			l, err := presentWorkload(tx, p.Tenant)
			if err != nil {
				return err
			}
			return fn(tx, p.Tenant, l)
		})
		if err != nil && !errors.Is(err, store.ErrErased) {
			return fmt.Errorf("runs of tenant %s: %w", p.Tenant, err)
		}
	}
	return nil
}

// next is the run of a tenant that is to be started next.
func (k *Worker) next(tx store.Reader, tenant store.ID, l workload) (n Next, found bool, err error) {
	q, err := quotasOf(tx, tenant)
	if err != nil {
		return n, false, err
	}
	for _, s := range []State{Running, Queued} {
		if s == Queued && l.count(Running) >= q.Value.Running {
			return n, false, nil
		}
		for _, o := range l.Runs {
			if o.State != s {
				continue
			}
			r, err := runs.Get(tx, o.ID)
			if err != nil {
				return n, false, err
			}
			if !k.free(&r.Value, k.now()) {
				continue
			}
			p, err := exposureOf(tx, &r.Value)
			v := r.Value
			return Next{
				Tenant: tenant, Run: o.ID, Submitted: v.Submitted, Model: v.Model, Years: v.Spec.Years, Samples: v.Spec.Samples,
				Locations: p.Value.Locations, Claims: v.Claims, started: l.Started,
			}, err == nil, err
		}
	}
	return n, false, nil
}

// free reports whether the worker may take the run: also from one whose process is gone.
func (k *Worker) free(r *Run, now time.Time) bool {
	return r.claimable(now) || r.State == Running && r.Worker != k.name
}

// Claim takes a run until the lease ends; Job.Renew prolongs it. *StateError: it was cancelled, changed hands or ended; *QuotaError: as many of
// the tenant's runs as may are running.
func (k *Worker) Claim(ctx context.Context, tenant, run store.ID, lease time.Duration) (*Job, error) {
	w, err := atWork(ctx, k.db, tenant)
	if err != nil {
		return nil, err
	}
	j := &Job{workspace: w}
	first := func() error { return checkLease(k.name, lease) }
	err = w.change(ctx, store.Action{Verb: rights.RunClaim, Object: run}, first, func(tx *store.WriteTx) error {
		if err := w.roomFor(tx, run); err != nil {
			return err
		}
		if j.run, err = w.claim(tx, run, k.name, lease, k.free); err != nil {
			return err
		}
		j.hold = hold{k.name, j.run.Value.Claims}
		j.portfolio, err = exposureOf(tx, &j.run.Value)
		return err
	})
	if err != nil {
		return nil, err
	}
	return j, nil
}

// roomFor refuses a further run beside as many as may be running.
func (w *Workspace) roomFor(tx store.Reader, run store.ID) error {
	q, err := quotasOf(tx, w.tenant.ID())
	if err != nil {
		return err
	}
	l, err := presentWorkload(tx, w.tenant.ID())
	if err != nil {
		return err
	}
	if slices.ContainsFunc(l.Runs, func(r openRun) bool { return r.ID == run && r.State == Running }) {
		return nil // it is counted already
	}
	return within("running", int64(l.count(Running)+1), int64(q.Value.Running))
}

// RunOf is a run and whose it is.
type RunOf struct{ Tenant, Run store.ID }

// Unsealed lists the runs of all tenants that are done and have no seal. Looking leaves no entry.
func (k *Worker) Unsealed(ctx context.Context) (all []RunOf, err error) {
	err = k.each(ctx, func(_ *store.ReadTx, tenant store.ID, l workload) error {
		for _, r := range l.Runs {
			if r.State == Done {
				all = append(all, RunOf{tenant, r.ID})
			}
		}
		return nil
	})
	return all, err
}

// Seal seals a run that is done, as Workspace.Seal does.
func (k *Worker) Seal(ctx context.Context, of RunOf) (store.Record[Seal], error) {
	w, err := atWork(ctx, k.db, of.Tenant)
	if err != nil {
		return store.Record[Seal]{}, err
	}
	return w.Seal(ctx, of.Run)
}

// atWork opens a tenant for the appliance at work.
func atWork(ctx context.Context, db *store.DB, tenant store.ID) (*Workspace, error) {
	t, err := db.Tenant(ctx, rights.AtWork(tenant), tenant)
	if err != nil {
		return nil, err
	}
	return Open(t), nil
}

// look reads a tenant's records for the appliance itself, to see whether there is anything to do. It leaves no entry: that is of what is
// then done.
func look(ctx context.Context, db *store.DB, tenant store.ID, fn func(*store.ReadTx) error) error {
	r, err := db.Receive(ctx, rights.Unidentified(store.Source{Address: "host"}), tenant)
	if err != nil {
		return err
	}
	return r.Read(ctx, fn)
}

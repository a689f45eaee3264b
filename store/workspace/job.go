package workspace

import (
	"context"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Job is a run that a Worker has claimed, with the verbs to carry it out. When the run is cancelled or taken over, they refuse with a
// *StateError, and the work stops. It is safe for many goroutines.
type Job struct {
	workspace *Workspace
	hold      hold
	run       store.Record[Run]
	portfolio store.Record[Portfolio]
}

// Tenant is whose run it is.
func (j *Job) Tenant() store.ID { return j.workspace.tenant.ID() }

// Run is the run as it was claimed.
func (j *Job) Run() store.Record[Run] { return j.run }

// Portfolio is the portfolio in the version that the run is of.
func (j *Job) Portfolio() store.Record[Portfolio] { return j.portfolio }

// OpenFile opens one of the portfolio's files by its role. The reader must be closed.
func (j *Job) OpenFile(ctx context.Context, role string) (from *store.BlobReader, err error) {
	err = j.workspace.tenant.View(ctx, j.work(), func(tx *store.ReadTx) error {
		r, err := j.hold.of(tx, j.run.ID, Running)
		if err != nil {
			return err
		}
		p, err := exposureOf(tx, &r.Value)
		if err != nil {
			return err
		}
		from, err = openFile(tx, p.Value.Files, role, func(f File) bool { return f.Role == role })
		return err
	})
	return from, err
}

// work is the action of carrying the run out.
func (j *Job) work() store.Action { return store.Action{Verb: rights.RunWork, Object: j.run.ID} }

// Renew prolongs the lease.
func (j *Job) Renew(ctx context.Context, lease time.Duration) error {
	return j.workspace.renew(ctx, j.run.ID, j.hold, lease)
}

// Release ends the lease without an end of the run, because the appliance stops: the run goes on with its kept blocks when it is claimed again.
func (j *Job) Release(ctx context.Context) error {
	return j.workspace.tenant.Update(ctx, store.Action{Verb: rights.RunClaim, Object: j.run.ID}, func(tx *store.WriteTx) error {
		r, err := j.hold.of(tx, j.run.ID, Running)
		if err != nil {
			return err
		}
		r.Value.Lease = nil
		_, err = runs.Put(tx, r)
		return err
	})
}

// Finish keeps what came out and ends the run, as Workspace.Finish does. The kept blocks go.
func (j *Job) Finish(ctx context.Context, files []NewFile) (store.Record[Run], error) {
	return j.workspace.finish(ctx, j.run.ID, j.hold, files)
}

// Fail ends a run that could not be carried out, with the reason for the user. The kept blocks go.
func (j *Job) Fail(ctx context.Context, reason string) error {
	return j.workspace.fail(ctx, j.run.ID, j.hold, reason)
}

// Seal seals the run when it is finished, as Workspace.Seal does.
func (j *Job) Seal(ctx context.Context) (store.Record[Seal], error) {
	return j.workspace.Seal(ctx, j.run.ID)
}

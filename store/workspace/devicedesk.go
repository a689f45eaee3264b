package workspace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// DeviceDesk is the appliance at work on a tenant's jobs for quantum devices: it carries out what a user asked for, with keys that no user
// sees. What it does stands in the tenant's audit log, done by the appliance in the role worker. It is safe for many goroutines.
type DeviceDesk struct{ workspace *Workspace }

// OpenDeviceDesk opens the desk of a tenant.
func OpenDeviceDesk(ctx context.Context, db *store.DB, tenant store.ID) (*DeviceDesk, error) {
	w, err := atWork(ctx, db, tenant)
	if err != nil {
		return nil, err
	}
	return &DeviceDesk{w}, nil
}

func (d *DeviceDesk) view(ctx context.Context, object store.ID, fn func(*store.ReadTx) error) error {
	return d.workspace.tenant.View(ctx, store.Action{Verb: rights.EstimateWork, Object: object}, fn)
}

func (d *DeviceDesk) update(ctx context.Context, object store.ID, fn func(*store.WriteTx) error) error {
	return d.workspace.tenant.Update(ctx, store.Action{Verb: rights.EstimateWork, Object: object}, fn)
}

// maxReport is how much is read of a run's estimate.
const maxReport = 64 << 20

// Estimate reads the file of the estimate that was made with a run, whose questions a device can be asked. store.ErrNotFound: the run has none.
func (d *DeviceDesk) Estimate(ctx context.Context, run store.ID) (text []byte, err error) {
	var from *store.BlobReader
	err = d.view(ctx, run, func(tx *store.ReadTx) error {
		if _, err := finishedRun(tx, run); err != nil {
			return err
		}
		r, err := results.Get(tx, run)
		if err != nil {
			return err
		}
		from, err = openFile(tx, r.Value.Files, "estimate", func(f File) bool { return f.Role == "estimate" })
		return err
	})
	if err != nil {
		return nil, err
	}
	text, err = io.ReadAll(io.LimitReader(from, maxReport+1))
	if err == nil && len(text) > maxReport {
		err = fmt.Errorf("the estimate of run %s has more than %d bytes", run, maxReport)
	}
	return text, errors.Join(err, from.Close())
}

// Job reads one job.
func (d *DeviceDesk) Job(ctx context.Context, id store.ID) (r store.Record[DeviceJob], err error) {
	err = d.view(ctx, id, func(tx *store.ReadTx) error {
		r, err = deviceJobs.Get(tx, id)
		return err
	})
	return r, err
}

// JobWith finds the job that a test takes, among those that were not withdrawn. store.ErrNotFound: there is none.
func (d *DeviceDesk) JobWith(ctx context.Context, is func(*DeviceJob) bool) (found store.Record[DeviceJob], err error) {
	err = d.view(ctx, store.ID{}, func(tx *store.ReadTx) error {
		for after := store.Cursor(""); ; {
			page, err := deviceJobs.ListNewest(tx, after, jobsAtOnce)
			if err != nil {
				return err
			}
			at := slices.IndexFunc(page.Records, func(r store.Record[DeviceJob]) bool { return r.Value.Stage != DeviceWithdrawn && is(&r.Value) })
			if at >= 0 {
				found = page.Records[at]
				return nil
			}
			if after = page.Next; after == "" {
				return store.ErrNotFound
			}
		}
	})
	return found, err
}

// Change applies a change to a job as it is now.
func (d *DeviceDesk) Change(ctx context.Context, id store.ID, change func(*DeviceJob) error) (r store.Record[DeviceJob], err error) {
	err = d.update(ctx, id, func(tx *store.WriteTx) error {
		if r, err = deviceJobs.Get(tx, id); err != nil {
			return err
		}
		if err := change(&r.Value); err != nil {
			return err
		}
		r, err = deviceJobs.Put(tx, r)
		return err
	})
	return r, err
}

// Room is what may be spent on a job in all: the tenant's limit less what all its other jobs were quoted or have pending, in millionths of a US
// dollar. limited: there is a limit; without one nothing may be spent.
func (d *DeviceDesk) Room(ctx context.Context, id store.ID) (room int64, limited bool, err error) {
	err = d.view(ctx, id, func(tx *store.ReadTx) error {
		s, err := deviceSettingsOf(tx, d.workspace.tenant.ID())
		if err != nil || s.Value.Limit == nil {
			return err
		}
		spent, err := spendingOf(tx, id)
		room, limited = *s.Value.Limit-spent.Quoted-spent.Pending, true
		return err
	})
	return room, limited, err
}

// Relays are those that the tenant trusts.
func (d *DeviceDesk) Relays(ctx context.Context) (all []TrustedRelay, err error) {
	err = d.view(ctx, d.workspace.tenant.ID(), func(tx *store.ReadTx) error {
		s, err := deviceSettingsOf(tx, d.workspace.tenant.ID())
		all = s.Value.Relays
		return err
	})
	return all, err
}

// Journal opens the tenant's egress record for what leaves for one estimate.
func (d *DeviceDesk) Journal(ctx context.Context, estimate store.ID) (*Journal, error) {
	return d.workspace.Journal(ctx, estimate)
}

// Answer keeps the estimate of an answered job, in register and ledger and with the job. Told again, it changes nothing.
func (d *DeviceDesk) Answer(ctx context.Context, id store.ID, tasks []string, name string, report []byte) error {
	r, err := d.Job(ctx, id)
	if err != nil || r.Value.Report != nil {
		return err
	}
	if r.Value.Estimate == nil {
		return fmt.Errorf("job %s is answered and has no place in the ledger", id)
	}
	err = d.workspace.AnswerEstimate(ctx, *r.Value.Estimate, tasks, []NewFile{{Name: name, Role: "estimate", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(report)), nil }}})
	if err != nil && !errors.Is(err, store.ErrConflict) { // else it was answered, and then the appliance stopped
		return err
	}
	_, err = d.Change(ctx, id, func(j *DeviceJob) error { j.Report = json.RawMessage(report); return nil })
	return err
}

// End ends a job of which all tasks were cancelled, in the register.
func (d *DeviceDesk) End(ctx context.Context, id store.ID, reason string) error {
	r, err := d.Job(ctx, id)
	if err != nil || r.Value.Estimate == nil {
		return err
	}
	err = d.workspace.tenant.Update(ctx, store.Action{Verb: rights.EstimateWork, Object: *r.Value.Estimate}, func(tx *store.WriteTx) error {
		return d.workspace.endEstimate(tx, *r.Value.Estimate, reason)
	})
	if errors.Is(err, store.ErrConflict) {
		return nil // it was ended before
	}
	return err
}

// deviceKeys are the keys of a tenant: one signs its jobs for relays, from the other the tokens of tasks are derived.
type deviceKeys struct {
	Host  []byte `json:"host"`
	Token []byte `json:"token"`
}

var deviceKey = store.Define[deviceKeys]("device-keys", 1)

// DeviceKeys are private keys as whoever made them writes them.
type DeviceKeys struct {
	Host, Token []byte
	Public      string // of Host, as text
}

// Keys are the tenant's, made when they are first asked for.
func (d *DeviceDesk) Keys(ctx context.Context, draw func() (DeviceKeys, error)) (keys DeviceKeys, err error) {
	tenant := d.workspace.tenant.ID()
	read := func(tx store.Reader) error {
		r, err := deviceKey.Get(tx, tenant)
		keys = DeviceKeys{Host: r.Value.Host, Token: r.Value.Token}
		return err
	}
	if err = d.view(ctx, tenant, func(tx *store.ReadTx) error { return missingIsNone(read(tx)) }); err != nil || keys.Host != nil {
		return keys, err
	}
	err = d.update(ctx, tenant, func(tx *store.WriteTx) error {
		if err := missingIsNone(read(tx)); err != nil || keys.Host != nil {
			return err
		}
		if keys, err = draw(); err != nil {
			return err
		}
		if err := deviceKey.Insert(tx, tenant, deviceKeys{keys.Host, keys.Token}); err != nil {
			return err
		}
		s, err := deviceSettingsOf(tx, tenant)
		if err != nil {
			return err
		}
		s.Value.Public = keys.Public
		_, err = putDeviceSettings(tx, s)
		return err
	})
	return keys, err
}

func missingIsNone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

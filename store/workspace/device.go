package workspace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// DeviceStage is how far a job for a quantum device is.
type DeviceStage string

// The stages, as those of the job itself, and Withdrawn.
const (
	DevicePrepared  DeviceStage = "prepared"  // nothing of it has left
	DeviceExported  DeviceStage = "exported"  // its file was given out for a relay
	DeviceSubmitted DeviceStage = "submitted" // sent to the device from here, in part at least
	DeviceAnswered  DeviceStage = "answered"  // its counts are here
	DeviceWithdrawn DeviceStage = "withdrawn" // it was given up before it was submitted
)

// DeviceJob is a job for a quantum device, from its preparation to its answer. From when anything of it may leave, an Estimate stands for it in
// ledger and register.
type DeviceJob struct {
	Run       store.ID            `json:"run"`
	Question  string              `json:"question"` // of the run, by its name
	Device    string              `json:"device"`   // ARN
	Shots     int                 `json:"shots"`    // of all circuits
	Circuits  ledger.Digest       `json:"circuits"` // of their sources and shots
	Expected  DeviceExpectation   `json:"expected"`
	Stage     DeviceStage         `json:"stage"`
	Prepared  time.Time           `json:"prepared"`
	By        store.ID            `json:"by"`
	Estimate  *store.ID           `json:"estimate,omitempty"` // nil: nothing of it may have left
	State     json.RawMessage     `json:"state"`              // the job itself: circuits, tasks and counts, as whoever leads it keeps them
	Secret    []byte              `json:"secret"`             // turns its answer back
	Quote     *DeviceQuote        `json:"quote,omitempty"`    // the last one
	Confirmed *DeviceConfirmation `json:"confirmed,omitempty"`
	Cancel    bool                `json:"cancel,omitempty"` // its tasks shall be cancelled
	Quoted    int64               `json:"quoted_microdollars,omitempty"`
	Pending   int64               `json:"pending_microdollars,omitempty"` // agreed to for tasks that are not created yet, or as the highest price of a file for a relay
	Report    json.RawMessage     `json:"report,omitempty"`               // the estimate, when it is answered
}

// DeviceExpectation is the estimate that a device without noise would give.
type DeviceExpectation struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// DeviceQuote is what a device would take for what is still to be submitted of a job.
type DeviceQuote struct {
	Digest string    `json:"digest"` // of price and requests, SHA-256, hexadecimal
	Total  int64     `json:"total_microdollars"`
	Tasks  int       `json:"tasks"`
	At     time.Time `json:"at"`
}

// DeviceConfirmation is a person's agreement to a quote.
type DeviceConfirmation struct {
	Digest string    `json:"digest"`
	Total  int64     `json:"total_microdollars"`
	By     store.ID  `json:"by"`
	At     time.Time `json:"at"`
}

var deviceJobs = store.Define[DeviceJob]("device-jobs", 1)

// NewDeviceJob is what PrepareDeviceJob takes.
type NewDeviceJob struct {
	Run              store.ID // done
	Question, Device string
	Shots            int
	Circuits         ledger.Digest // of their sources and shots
	Expected         DeviceExpectation
	State            json.RawMessage
	Secret           []byte
}

// maxDeviceState bounds a job's state when it is prepared: signed for a relay it is kept twice, and a record holds no more than 1 MiB.
const maxDeviceState = 300 << 10

func (n *NewDeviceJob) check() error {
	if err := checkText("question", n.Question, 1, 200); err != nil {
		return err
	}
	if err := checkText("device", n.Device, 1, 200); err != nil {
		return err
	}
	if len(n.State) > maxDeviceState {
		return &Invalid{"powers", fmt.Sprintf("the circuits are %d bytes, and a job that is kept has %d at most: ask with fewer powers, qubits or twins", len(n.State), maxDeviceState)}
	}
	return nil
}

// maxOpenDeviceJobs bounds a tenant's jobs that are neither answered nor withdrawn: each keeps its circuits.
const maxOpenDeviceJobs = 50

// PrepareDeviceJob keeps a job of which nothing has left. *Invalid: what is to be mended; *QuotaError: the tenant has as many open jobs as it
// may; store.ErrNotFound: there is no such run.
func (w *Workspace) PrepareDeviceJob(ctx context.Context, n NewDeviceJob) (r store.Record[DeviceJob], err error) {
	err = w.tenant.Update(ctx, store.Action{Verb: rights.EstimateSubmit}, func(tx *store.WriteTx) error {
		if err := n.check(); err != nil {
			return err
		}
		if _, err := finishedRun(tx, n.Run); err != nil {
			return err
		}
		open, err := openDeviceJobs(tx)
		if err != nil {
			return err
		}
		if err := within("quantum jobs", open+1, maxOpenDeviceJobs); err != nil {
			return err
		}
		id := tx.NewID()
		tx.Of(id)
		job := DeviceJob{
			Run: n.Run, Question: n.Question, Device: n.Device, Shots: n.Shots, Circuits: n.Circuits, Expected: n.Expected, Stage: DevicePrepared, Prepared: stamp(tx.Now()),
			By: w.tenant.Principal().User(), State: n.State, Secret: n.Secret,
		}
		if err := deviceJobs.Insert(tx, id, job); err != nil {
			return err
		}
		r, err = deviceJobs.Get(tx, id)
		return err
	})
	return r, err
}

// jobsAtOnce is how many jobs are in memory at a time where all are read.
const jobsAtOnce = 50

// eachDeviceJob reads all jobs, a few at a time.
func eachDeviceJob(tx store.Reader, do func(store.Record[DeviceJob])) error {
	for after := store.Cursor(""); ; {
		page, err := deviceJobs.List(tx, after, jobsAtOnce)
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			do(r)
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

// openDeviceJobs counts those that are neither answered nor withdrawn.
func openDeviceJobs(tx store.Reader) (n int64, err error) {
	err = eachDeviceJob(tx, func(r store.Record[DeviceJob]) {
		if s := r.Value.Stage; s != DeviceAnswered && s != DeviceWithdrawn {
			n++
		}
	})
	return n, err
}

// DeviceJobs lists jobs of a run (zero: of all), newest first, up to limit (1 to 1,000) from a cursor; each holds its circuits. Of a run there may be fewer in a part than
// asked for, none even, with a cursor from which the next reading goes on.
func (w *Workspace) DeviceJobs(ctx context.Context, run store.ID, after store.Cursor, limit int) (page store.Page[DeviceJob], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.EstimateRead}, func(tx *store.ReadTx) error {
		part, err := deviceJobs.ListNewest(tx, after, limit)
		page.Next = part.Next
		for _, r := range part.Records {
			if run.IsZero() || r.Value.Run == run {
				page.Records = append(page.Records, r)
			}
		}
		return err
	})
	return page, err
}

// DeviceJob reads one.
func (w *Workspace) DeviceJob(ctx context.Context, id store.ID) (store.Record[DeviceJob], error) {
	return w.deviceJob(ctx, rights.EstimateRead, id)
}

// FollowDeviceJob reads one for somebody who wants it brought up to date, which is a request that leaves.
func (w *Workspace) FollowDeviceJob(ctx context.Context, id store.ID) (store.Record[DeviceJob], error) {
	return w.deviceJob(ctx, rights.EstimateSubmit, id)
}

func (w *Workspace) deviceJob(ctx context.Context, verb store.Verb, id store.ID) (r store.Record[DeviceJob], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: verb, Object: id}, func(tx *store.ReadTx) (err error) {
		r, err = deviceJobs.Get(tx, id)
		return err
	})
	return r, err
}

// DeviceStageError refuses what the stage of a job does not allow. It is a store.ErrConflict.
type DeviceStageError struct {
	Job store.ID
	Is  DeviceStage
	Why string // what would be right
}

func (e *DeviceStageError) Error() string {
	return fmt.Sprintf("job %s is %s: %s", e.Job, e.Is, e.Why)
}

// AuditReason is its class in the audit log.
func (e *DeviceStageError) AuditReason() string { return "state" }

// Unwrap makes it a conflict.
func (e *DeviceStageError) Unwrap() error { return store.ErrConflict }

// BeginDeviceJob enters a job in ledger and register before anything of it leaves: for a quote, or as a file. Its leaf has the digest of
// the circuits. Told again, it changes nothing. Nothing may leave unless it has returned without error. *DeviceStageError: nothing of it is to leave.
func (w *Workspace) BeginDeviceJob(ctx context.Context, id store.ID) (r store.Record[DeviceJob], err error) {
	err = w.tenant.Update(ctx, store.Action{Verb: rights.EstimateSubmit, Object: id}, func(tx *store.WriteTx) error {
		if r, err = deviceJobs.Get(tx, id); err != nil {
			return err
		}
		switch job := &r.Value; {
		case job.Stage == DeviceAnswered || job.Stage == DeviceWithdrawn || job.Cancel:
			return &DeviceStageError{id, job.Stage, "nothing of it leaves any more; prepare another one"}
		case job.Estimate != nil:
			return nil
		}
		estimate, err := w.enterEstimate(tx, NewEstimate{Run: r.Value.Run, Question: r.Value.Question, Device: r.Value.Device, Shots: r.Value.Shots},
			[]File{}, map[string]ledger.Digest{"circuits": r.Value.Circuits})
		if err != nil {
			return err
		}
		r.Value.Estimate = &estimate
		r, err = deviceJobs.Put(tx, r)
		return err
	})
	return r, err
}

// QuoteError refuses a confirmation that is not of the job's last quote. It is a store.ErrConflict.
type QuoteError struct{ Has, Given string }

func (e *QuoteError) Error() string {
	if e.Has == "" {
		return "there is no quote to confirm; ask for one"
	}
	return fmt.Sprintf("digest: %.16q is not that of the last quote, %.16q: look at that one and confirm it", e.Given, e.Has)
}

// AuditReason is its class in the audit log.
func (e *QuoteError) AuditReason() string { return "quote" }

// Unwrap makes it a conflict.
func (e *QuoteError) Unwrap() error { return store.ErrConflict }

// ConfirmDeviceJob is a person's agreement to the last quote of a job, which the digest names: with it the job may be submitted, for that
// price at most. It is a leaf of the ledger.
func (w *Workspace) ConfirmDeviceJob(ctx context.Context, id store.ID, digest string) (r store.Record[DeviceJob], err error) {
	err = w.tenant.Update(ctx, store.Action{Verb: rights.EstimateSubmit, Object: id}, func(tx *store.WriteTx) error {
		if r, err = deviceJobs.Get(tx, id); err != nil {
			return err
		}
		job := &r.Value
		switch {
		case job.Cancel || job.Stage != DevicePrepared && job.Stage != DeviceSubmitted:
			return &DeviceStageError{id, job.Stage, "it is not to be submitted; prepare another one"}
		case job.Quote == nil:
			return &QuoteError{Given: digest}
		case job.Quote.Digest != digest:
			return &QuoteError{job.Quote.Digest, digest}
		case job.Estimate == nil:
			return errors.New("a job with a quote has no place in the ledger") // our own fault: BeginDeviceJob comes before
		}
		job.Confirmed = &DeviceConfirmation{digest, job.Quote.Total, w.tenant.Principal().User(), stamp(tx.Now())}
		agreed, err := digestOf(job.Confirmed)
		if err != nil {
			return err
		}
		tx.Enter(leaf(ledger.HardwareJob, *job.Estimate, map[string]ledger.Digest{"confirmation": agreed}, "confirmed"))
		r, err = deviceJobs.Put(tx, r)
		return err
	})
	return r, err
}

// CancelDeviceJob gives a job up: one that was not submitted is withdrawn at once; of another the tasks shall be cancelled, which is for whoever
// leads it. *DeviceStageError: it has ended.
func (w *Workspace) CancelDeviceJob(ctx context.Context, id store.ID) (r store.Record[DeviceJob], err error) {
	err = w.tenant.Update(ctx, store.Action{Verb: rights.EstimateSubmit, Object: id}, func(tx *store.WriteTx) error {
		if r, err = deviceJobs.Get(tx, id); err != nil {
			return err
		}
		switch r.Value.Stage {
		case DeviceAnswered, DeviceWithdrawn:
			return &DeviceStageError{id, r.Value.Stage, "there is nothing to cancel"}
		case DeviceSubmitted:
			r.Value.Cancel = true
		default:
			if err := w.withdraw(tx, &r.Value); err != nil {
				return err
			}
		}
		r, err = deviceJobs.Put(tx, r)
		return err
	})
	return r, err
}

// withdraw ends a job that was not submitted, and its place in the register. A file that was given out may still be run: its price stays pending.
func (w *Workspace) withdraw(tx *store.WriteTx, job *DeviceJob) error {
	if job.Stage != DeviceExported {
		job.Pending = 0
	}
	job.Stage = DeviceWithdrawn
	if err := job.dropCircuits(); err != nil {
		return err
	}
	if job.Estimate == nil {
		return nil
	}
	return w.endEstimate(tx, *job.Estimate, "withdrawn before it was submitted")
}

// dropCircuits leaves of a job's state what it was about. The record of what left has the bytes of a file that was given out.
func (j *DeviceJob) dropCircuits() error {
	var state map[string]json.RawMessage
	if err := json.Unmarshal(j.State, &state); err != nil {
		return fmt.Errorf("the state of a job: %w", err)
	}
	delete(state, "circuits")
	delete(state, "export")
	text, err := json.Marshal(state)
	j.State = text
	return err
}

// DeviceSettings are a tenant's for quantum devices.
type DeviceSettings struct {
	// Limit is what may be spent in all, in millionths of a US dollar, what was spent before included. nil: nothing.
	Limit  *int64         `json:"limit_microdollars,omitempty"`
	Relays []TrustedRelay `json:"relays,omitempty"` // whose results are taken in
	Public string         `json:"public,omitempty"` // key by which relays know the tenant's jobs; "": none was made yet
}

// TrustedRelay is a relay by its key.
type TrustedRelay struct {
	Name string `json:"name"`
	Key  string `json:"key"` // public, as text
}

var deviceSettings = store.Define[DeviceSettings]("device-settings", 1)

// maxRelays bounds the list of a tenant.
const maxRelays = 50

func (s *DeviceSettings) check() error {
	if s.Limit != nil && *s.Limit < 0 {
		return &Invalid{"limit usd", "it is less than nothing"}
	}
	if len(s.Relays) > maxRelays {
		return &Invalid{"relays", fmt.Sprintf("%d are more than %d", len(s.Relays), maxRelays)}
	}
	for i, r := range s.Relays {
		if err := checkText(fmt.Sprintf("relays/%d/name", i), r.Name, 1, 64); err != nil {
			return err
		}
	}
	return nil
}

// DeviceSettings reads them with what was spent. Version 0: none were set.
func (w *Workspace) DeviceSettings(ctx context.Context) (r store.Record[DeviceSettings], s DeviceSpending, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.EstimateRead}, func(tx *store.ReadTx) error {
		if r, err = deviceSettingsOf(tx, w.tenant.ID()); err != nil {
			return err
		}
		s, err = spendingOf(tx, store.ID{})
		return err
	})
	return r, s, err
}

func deviceSettingsOf(tx store.Reader, tenant store.ID) (store.Record[DeviceSettings], error) {
	r, err := deviceSettings.Get(tx, tenant)
	if errors.Is(err, store.ErrNotFound) {
		return store.Record[DeviceSettings]{ID: tenant}, nil
	}
	return r, err
}

// SetDeviceSettings changes limit and relays, for somebody who read them in that version (0: whichever). *Invalid: what is to be mended.
func (w *Workspace) SetDeviceSettings(ctx context.Context, s DeviceSettings, version uint64) (r store.Record[DeviceSettings], spent DeviceSpending, err error) {
	err = w.tenant.Update(ctx, store.Action{Verb: rights.EstimateBudget, Object: w.tenant.ID()}, func(tx *store.WriteTx) error {
		if err := s.check(); err != nil {
			return err
		}
		if r, err = deviceSettingsOf(tx, w.tenant.ID()); err != nil {
			return err
		}
		if version != 0 && version != r.Version {
			return store.ErrConflict
		}
		r.Value.Limit, r.Value.Relays = s.Limit, s.Relays
		if r, err = putDeviceSettings(tx, r); err != nil {
			return err
		}
		spent, err = spendingOf(tx, store.ID{})
		return err
	})
	return r, spent, err
}

func putDeviceSettings(tx *store.WriteTx, r store.Record[DeviceSettings]) (store.Record[DeviceSettings], error) {
	if r.Version != 0 {
		return deviceSettings.Put(tx, r)
	}
	if err := deviceSettings.Insert(tx, r.ID, r.Value); err != nil {
		return r, err
	}
	return deviceSettings.Get(tx, r.ID)
}

// DeviceSpending is what a tenant's jobs were quoted at, in millionths of a US dollar. The provider's bill decides; this is what was agreed to.
type DeviceSpending struct {
	Quoted  int64 // of every task that was created, those that ended without a result included
	Pending int64 // agreed to for tasks that are being created, or whose creation was interrupted
}

// spendingOf adds up all jobs but one.
func spendingOf(tx store.Reader, except store.ID) (s DeviceSpending, err error) {
	err = eachDeviceJob(tx, func(r store.Record[DeviceJob]) {
		if r.ID != except {
			s.Quoted, s.Pending = s.Quoted+r.Value.Quoted, s.Pending+r.Value.Pending
		}
	})
	return s, err
}

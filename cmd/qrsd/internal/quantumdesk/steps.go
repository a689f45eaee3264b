package quantumdesk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/quantumjob"
	"github.com/qrsrisk/qrsd/internal/canonical"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/relay"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Quote implements web.Devices.
func (d *Desk) Quote(ctx context.Context, tenant, job store.ID) (out wire.QuantumOffer, err error) {
	w, err := d.take(ctx, tenant, job)
	if err != nil {
		return out, err
	}
	defer w.done()
	o, digest, err := d.offer(ctx, w)
	if err != nil {
		return out, inWords(err)
	}
	q := &workspace.DeviceQuote{Digest: digest, Total: int64(o.Quote.Total), Tasks: o.Quote.Tasks, At: d.o.Now().UTC().Truncate(1e6)}
	if _, err := w.Change(ctx, job, func(j *workspace.DeviceJob) error { j.Quote, j.Confirmed = q, nil; return nil }); err != nil {
		return out, err
	}
	out = wire.QuantumOffer{
		Job: job.String(), Quote: quoteView(*q), Shots: o.Quote.Shots, Unit: o.Quote.Unit, UnitUSD: o.Quote.Price.String(), TaskUSD: o.Quote.TaskFee.String(),
		DeviceName: o.Device.Name, DeviceStatus: string(o.Device.Status), Queue: o.Device.Queue, Leaves: egress.Meaning, Requests: []string{},
	}
	for _, r := range o.Requests {
		out.Requests = append(out.Requests, string(r))
	}
	return out, nil
}

// offer asks the device what it would take for what is due, and gives the digest that a confirmation names.
func (d *Desk) offer(ctx context.Context, w *work) (*quantumjob.Offer, string, error) {
	if err := d.connect(ctx, w); err != nil {
		return nil, "", err
	}
	o, err := w.jobs.Offer(ctx, w.kept)
	if err != nil {
		return nil, "", err
	}
	if o.Quote.Tasks == 0 {
		return nil, "", unavailable("nothing of job %s is due: every circuit has its task", w.id)
	}
	digest, err := digestOf(w.id, o)
	return o, digest, err
}

// digestOf is the SHA-256 of all that a person agrees to: job, device, price, and every byte that would be sent.
func digestOf(job store.ID, o *quantumjob.Offer) (string, error) {
	requests := make([]string, len(o.Requests))
	for i, r := range o.Requests {
		sum := sha256.Sum256(r)
		requests[i] = hex.EncodeToString(sum[:])
	}
	text, err := canonical.Marshal(map[string]any{
		"job": job.String(), "device": o.Quote.DeviceARN, "total_usd": o.Quote.Total.String(), "tasks": o.Quote.Tasks, "shots": o.Quote.Shots, "requests": requests,
	})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

// Submit implements web.Devices. The device is asked anew: what was confirmed must be what would be sent, at the price that was confirmed.
func (d *Desk) Submit(ctx context.Context, tenant, job store.ID) error {
	w, err := d.take(ctx, tenant, job)
	if err != nil {
		return err
	}
	defer w.done()
	agreed := w.row.Value.Confirmed
	if agreed == nil {
		return unavailable("job %s is not confirmed", job)
	}
	o, digest, err := d.offer(ctx, w)
	if err != nil {
		return inWords(err)
	}
	if digest != agreed.Digest {
		return unavailable("the device's price, or what would be sent, is not what was confirmed any more: it is %v USD for %d tasks now, %v USD were confirmed; nothing was sent: ask for a quote again",
			o.Quote.Total, o.Quote.Tasks, braket.USD(agreed.Total))
	}
	w.jobs.Stopped = w.stopped
	err = w.jobs.Submit(ctx, w.kept, o, braket.USD(agreed.Total))
	if errors.Is(err, errCancelled) { // it was told while this step had the job
		return inWords(errors.Join(err, w.cancel(ctx)))
	}
	if err != nil {
		return inWords(fmt.Errorf("%w; what was created is kept: a new quote is of the rest", err))
	}
	return nil
}

// errCancelled ends a submission that was cancelled on its way.
var errCancelled = errors.New("the job was cancelled meanwhile: no further task is created, and those that were are cancelled")

// stopped looks whether a user has cancelled the job since the step began.
func (w *work) stopped(ctx context.Context) error {
	r, err := w.Job(ctx, w.id)
	if err == nil && r.Value.Cancel {
		w.row, err = r, errCancelled
	}
	return err
}

// Follow implements web.Devices. A task that failed is no error: the job says so.
func (d *Desk) Follow(ctx context.Context, tenant, job store.ID) error {
	w, err := d.take(ctx, tenant, job)
	if err != nil {
		return err
	}
	defer w.done()
	if w.kept.Stage == quantumjob.Submitted {
		if err := d.connect(ctx, w); err != nil {
			return inWords(err)
		}
		var failed *braket.FailedError
		if _, err := w.jobs.Follow(ctx, w.kept, false, nil); err != nil && !errors.As(err, &failed) {
			return inWords(err)
		}
	}
	return w.conclude(ctx)
}

// conclude enters what became of a job that has ended.
func (w *work) conclude(ctx context.Context) error {
	if w.kept.Stage == quantumjob.Answered {
		return w.answer(ctx)
	}
	if !w.row.Value.Cancel || w.kept.PendingUSD != 0 {
		return nil
	}
	for _, c := range w.kept.Circuits {
		if c.Task != nil && !c.Status.Final() {
			return nil
		}
	}
	return w.End(ctx, w.id, "cancelled")
}

// answer keeps the estimate of a job whose counts are there.
func (w *work) answer(ctx context.Context) error {
	report, err := w.kept.Answers()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return w.Answer(ctx, w.id, report.Tasks, "quantum-"+w.kept.ID[:8]+".json", append(text, '\n'))
}

// cancelPatience is how long cancelling goes on for somebody who may not wait any more.
const cancelPatience = 30 * time.Second

// cancel asks to cancel the tasks of a job whose client is there.
func (w *work) cancel(ctx context.Context) error {
	ctx, end := context.WithTimeout(context.WithoutCancel(ctx), cancelPatience)
	defer end()
	if _, err := w.jobs.Cancel(ctx, w.kept); err != nil {
		return err
	}
	return w.conclude(ctx)
}

// Cancel implements web.Devices. It waits for a step that is being taken with the job: a submission looks before each task whether it goes on.
func (d *Desk) Cancel(ctx context.Context, tenant, job store.ID) error {
	w, err := d.takeNext(ctx, tenant, job)
	if errors.Is(err, context.DeadlineExceeded) {
		return unavailable("job %s is cancelled, and the step with it has not ended yet: it creates no further task; ask again for the cancellation of the others", job)
	}
	if err != nil {
		return err
	}
	defer w.done()
	if err := d.connect(ctx, w); err != nil {
		return inWords(err)
	}
	return inWords(w.cancel(ctx))
}

// Export implements web.Devices.
func (d *Desk) Export(ctx context.Context, tenant, job store.ID, maxPriceUSD string) (file []byte, err error) {
	price, err := braket.ParseUSD(maxPriceUSD)
	if err != nil {
		return nil, &workspace.Invalid{Field: "max price usd", Reason: err.Error()}
	}
	w, err := d.take(ctx, tenant, job)
	if err != nil {
		return nil, err
	}
	defer w.done()
	if err := w.record(ctx); err != nil {
		return nil, err
	}
	err = w.jobs.Export(ctx, w.kept, price, func(signed []byte) error { file = signed; return nil })
	return file, inWords(err)
}

// Check implements web.Devices.
func (d *Desk) Check(ctx context.Context, tenant store.ID, file []byte) (id store.ID, err error) {
	w, err := d.answering(ctx, tenant, file)
	if err != nil {
		return id, err
	}
	defer w.done()
	_, err = w.jobs.Check(ctx, file)
	return w.id, refusedFile(err)
}

// answering takes the job that a result's file claims to answer.
func (d *Desk) answering(ctx context.Context, tenant store.ID, file []byte) (*work, error) {
	nonce, err := relay.ReadNonce(file)
	if err != nil {
		return nil, refusedFile(err)
	}
	desk, err := workspace.OpenDeviceDesk(ctx, d.o.DB, tenant)
	if err != nil {
		return nil, err
	}
	r, err := desk.JobWith(ctx, func(j *workspace.DeviceJob) bool {
		var named struct{ ID string }
		return json.Unmarshal(j.State, &named) == nil && named.ID == nonce
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, refusedFile(fmt.Errorf("result: %w: job %.8s was not exported from here, or was withdrawn", relay.ErrOtherJob, nonce))
	}
	if err != nil {
		return nil, err
	}
	return d.take(ctx, tenant, r.ID)
}

// refusedFile says that a file is not taken in, and why.
func refusedFile(err error) error {
	if err == nil {
		return nil
	}
	return &workspace.Invalid{Field: "file", Reason: err.Error()}
}

// Import implements web.Devices.
func (d *Desk) Import(ctx context.Context, tenant store.ID, file []byte) error {
	w, err := d.answering(ctx, tenant, file)
	if err != nil {
		return err
	}
	defer w.done()
	k, _, err := w.jobs.Import(ctx, file, "")
	if err != nil {
		return refusedFile(err)
	}
	w.kept = k
	return w.answer(ctx)
}

package quantumjob

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/relay"
)

// Export signs a prepared job for a relay and hands the file's bytes to write, recorded in the journal before as what leaves and after with how
// the writing went. A job that was exported before is written once more, the very bytes: whatever fails on the way, nothing is lost. The
// relay runs nothing if its quote is above maxPrice, which cannot change once the job is signed. That price must be within the budget, and is
// pending there until the relay's answer.
func (j *Jobs) Export(ctx context.Context, k *Kept, maxPrice braket.USD, write func(file []byte) error) error {
	if err := k.mayLeave(Prepared, Exported); err != nil {
		return err
	}
	job, file, err := j.sign(k, maxPrice)
	if err != nil {
		return err
	}
	first := k.Stage == Prepared
	if first {
		if err := j.hold(ctx, k, maxPrice); err != nil {
			return err
		}
	}
	record := egress.Record{Purpose: "export", Destination: "file", Request: file}
	id, err := j.Journal.Begin(ctx, record)
	if err != nil {
		if first {
			err = errors.Join(err, j.release(ctx, k))
		}
		return err
	}
	// Kept before it is written: a file that lies about is one that an answer can be taken in for.
	if first {
		k.Export, k.Stage = job, Exported
		if err = j.Keeper.Keep(ctx, k); err != nil {
			k.Export, k.Stage = nil, Prepared
			err = errors.Join(err, j.release(ctx, k))
		}
	}
	if err == nil {
		err = write(file)
	}
	if err != nil {
		record.Failure = err.Error()
	}
	return errors.Join(err, j.Journal.Finish(context.WithoutCancel(ctx), id, record))
}

// hold keeps the highest price of a job that is not exported yet as pending, and then looks at the budget.
func (j *Jobs) hold(ctx context.Context, k *Kept, price braket.USD) error {
	was := k.PendingUSD
	k.PendingUSD = price
	if err := j.Keeper.Keep(ctx, k); err != nil {
		k.PendingUSD = was
		return err
	}
	room, err := j.Budget.Room(ctx, k.ID)
	if err == nil && price > room {
		err = &braket.PriceError{Quote: price, Limit: max(room, 0), Of: budgetSays}
	}
	if err != nil {
		return errors.Join(err, j.release(ctx, k))
	}
	return nil
}

// release gives what is pending of a job that did not leave back to the budget. Another command may have exported it meanwhile.
func (j *Jobs) release(ctx context.Context, k *Kept) error {
	return j.change(ctx, k, func(k *Kept) {
		if k.Stage == Prepared {
			k.PendingUSD = 0
		}
	})
}

// sign is the job's signed form and file: the kept ones of a job that was exported before.
func (j *Jobs) sign(k *Kept, maxPrice braket.USD) (*relay.Job, []byte, error) {
	if k.Stage == Exported {
		if k.Export.MaxPriceUSD != maxPrice.String() {
			return nil, nil, fmt.Errorf("job %.8s was signed with the price %s USD, and %v USD is asked for: give the same, or prepare another job", k.ID, k.Export.MaxPriceUSD, maxPrice)
		}
		file, err := k.Export.File()
		return k.Export, file, err
	}
	job := &relay.Job{Created: j.Now().UTC().Format(time.RFC3339), Nonce: k.ID, Device: k.Device, MaxPriceUSD: maxPrice.String()}
	for _, c := range k.Circuits {
		job.Tasks = append(job.Tasks, relay.Task{
			Action: braket.Action(c.Source), DeviceParameters: braket.DeviceParameters(k.Device, c.Qubits, ""),
			Shots: c.Shots, SourceSHA256: c.SHA256,
		})
	}
	file, err := job.Sign(j.HostKey)
	return job, file, err
}

// ReplayError is a result that was taken in before.
type ReplayError struct{ ID string }

// Error says that nothing was done.
func (e *ReplayError) Error() string {
	return fmt.Sprintf("job %.8s was answered before: a result is taken in once, and nothing was changed", e.ID)
}

// Answering is the job that a result's file claims to answer: *ReplayError if it was answered before, an error that
// wraps relay.ErrOtherJob if no job here was exported under that nonce. Nothing else of the file was checked.
func (j *Jobs) Answering(ctx context.Context, file []byte) (*Kept, error) {
	nonce, err := relay.ReadNonce(file)
	if err != nil {
		return nil, err
	}
	k, err := j.Find(ctx, nonce)
	var none *NotFoundError
	switch {
	case errors.As(err, &none):
		return nil, fmt.Errorf("result: %w: job %.8s was not exported from here", relay.ErrOtherJob, nonce)
	case err != nil:
		return nil, err
	case k.Stage == Answered:
		return nil, &ReplayError{k.ID}
	case k.Export == nil:
		return nil, fmt.Errorf("result: %w: job %.8s is %s and was never exported", relay.ErrOtherJob, k.ID, k.Stage)
	}
	return k, nil
}

// Check holds a relay's result to everything that Import holds it to, and is the job that it answers. Nothing is changed.
func (j *Jobs) Check(ctx context.Context, file []byte) (*Kept, error) {
	k, err := j.Answering(ctx, file)
	if err != nil {
		return nil, err
	}
	_, err = relay.Accept(k.Export, file, j.Relays, resultReader{})
	return k, err
}

// Import takes a relay's result in, after every check, and is the job with its counts and its estimate. A refused
// result changes nothing. folder is where the run's results lie now; "" is where they lay when the job was prepared.
func (j *Jobs) Import(ctx context.Context, file []byte, folder string) (*Kept, *Report, error) {
	k, err := j.Answering(ctx, file)
	if err == nil && folder != "" {
		err = k.LiesIn(folder)
	}
	if err != nil {
		return nil, nil, err
	}
	accepted, err := relay.Accept(k.Export, file, j.Relays, resultReader{})
	if err != nil {
		return nil, nil, err
	}
	if err := j.change(ctx, k, func(k *Kept) { k.answer(accepted) }); err != nil {
		return nil, nil, err
	}
	if k.Stage == Answered { // by another command, since Answering
		return nil, nil, &ReplayError{k.ID}
	}
	report, err := j.finish(ctx, k)
	return k, report, err
}

// answer takes a relay's counts, unless there are some.
func (k *Kept) answer(a *relay.Accepted) {
	if k.Stage == Answered {
		return
	}
	k.Answer = &Answer{
		Relay: a.Relay, Fingerprint: a.Result.RelayKey.Fingerprint(), CapabilitiesSHA256: a.Result.CapabilitiesSHA256, PriceUSD: a.Result.PriceUSD,
	}
	price, err := braket.ParseUSD(a.Result.PriceUSD)
	if err != nil {
		price = k.PendingUSD
	}
	k.Answer.Price, k.PendingUSD = price, 0
	for i, o := range a.Outcomes {
		k.Circuits[i].Ones = &o.Ones
		k.Circuits[i].Status = braket.Completed
		k.Circuits[i].Results = a.Result.Tasks[i].ResultsSHA256
		k.Answer.ARNs = append(k.Answer.ARNs, a.Result.Tasks[i].ARN)
	}
}

// LiesIn lets the answer be written to this results folder, after a look that it is of the job's run.
func (k *Kept) LiesIn(folder string) error {
	digest, err := ResultsFolder(folder).Digest()
	if err != nil {
		return err
	}
	if digest != k.Run {
		return fmt.Errorf("job %.8s is of another run: its estimate has digest %.19s, and the one in %s %.19s", k.ID, k.Run, folder, digest)
	}
	k.Folder, err = filepath.Abs(folder)
	return err
}

// resultReader reads Amazon Braket's result objects.
type resultReader struct{}

// Outcome implements relay.Reader.
func (resultReader) Outcome(results []byte, want relay.Expectation) (circuit.Outcome, error) {
	r, err := braket.Verify(results, braket.Task{
		ARN: want.ARN, DeviceARN: want.Device, SourceSHA256: want.SourceSHA256, Qubits: want.Qubits, Shots: want.Shots,
	})
	if err != nil {
		return circuit.Outcome{}, err
	}
	return circuit.Outcome{Shots: r.Shots, Ones: r.Ones(want.Qubits - 1)}, nil
}

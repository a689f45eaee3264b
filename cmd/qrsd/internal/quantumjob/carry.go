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

// Export signs a prepared job for a relay and is the file's bytes, recorded in the journal as what leaves. The relay runs nothing if its
// quote is above maxPrice.
func (j *Jobs) Export(ctx context.Context, k *Kept, maxPrice braket.USD) ([]byte, error) {
	if err := k.mayLeave(Prepared); err != nil {
		return nil, err
	}
	job := &relay.Job{Created: j.Now().UTC().Format(time.RFC3339), Nonce: k.ID, Device: k.Device, MaxPriceUSD: maxPrice.String()}
	for _, c := range k.Circuits {
		job.Tasks = append(job.Tasks, relay.Task{
			Action: braket.Action(c.Source), DeviceParameters: braket.DeviceParameters(k.Device, c.Qubits, ""),
			Shots: c.Shots, SourceSHA256: c.SHA256,
		})
	}
	file, err := job.Sign(j.HostKey)
	if err != nil {
		return nil, err
	}
	k.Export, k.Stage = job, Exported
	if err := j.Keeper.Keep(ctx, k); err != nil {
		return nil, err
	}
	record := egress.Record{Purpose: "export", Destination: "file", Request: file}
	id, err := j.Journal.Begin(ctx, record)
	if err != nil {
		return nil, err
	}
	return file, j.Journal.Finish(context.WithoutCancel(ctx), id, record)
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
	for i, o := range accepted.Outcomes {
		k.Circuits[i].Ones = &o.Ones
		k.Circuits[i].Status = braket.Completed
		k.Circuits[i].Results = accepted.Result.Tasks[i].ResultsSHA256
	}
	k.Answer = &Answer{
		Relay: accepted.Relay, Fingerprint: accepted.Result.RelayKey.Fingerprint(),
		CapabilitiesSHA256: accepted.Result.CapabilitiesSHA256, PriceUSD: accepted.Result.PriceUSD,
	}
	for _, t := range accepted.Result.Tasks {
		k.Answer.ARNs = append(k.Answer.ARNs, t.ARN)
	}
	report, err := j.finish(ctx, k)
	return k, report, err
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

package quantumjob

import (
	"context"
	"errors"
	"fmt"

	"github.com/qrsrisk/qrsd/quantum/braket"
)

// Offer is what a device says it would take for a job.
type Offer struct {
	Device *braket.Device
	Quote  braket.Quote // of the circuits that are still to be submitted
}

// Offer asks the device for its state and price and holds every circuit to its limits. It is the first request that leaves, and holds no
// circuit.
func (j *Jobs) Offer(ctx context.Context, k *Kept) (*Offer, error) {
	if err := k.mayLeave(Prepared, Submitted); err != nil {
		return nil, err
	}
	var due []braket.Program
	for i := range k.Circuits {
		if k.Circuits[i].due() {
			due = append(due, k.Circuits[i].program())
		}
	}
	return offer(ctx, j.Client, k.Device, due)
}

func offer(ctx context.Context, client *braket.Client, arn string, programs []braket.Program) (*Offer, error) {
	device, err := client.Device(ctx, arn)
	if err != nil {
		return nil, err
	}
	var faults []error
	for i, p := range programs {
		if err := device.Preflight(p); err != nil {
			faults = append(faults, fmt.Errorf("circuit %d: %w", i+1, err))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	quote, err := device.Quote(programs...)
	return &Offer{device, quote}, err
}

// due reports whether a circuit is to be submitted: it never was, or its task ended without a result.
func (s *Sent) due() bool {
	return s.Task == nil || s.Status == braket.Failed || s.Status == braket.Cancelled
}

// Submit creates the tasks of a job that are due, within the confirmed amount for all of them together. Each task's
// ARN is kept before the next is created; called again after a fault or a crash, it goes on where it stopped and creates no task twice.
func (j *Jobs) Submit(ctx context.Context, k *Kept, o *Offer, confirmed braket.USD) error {
	if err := k.mayLeave(Prepared, Submitted); err != nil {
		return err
	}
	if o.Quote.Total > confirmed {
		return &braket.PriceError{Quote: o.Quote.Total, Limit: confirmed, Of: "the confirmed amount"}
	}
	k.Stage, k.Quote = Submitted, &o.Quote
	if err := j.Keeper.Keep(ctx, k); err != nil { // before anything can leave
		return err
	}
	left := confirmed
	for i := range k.Circuits {
		c := &k.Circuits[i]
		if !c.due() {
			continue
		}
		if c.Task != nil {
			// The task of this attempt ended without a result: the same token would find it again.
			c.Attempt++
			c.Task, c.Status, c.Reason = nil, "", ""
		}
		task, err := j.Client.Submit(ctx, braket.Order{
			Device: o.Device, Program: c.program(), Confirmed: left, Budget: left, Key: j.Tokens, Attempt: c.Attempt,
			Keep: func(ctx context.Context, t braket.Task) error {
				c.Task, c.Status = &t, braket.Created
				return j.Keeper.Keep(ctx, k)
			},
		})
		if err != nil {
			return fmt.Errorf("circuit %d of %d: %w", i+1, len(k.Circuits), err)
		}
		left -= task.Quote.Total
	}
	return nil
}

// Follow asks for the state of every task that is not final, once or, with wait, until it is, fetches results, and makes the report when all
// are there. It needs nothing but what is kept. seen, which may be nil, is told after each answer.
//
// A failed or cancelled task gives a *braket.FailedError after the others were asked; the report is nil until the last result is there.
func (j *Jobs) Follow(ctx context.Context, k *Kept, wait bool, seen func(*Kept)) (*Report, error) {
	if k.Stage == Answered {
		return nil, nil
	}
	if err := k.mayLeave(Submitted); err != nil {
		return nil, err
	}
	var ended []error
	for i := range k.Circuits {
		var failed *braket.FailedError
		switch err := j.follow(ctx, k, &k.Circuits[i], wait, seen); {
		case errors.As(err, &failed):
			ended = append(ended, fmt.Errorf("circuit %d: %w", i+1, err))
		case err != nil:
			return nil, fmt.Errorf("circuit %d: %w", i+1, err)
		}
	}
	if len(ended) > 0 || !k.complete() {
		return nil, errors.Join(ended...)
	}
	return j.finish(ctx, k)
}

func (k *Kept) complete() bool {
	for _, c := range k.Circuits {
		if c.Ones == nil {
			return false
		}
	}
	return true
}

// follow brings one circuit up to date.
func (j *Jobs) follow(ctx context.Context, k *Kept, c *Sent, wait bool, seen func(*Kept)) error {
	if c.Task == nil || c.Ones != nil {
		return nil
	}
	if c.Status == braket.Failed || c.Status == braket.Cancelled {
		return &braket.FailedError{ARN: c.Task.ARN, Status: c.Status, Reason: c.Reason}
	}
	tell := func(s braket.State) {
		c.Status, c.Reason, c.Queue = s.Status, s.FailureReason, s.Queue
		if seen != nil {
			seen(k)
		}
	}
	var state braket.State
	var err error
	if wait {
		_, err = j.Client.Wait(ctx, *c.Task, tell)
	} else if state, err = j.Client.State(ctx, *c.Task); err == nil {
		tell(state)
		if state.Status == braket.Failed || state.Status == braket.Cancelled {
			err = &braket.FailedError{ARN: c.Task.ARN, Status: state.Status, Reason: state.FailureReason}
		}
	}
	if kept := j.Keeper.Keep(context.WithoutCancel(ctx), k); kept != nil || err != nil || c.Status != braket.Completed {
		return errors.Join(err, kept)
	}
	result, err := j.Client.Result(ctx, *c.Task)
	if err != nil {
		return err
	}
	ones := result.Ones(c.Qubits - 1)
	c.Ones, c.Results = &ones, result.SHA256
	return j.Keeper.Keep(context.WithoutCancel(ctx), k)
}

// Cancel asks to cancel every task that has not ended, and is how many it asked for. What ran before is charged.
func (j *Jobs) Cancel(ctx context.Context, k *Kept) (int, error) {
	if k.Stage == Prepared || k.Stage == Exported {
		return 0, fmt.Errorf("job %.8s is %s: no task of it was submitted from here", k.ID, k.Stage)
	}
	asked := 0
	var faults []error
	for i := range k.Circuits {
		c := &k.Circuits[i]
		if c.Task == nil || c.Status.Final() {
			continue
		}
		status, err := j.Client.Cancel(ctx, *c.Task, j.Tokens)
		if errors.Is(err, braket.ErrConflict) {
			continue // it has ended meanwhile; its result can still be fetched
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("circuit %d: %w", i+1, err))
			continue
		}
		c.Status = status
		asked++
	}
	return asked, errors.Join(append(faults, j.Keeper.Keep(context.WithoutCancel(ctx), k))...)
}

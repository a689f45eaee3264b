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

	// Requests are those that Submit would send, byte for byte but for the headers of the signature, which depend on the time.
	Requests [][]byte
}

// Offer asks the device for its state and price and holds every circuit that is due to its limits. It is the first request that leaves, and
// holds no circuit. Where none is due the offer has no task.
func (j *Jobs) Offer(ctx context.Context, k *Kept) (*Offer, error) {
	if err := k.mayLeave(Prepared, Submitted); err != nil {
		return nil, err
	}
	var due []braket.Order
	for i := range k.Circuits {
		if c := &k.Circuits[i]; c.due() {
			due = append(due, braket.Order{Program: c.program(), Key: j.Tokens, Attempt: c.next()})
		}
	}
	return offer(ctx, j.Client, k.Device, due)
}

// offer quotes orders of programs, attempts and keys.
func offer(ctx context.Context, client *braket.Client, arn string, orders []braket.Order) (*Offer, error) {
	device, err := client.Device(ctx, arn)
	if err != nil {
		return nil, err
	}
	o := &Offer{Device: device}
	var programs []braket.Program
	var faults []error
	for i, order := range orders {
		order.Device = device
		request, _, err := client.Preview(order)
		if err != nil {
			faults = append(faults, fmt.Errorf("circuit %d: %w", i+1, err))
		}
		o.Requests = append(o.Requests, request)
		programs = append(programs, order.Program)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	o.Quote, err = device.Quote(programs...)
	return o, err
}

// Submit creates the tasks of a job that are due, within the confirmed amount for all of them together and within the budget. Each task's
// ARN is kept before the next is created; called again after a fault or a crash, it goes on where it stopped and creates no task twice.
func (j *Jobs) Submit(ctx context.Context, k *Kept, o *Offer, confirmed braket.USD) error {
	if err := k.mayLeave(Prepared, Submitted); err != nil {
		return err
	}
	if o.Quote.Total > confirmed {
		return &braket.PriceError{Quote: o.Quote.Total, Limit: confirmed, Of: "the confirmed amount"}
	}
	room, err := j.reserve(ctx, k, o.Quote.Total)
	if err != nil {
		return err
	}
	if err := j.change(ctx, k, func(k *Kept) { k.Stage = Submitted }); err != nil { // before anything can leave
		return err
	}
	left := confirmed
	for i := range k.Circuits {
		if !k.Circuits[i].due() {
			continue
		}
		if err := j.stopped(ctx); err != nil {
			return fmt.Errorf("before circuit %d of %d: %w", i+1, len(k.Circuits), err)
		}
		attempt := k.Circuits[i].next()
		task, err := j.Client.Submit(ctx, braket.Order{
			Device: o.Device, Program: k.Circuits[i].program(), Confirmed: left, Budget: room, Key: j.Tokens, Attempt: attempt,
			Keep: func(ctx context.Context, t braket.Task) error {
				return j.change(ctx, k, func(k *Kept) {
					k.Circuits[i].begin(attempt, t)
					k.PendingUSD = max(k.PendingUSD-t.Quote.Total, 0)
				})
			},
		})
		if err != nil {
			return fmt.Errorf("circuit %d of %d: %w", i+1, len(k.Circuits), err)
		}
		left -= task.Quote.Total
		room -= task.Quote.Total
	}
	return j.change(ctx, k, func(k *Kept) { k.PendingUSD = 0 })
}

func (j *Jobs) stopped(ctx context.Context) error {
	if j.Stopped == nil {
		return nil
	}
	return j.Stopped(ctx)
}

// reserve keeps the amount as pending and then looks at the budget: of two submissions at once neither overlooks the other, though both may
// be refused. room is what is left for the tasks to come.
func (j *Jobs) reserve(ctx context.Context, k *Kept, amount braket.USD) (room braket.USD, err error) {
	if err := j.change(ctx, k, func(k *Kept) { k.PendingUSD = amount }); err != nil {
		return 0, err
	}
	room, err = j.Budget.Room(ctx, k.ID)
	if room != Unlimited {
		room -= k.Quoted()
	}
	if err == nil && amount > room {
		err = &braket.PriceError{Quote: amount, Limit: max(room, 0), Of: budgetSays}
	}
	if err != nil {
		return 0, errors.Join(err, j.change(ctx, k, func(k *Kept) { k.PendingUSD = 0 }))
	}
	return room, nil
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
		switch err := j.follow(ctx, k, i, wait, seen); {
		case errors.As(err, &failed):
			ended = append(ended, fmt.Errorf("circuit %d: %w", i+1, err))
		case err != nil:
			return nil, fmt.Errorf("circuit %d: %w", i+1, err)
		}
	}
	if len(ended) > 0 || !k.complete() || k.Stage == Answered {
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

// follow brings circuit i up to date.
func (j *Jobs) follow(ctx context.Context, k *Kept, i int, wait bool, seen func(*Kept)) error {
	c := &k.Circuits[i]
	if c.Task == nil || c.Ones != nil {
		return nil
	}
	if err := c.failed(); err != nil {
		return err
	}
	task := *c.Task
	state, err := j.ask(ctx, task, wait, func(s braket.State) {
		k.Circuits[i].say(task.ARN, s)
		if seen != nil {
			seen(k)
		}
	})
	if state.Status != "" {
		err = errors.Join(err, j.change(ctx, k, func(k *Kept) { k.Circuits[i].say(task.ARN, state) }))
	}
	if err != nil || state.Status != braket.Completed {
		return err
	}
	result, err := j.Client.Result(ctx, task)
	if err != nil {
		return err
	}
	return j.change(ctx, k, func(k *Kept) {
		if c := &k.Circuits[i]; c.Task.ARN == task.ARN {
			ones := result.Ones(c.Qubits - 1)
			c.Ones, c.Results = &ones, result.SHA256
		}
	})
}

// say notes what the service said.
func (s *Sent) say(arn string, state braket.State) {
	s.tell(arn, state)
	s.Queue = state.Queue
}

// ask asks for a task's state once, or until it is final.
func (j *Jobs) ask(ctx context.Context, task braket.Task, wait bool, told func(braket.State)) (last braket.State, err error) {
	if wait {
		_, err := j.Client.Wait(ctx, task, func(s braket.State) { last = s; told(s) })
		return last, err
	}
	if last, err = j.Client.State(ctx, task); err != nil {
		return last, err
	}
	told(last)
	if last.Status == braket.Failed || last.Status == braket.Cancelled {
		err = &braket.FailedError{ARN: task.ARN, Status: last.Status, Reason: last.FailureReason}
	}
	return last, err
}

// Cancel asks to cancel every task that has not ended, and is how many it asked for. What ran before is charged; what was agreed to for tasks
// that were never created is given back to the budget.
func (j *Jobs) Cancel(ctx context.Context, k *Kept) (int, error) {
	if k.Stage == Prepared || k.Stage == Exported {
		return 0, fmt.Errorf("job %.8s is %s: no task of it was submitted from here", k.ID, k.Stage)
	}
	asked := map[string]braket.Status{}
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
		asked[c.Task.ARN] = status
	}
	kept := j.change(ctx, k, func(k *Kept) {
		k.PendingUSD = 0
		for i := range k.Circuits {
			if c := &k.Circuits[i]; c.Task != nil && asked[c.Task.ARN] != "" && !c.Status.Final() {
				c.Status = asked[c.Task.ARN]
			}
		}
	})
	return len(asked), errors.Join(append(faults, kept)...)
}

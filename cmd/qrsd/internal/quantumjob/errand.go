package quantumjob

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/relay"
)

// Carried is what a relay keeps of a job.
type Carried struct {
	Format       int        `json:"format"` // 1
	Nonce        string     `json:"nonce"`
	Digest       string     `json:"request_sha256"`
	Tasks        []Attempts `json:"tasks"` // as the job's
	Capabilities string     `json:"device_capabilities_sha256"`
	// PendingUSD was agreed to for tasks that are not kept yet.
	PendingUSD braket.USD `json:"pending_microdollars,omitempty"`
	Revision   int        `json:"revision"` // as of a Kept
}

// quoted is what all tasks were quoted at, those that ended without a result included.
func (c *Carried) quoted() braket.USD {
	var sum braket.USD
	for i := range c.Tasks {
		sum += c.Tasks[i].quoted()
	}
	return sum
}

// Book is what a relay remembers, so that a job handed in twice is not paid for twice.
type Book interface {
	// Open is what was kept of the nonce; nil if nothing was.
	Open(ctx context.Context, nonce string) (*Carried, error)
	// Write makes the entry durable before it returns; ErrChanged and Revision as of Keeper.Keep.
	Write(ctx context.Context, c *Carried) error
}

// Relay runs other hosts' jobs. All fields are required.
type Relay struct {
	Name   string // that it gives itself
	Key    *relay.Key
	Hosts  relay.Trust
	Book   Book
	Client *braket.Client
	Tokens braket.TokenKey
	Budget Budget
	Now    func() time.Time
}

// Errand is a job that a relay was handed and has checked.
type Errand struct {
	Job     *relay.Job
	Host    string // by which the relay knows the host
	Offer   *Offer // of the tasks that are due; nil: all are paid for, and the answer is missing
	carried *Carried
}

// Take checks a job's file and gets the device's quote. The strings that will be sent are composed anew from
// the source and must be those of the file; no other string is ever sent.
func (r *Relay) Take(ctx context.Context, file []byte) (*Errand, error) {
	job, host, err := relay.ReadJob(file, r.Hosts)
	if err != nil {
		return nil, err
	}
	digest, err := job.Digest()
	if err != nil {
		return nil, err
	}
	programs, err := programs(job)
	if err != nil {
		return nil, err
	}
	limit, err := braket.ParseUSD(job.MaxPriceUSD)
	if err != nil {
		return nil, err
	}
	carried, err := r.Book.Open(ctx, job.Nonce)
	switch {
	case err != nil:
		return nil, err
	case carried == nil:
		carried = &Carried{Format: 1, Nonce: job.Nonce, Digest: digest, Tasks: make([]Attempts, len(programs))}
	case carried.Digest != digest || len(carried.Tasks) != len(programs):
		return nil, fmt.Errorf("job %.8s was run here before with another content: one nonce is one job", job.Nonce)
	}
	e := &Errand{Job: job, Host: host, carried: carried}
	due := r.due(carried, programs)
	if len(due) == 0 {
		return e, nil // everything was paid for; only the answer is missing
	}
	if e.Offer, err = offer(ctx, r.Client, job.Device, due); err != nil {
		return nil, err
	}
	if total := carried.quoted() + e.Offer.Quote.Total; total > limit {
		return nil, &braket.PriceError{Quote: total, Limit: limit, Of: "the most that the job allows"}
	}
	return e, nil
}

// due are the tasks that were never created, or ended without a result.
func (r *Relay) due(c *Carried, programs []braket.Program) []braket.Order {
	var due []braket.Order
	for i, p := range programs {
		if c.Tasks[i].due() {
			due = append(due, braket.Order{Program: p, Key: r.Tokens, Attempt: c.Tasks[i].next()})
		}
	}
	return due
}

// programs are the job's, with the strings compared.
func programs(job *relay.Job) ([]braket.Program, error) {
	var all []braket.Program
	for i, t := range job.Tasks {
		source, err := t.Source()
		if err != nil {
			return nil, fmt.Errorf("job, task %d: %w", i+1, err)
		}
		shape, err := egress.Check(source)
		if err != nil {
			return nil, fmt.Errorf("job, task %d: %w", i+1, err)
		}
		if t.Action != braket.Action(source) || t.DeviceParameters != braket.DeviceParameters(job.Device, shape.Qubits, "") {
			return nil, fmt.Errorf("job, task %d: its strings are not those that this relay sends for the circuit; use the same version on both sides", i+1)
		}
		all = append(all, braket.Program{Source: source, Shots: t.Shots})
	}
	return all, nil
}

// Run creates the tasks that are due, waits for all, and is the signed result's file. A task that ends without a result is a
// *braket.FailedError once the others have ended; the job taken again has an offer for its circuit alone.
func (r *Relay) Run(ctx context.Context, e *Errand, seen func(task int, s braket.State)) ([]byte, error) {
	programs, err := programs(e.Job)
	if err != nil {
		return nil, err
	}
	if err := r.submit(ctx, e, programs); err != nil {
		return nil, err
	}
	result := &relay.Result{
		Created: r.Now().UTC().Format(time.RFC3339), Nonce: e.Job.Nonce, RequestSHA256: e.carried.Digest, Relay: r.Name,
		Device: e.Job.Device, CapabilitiesSHA256: e.carried.Capabilities, PriceUSD: e.carried.quoted().String(),
	}
	var ended []error
	for i := range e.carried.Tasks {
		done, err := r.fetch(ctx, e, i, seen)
		var failed *braket.FailedError
		switch {
		case errors.As(err, &failed):
			ended = append(ended, fmt.Errorf("task %d of %d: %w", i+1, len(programs), err))
		case err != nil:
			return nil, fmt.Errorf("task %d of %d: %w", i+1, len(programs), err)
		default:
			result.Tasks = append(result.Tasks, done)
		}
	}
	if len(ended) > 0 {
		return nil, errors.Join(ended...)
	}
	return result.Sign(r.Key)
}

// fetch waits for task i and reads its result.
func (r *Relay) fetch(ctx context.Context, e *Errand, i int, seen func(task int, s braket.State)) (relay.TaskResult, error) {
	task := *e.carried.Tasks[i].Task
	var last braket.State
	_, err := r.Client.Wait(ctx, task, func(s braket.State) {
		last = s
		if seen != nil {
			seen(i, s)
		}
	})
	if last.Status.Final() {
		err = errors.Join(err, r.change(ctx, e.carried, func(c *Carried) { c.Tasks[i].tell(task.ARN, last) }))
	}
	if err != nil {
		return relay.TaskResult{}, err
	}
	read, err := r.Client.Result(ctx, task)
	if err != nil {
		return relay.TaskResult{}, err
	}
	return relay.NewTaskResult(task.ARN, string(last.Raw), read.Raw), nil
}

// change is Jobs.change for what a relay keeps.
func (r *Relay) change(ctx context.Context, c *Carried, change func(*Carried)) error {
	ctx = context.WithoutCancel(ctx)
	for {
		change(c)
		err := r.Book.Write(ctx, c)
		if !errors.Is(err, ErrChanged) {
			return err
		}
		fresh, err := r.Book.Open(ctx, c.Nonce)
		if err != nil {
			return err
		}
		*c = *fresh
	}
}

// submit creates what is due, each kept before the next.
func (r *Relay) submit(ctx context.Context, e *Errand, programs []braket.Program) error {
	if e.Offer == nil {
		return nil
	}
	c, total := e.carried, e.Offer.Quote.Total
	room, err := r.reserve(ctx, c, total)
	if err != nil {
		return err
	}
	left := total
	for i, p := range programs {
		if !c.Tasks[i].due() {
			continue
		}
		attempt := c.Tasks[i].next()
		task, err := r.Client.Submit(ctx, braket.Order{
			Device: e.Offer.Device, Program: p, Confirmed: left, Budget: room, Key: r.Tokens, Attempt: attempt,
			Keep: func(ctx context.Context, t braket.Task) error {
				return r.change(ctx, c, func(c *Carried) {
					c.Tasks[i].begin(attempt, t)
					c.Capabilities = t.CapabilitiesSHA256
					c.PendingUSD = max(c.PendingUSD-t.Quote.Total, 0)
				})
			},
		})
		if err != nil {
			return fmt.Errorf("task %d of %d: %w", i+1, len(programs), err)
		}
		left -= task.Quote.Total
		room -= task.Quote.Total
	}
	return nil
}

// reserve is Jobs.reserve for what a relay keeps.
func (r *Relay) reserve(ctx context.Context, c *Carried, amount braket.USD) (room braket.USD, err error) {
	if err := r.change(ctx, c, func(c *Carried) { c.PendingUSD = amount }); err != nil {
		return 0, err
	}
	room, err = r.Budget.Room(ctx, c.Nonce)
	if room != Unlimited {
		room -= c.quoted()
	}
	if err == nil && amount > room {
		err = &braket.PriceError{Quote: amount, Limit: max(room, 0), Of: budgetSays}
	}
	if err != nil {
		return 0, errors.Join(err, r.change(ctx, c, func(c *Carried) { c.PendingUSD = 0 }))
	}
	return room, nil
}

package quantumjob

import (
	"context"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/relay"
)

// Carried is what a relay keeps of a job.
type Carried struct {
	Format int            `json:"format"` // 1
	Nonce  string         `json:"nonce"`
	Digest string         `json:"request_sha256"`
	Tasks  []*braket.Task `json:"tasks"` // as the job's; nil: not submitted
	Quote  braket.Quote   `json:"quote"`
}

// Book is what a relay remembers, so that a job handed in twice is not paid for twice.
type Book interface {
	// Open is what was kept of the nonce; nil if nothing was.
	Open(ctx context.Context, nonce string) (*Carried, error)
	// Write makes the entry durable before it returns.
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
	Now    func() time.Time
}

// Errand is a job that a relay was handed and has checked.
type Errand struct {
	Job     *relay.Job
	Host    string // by which the relay knows the host
	Offer   *Offer
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
		carried = &Carried{Format: 1, Nonce: job.Nonce, Digest: digest, Tasks: make([]*braket.Task, len(programs))}
	case carried.Digest != digest || len(carried.Tasks) != len(programs):
		return nil, fmt.Errorf("job %.8s was run here before with another content: one nonce is one job", job.Nonce)
	}
	e := &Errand{Job: job, Host: host, carried: carried}
	if carried.complete() {
		return e, nil // everything was paid for; only the answer is missing
	}
	if e.Offer, err = offer(ctx, r.Client, job.Device, programs); err != nil {
		return nil, err
	}
	if e.Offer.Quote.Total > limit {
		return nil, &braket.PriceError{Quote: e.Offer.Quote.Total, Limit: limit, Of: "the most that the job allows"}
	}
	return e, nil
}

func (c *Carried) complete() bool {
	for _, t := range c.Tasks {
		if t == nil {
			return false
		}
	}
	return true
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

// Run creates the tasks that were not created before, waits for all, and is the signed result's file.
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
		Device: e.Job.Device, CapabilitiesSHA256: e.carried.Quote.CapabilitiesSHA256, PriceUSD: e.carried.Quote.Total.String(),
	}
	for i, task := range e.carried.Tasks {
		state, err := r.Client.Wait(ctx, *task, func(s braket.State) {
			if seen != nil {
				seen(i, s)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("task %d of %d: %w", i+1, len(e.carried.Tasks), err)
		}
		read, err := r.Client.Result(ctx, *task)
		if err != nil {
			return nil, fmt.Errorf("task %d of %d: %w", i+1, len(e.carried.Tasks), err)
		}
		result.Tasks = append(result.Tasks, relay.NewTaskResult(task.ARN, string(state.Raw), read.Raw))
	}
	return result.Sign(r.Key)
}

// submit creates what was not created before, each kept before the next.
func (r *Relay) submit(ctx context.Context, e *Errand, programs []braket.Program) error {
	if e.carried.complete() {
		return nil
	}
	e.carried.Quote = e.Offer.Quote
	if err := r.Book.Write(ctx, e.carried); err != nil {
		return err
	}
	left := e.Offer.Quote.Total
	for i, p := range programs {
		if e.carried.Tasks[i] != nil {
			continue
		}
		task, err := r.Client.Submit(ctx, braket.Order{
			Device: e.Offer.Device, Program: p, Confirmed: left, Budget: left, Key: r.Tokens,
			Keep: func(ctx context.Context, t braket.Task) error {
				e.carried.Tasks[i] = &t
				return r.Book.Write(ctx, e.carried)
			},
		})
		if err != nil {
			return fmt.Errorf("task %d of %d: %w", i+1, len(programs), err)
		}
		left -= task.Quote.Total
	}
	return nil
}

// Package webhook sends the events of tenants to the addresses that they named: signed, over TLS, at least once.
//
// It holds the conversation with a receiver and the signature. What is due, and when the next attempt is, the workspace's outbox knows, in which an
// event was written in the transaction of the change that it is about. Which hosts are reached is the dialer's: those that the appliance's owner
// has listed, and public ones where the owner allows that.
//
// A receiver is a stranger: it is not followed where it redirects to, what it answers is not read beyond its status, and what went wrong
// with it is told to its tenant in a few words that say nothing of the network.
//
// Begin with [New], then [Sender.Run]; with [Sign] for what receivers verify. Examples of that are in examples/webhooks.
package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// Purpose is that of connections to receivers.
const Purpose outbound.Purpose = "webhooks"

const (
	lookEvery  = 2 * time.Second  // for what is due; looking costs a read of the store where there is anything
	atOnce     = 200              // deliveries of a round
	receivers  = 16               // that are talked to at the same time
	answerIn   = 10 * time.Second // an attempt as a whole
	marking    = 30 * time.Second // for writing what became of deliveries when the process stops
	pauseAfter = time.Minute      // after the store did not take or give
	maxRest    = 64 << 10         // of an answer that is read away, so that the connection can be used again
)

// Outbox is what the workspace offers its sender.
type Outbox interface {
	// Take gives deliveries that are due, and none again before a pause.
	Take(ctx context.Context, limit int) ([]workspace.Dispatch, error)

	// Mark notes what became of them.
	Mark(ctx context.Context, outcomes []workspace.Outcome) error
}

// Options of a sender. Outbox, Dialer and Log are required.
type Options struct {
	Outbox Outbox

	// Dialer reaches the receivers. In any mode but connected deliveries stay in the outbox untouched.
	Dialer *outbound.Dialer

	// Log is told of deliveries by their number and tenant, and why one failed; never of an address, which may hold a token.
	Log hclog.Logger

	// Version of the product, for User-Agent.
	Version string

	// Now is the clock of signatures; nil: time.Now.
	Now func() time.Time

	// Every is how often the outbox is looked into, 0: 2 seconds; Answer how long an attempt may take, 0: 10 seconds.
	Every, Answer time.Duration
}

// Sender sends deliveries.
type Sender struct {
	o      Options
	client *http.Client
}

// New makes a sender. An error names the option that is missing.
func New(o Options) (*Sender, error) {
	if o.Outbox == nil || o.Dialer == nil || o.Log == nil {
		return nil, errors.New("webhooks: outbox, dialer and log are required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Every == 0 {
		o.Every = lookEvery
	}
	if o.Answer == 0 {
		o.Answer = answerIn
	}
	client := o.Dialer.Client(Purpose)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Sender{o, client}, nil
}

// Run sends until ctx ends. A locked store, a full disk and whatever else can pass are waited out.
func (s *Sender) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer s.client.CloseIdleConnections()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		more, err := s.round(ctx)
		wait := s.o.Every
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, store.ErrLocked):
		case err != nil:
			wait = max(wait, pauseAfter)
			s.o.Log.Warn("webhooks wait", "reason", err, "for", wait.String())
		case more:
			wait = 0
		}
		timer.Reset(wait)
	}
}

// round sends what is due. more: there may be more of it. An error is one of the store.
func (s *Sender) round(ctx context.Context) (more bool, err error) {
	if s.o.Dialer.Mode() != outbound.Connected {
		return false, nil
	}
	due, err := s.o.Outbox.Take(ctx, atOnce)
	if len(due) == 0 {
		return false, err
	}
	outcomes := s.sendAll(ctx, due)
	marked, cancel := context.WithTimeout(context.WithoutCancel(ctx), marking)
	defer cancel()
	if failed := s.o.Outbox.Mark(marked, outcomes); failed != nil {
		err = errors.Join(err, fmt.Errorf("noting what became of %d deliveries, which are all sent again: %w", len(outcomes), failed))
	}
	return len(due) == atOnce, err
}

// sendAll sends the deliveries of different webhooks beside one another, those of one in their order. What the end of ctx cuts off has
// no outcome.
func (s *Sender) sendAll(ctx context.Context, due []workspace.Dispatch) (all []workspace.Outcome) {
	of := map[store.ID][]workspace.Dispatch{}
	var order []store.ID
	for _, d := range due {
		if of[d.Webhook] == nil {
			order = append(order, d.Webhook)
		}
		of[d.Webhook] = append(of[d.Webhook], d)
	}
	var mu sync.Mutex
	var sending sync.WaitGroup
	slots := make(chan struct{}, receivers)
	for _, hook := range order {
		slots <- struct{}{}
		sending.Go(func() {
			defer func() { <-slots }()
			outcomes := s.sendTo(ctx, of[hook])
			mu.Lock()
			defer mu.Unlock()
			all = append(all, outcomes...)
		})
	}
	sending.Wait()
	return all
}

// sendTo sends the deliveries of one webhook. When nobody answers one, the others of the round are not tried: they would wait as long each.
func (s *Sender) sendTo(ctx context.Context, due []workspace.Dispatch) (all []workspace.Outcome) {
	silent := ""
	for _, d := range due {
		o := workspace.Outcome{Tenant: d.Tenant, ID: d.ID, Failure: silent}
		if silent == "" {
			status, err := s.send(ctx, d)
			if ctx.Err() != nil {
				return all
			}
			o.Status, o.Delivered, o.Failure = status, err == nil, inWords(err)
			if status == 0 {
				silent = o.Failure
			}
			s.tell(d, status, err)
		}
		all = append(all, o)
	}
	return all
}

// tell logs an attempt. The error of an HTTP client repeats the address, and is taken out of it.
func (s *Sender) tell(d workspace.Dispatch, status int, err error) {
	about := []any{"delivery", d.ID.String(), "webhook", d.Webhook.String(), "tenant", d.Tenant.String(), "attempt", d.Attempts}
	if err == nil {
		s.o.Log.Info("event delivered", append(about, "status", status)...)
		return
	}
	s.o.Log.Warn("event not delivered", append(about, "reason", withoutAddress(err))...)
}

// send makes one attempt. status is 0 where there was no answer.
func (s *Sender) send(ctx context.Context, d workspace.Dispatch) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Answer)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return 0, err
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("User-Agent", "qrsd/"+s.o.Version)
	q.Header.Set(DeliveryHeader, d.ID.String())
	q.Header.Set(SignatureHeader, Sign(d.Secrets, s.o.Now(), d.Body))
	reply, err := s.client.Do(q)
	if err != nil {
		return 0, err
	}
	defer reply.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(reply.Body, maxRest)) // the status is the answer, whatever becomes of the rest
	if reply.StatusCode < 200 || reply.StatusCode > 299 {
		return reply.StatusCode, statusError(reply.StatusCode)
	}
	return reply.StatusCode, nil
}

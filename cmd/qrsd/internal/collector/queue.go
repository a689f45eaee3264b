// Package collector tells services of the owner's choice how the appliance does: traces to a collector of OpenTelemetry (OTLP over HTTP,
// JSON), faults to a service that speaks Sentry's protocol. Both are off unless the configuration names them, go out through
// internal/outbound alone, and in mode connected alone; in the other modes nothing is even collected.
//
// What leaves has no names, addresses, paths, ids of tenants, users or runs, and no contents. A span is an operation of the API, a class
// of status, a duration and the request's id. A fault is where in the program it happened, and of its message the words that stand in the
// program's own texts.
//
// Both protocols are written here, in place of the makers' libraries: those collect by themselves (hosts, processes, headers, local
// variables), bring clients that dial by themselves, and are larger than all that is sent. The forms used here are those of
// opentelemetry-proto v1 and of Sentry's envelopes; tests hold them.
//
// Telling waits for nobody: a bounded queue takes what there is, and what does not fit is dropped and counted.
//
// Begin with NewTraces and NewFaults.
package collector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/internal/outbound"
)

// Purposes of connections to collectors.
const (
	ForTraces outbound.Purpose = "traces"
	ForErrors outbound.Purpose = "errors"
)

// Counter counts what was sent and what was dropped: spans or faults, by purpose.
type Counter interface {
	Sent(purpose string, count int)
	Dropped(purpose string, count int)
}

// Options that both have. All are needed.
type Options struct {
	Dialer *outbound.Dialer
	Count  Counter
	// Log hears when a collector is not reached any more, and when it is again. At level warn, so that a fault of telling of faults
	// is not told.
	Log     hclog.Logger
	Version string // of the product
}

const (
	answer   = 10 * time.Second // longest time for one exchange with a collector
	lastRest = 5 * time.Minute
	maxReply = 64 << 10 // bytes that are read of a reply
)

// pace is when things are sent.
type pace struct {
	every    time.Duration // longest time that a batch is gathered
	rest     time.Duration // after a failure; doubles
	farewell time.Duration // longest time for what is left at the stop
}

// queue takes things from whoever has them, and sends them in batches from one goroutine.
type queue[T any] struct {
	o       Options
	purpose outbound.Purpose
	most    int // in a batch
	pace    pace
	send    func(context.Context, []T) error

	items    chan T
	stopping chan struct{}
	ended    chan struct{}
	once     sync.Once
	failing  bool // of the goroutine's: the log was told
}

func (q *queue[T]) begin(room int) {
	q.items, q.stopping, q.ended = make(chan T, room), make(chan struct{}), make(chan struct{})
	go q.work()
}

// open reports whether anything may be sent in the present mode.
func (q *queue[T]) open() bool { return q.o.Dialer.Mode() == outbound.Connected }

// put queues something, or drops it.
func (q *queue[T]) put(item T) {
	if !q.open() {
		return
	}
	if q.full() {
		q.drop(1)
		return
	}
	select {
	case q.items <- item:
	default:
		q.drop(1)
	}
}

// full reports whether the queue takes nothing more: there is no room, or it was stopped.
func (q *queue[T]) full() bool {
	select {
	case <-q.stopping:
		return true
	default:
		return len(q.items) == cap(q.items)
	}
}

func (q *queue[T]) drop(count int) { q.o.Count.Dropped(string(q.purpose), count) }

// stop sends what is left, for a moment, and returns when nothing is sent any more.
func (q *queue[T]) stop() {
	q.once.Do(func() { close(q.stopping) })
	<-q.ended
}

// work sends batches until it is stopped.
func (q *queue[T]) work() {
	defer close(q.ended)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // a moment after the stop, whatever is being sent is given up
		select {
		case <-ctx.Done():
			return
		case <-q.stopping:
		}
		select {
		case <-ctx.Done():
		case <-time.After(q.pace.farewell):
			cancel()
		}
	}()
	for {
		batch := q.gather()
		if len(batch) == 0 {
			return
		}
		if !q.deliver(ctx, batch) {
			q.drop(len(batch) + len(q.items))
			return
		}
	}
}

// gather waits for a batch; it is empty when the queue was stopped and is empty.
func (q *queue[T]) gather() (batch []T) {
	select {
	case item := <-q.items:
		batch = append(batch, item)
	case <-q.stopping:
	}
	full := time.NewTimer(q.pace.every)
	defer full.Stop()
	for len(batch) < q.most {
		select {
		case item := <-q.items:
			batch = append(batch, item)
			continue
		case <-full.C:
			if len(batch) > 0 {
				return batch
			}
		case <-q.stopping:
		}
		select { // at the stop: what is there
		case item := <-q.items:
			batch = append(batch, item)
		default:
			return batch
		}
	}
	return batch
}

// deliver sends a batch, after rests where the collector is not there. It reports false when the queue was stopped before it could.
func (q *queue[T]) deliver(ctx context.Context, batch []T) bool {
	for rest := q.pace.rest; ; rest = min(2*rest, lastRest) {
		if !q.open() { // the mode was changed meanwhile
			q.drop(len(batch))
			return true
		}
		limited, cancel := context.WithTimeout(ctx, answer)
		err := q.send(limited, batch)
		cancel()
		q.tell(err)
		var no *refusal
		switch {
		case err == nil:
			q.o.Count.Sent(string(q.purpose), len(batch))
			return true
		case errors.As(err, &no) && !no.later:
			q.drop(len(batch) - no.taken)
			q.o.Count.Sent(string(q.purpose), no.taken)
			return true
		case no != nil:
			rest = min(max(rest, no.after), lastRest)
		}
		select {
		case <-q.stopping:
			return false
		case <-time.After(rest):
		}
	}
}

// tell tells the log when it begins to fail, and when it works again.
func (q *queue[T]) tell(err error) {
	switch {
	case err != nil && !q.failing:
		q.o.Log.Warn("the collector does not take what it is told; it is tried again, and what does not fit is dropped", "purpose", string(q.purpose), "reason", err)
	case err == nil && q.failing:
		q.o.Log.Info("the collector takes what it is told again", "purpose", string(q.purpose))
	}
	q.failing = err != nil
}

// refusal is a reply that is no success.
type refusal struct {
	status string
	later  bool          // it may be tried again
	after  time.Duration // but not before; 0: nothing was said
	taken  int           // of a batch that was taken in part
}

func (r *refusal) Error() string { return "it answers " + r.status }

// post sends a body and returns the reply to it; a *refusal where it was answered otherwise. Retries are for the statuses that
// OTLP names (OTLP/HTTP Response), which hold for any service.
func post(client *http.Client, q *http.Request) ([]byte, error) {
	q.Header.Set("User-Agent", "qrsd")
	reply, err := client.Do(q)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
	if reply.StatusCode/100 != 2 {
		no := &refusal{status: strconv.Itoa(reply.StatusCode)}
		switch reply.StatusCode {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			no.later = true
		}
		if seconds, err := strconv.Atoi(reply.Header.Get("Retry-After")); err == nil && seconds > 0 {
			no.after = time.Duration(min(seconds, 3600)) * time.Second
		}
		return nil, no
	}
	if err != nil {
		return nil, fmt.Errorf("reading the reply: %w", err)
	}
	return body, nil
}

// Package notify sends the messages of the directory's outbox by mail: invitations, password resets, and word of changes to
// somebody's own account.
//
// It holds the texts, the conversation with the mail server, and when to try again. That there is a message is the
// directory's doing, in the transaction of the change that it is about; it also keeps the message until it was sent. Without a mail server nobody needs
// this package: administrators read the outbox.
//
// A message is sent at least once: one whose sending a crash has cut off is sent again, under the same Message-ID.
//
// Begin with [New], then [Sender.Run].
package notify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// Purpose is that of connections to the mail server.
const Purpose outbound.Purpose = "e-mail"

const (
	lookEvery             = 5 * time.Second                    // for messages; looking costs a read of the store where there are any
	atOnce                = 100                                // messages over one connection
	firstPause, lastPause = 15 * time.Second, 15 * time.Minute // after the server could not be reached
	callsOfRound          = 4
	marking               = 30 * time.Second // for writing what became of messages when the process stops
)

// Outbox is what the directory offers its sender.
type Outbox interface {
	// TakeNotices gives messages that are due, and none again before a pause.
	TakeNotices(ctx context.Context, by store.Principal, limit int) ([]directory.Notice, error)

	// MarkNotices notes what became of them.
	MarkNotices(ctx context.Context, by store.Principal, marks []directory.NoticeMark) error
}

// Options of a sender. All but Every are required.
type Options struct {
	// Outbox is the directory.
	Outbox Outbox

	// By is who takes messages in the audit log: whoever works on the host.
	By store.Principal

	// URL is the appliance's address, with which links begin: "https://qrsd.example.com".
	URL string

	// Server is the mail server.
	Server Server

	// Dialer reaches it. In any mode but connected messages stay in the outbox untouched.
	Dialer *outbound.Dialer

	// Log is told of messages by their number, kind and tenant, never of whom they are to.
	Log hclog.Logger

	// Every is how often the outbox is looked into; 0: 5 seconds.
	Every time.Duration
}

// Sender sends messages.
type Sender struct {
	o    Options
	mail *postman
}

// New makes a sender. An error names the option that is missing or wrong.
func New(o Options) (*Sender, error) {
	u, err := url.Parse(o.URL)
	switch {
	case o.Outbox == nil || o.Dialer == nil || o.Log == nil:
		return nil, errors.New("mail: outbox, dialer and log are required")
	case err != nil || u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("mail: address of the appliance %q: must be https://host or https://host:port", o.URL)
	}
	if err := o.Server.Check(); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	if o.Every == 0 {
		o.Every = lookEvery
	}
	return &Sender{o, &postman{o.Server, o.Dialer, greeting(u.Hostname()), u.Scheme + "://" + u.Host}}, nil
}

// Run sends until ctx ends. A server that cannot be reached, a locked store and whatever else can pass are waited out.
func (s *Sender) Run(ctx context.Context) {
	failures := 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		err, wait := s.round(ctx), s.o.Every
		switch {
		case ctx.Err() != nil:
			return
		case err == nil, errors.Is(err, store.ErrLocked):
			failures = 0
		default:
			wait = min(lastPause, firstPause<<min(failures, 10))
			failures++
			s.o.Log.Warn("mail waits", "reason", err, "for", wait.String())
		}
		timer.Reset(wait)
	}
}

// round sends what is due. An error is one that concerns all messages alike: of the store or of reaching the server.
func (s *Sender) round(ctx context.Context) error {
	if s.o.Dialer.Mode() != outbound.Connected {
		return nil
	}
	due, err := s.o.Outbox.TakeNotices(ctx, s.o.By, atOnce)
	if err != nil || len(due) == 0 {
		return err
	}
	marks, sending := s.send(ctx, due)
	marked, cancel := context.WithTimeout(context.WithoutCancel(ctx), marking)
	defer cancel()
	if err := s.o.Outbox.MarkNotices(marked, s.o.By, marks); err != nil {
		return errors.Join(sending, fmt.Errorf("noting what became of %d messages, of which those that were sent are sent again: %w", len(marks), err))
	}
	return sending
}

// send sends messages, over one connection as long as it holds. One that breaks it fails alone, for it may be the cause; when too many do, or
// nobody answers, the rest fails with that reason, which is also the error. What the end of ctx cuts off has no mark.
func (s *Sender) send(ctx context.Context, due []directory.Notice) (marks []directory.NoticeMark, err error) {
	var at *call
	defer func() {
		if at != nil {
			at.hangUp()
		}
	}()
	for calls := 0; len(marks) < len(due); {
		n := due[len(marks)]
		if at == nil && err == nil {
			calls++
			at, err = s.mail.call(ctx)
		}
		fault, lost := err, false
		if err == nil {
			lost, fault = at.deliver(n)
		}
		if fault != nil && ctx.Err() != nil {
			return marks, ctx.Err()
		}
		if lost {
			at.hangUp()
			at = nil
			if calls == callsOfRound {
				err = errors.New("the mail server breaks off again and again")
			}
		}
		marks = append(marks, s.mark(n, fault))
	}
	return marks, err
}

// mark says what became of a message, and logs it. What a server says can name whom it is to: the outbox alone keeps that.
func (s *Sender) mark(n directory.Notice, fault error) directory.NoticeMark {
	m := directory.NoticeMark{Tenant: n.Tenant, Notice: n.ID}
	about := []any{"notice", n.ID.String(), "kind", string(n.Kind), "tenant", n.Tenant.String(), "attempt", n.Attempts}
	if fault == nil {
		s.o.Log.Info("message sent", about...)
		return m
	}
	s.o.Log.Warn("message not sent; the outbox says why", about...)
	m.Failure = fault.Error()
	return m
}

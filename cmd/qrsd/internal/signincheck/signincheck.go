// Package signincheck looks every half an hour whether people can sign in, without being anybody.
//
// An account for it would be a way in that nobody watches, and its password would have to lie somewhere. So the check does what
// needs no account. It asks the appliance at its own port, over TLS, to sign in with an address that nobody can have (RFC 2606 §2) and a
// password, both drawn for that one attempt, and wants the answer that every wrong attempt gets: by then the listener, the certificate,
// the limits, the look-up of addresses, the hashing and the audit log have worked, for there is no answer without its entry.
// Beside that the directory hashes a password and verifies it, so that a right one would fit. What is not looked at: the code of a second
// factor, and the session that comes after it.
//
// Each check leaves one entry in the appliance's audit log, a denied session.sign-in from this host.
//
// Begin with New.
package signincheck

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/doctor"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/ownport"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// Every is the time between two checks, and patience that for one.
const (
	Every    = 30 * time.Minute
	patience = 30 * time.Second
)

// nobody is an address that is tried once: no mail leads there, and no account has it. Whoever knew it beforehand could use up the attempts of that
// address, and make the check fail.
func nobody() string { return "sign-in-check-" + strings.ToLower(rand.Text()) + "@qrsd.invalid" }

// Options of a check.
type Options struct {
	Directory *directory.Directory
	// Locked says whether the store is locked: then nobody can sign in, and that is no fault.
	Locked func() bool
	// Port says where the appliance is, at each check anew.
	Port func() ownport.Options
	Log  hclog.Logger
	Now  func() time.Time
	// Every is the time between two checks; 0: half an hour.
	Every time.Duration
}

// Check is the check and its last outcome. It is safe for many goroutines.
type Check struct {
	options Options

	mu   sync.Mutex
	last *doctor.SignIn
}

// New makes a check, which has not looked yet.
func New(o Options) *Check {
	if o.Every == 0 {
		o.Every = Every
	}
	return &Check{options: o}
}

// Run looks at once and then again and again, until ctx ends.
func (c *Check) Run(ctx context.Context) {
	next := time.NewTicker(c.options.Every)
	defer next.Stop()
	for {
		c.Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
	}
}

// Last is the last outcome; nil: there was none yet.
func (c *Check) Last() *doctor.SignIn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// Word is the last outcome in a word, for the readiness: "ok", "failed" or "not looked at".
func (c *Check) Word() string {
	switch last := c.Last(); {
	case last == nil:
		return "not looked at"
	case last.Fault != nil:
		return "failed"
	}
	return "ok"
}

// Look looks now. Of a locked store, and where ctx ended, there is no outcome.
func (c *Check) Look(ctx context.Context) {
	if c.options.Locked() {
		return
	}
	attempt, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := errors.Join(c.options.Directory.SelfTest(attempt), c.try(attempt))
	if ctx.Err() != nil || c.options.Locked() {
		return
	}
	outcome := &doctor.SignIn{At: c.options.Now(), Fault: err}
	c.mu.Lock()
	before := c.last
	c.last = outcome
	c.mu.Unlock()
	switch {
	case err != nil:
		c.options.Log.Error("the way in was found out of order: people may be unable to sign in", "error", err)
	case before == nil || before.Fault != nil:
		c.options.Log.Info("the way in is in order")
	}
}

// try wants to be turned away: at the port, or where clients need a certificate, at the directory.
func (c *Check) try(ctx context.Context) error {
	client, base, err := ownport.Client(c.options.Port())
	if errors.Is(err, ownport.ErrClientCertificate) {
		return c.tryDirectory(ctx)
	}
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	body, err := json.Marshal(map[string]string{"email": nobody(), "password": rand.Text()})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/api/v1/session", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "qrsd-sign-in-check")
	r.Header.Set("Origin", base)
	reply, err := client.Do(r)
	if err != nil {
		var asked *url.Error
		if errors.As(err, &asked) {
			err = asked.Err
		}
		return fmt.Errorf("asking at the appliance's own port: %w", err)
	}
	defer reply.Body.Close()
	return turnedAway(reply)
}

// turnedAway wants the answer of a wrong attempt.
func turnedAway(reply *http.Response) error {
	var problem struct {
		Type string `json:"type"`
	}
	err := json.NewDecoder(io.LimitReader(reply.Body, 64<<10)).Decode(&problem)
	if err != nil || reply.StatusCode != http.StatusUnauthorized || !strings.HasSuffix(problem.Type, "#problem-wrong-credentials") {
		return fmt.Errorf("a wrong attempt to sign in was answered %d %.80q, and not with wrong credentials", reply.StatusCode, problem.Type)
	}
	if len(reply.Cookies()) > 0 {
		return errors.New("a wrong attempt to sign in was given a cookie")
	}
	return nil
}

func (c *Check) tryDirectory(ctx context.Context) error {
	credentials := directory.Credentials{Email: nobody(), Password: directory.NewSecret(rand.Text())}
	_, _, err := c.options.Directory.SignIn(ctx, credentials, store.Source{Address: "host", UserAgent: "qrsd-sign-in-check"})
	switch {
	case errors.Is(err, directory.ErrWrongCredentials):
		return nil
	case err == nil:
		return errors.New("a wrong attempt to sign in succeeded")
	}
	return fmt.Errorf("a wrong attempt to sign in ended with %w, and not with wrong credentials", err)
}

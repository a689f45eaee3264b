package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// guesses are the wrong secrets that were tried on the locked store. A locked store takes no audit entry: they are in the log at
// once, and in the audit log, as their number, when the store is next unlocked.
type guesses struct {
	mu          sync.Mutex
	count       int
	first, last time.Time
	networks    map[string]bool // addresses, up to mostNetworks
}

// mostNetworks bounds what is kept of where guesses came from.
const mostNetworks = 1000

// add counts a wrong secret.
func (g *guesses) add(now time.Time, address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count == 0 {
		g.first, g.networks = now, map[string]bool{}
	}
	g.count, g.last = g.count+1, now
	if len(g.networks) < mostNetworks {
		g.networks[address] = true
	}
}

// take gives what was counted, nil where that is nothing, and begins anew.
func (g *guesses) take() *wrongSecrets {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count == 0 {
		return nil
	}
	w := &wrongSecrets{g.count, len(g.networks), g.first, g.last}
	g.count, g.networks = 0, nil
	return w
}

// wrongSecrets is what the audit log says of guesses: that unlocking failed so often.
type wrongSecrets struct {
	count, addresses int
	first, last      time.Time
}

func (w *wrongSecrets) Error() string { return w.AuditReason() }

// AuditReason is what the store enters.
func (w *wrongSecrets) AuditReason() string {
	return fmt.Sprintf("%d wrong secrets from %d addresses while the store was locked, from %s to %s",
		w.count, w.addresses, w.first.UTC().Format(time.RFC3339), w.last.UTC().Format(time.RFC3339))
}

// wrongSecret takes note of a failed unlocking, where it is the secret that was wrong.
func (a *appliance) wrongSecret(err error, from store.Source) {
	if !errors.Is(err, store.ErrWrongKey) && !errors.Is(err, store.ErrNoSlot) {
		return
	}
	a.guesses.add(time.Now(), from.Address)
	a.log.Warn("a wrong secret was tried on the locked store", "address", from.Address, "request", from.Request)
}

// enterGuesses enters in the audit log what was tried before the store was unlocked.
func (a *appliance) enterGuesses(ctx context.Context) {
	tried := a.guesses.take()
	if tried == nil {
		return
	}
	verb, err := store.ParseVerb("store.unlock")
	if err == nil {
		var t *store.Tenant
		if t, err = a.db.Tenant(ctx, a.options.Operator, store.Appliance); err == nil {
			err = t.Update(ctx, store.Action{Verb: verb}, func(*store.WriteTx) error { return tried })
		}
	}
	if !errors.Is(err, tried) {
		a.log.Error("what was tried on the locked store is not in the audit log", "why", tried.AuditReason(), "error", err)
	}
}

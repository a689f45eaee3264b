package workspace

import (
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// EventKind is what a tenant's webhooks can hear of.
type EventKind string

// The kinds. Each is written in the transaction of the change that it is about.
const (
	PortfolioImported EventKind = "portfolio.imported"
	PortfolioReplaced EventKind = "portfolio.replaced" // it has a new version
	PortfolioDeleted  EventKind = "portfolio.deleted"
	RunQueued         EventKind = "run.queued"
	RunStarted        EventKind = "run.started" // also when it is taken up again
	RunDone           EventKind = "run.done"
	RunFailed         EventKind = "run.failed"
	RunCancelled      EventKind = "run.cancelled"
	RunSealed         EventKind = "run.sealed"
	EstimateEnded     EventKind = "estimate.ended" // of a device elsewhere; State says how
	ApprovalRequested EventKind = "approval.requested"
	ApprovalDecided   EventKind = "approval.decided" // State says how; also voided and withdrawn
	WebhookTrial      EventKind = "webhook.trial"    // asked for by an administrator; goes to that webhook, whatever it hears of
)

// EventKinds lists what a webhook can be told to hear of.
func EventKinds() []EventKind {
	return []EventKind{
		PortfolioImported, PortfolioReplaced, PortfolioDeleted, RunQueued, RunStarted, RunDone, RunFailed, RunCancelled, RunSealed,
		EstimateEnded, ApprovalRequested, ApprovalDecided,
	}
}

// Event is what a webhook is told: that something happened to an object, and nothing of what is in it. Whoever hears it asks the
// API, with a key of its own, for more. Its JSON is what is delivered.
type Event struct {
	ID      store.ID  `json:"id"` // of the event: the same in all its deliveries, so that a receiver can tell a second one
	Kind    EventKind `json:"type"`
	Time    time.Time `json:"time"` // of the change
	Tenant  store.ID  `json:"tenant"`
	Object  store.ID  `json:"object"` // run, portfolio, estimate, webhook; of an approval, what it is about
	State   string    `json:"state,omitempty"`
	Version int       `json:"version"` // of this form: 1
}

// announce writes an event's deliveries.
func (w *Workspace) announce(tx *store.WriteTx, k EventKind, object store.ID) error {
	return w.announceOf(tx, k, object, "")
}

// announceOf is announce of something that has a state. There is a delivery for each webhook that hears of such events, written in the
// transaction of the change: so there is one for each change that was committed, and none for one that failed.
func (w *Workspace) announceOf(tx *store.WriteTx, k EventKind, object store.ID, state string) error {
	hooks, err := webhooks.List(tx, "", maxWebhooks)
	if err != nil {
		return err
	}
	var heard []store.ID
	for _, h := range hooks.Records {
		if !h.Value.Off && slices.Contains(h.Value.Events, k) {
			heard = append(heard, h.ID)
		}
	}
	if len(heard) == 0 {
		return nil
	}
	_, err = w.post(tx, w.event(tx, k, object, state), heard)
	return err
}

func (w *Workspace) event(tx *store.WriteTx, k EventKind, object store.ID, state string) Event {
	return Event{ID: tx.NewID(), Kind: k, Time: stamp(tx.Now()), Tenant: w.tenant.ID(), Object: object, State: state, Version: 1}
}

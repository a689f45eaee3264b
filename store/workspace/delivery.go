package workspace

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// DeliveryState is what became of a delivery.
type DeliveryState string

// The states of a delivery.
const (
	Undelivered DeliveryState = "pending"
	Delivered   DeliveryState = "delivered"
	GivenUp     DeliveryState = "given-up" // the receiver did not take it in three days
)

// delivery is an event on its way to a webhook, or one that was. As long as it is on its way it is in deliveries, then in
// pastDeliveries, under the same id.
type delivery struct {
	Webhook  store.ID      `json:"webhook"`
	Event    Event         `json:"event"`
	State    DeliveryState `json:"state"`
	Created  time.Time     `json:"created"`
	Expires  time.Time     `json:"expires"`
	Attempts int           `json:"attempts,omitempty"`
	Next     time.Time     `json:"next,omitzero"` // not taken before
	Last     *time.Time    `json:"last,omitempty"`
	Status   int           `json:"status,omitempty"`  // HTTP, of the last attempt
	Failure  string        `json:"failure,omitempty"` // of the last attempt
}

var (
	deliveries     = store.Define[delivery]("deliveries", 1)
	pastDeliveries = store.Define[delivery]("past-deliveries", 1)
	// outbox leads the appliance to the tenants that have something to deliver.
	outbox = store.DefineSignpost("webhook.pending")
)

// Bounds of deliveries. The pauses after the attempts sum up to about three days.
const (
	outboxPending  = "pending"
	deliveryLife   = 72 * time.Hour
	pastLife       = 30 * 24 * time.Hour
	prunedAtOnce   = 20
	firstPause     = time.Minute
	lastPause      = 6 * time.Hour
	maxFailureText = 300
)

// Delivery is one event on its way to one webhook, for people to read.
type Delivery struct {
	ID       store.ID
	Webhook  store.ID
	Event    Event
	State    DeliveryState
	Created  time.Time
	Attempts int
	Next     time.Time  // of a pending one: not tried before; zero: at once
	Last     *time.Time // when it was last tried
	Status   int        // HTTP status of the last attempt, 0: there was no answer
	Failure  string     // why the last attempt failed; "" of one that was delivered
}

func viewDelivery(r store.Record[delivery]) Delivery {
	v := r.Value
	return Delivery{r.ID, v.Webhook, v.Event, v.State, v.Created, v.Attempts, v.Next, v.Last, v.Status, v.Failure}
}

// post writes an event's deliveries to those webhooks.
func (w *Workspace) post(tx *store.WriteTx, e Event, to []store.ID) (written []store.ID, err error) {
	if err := w.signpostDeliveries(tx); err != nil {
		return nil, err
	}
	now := stamp(tx.Now())
	for _, webhook := range to {
		id := tx.NewID()
		d := delivery{Webhook: webhook, Event: e, State: Undelivered, Created: now, Expires: now.Add(deliveryLife)}
		if err := deliveries.Insert(tx, id, d); err != nil {
			return nil, err
		}
		written = append(written, id)
	}
	return written, nil
}

// signpostDeliveries puts up the signpost to the tenant before its first delivery is written. It stands as long as there is one.
func (w *Workspace) signpostDeliveries(tx *store.WriteTx) error {
	there, err := deliveries.List(tx, "", 1)
	if err != nil || len(there.Records) > 0 {
		return err
	}
	return outbox.Set(tx, outboxPending, w.tenant.ID())
}

// TryWebhook writes a trial event for one webhook, whatever it hears of, and gives the delivery's id. *Invalid: it is off.
func (w *Workspace) TryWebhook(ctx context.Context, id store.ID) (delivered store.ID, err error) {
	err = w.tenant.Update(ctx, store.Action{Verb: rights.WebhookSend, Object: id}, func(tx *store.WriteTx) error {
		h, err := webhooks.Get(tx, id)
		if err != nil {
			return err
		}
		if h.Value.Off {
			return &Invalid{"webhook", "it is switched off; switch it on first"}
		}
		all, err := w.post(tx, w.event(tx, WebhookTrial, id, ""), []store.ID{id})
		if err == nil {
			delivered = all[0]
		}
		return err
	})
	return delivered, err
}

// Redeliver sends an event once more, now: one that was delivered, was given up, or waits for its next attempt. The receiver sees the
// same bytes, under the same event id.
func (w *Workspace) Redeliver(ctx context.Context, id store.ID) error {
	return w.tenant.Update(ctx, store.Action{Verb: rights.WebhookSend, Object: id}, func(tx *store.WriteTx) error {
		r, err := deliveryOf(tx, id)
		if err != nil {
			return err
		}
		if _, err := webhooks.Get(tx, r.Value.Webhook); err != nil {
			return err
		}
		wasPending := r.Value.State == Undelivered
		r.Value.State, r.Value.Attempts, r.Value.Next, r.Value.Expires = Undelivered, 0, time.Time{}, stamp(tx.Now()).Add(deliveryLife)
		if err := w.signpostDeliveries(tx); err != nil {
			return err
		}
		if wasPending {
			_, err = deliveries.Put(tx, r)
			return err
		}
		return errors.Join(pastDeliveries.Delete(tx, id, r.Version), deliveries.Insert(tx, id, r.Value))
	})
}

// deliveryOf reads one, pending or past.
func deliveryOf(tx store.Reader, id store.ID) (store.Record[delivery], error) {
	r, err := deliveries.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return pastDeliveries.Get(tx, id)
	}
	return r, err
}

// DeliveryPage is a part of a listing of deliveries.
type DeliveryPage struct {
	Deliveries []Delivery
	Next       store.Cursor // "" at the end
}

// PendingDeliveries lists what is still to be delivered, oldest first, up to limit (1 to 1,000) from a cursor.
func (w *Workspace) PendingDeliveries(ctx context.Context, after store.Cursor, limit int) (DeliveryPage, error) {
	return w.listDeliveries(ctx, func(tx *store.ReadTx) (store.Page[delivery], error) { return deliveries.List(tx, after, limit) })
}

// PastDeliveries lists what was delivered or given up in the last 30 days, newest event first, up to limit (1 to 1,000) from a cursor.
func (w *Workspace) PastDeliveries(ctx context.Context, after store.Cursor, limit int) (DeliveryPage, error) {
	return w.listDeliveries(ctx, func(tx *store.ReadTx) (store.Page[delivery], error) {
		return pastDeliveries.ListNewest(tx, after, limit)
	})
}

func (w *Workspace) listDeliveries(ctx context.Context, read func(*store.ReadTx) (store.Page[delivery], error)) (all DeliveryPage, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.WebhookRead}, func(tx *store.ReadTx) error {
		page, err := read(tx)
		all.Next = page.Next
		for _, r := range page.Records {
			all.Deliveries = append(all.Deliveries, viewDelivery(r))
		}
		return err
	})
	return all, err
}

// Delivery reads one.
func (w *Workspace) Delivery(ctx context.Context, id store.ID) (d Delivery, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.WebhookRead, Object: id}, func(tx *store.ReadTx) error {
		r, err := deliveryOf(tx, id)
		d = viewDelivery(r)
		return err
	})
	return d, err
}

// settle moves a delivery to the past ones, and drops what is too old of those.
func settle(tx *store.WriteTx, r store.Record[delivery], s DeliveryState) error {
	r.Value.State = s
	if err := errors.Join(deliveries.Delete(tx, r.ID, r.Version), pastDeliveries.Insert(tx, r.ID, r.Value)); err != nil {
		return fmt.Errorf("delivery %s: %w", r.ID, err)
	}
	return dropPast(tx)
}

func dropPast(tx *store.WriteTx) error {
	page, err := pastDeliveries.List(tx, "", prunedAtOnce)
	for _, r := range page.Records {
		if tx.Now().Sub(r.Value.Created) > pastLife {
			err = errors.Join(err, pastDeliveries.Delete(tx, r.ID, r.Version))
		}
	}
	return err
}

// pause is how long an attempt is given before the next: a minute, then four times as long each time, up to six hours.
func pause(attempts int) time.Duration {
	p := firstPause
	for range min(attempts-1, 8) {
		p *= 4
	}
	return min(p, lastPause)
}

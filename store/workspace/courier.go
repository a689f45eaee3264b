package workspace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/internal/foreign"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Courier is the appliance at work on the deliveries of all tenants: what is due, where it goes and with what it is signed. It gives
// nothing else of a tenant, and sends nothing itself. It is safe for many goroutines.
type Courier struct {
	db  *store.DB
	now func() time.Time
}

// OpenCourier gives the appliance's sender its deliveries. now is the store's clock; nil: time.Now.
func OpenCourier(db *store.DB, now func() time.Time) *Courier {
	if now == nil {
		now = time.Now
	}
	return &Courier{db, now}
}

// Dispatch is a delivery that is due.
type Dispatch struct {
	Tenant   store.ID
	ID       store.ID // of the delivery
	Webhook  store.ID
	URL      string
	Body     []byte             // the Event as JSON: the same bytes at every attempt
	Secrets  []directory.Secret // to sign with, the present one first; two while secrets overlap
	Attempts int                // with this one
}

// Outcome is what became of a dispatch.
type Outcome struct {
	Tenant, ID store.ID
	Delivered  bool
	Status     int    // HTTP, 0: there was no answer
	Failure    string // why it was not delivered, for the tenant's administrators; never a secret
}

// Take gives up to limit (1 to 1,000) deliveries that are due, of all tenants, and counts the attempt: one whose outcome is not
// noted by Mark is due again after a minute, then four, and so on up to six hours, for three days. So after a crash an event may be sent
// twice, under one id, and none is lost. It leaves one entry in the log of each tenant whose deliveries it takes, and none where
// nothing is due.
func (c *Courier) Take(ctx context.Context, limit int) (all []Dispatch, err error) {
	const most = 1000
	if limit < 1 || limit > most {
		return nil, &Invalid{"limit", fmt.Sprintf("%d is not between 1 and %d", limit, most)}
	}
	at, err := c.db.Follow(ctx, outbox, outboxPending)
	if err != nil {
		return nil, err
	}
	for _, p := range at {
		if len(all) >= limit {
			break
		}
		some, err := c.takeFrom(ctx, p.Tenant, limit-len(all))
		if err != nil && !errors.Is(err, store.ErrErased) {
			return all, fmt.Errorf("deliveries of tenant %s: %w", p.Tenant, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// takeFrom looks first whether anything is due, which leaves no entry.
func (c *Courier) takeFrom(ctx context.Context, tenant store.ID, limit int) (all []Dispatch, err error) {
	due := false
	err = look(ctx, c.db, tenant, func(tx *store.ReadTx) (err error) {
		due, err = c.due(tx)
		return err
	})
	if err != nil || !due {
		return nil, err
	}
	w, err := atWork(ctx, c.db, tenant)
	if err != nil {
		return nil, err
	}
	err = w.tenant.Update(ctx, store.Action{Verb: rights.WebhookDeliver}, func(tx *store.WriteTx) error {
		all, err = w.takeDue(tx, limit)
		return err
	})
	return all, err
}

// due reports whether something is to be taken or given up, or the signpost is to be taken down.
func (c *Courier) due(tx store.Reader) (due bool, err error) {
	on, err := webhooksOn(tx)
	if err != nil {
		return false, err
	}
	empty := true
	err = each(tx, deliveries, func(r store.Record[delivery]) error {
		empty = false
		_, wanted := on[r.Value.Webhook]
		due = due || !c.now().Before(r.Value.Expires) || wanted && !c.now().Before(r.Value.Next)
		return nil
	})
	return due || empty, err
}

// webhooksOn are the webhooks that are not switched off.
func webhooksOn(tx store.Reader) (map[store.ID]webhook, error) {
	page, err := webhooks.List(tx, "", maxWebhooks)
	on := map[store.ID]webhook{}
	for _, r := range page.Records {
		if !r.Value.Off {
			on[r.ID] = r.Value
		}
	}
	return on, err
}

func (w *Workspace) takeDue(tx *store.WriteTx, limit int) (all []Dispatch, err error) {
	on, err := webhooksOn(tx)
	if err != nil {
		return nil, err
	}
	left := false
	err = each(tx, deliveries, func(r store.Record[delivery]) error {
		d, now := &r.Value, stamp(tx.Now())
		to, wanted := on[d.Webhook]
		switch {
		case !now.Before(d.Expires):
			return settle(tx, r, GivenUp)
		case !wanted || now.Before(d.Next) || len(all) == limit:
			left = true
			return nil
		}
		left = true
		d.Attempts++
		d.Last, d.Next, d.Status, d.Failure = &now, now.Add(pause(d.Attempts)), 0, "no answer was noted"
		body, err := json.Marshal(d.Event)
		if err != nil {
			return err
		}
		all = append(all, Dispatch{Tenant: w.tenant.ID(), ID: r.ID, Webhook: d.Webhook, URL: to.URL, Body: body, Secrets: to.secrets(now), Attempts: d.Attempts})
		_, err = deliveries.Put(tx, r)
		return err
	})
	if err == nil && !left {
		err = outbox.Remove(tx, outboxPending)
	}
	return all, err
}

// secrets are those to sign with.
func (h webhook) secrets(now time.Time) []directory.Secret {
	all := []directory.Secret{directory.NewSecret(h.Secret)}
	if h.Previous != "" && h.Until != nil && now.Before(*h.Until) {
		all = append(all, directory.NewSecret(h.Previous))
	}
	return all
}

// Mark notes what became of dispatches. One that was delivered is past; another is due again as Take says, or given up after
// three days. One that was taken away meanwhile is passed over. It leaves one entry in the log of each tenant.
func (c *Courier) Mark(ctx context.Context, outcomes []Outcome) error {
	of := map[store.ID][]Outcome{}
	var order []store.ID
	for _, o := range outcomes {
		if of[o.Tenant] == nil {
			order = append(order, o.Tenant)
		}
		of[o.Tenant] = append(of[o.Tenant], o)
	}
	var failed error
	for _, tenant := range order {
		err := c.markIn(ctx, tenant, of[tenant])
		if errors.Is(err, store.ErrErased) {
			err = nil
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

func (c *Courier) markIn(ctx context.Context, tenant store.ID, outcomes []Outcome) error {
	w, err := atWork(ctx, c.db, tenant)
	if err != nil {
		return err
	}
	return w.tenant.Update(ctx, store.Action{Verb: rights.WebhookDeliver}, func(tx *store.WriteTx) error {
		for _, o := range outcomes {
			if err := mark(tx, o); err != nil {
				return err
			}
		}
		rest, err := deliveries.List(tx, "", 1)
		if err == nil && len(rest.Records) == 0 {
			err = outbox.Remove(tx, outboxPending)
		}
		return err
	})
}

// mark notes one outcome.
func mark(tx *store.WriteTx, o Outcome) error {
	r, err := deliveries.Get(tx, o.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	d := &r.Value
	d.Status, d.Failure = o.Status, foreign.Line(o.Failure, maxFailureText)
	switch {
	case o.Delivered:
		d.Failure = ""
		return settle(tx, r, Delivered)
	case !d.Next.Before(d.Expires): // there is no further attempt
		return settle(tx, r, GivenUp)
	}
	_, err = deliveries.Put(tx, r)
	return err
}

package workspace

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// webhook is an address that hears of a tenant's events. Its secrets lie with the tenant, encrypted like all records.
type webhook struct {
	Name     string      `json:"name"`
	URL      string      `json:"url"`
	Events   []EventKind `json:"events"`
	Off      bool        `json:"off,omitempty"`
	Secret   string      `json:"secret"`
	Previous string      `json:"previous,omitempty"` // still signs too
	Until    *time.Time  `json:"until,omitempty"`    // until then
	Created  time.Time   `json:"created"`
	Rotated  time.Time   `json:"rotated"`
	By       store.ID    `json:"by"`
}

var webhooks = store.Define[webhook]("webhooks", 1)

// Bounds of webhooks.
const (
	maxWebhooks = 20
	maxURL      = 2000
	maxOverlap  = 7 * 24 * time.Hour
)

// Webhook is an address that hears of a tenant's events, without its secrets.
type Webhook struct {
	ID      store.ID
	Version uint64
	Name    string
	URL     string
	Events  []EventKind
	Off     bool       // nothing is written or sent to it
	Overlap *time.Time // until then deliveries are signed with the secret of before as well
	Created time.Time
	Rotated time.Time // when its secret was made
	By      store.ID
}

func viewWebhook(r store.Record[webhook]) Webhook {
	v := r.Value
	return Webhook{r.ID, r.Version, v.Name, v.URL, v.Events, v.Off, v.Until, v.Created, v.Rotated, v.By}
}

// NewWebhook is what AddWebhook and ChangeWebhook take.
type NewWebhook struct {
	Name   string
	URL    string // https, without user, password and fragment; whether it may be reached is asked when something is sent
	Events []EventKind
	Off    bool
}

func (n *NewWebhook) check() error {
	n.Name = strings.TrimSpace(n.Name)
	if err := checkText("name", n.Name, 1, maxName); err != nil {
		return err
	}
	if err := checkURL(n.URL); err != nil {
		return err
	}
	if len(n.Events) == 0 {
		return &Invalid{"events", "name one at least"}
	}
	for _, k := range n.Events {
		if !slices.Contains(EventKinds(), k) {
			return &Invalid{"events", fmt.Sprintf("%.80q is none of %v", string(k), EventKinds())}
		}
	}
	n.Events = slices.Compact(slices.Sorted(slices.Values(n.Events)))
	return nil
}

// checkURL does not repeat the address in its error: there may be a password in it.
func checkURL(text string) error {
	if len(text) > maxURL {
		return &Invalid{"url", fmt.Sprintf("%d characters are more than %d", len(text), maxURL)}
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || !u.IsAbs() || u.Hostname() == "":
		return &Invalid{"url", "this is no address such as https://hooks.example.com/qrsd"}
	case u.Scheme != "https":
		return &Invalid{"url", "only https addresses are delivered to"}
	case u.User != nil:
		return &Invalid{"url", "leave user and password out: deliveries are signed with the webhook's secret"}
	case u.Fragment != "":
		return &Invalid{"url", "leave out what follows the #: it is not sent"}
	}
	return checkText("url", text, 1, maxURL)
}

// drawSecret is 256 random bits with a prefix by which scanners for leaked secrets know it.
func drawSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return "whsec_" + base64.RawURLEncoding.EncodeToString(b[:])
}

// AddWebhook begins to tell an address of events. The secret, with which deliveries are signed, is shown this once.
// *Invalid: what is to be mended.
func (w *Workspace) AddWebhook(ctx context.Context, n NewWebhook) (h Webhook, secret directory.Secret, err error) {
	text := drawSecret()
	err = w.change(ctx, store.Action{Verb: rights.WebhookAdd}, n.check, func(tx *store.WriteTx) error {
		there, err := webhooks.List(tx, "", maxWebhooks)
		if err != nil {
			return err
		}
		if len(there.Records) == maxWebhooks {
			return &Invalid{"webhooks", fmt.Sprintf("there are %d, which is as many as a tenant can have; delete one first", maxWebhooks)}
		}
		id, now := tx.NewID(), stamp(tx.Now())
		tx.Of(id)
		v := webhook{Name: n.Name, URL: n.URL, Events: n.Events, Off: n.Off, Secret: text, Created: now, Rotated: now, By: w.tenant.Principal().User()}
		h = viewWebhook(store.Record[webhook]{ID: id, Version: 1, Value: v})
		return webhooks.Insert(tx, id, v)
	})
	if err != nil {
		return Webhook{}, secret, err
	}
	return h, directory.NewSecret(text), nil
}

// ChangeWebhook changes all of a webhook but its secret; it was read in that version (store.ErrConflict: someone changed it), or 0:
// in whatever it is. What was to be delivered goes to the new address. *Invalid: what is to be mended.
func (w *Workspace) ChangeWebhook(ctx context.Context, id store.ID, version uint64, n NewWebhook) (h Webhook, err error) {
	err = w.change(ctx, store.Action{Verb: rights.WebhookChange, Object: id}, n.check, func(tx *store.WriteTx) error {
		r, err := webhooks.Get(tx, id)
		if err != nil {
			return err
		}
		r.Version = cmp.Or(version, r.Version)
		r.Value.Name, r.Value.URL, r.Value.Events, r.Value.Off = n.Name, n.URL, n.Events, n.Off
		if r, err = webhooks.Put(tx, r); err != nil {
			return err
		}
		h = viewWebhook(r)
		return nil
	})
	return h, err
}

// RotateWebhook makes a new secret, shown this once. For the overlap (up to a week; 0: not at all) deliveries are signed with
// that of before too, so that the receiver can change over.
func (w *Workspace) RotateWebhook(ctx context.Context, id store.ID, overlap time.Duration) (h Webhook, secret directory.Secret, err error) {
	text := drawSecret()
	first := func() error {
		if overlap < 0 || overlap > maxOverlap {
			return &Invalid{"overlap", fmt.Sprintf("%v is not between nothing and %v", overlap, maxOverlap)}
		}
		return nil
	}
	err = w.change(ctx, store.Action{Verb: rights.WebhookRotate, Object: id}, first, func(tx *store.WriteTx) error {
		r, err := webhooks.Get(tx, id)
		if err != nil {
			return err
		}
		v, now := &r.Value, stamp(tx.Now())
		v.Previous, v.Until = "", nil
		if overlap > 0 {
			until := now.Add(overlap)
			v.Previous, v.Until = v.Secret, &until
		}
		v.Secret, v.Rotated = text, now
		r, err = webhooks.Put(tx, r)
		h = viewWebhook(r)
		return err
	})
	if err != nil {
		return Webhook{}, secret, err
	}
	return h, directory.NewSecret(text), nil
}

// DeleteWebhook takes a webhook away, in the version that was read (0: in whatever it is), with what was still to be delivered to it. What was delivered
// stays on record.
func (w *Workspace) DeleteWebhook(ctx context.Context, id store.ID, version uint64) error {
	return w.tenant.Update(ctx, store.Action{Verb: rights.WebhookChange, Object: id}, func(tx *store.WriteTx) error {
		h, err := webhooks.Get(tx, id)
		if err != nil {
			return err
		}
		if err := webhooks.Delete(tx, id, cmp.Or(version, h.Version)); err != nil {
			return err
		}
		return each(tx, deliveries, func(r store.Record[delivery]) error {
			if r.Value.Webhook != id {
				return nil
			}
			return deliveries.Delete(tx, r.ID, r.Version)
		})
	})
}

// Webhooks lists them all, oldest first: there are at most 20.
func (w *Workspace) Webhooks(ctx context.Context) (all []Webhook, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.WebhookRead}, func(tx *store.ReadTx) error {
		page, err := webhooks.List(tx, "", maxWebhooks)
		for _, r := range page.Records {
			all = append(all, viewWebhook(r))
		}
		return err
	})
	return all, err
}

// Webhook reads one.
func (w *Workspace) Webhook(ctx context.Context, id store.ID) (h Webhook, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.WebhookRead, Object: id}, func(tx *store.ReadTx) error {
		r, err := webhooks.Get(tx, id)
		h = viewWebhook(r)
		return err
	})
	return h, err
}

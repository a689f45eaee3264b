package web

import (
	"context"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// webhookRoutes are the addresses that hear of the tenant's events, and what became of what was sent there.
func webhookRoutes() []route {
	const path, one, sent = api + "/webhooks", api + "/webhooks/{id}", api + "/webhook-deliveries"
	return []route{
		{Route{Method: "GET", Path: path, Operation: "listWebhooks", Access: Permitted, Verb: "webhook.read"}, do((*Server).listWebhooks)},
		{Route{Method: "POST", Path: path, Operation: "addWebhook", Access: Permitted, Verb: "webhook.add", StepUp: true, Secret: true, Keyed: true}, do((*Server).addWebhook)},
		{Route{Method: "GET", Path: one, Operation: "getWebhook", Access: Permitted, Verb: "webhook.read"}, do((*Server).getWebhook)},
		{Route{Method: "PUT", Path: one, Operation: "changeWebhook", Access: Permitted, Verb: "webhook.change", StepUp: true}, do((*Server).changeWebhook)},
		{Route{Method: "DELETE", Path: one, Operation: "deleteWebhook", Access: Permitted, Verb: "webhook.change", StepUp: true}, do((*Server).deleteWebhook)},
		{Route{Method: "POST", Path: one + "/rotate", Operation: "rotateWebhook", Access: Permitted, Verb: "webhook.rotate", StepUp: true, Secret: true}, do((*Server).rotateWebhook)},
		{Route{Method: "POST", Path: one + "/trial", Operation: "tryWebhook", Access: Permitted, Verb: "webhook.send"}, do((*Server).tryWebhook)},
		{Route{Method: "GET", Path: sent, Operation: "listDeliveries", Access: Permitted, Verb: "webhook.read"}, do((*Server).listDeliveries)},
		{Route{Method: "GET", Path: sent + "/{id}", Operation: "getDelivery", Access: Permitted, Verb: "webhook.read"}, do((*Server).getDelivery)},
		{Route{Method: "POST", Path: sent + "/{id}/redeliver", Operation: "redeliver", Access: Permitted, Verb: "webhook.send"}, do((*Server).redeliver)},
	}
}

// listWebhooks lists them all: a tenant has few.
func (s *Server) listWebhooks(ctx context.Context, c *Call, _ struct{}) (page wire.Page[wire.Webhook], err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return page, err
	}
	all, err := w.Webhooks(ctx)
	if err != nil {
		return page, err
	}
	return pageOf(c, all, "", webhookView), nil
}

// addWebhook gives the secret with which deliveries are signed: it is in this reply and nowhere else.
func (s *Server) addWebhook(ctx context.Context, c *Call, in struct {
	Body wire.NewWebhook `body:"json"`
}) (made wire.MadeWebhook, err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return made, err
	}
	h, secret, err := w.AddWebhook(ctx, newWebhook(in.Body))
	if err != nil {
		return made, err
	}
	c.Created("/webhooks/" + h.ID.String())
	return wire.MadeWebhook{Webhook: webhookView(h), Secret: secret.Reveal()}, nil
}

func (s *Server) getWebhook(ctx context.Context, c *Call, in byID) (out wire.Webhook, err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	h, err := w.Webhook(ctx, in.ID)
	return versionedWebhook(c, h, err)
}

// changeWebhook puts all of it in the place of what was, but the secret.
func (s *Server) changeWebhook(ctx context.Context, c *Call, in struct {
	ID   store.ID        `path:"id"`
	Body wire.NewWebhook `body:"json"`
}) (out wire.Webhook, err error) {
	version, err := c.IfMatch()
	if err != nil {
		return out, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	h, err := w.ChangeWebhook(ctx, in.ID, version, newWebhook(in.Body))
	return versionedWebhook(c, h, err)
}

func (s *Server) deleteWebhook(ctx context.Context, c *Call, in byID) (Nothing, error) {
	version, err := c.IfMatch()
	if err != nil {
		return Nothing{}, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return Nothing{}, err
	}
	return Nothing{}, w.DeleteWebhook(ctx, in.ID, version)
}

// rotateWebhook gives a new secret, which is in this reply and nowhere else.
func (s *Server) rotateWebhook(ctx context.Context, c *Call, in struct {
	ID   store.ID             `path:"id"`
	Body wire.WebhookRotation `body:"json"`
}) (made wire.MadeWebhook, err error) {
	overlap, err := overlapOf(in.Body.OverlapSeconds)
	if err != nil {
		return made, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return made, err
	}
	h, secret, err := w.RotateWebhook(ctx, in.ID, overlap)
	if err != nil {
		return made, err
	}
	return wire.MadeWebhook{Webhook: webhookView(h), Secret: secret.Reveal()}, nil
}

// tryWebhook sends a trial event to the one webhook.
func (s *Server) tryWebhook(ctx context.Context, c *Call, in byID) (out wire.QueuedDelivery, err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	id, err := w.TryWebhook(ctx, in.ID)
	if err != nil {
		return out, err
	}
	c.Accepted()
	return wire.QueuedDelivery{ID: id.String()}, nil
}

// listDeliveries lists what is on its way, or what came to an end in the last 30 days.
func (s *Server) listDeliveries(ctx context.Context, c *Call, in struct {
	State  string `query:"state"`
	Cursor string `query:"cursor"`
	Limit  *int   `query:"limit"`
}) (page wire.Page[wire.Delivery], err error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return page, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return page, err
	}
	list := w.PastDeliveries
	switch in.State {
	case "past", "":
	case "pending":
		list = w.PendingDeliveries
	default:
		return page, badParameter("state", "it is pending or past")
	}
	all, err := list(ctx, store.Cursor(in.Cursor), limit)
	if err != nil {
		return page, err
	}
	return pageOf(c, all.Deliveries, string(all.Next), deliveryView), nil
}

func (s *Server) getDelivery(ctx context.Context, c *Call, in byID) (out wire.Delivery, err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	d, err := w.Delivery(ctx, in.ID)
	if err != nil {
		return out, err
	}
	return deliveryView(d), nil
}

func (s *Server) redeliver(ctx context.Context, c *Call, in byID) (Nothing, error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return Nothing{}, err
	}
	if err := w.Redeliver(ctx, in.ID); err != nil {
		return Nothing{}, err
	}
	c.Accepted()
	return Nothing{}, nil
}

func newWebhook(w wire.NewWebhook) workspace.NewWebhook {
	n := workspace.NewWebhook{Name: w.Name, URL: w.URL, Off: w.Off}
	for _, kind := range w.Events {
		n.Events = append(n.Events, workspace.EventKind(kind))
	}
	return n
}

func versionedWebhook(c *Call, h workspace.Webhook, err error) (wire.Webhook, error) {
	if err != nil {
		return wire.Webhook{}, err
	}
	c.Version(h.Version)
	return webhookView(h), nil
}

func webhookView(h workspace.Webhook) wire.Webhook {
	return wire.Webhook{
		ID: h.ID.String(), Name: h.Name, URL: h.URL, Events: viewed(h.Events, func(k workspace.EventKind) string { return string(k) }), Off: h.Off,
		Created: h.Created.UTC(), By: h.By.String(), Rotated: h.Rotated.UTC(), Overlap: momentOf(h.Overlap),
	}
}

func deliveryView(d workspace.Delivery) wire.Delivery {
	e := d.Event
	return wire.Delivery{
		ID: d.ID.String(), Webhook: d.Webhook.String(), State: string(d.State), Created: d.Created.UTC(), Attempts: d.Attempts, Next: moment(d.Next), Last: momentOf(d.Last),
		Status: d.Status, Failure: d.Failure,
		Event: wire.WebhookEvent{ID: e.ID.String(), Type: string(e.Kind), Time: e.Time.UTC(), Tenant: e.Tenant.String(), Object: e.Object.String(), State: e.State, Version: e.Version},
	}
}

// overlapOf is a span of seconds that fits into a Duration; how long it may be, the store says.
func overlapOf(seconds int) (time.Duration, error) {
	const most = 366 * 24 * 3600
	if seconds < 0 || seconds > most {
		return 0, badField("/overlap_seconds", "it is between 0 and 604800, which is a week")
	}
	return time.Duration(seconds) * time.Second, nil
}

package client

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Webhooks lists the addresses that hear of the tenant's events.
func (c *Client) Webhooks(ctx context.Context) iter.Seq2[wire.Webhook, error] {
	return list[wire.Webhook](ctx, c, at("webhooks"), nil)
}

// AddWebhook adds an address. Its secret is shown once.
func (c *Client) AddWebhook(ctx context.Context, n wire.NewWebhook) (wire.MadeWebhook, error) {
	return call[wire.MadeWebhook](ctx, c, request{method: http.MethodPost, path: at("webhooks"), body: n, creates: true})
}

// Webhook is one address, and its ETag.
func (c *Client) Webhook(ctx context.Context, id string) (w wire.Webhook, etag string, err error) {
	return callVersioned[wire.Webhook](ctx, c, request{method: http.MethodGet, path: at("webhooks", id)})
}

// ChangeWebhook puts all but the secret in the place of the webhook that etag is of; "" of whatever is there.
func (c *Client) ChangeWebhook(ctx context.Context, id string, n wire.NewWebhook, etag string) (w wire.Webhook, now string, err error) {
	return callVersioned[wire.Webhook](ctx, c, request{method: http.MethodPut, path: at("webhooks", id), body: n, ifMatch: etag})
}

// DeleteWebhook removes the webhook that etag is of; "" whatever is there.
func (c *Client) DeleteWebhook(ctx context.Context, id, etag string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("webhooks", id), ifMatch: etag})
}

// RotateWebhook gives a webhook a new secret, shown once. For overlap, in whole seconds and at most a week, deliveries are signed with both.
func (c *Client) RotateWebhook(ctx context.Context, id string, overlap time.Duration) (wire.MadeWebhook, error) {
	return call[wire.MadeWebhook](ctx, c, request{method: http.MethodPost, path: at("webhooks", id, "rotate"),
		body: wire.WebhookRotation{OverlapSeconds: int(overlap / time.Second)}})
}

// TryWebhook sends a trial event to a webhook.
func (c *Client) TryWebhook(ctx context.Context, id string) (wire.QueuedDelivery, error) {
	return call[wire.QueuedDelivery](ctx, c, request{method: http.MethodPost, path: at("webhooks", id, "trial")})
}

// Deliveries lists events on their way to webhooks (pending), or those that came to an end (past, or "").
func (c *Client) Deliveries(ctx context.Context, state string) iter.Seq2[wire.Delivery, error] {
	return list[wire.Delivery](ctx, c, at("webhook-deliveries"), given(map[string]string{"state": state}))
}

// Delivery is one of them.
func (c *Client) Delivery(ctx context.Context, id string) (wire.Delivery, error) {
	return call[wire.Delivery](ctx, c, request{method: http.MethodGet, path: at("webhook-deliveries", id)})
}

// Redeliver sends one that came to an end once more.
func (c *Client) Redeliver(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodPost, path: at("webhook-deliveries", id, "redeliver")})
}

package client

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/qrsrisk/qrsd/web/wire"
)

// APIKeys lists the caller's API keys, or for administrators all of the tenant.
func (c *Client) APIKeys(ctx context.Context) iter.Seq2[wire.APIKey, error] {
	return list[wire.APIKey](ctx, c, at("api-keys"), nil)
}

// AddAPIKey makes an API key, whose secret is shown once.
func (c *Client) AddAPIKey(ctx context.Context, n wire.NewAPIKey) (wire.MadeAPIKey, error) {
	return call[wire.MadeAPIKey](ctx, c, request{method: http.MethodPost, path: at("api-keys"), body: n, creates: true})
}

// RotateAPIKey gives a key of the caller's a new secret. The one before stays good for overlap, in whole seconds.
func (c *Client) RotateAPIKey(ctx context.Context, id string, overlap time.Duration) (wire.RotatedAPIKey, error) {
	return call[wire.RotatedAPIKey](ctx, c, request{method: http.MethodPost, path: at("api-keys", id, "rotate"),
		body: wire.APIKeyRotation{OverlapSeconds: int64(overlap / time.Second)}})
}

// RevokeAPIKey ends a key at once.
func (c *Client) RevokeAPIKey(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("api-keys", id)})
}

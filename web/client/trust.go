package client

import (
	"context"
	"net/http"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Controls are the controls of the appliance with their evidence, and what is not claimed.
func (c *Client) Controls(ctx context.Context) (wire.TrustControls, error) {
	return call[wire.TrustControls](ctx, c, request{method: http.MethodGet, path: at("trust", "controls")})
}

// Destinations are the kinds of places that data can go to, what goes there, and when it last did.
func (c *Client) Destinations(ctx context.Context) (wire.TrustDestinations, error) {
	return call[wire.TrustDestinations](ctx, c, request{method: http.MethodGet, path: at("trust", "destinations")})
}

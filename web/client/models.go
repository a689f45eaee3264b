package client

import (
	"context"
	"net/http"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Models is a part of the list of models that the tenant's runs were made with, and the model of new runs.
func (c *Client) Models(ctx context.Context, p Part) (wire.Models, error) {
	return call[wire.Models](ctx, c, request{method: http.MethodGet, path: at("models"), query: p.values()})
}

// ModelCard is what a model is made of, by its digest, and what may be said of its figures. A *Problem of kind not-found: the appliance does not have it.
func (c *Client) ModelCard(ctx context.Context, digest string) (wire.ModelCard, error) {
	return call[wire.ModelCard](ctx, c, request{method: http.MethodGet, path: at("models", digest, "card")})
}

package client

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Health says that the appliance's process answers.
func (c *Client) Health(ctx context.Context) (wire.Health, error) {
	return call[wire.Health](ctx, c, request{method: http.MethodGet, path: "/healthz"})
}

// Readiness says whether requests would be served, and how each thing stands that was looked at. A store that is locked, and a
// server that stops, are no errors here: see Status.
func (c *Client) Readiness(ctx context.Context) (h wire.Health, err error) {
	reply, err := c.sendOnce(ctx, request{method: http.MethodGet, path: "/readyz", query: url.Values{"verbose": {""}}, answers: []int{http.StatusServiceUnavailable}}, nil, "")
	if err != nil {
		return h, err
	}
	defer reply.Body.Close()
	return h, decode(reply, &h)
}

// PublishedKeys are the public keys that verify seals and checkpoints, a JWK Set (RFC 7517).
func (c *Client) PublishedKeys(ctx context.Context) (json.RawMessage, error) {
	return call[json.RawMessage](ctx, c, request{method: http.MethodGet, path: "/.well-known/qrsd-keys.json"})
}

// SecurityText says where weaknesses are reported (RFC 9116). A *Problem of kind not-found: it is not said.
func (c *Client) SecurityText(ctx context.Context) (string, error) {
	return c.text(ctx, "/.well-known/security.txt")
}

// OpenAPIJSON is the description of the API as JSON.
func (c *Client) OpenAPIJSON(ctx context.Context) (json.RawMessage, error) {
	return call[json.RawMessage](ctx, c, request{method: http.MethodGet, path: at("openapi.json")})
}

// OpenAPIYAML is the description of the API as it was written.
func (c *Client) OpenAPIYAML(ctx context.Context) (string, error) {
	return c.text(ctx, at("openapi.yaml"))
}

func (c *Client) text(ctx context.Context, path string) (string, error) {
	var out bytes.Buffer
	err := c.copyTo(ctx, request{method: http.MethodGet, path: path}, &out)
	return out.String(), err
}

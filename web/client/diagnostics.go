package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Doctor looks appliance and host over.
func (c *Client) Doctor(ctx context.Context) (wire.Doctor, error) {
	return call[wire.Doctor](ctx, c, request{method: http.MethodGet, path: at("system", "doctor")})
}

// CollectBundle collects what may be handed to support; the appliance keeps it for a while, to be looked at and packed.
func (c *Client) CollectBundle(ctx context.Context) (wire.Bundle, error) {
	return call[wire.Bundle](ctx, c, request{method: http.MethodPost, path: at("system", "bundles")})
}

// Bundles lists the bundles for support that are kept, the newest first.
func (c *Client) Bundles(ctx context.Context) iter.Seq2[wire.Bundle, error] {
	return list[wire.Bundle](ctx, c, at("system", "bundles"), nil)
}

// Metrics writes the appliance's figures, in the text format of Prometheus, for whoever has the token of metrics.
func (c *Client) Metrics(ctx context.Context, token string, to io.Writer) error {
	return c.copyTo(ctx, request{method: http.MethodGet, path: "/metrics", bearer: newSecret(token), accept: "text/plain"}, to)
}

// BundleFile writes a file of a bundle as it would be packed.
func (c *Client) BundleFile(ctx context.Context, bundle, name string, to io.Writer) error {
	return c.copyTo(ctx, request{method: http.MethodGet, path: at("system", "bundles", bundle, "file"), query: url.Values{"name": {name}}}, to)
}

// DownloadBundle writes a bundle, signed and encrypted to support, without the files named.
func (c *Client) DownloadBundle(ctx context.Context, bundle string, without []string, to io.Writer) error {
	return c.copyTo(ctx, request{method: http.MethodGet, path: at("system", "bundles", bundle, "content"), query: url.Values{"without": without}}, to)
}

package client

import (
	"context"
	"io"
	"net/http"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Seal is a run's seal as the appliance verifies it at this moment. A *Problem of kind not-found: it is not sealed.
func (c *Client) Seal(ctx context.Context, run string) (wire.RunSeal, error) {
	return call[wire.RunSeal](ctx, c, request{method: http.MethodGet, path: at("runs", run, "seal")})
}

// DownloadSeal writes a run's seal as it was signed, which `qrs-replay verify` checks without the appliance.
func (c *Client) DownloadSeal(ctx context.Context, run string, to io.Writer) error {
	return c.copyTo(ctx, request{method: http.MethodGet, path: at("runs", run, "seal", "file")}, to)
}

// VerifySeal has the appliance verify a seal, to the byte, with its own keys.
func (c *Client) VerifySeal(ctx context.Context, envelope []byte) (wire.SealVerdict, error) {
	return call[wire.SealVerdict](ctx, c, request{method: http.MethodPost, path: at("seals", "verify"), body: verbatim(envelope)})
}

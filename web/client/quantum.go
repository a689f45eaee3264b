package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/qrsrisk/qrsd/web/wire"
)

// RunEstimate is the quantum estimate that was made with a run. A *Problem of kind not-found: none was.
func (c *Client) RunEstimate(ctx context.Context, run string) (wire.RunEstimate, error) {
	return call[wire.RunEstimate](ctx, c, request{method: http.MethodGet, path: at("runs", run, "estimate")})
}

// Egress lists what left the appliance for the tenant and what came back, oldest first.
func (c *Client) Egress(ctx context.Context) iter.Seq2[wire.EgressEntry, error] {
	return list[wire.EgressEntry](ctx, c, at("egress"), nil)
}

package client

import (
	"context"
	"io"
	"net/http"
)

// RunReport writes the report of a run as PDF.
func (c *Client) RunReport(ctx context.Context, run string, w io.Writer) error {
	return c.copyTo(ctx, request{method: http.MethodGet, path: at("runs", run, "report")}, w)
}

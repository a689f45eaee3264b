package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"

	"github.com/qrsrisk/qrsd/web/wire"
)

// RunQuery says which runs are wanted. The zero value wants all.
type RunQuery struct {
	State     string // queued, running, done, failed, cancelled
	Portfolio string // id
	By        string // user's id
}

func (q RunQuery) values() url.Values {
	return given(map[string]string{"state": q.State, "portfolio": q.Portfolio, "by": q.By})
}

// Runs lists the tenant's runs, newest first.
func (c *Client) Runs(ctx context.Context, q RunQuery) iter.Seq2[wire.Run, error] {
	return list[wire.Run](ctx, c, at("runs"), q.values())
}

// SubmitRun queues a run. The answer explains what it will do, defaults included. See FollowRun.
func (c *Client) SubmitRun(ctx context.Context, n wire.NewRun) (wire.SubmittedRun, error) {
	return call[wire.SubmittedRun](ctx, c, request{method: http.MethodPost, path: at("runs"), body: n, creates: true})
}

// ForecastRun says what a run would take, and makes none.
func (c *Client) ForecastRun(ctx context.Context, n wire.NewRun) (wire.RunForecast, error) {
	return call[wire.RunForecast](ctx, c, request{method: http.MethodPost, path: at("runs", "estimate"), body: n})
}

// CompareRuns puts one to three finished runs beside a baseline.
func (c *Client) CompareRuns(ctx context.Context, baseline string, with ...string) (wire.Comparison, error) {
	return call[wire.Comparison](ctx, c, request{method: http.MethodGet, path: at("runs", "compare"),
		query: url.Values{"baseline": {baseline}, "with": with}})
}

// ExportComparison writes the same as an Excel workbook. After an error what was written is not whole.
func (c *Client) ExportComparison(ctx context.Context, baseline string, with []string, to io.Writer, tell Progress) error {
	return c.download(ctx, at("runs", "compare", "export"), url.Values{"baseline": {baseline}, "with": with}, to, tell)
}

// Run is one run, and its ETag, which changes with every state too.
func (c *Client) Run(ctx context.Context, id string) (r wire.Run, etag string, err error) {
	return callVersioned[wire.Run](ctx, c, request{method: http.MethodGet, path: at("runs", id)})
}

// ChangeRun changes name or note of the run that etag is of; "" changes whatever is there. It voids a request for the run's approval.
func (c *Client) ChangeRun(ctx context.Context, id string, change wire.RunChange, etag string) (r wire.Run, now string, err error) {
	return callVersioned[wire.Run](ctx, c, request{method: http.MethodPatch, path: at("runs", id), body: change, ifMatch: etag})
}

// RunSettings says in words what a run was asked to do.
func (c *Client) RunSettings(ctx context.Context, id string) (wire.RunSettings, error) {
	return call[wire.RunSettings](ctx, c, request{method: http.MethodGet, path: at("runs", id, "settings")})
}

// CancelRun ends a run that waits or is being carried out.
func (c *Client) CancelRun(ctx context.Context, id, reason string) error {
	return c.do(ctx, request{method: http.MethodPost, path: at("runs", id, "cancel"), body: wire.Cancellation{Reason: reason}})
}

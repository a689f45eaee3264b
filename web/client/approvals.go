package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Approvals lists requests for a decision with what was decided, oldest first.
func (c *Client) Approvals(ctx context.Context) iter.Seq2[wire.Approval, error] {
	return list[wire.Approval](ctx, c, at("approvals"), nil)
}

// RequestApproval asks for somebody else's decision on a run or a portfolio as it is now: any change voids the request.
func (c *Client) RequestApproval(ctx context.Context, n wire.NewApproval) (wire.MadeApproval, error) {
	return call[wire.MadeApproval](ctx, c, request{method: http.MethodPost, path: at("approvals"), body: n, creates: true})
}

// Approval is one request.
func (c *Client) Approval(ctx context.Context, id string) (wire.Approval, error) {
	return call[wire.Approval](ctx, c, request{method: http.MethodGet, path: at("approvals", id)})
}

// Approve decides for it. The session must have stepped up (StepUp); who asked may not decide.
func (c *Client) Approve(ctx context.Context, id, reason string) error {
	return c.decide(ctx, id, "approve", reason)
}

// Reject decides against it.
func (c *Client) Reject(ctx context.Context, id, reason string) error {
	return c.decide(ctx, id, "reject", reason)
}

// WithdrawApproval takes one's own request back.
func (c *Client) WithdrawApproval(ctx context.Context, id, reason string) error {
	return c.decide(ctx, id, "withdraw", reason)
}

func (c *Client) decide(ctx context.Context, id, verb, reason string) error {
	return c.do(ctx, request{method: http.MethodPost, path: at("approvals", id, verb), body: wire.Reason{Reason: reason}})
}

// RunApproval is the last request about a run. A *Problem of kind not-found: there was none.
func (c *Client) RunApproval(ctx context.Context, run string) (wire.LastApproval, error) {
	return call[wire.LastApproval](ctx, c, request{method: http.MethodGet, path: at("runs", run, "approval")})
}

// PortfolioApproval is the last request about a portfolio. A *Problem of kind not-found: there was none.
func (c *Client) PortfolioApproval(ctx context.Context, portfolio string) (wire.LastApproval, error) {
	return call[wire.LastApproval](ctx, c, request{method: http.MethodGet, path: at("portfolios", portfolio, "approval")})
}

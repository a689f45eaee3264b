package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// approvalRoutes are decisions of a second person on a run's result or a portfolio.
func approvalRoutes() []route {
	const path, one = api + "/approvals", api + "/approvals/{id}"
	return []route{
		{Route{Method: "GET", Path: path, Operation: "listApprovals", Access: Permitted, Verb: "approval.read"}, do((*Server).listApprovals)},
		{Route{Method: "POST", Path: path, Operation: "requestApproval", Access: Permitted, Verb: "approval.request", Keyed: true}, do((*Server).requestApproval)},
		{Route{Method: "GET", Path: one, Operation: "getApproval", Access: Permitted, Verb: "approval.read"}, do((*Server).getApproval)},
		{Route{Method: "POST", Path: one + "/approve", Operation: "approve", Access: Permitted, Verb: "approval.decide", StepUp: true}, do((*Server).approve)},
		{Route{Method: "POST", Path: one + "/reject", Operation: "reject", Access: Permitted, Verb: "approval.decide"}, do((*Server).reject)},
		{Route{Method: "POST", Path: one + "/withdraw", Operation: "withdrawApproval", Access: Permitted, Verb: "approval.request"}, do((*Server).withdrawApproval)},
		{Route{Method: "GET", Path: api + "/runs/{id}/approval", Operation: "getRunApproval", Access: Permitted, Verb: "approval.read"}, do((*Server).getApprovalOf)},
		{Route{Method: "GET", Path: api + "/portfolios/{id}/approval", Operation: "getPortfolioApproval", Access: Permitted, Verb: "approval.read"}, do((*Server).getApprovalOf)},
	}
}

func (s *Server) listApprovals(ctx context.Context, c *Call, in ofPage) (wire.Page[wire.Approval], error) {
	return listOf(ctx, s, c, in, (*workspace.Workspace).Approvals, approvalView)
}

// requestApproval asks for a decision on an object as it is now: any change of it voids the request.
func (s *Server) requestApproval(ctx context.Context, c *Call, in struct {
	Body wire.NewApproval `body:"json"`
}) (made wire.MadeApproval, err error) {
	object, err := store.ParseID(in.Body.Object)
	if err != nil {
		return made, badField("/object", err.Error())
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return made, err
	}
	id, err := w.RequestApproval(ctx, in.Body.Kind, object, in.Body.Note)
	if err != nil {
		return made, err
	}
	c.Created("/approvals/" + id.String())
	return wire.MadeApproval{ID: id.String()}, nil
}

func (s *Server) getApproval(ctx context.Context, c *Call, in byID) (out wire.Approval, err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	r, err := w.Approval(ctx, in.ID)
	if err != nil {
		return out, err
	}
	return approvalView(r), nil
}

// deciding is the input of a decision.
type deciding struct {
	ID   store.ID    `path:"id"`
	Body wire.Reason `body:"json"`
}

func (s *Server) approve(ctx context.Context, c *Call, in deciding) (Nothing, error) {
	return s.decide(ctx, c, in, true)
}

func (s *Server) reject(ctx context.Context, c *Call, in deciding) (Nothing, error) {
	return s.decide(ctx, c, in, false)
}

// decide wants a reason either way: whoever reads the record later has nothing else to go by.
func (s *Server) decide(ctx context.Context, c *Call, in deciding, approve bool) (Nothing, error) {
	if in.Body.Reason == "" {
		return Nothing{}, badField("/reason", "say why, for whoever reads this later")
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return Nothing{}, err
	}
	return Nothing{}, w.Decide(ctx, in.ID, approve, in.Body.Reason)
}

func (s *Server) withdrawApproval(ctx context.Context, c *Call, in deciding) (Nothing, error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return Nothing{}, err
	}
	return Nothing{}, w.Withdraw(ctx, in.ID, in.Body.Reason)
}

func (s *Server) getApprovalOf(ctx context.Context, c *Call, in byID) (out wire.LastApproval, err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	r, current, err := w.ApprovalOf(ctx, in.ID)
	if err != nil {
		return out, err
	}
	return wire.LastApproval{Approval: approvalView(r), Current: current}, nil
}

func approvalView(r store.Record[workspace.Approval]) wire.Approval {
	v := r.Value
	return wire.Approval{
		ID: r.ID.String(), Kind: v.Kind, Object: v.Object.String(), Digest: v.Digest.String(), PortfolioVersion: v.PortfolioVersion, By: v.By.String(), At: v.At.UTC(), Note: v.Comment,
		Decision: string(v.Decision), Decider: actorText(v.Decider), Decided: momentOf(v.Decided), Reason: v.Reason,
	}
}

package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

func policyRoutes() []route {
	const path = api + "/policy"
	return []route{
		{Route{Method: "GET", Path: path, Operation: "getPolicy", Access: Permitted, Verb: "tenant.read"}, do((*Server).getPolicy)},
		{Route{Method: "PUT", Path: path, Operation: "setPolicy", Access: Permitted, Verb: "tenant.change", StepUp: true}, do((*Server).setPolicy)},
	}
}

// getPolicy is the policy of the caller's own tenant. Operators have none: they always need a second factor.
func (s *Server) getPolicy(ctx context.Context, c *Call, _ struct{}) (wire.Policy, error) {
	now, err := s.directory.Policy(ctx, c.Principal)
	return policyView(c, now, err)
}

func (s *Server) setPolicy(ctx context.Context, c *Call, in struct {
	Body wire.Policy `body:"json"`
}) (wire.Policy, error) {
	version, err := c.IfMatch()
	if err != nil {
		return wire.Policy{}, err
	}
	now, err := s.directory.SetPolicy(ctx, c.Principal, directory.Policy{RequireSecondFactor: in.Body.RequireSecondFactor, Version: version})
	return policyView(c, now, err)
}

func policyView(c *Call, p directory.Policy, err error) (wire.Policy, error) {
	if err != nil {
		return wire.Policy{}, err
	}
	c.Version(p.Version)
	return wire.Policy{RequireSecondFactor: p.RequireSecondFactor}, nil
}

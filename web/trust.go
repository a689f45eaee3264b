package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Trust knows what the appliance says of itself to those who review it.
type Trust interface {
	// Controls are the controls of the release, as what is seen of them on this appliance leaves them.
	Controls(ctx context.Context) (wire.TrustControls, error)
	// Destinations are the kinds of places that data can go to, with the hosts that the configuration allows.
	Destinations(ctx context.Context) (wire.TrustDestinations, error)
}

// trustRoutes are what reviewers ask for: everybody who is signed in, and strangers too where the operator has published it.
func trustRoutes() []route {
	const path = api + "/trust"
	return []route{
		{Route{Method: "GET", Path: path + "/controls", Operation: "listControls", Access: Published, Verb: "trust.read"}, do((*Server).listControls)},
		{Route{Method: "GET", Path: path + "/destinations", Operation: "listDestinations", Access: Published, Verb: "trust.read"}, do((*Server).listDestinations)},
	}
}

// errNoTrust says that this server was made without it.
func errNoTrust() error { return refuse(kindConflict, "this appliance has no trust center") }

func (s *Server) listControls(ctx context.Context, c *Call, _ struct{}) (out wire.TrustControls, err error) {
	if s.options.Trust == nil {
		return out, errNoTrust()
	}
	if out, err = s.controls(ctx, c); err != nil {
		return out, err
	}
	return out, s.lookIfKnown(ctx, c)
}

func (s *Server) listDestinations(ctx context.Context, c *Call, _ struct{}) (out wire.TrustDestinations, err error) {
	if s.options.Trust == nil {
		return out, errNoTrust()
	}
	if out, err = s.destinations(ctx, c); err != nil {
		return out, err
	}
	return out, s.lookIfKnown(ctx, c)
}

// controls tells strangers of what is seen here no more than whether it holds: words and times are of how the appliance is run.
func (s *Server) controls(ctx context.Context, c *Call) (wire.TrustControls, error) {
	out, err := s.options.Trust.Controls(ctx)
	if c.Principal.Role() != 0 {
		return out, err
	}
	for i := range out.Items {
		if seen := out.Items[i].Seen; seen != nil {
			out.Items[i].Seen = &wire.Seen{Holds: seen.Holds, Says: map[bool]string{true: "it holds here", false: "it does not hold here"}[seen.Holds]}
		}
	}
	return out, err
}

// destinations names hosts to operators only: those of one tenant's webhooks are no other's business. Strangers hear what goes where and
// whether it is on, and nothing of how it is used.
func (s *Server) destinations(ctx context.Context, c *Call) (wire.TrustDestinations, error) {
	out, err := s.options.Trust.Destinations(ctx)
	role := c.Principal.Role()
	if role == store.Operator {
		return out, err
	}
	if out.RecordFault != "" {
		out.RecordFault = "it does not verify, or cannot be read"
	}
	if role == 0 {
		out.RecordedTo = nil
	}
	for i := range out.Items {
		out.Items[i].Hosts = []string{}
		if role == 0 {
			out.Items[i].Last = nil
		}
	}
	return out, err
}

// lookIfKnown enters the reading of whoever is known; strangers leave no entries.
func (s *Server) lookIfKnown(ctx context.Context, c *Call) error {
	if c.Principal.Role() == 0 {
		return nil
	}
	return s.look(ctx, c)
}

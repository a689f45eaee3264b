package web

import (
	"context"

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
	if out, err = s.options.Trust.Controls(ctx); err != nil {
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

// destinations hides from strangers which hosts there are: names of hosts tell them about the network.
func (s *Server) destinations(ctx context.Context, c *Call) (wire.TrustDestinations, error) {
	out, err := s.options.Trust.Destinations(ctx)
	if c.Principal.Role() == 0 {
		for i := range out.Items {
			out.Items[i].Hosts = []string{}
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
